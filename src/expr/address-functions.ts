/** Functions of mail and IP addresses. */
import { domainOf, localPartOf } from "../mail/address.ts";
import { ipVersion, isIpInCidr, isNetwork, prefixOf, reverseName, shortestPrefix } from "../mail/ip.ts";
import { shorten } from "../text/shorten.ts";
import { mapped, type ParameterProblem, type PureFunction, pure, secondIsOneOf } from "./function.ts";
import { flag, isArray, toText, type Value } from "./value.ts";

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
    secondIsOneOf("email_part", ["local", "domain"]),
  ),
  pure("is_ip_addr", 1, (text = "") => flag(ipVersion(toText(text)) !== undefined)),
  pure("is_ipv4_addr", 1, (text = "") => flag(ipVersion(toText(text)) === 4)),
  pure("is_ipv6_addr", 1, (text = "") => flag(ipVersion(toText(text)) === 6)),
  pure("is_ip_in_cidr", 2, (ip = "", cidr = "") => flag(isIpInCidr(toText(ip), toText(cidr))), checkNetwork),
  pure("ip_reverse_name", 1, (ip = "") => reverseName(toText(ip)) ?? ""),
];

/** The specification answers all of them with false. */
function checkNetwork([ip, cidr]: readonly (Value | undefined)[]): ParameterProblem | undefined {
  const address = ip === undefined ? undefined : toText(ip);
  if (address !== undefined && ipVersion(address) === undefined) {
    const mend = isNetwork(address)
      ? "The address comes first, such as remote_ip; the network second."
      : "Write a variable, such as remote_ip.";
    return { problem: `"${shorten(address)}" is not an IP address. ${mend}`, parameter: 0, isWarning: true };
  }
  const problem = cidr === undefined ? undefined : networkProblem(cidr);
  return problem === undefined ? undefined : { problem, parameter: 1, isWarning: true };
}

function networkProblem(cidr: Value): string | undefined {
  const network = toText(cidr);
  const several = isArray(cidr) ? cidr.map(toText) : network.split(/[\s,;]+/).filter((each) => each !== "");
  const name = `"${shorten(several.length > 1 ? several.join(", ") : network)}"`;
  if (several.length > 1 && several.every(isNetwork)) return `${name} is not one network. Ask is_ip_in_cidr of each, joined by ||.`;
  const prefix = prefixOf(network);
  if (prefix === undefined)
    return `${name} is not a network. Write an address, or an address, / and the length of its prefix, as in '192.0.2.0/24'.`;
  if (prefix >= shortestPrefix) return undefined;
  const all = "for all addresses of a version ask is_ipv4_addr or is_ipv6_addr";
  return `${name} has a prefix of less than ${shortestPrefix} bits, and holds no address here. Join longer ones by ||; ${all}.`;
}

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
