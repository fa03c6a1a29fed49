/** Functions of mail and IP addresses. */
import { domainOf, localPartOf } from "../mail/address.ts";
import { ipVersion, isIpInCidr, reverseName } from "../mail/ip.ts";
import { mapped, type PureFunction, pure } from "./function.ts";
import { flag, toText } from "./value.ts";

/** Far beyond what SMTP carries; longer texts are not addresses. */
const maxAddressLength = 1000;
/** RFC 5322 3.2.3 and RFC 6532. */
const atom = "[\\w!#$%&'*+/=?^`{|}~\\-\\u{80}-\\u{10ffff}]+";
const word = `(?:${atom}|"(?:[^"\\\\]|\\\\.)*")`;
const localPart = new RegExp(`^${word}(?:\\.${word})*$`, "su");
const domain = new RegExp(`^${atom}(?:\\.${atom})+$`, "u");

export const addressFunctions: readonly PureFunction[] = [
  pure("is_email", 1, (text = "") => flag(isEmail(toText(text)))),
  pure(
    "email_part",
    2,
    mapped((text, part) => emailPart(text, toText(part))),
    { parameter: 1, of: ["local", "domain"] },
  ),
  pure("is_ip_addr", 1, (text = "") => flag(ipVersion(toText(text)) !== undefined)),
  pure("is_ipv4_addr", 1, (text = "") => flag(ipVersion(toText(text)) === 4)),
  pure("is_ipv6_addr", 1, (text = "") => flag(ipVersion(toText(text)) === 6)),
  pure("is_ip_in_cidr", 2, (ip = "", cidr = "") => flag(isIpInCidr(toText(ip), toText(cidr)))),
  pure("ip_reverse_name", 1, (ip = "") => reverseName(toText(ip)) ?? ""),
];

/** An `@` in the domain is impossible, so the last one separates the parts. */
function isEmail(text: string): boolean {
  if (text.length > maxAddressLength) return false;
  const at = text.lastIndexOf("@");
  return at > 0 && localPart.test(text.slice(0, at)) && domain.test(text.slice(at + 1));
}

function emailPart(text: string, part: string): string {
  const domain = domainOf(text);
  if (domain === undefined) return "";
  if (part === "local") return localPartOf(text).trim();
  return part === "domain" ? domain.trim() : "";
}
