/** Forward- and reverse-paths as SMTP writes them (RFC 5321 4.1.2, RFC 6531 3.3), and the unquoted addresses in them. */
import { ipVersion } from "./ip.ts";
import { decodeUtf8 } from "./utf8.ts";

export interface Path {
  /** Without brackets, source route and quoting, as the policy protocol gives it; `""` is the null path. */
  readonly address: string;
  /** One character a byte: as typed, less its source route, in brackets. So an MTA wants it when a recipient is deleted. */
  readonly withoutRoute: string;
}

/**
 * Reads the argument of MAIL or RCPT, one character a byte. The brackets may lack. An MTA that is lenient passes on more than the
 * grammar allows, so what cannot be unquoted stays as it stands: it will not be found, which is what is true of it.
 */
export function parsePath(bytes: string): Path {
  const inner = trim(bytes.startsWith("<") && bytes.endsWith(">") ? bytes.slice(1, -1) : bytes);
  const mailbox = inner.replace(sourceRoute, "");
  return { address: decodeUtf8(unquote(mailbox)), withoutRoute: `<${mailbox}>` };
}

/** The path of an unquoted address, quoted where needed. `undefined`: there can be no such mailbox. */
export function formatPath(address: string): string | undefined {
  const at = address.lastIndexOf("@");
  const local = address.slice(0, Math.max(0, at));
  const domain = address.slice(at + 1);
  if (local === "" || !isDomain(domain) || unprintable.test(local) || !local.isWellFormed()) return undefined;
  const path = `<${dotString.test(local) ? local : `"${local.replace(/["\\]/g, "\\$&")}"`}@${domain}>`;
  // RFC 5321 4.5.3.1.1 allows a local part of 64 octets; senders that write bounce addresses into it use more, and MTAs take them.
  return Buffer.byteLength(path) <= maxPathBytes ? path : undefined;
}

/** RFC 5321 4.5.3.1.3, with the brackets. */
const maxPathBytes = 256;

/** `@one.example,@two.example:` with an address behind it. Domain literals may hold colons. */
const sourceRoute = /^@(?:\[[^\]]*\]|[^[\]\s,:@"]+)(?:[ \t]*,[ \t]*@(?:\[[^\]]*\]|[^[\]\s,:@"]+))*[ \t]*:[ \t]*(?=[^ \t])/;

// RFC 5321 4.1.2 with the characters of RFC 6531.
const dotString = /^[\w!#$%&'*+/=?^`{|}~\u0080-\u{10ffff}-]+(?:\.[\w!#$%&'*+/=?^`{|}~\u0080-\u{10ffff}-]+)*$/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
/** Underscores are in use although host names have none. */
const label = /^[a-z\d_\u00a1-\u{10ffff}](?:[a-z\d_\u00a1-\u{10ffff}-]{0,61}[a-z\d_\u00a1-\u{10ffff}])?$/iu;

/** Only spaces and tabs: a byte 0xA0 is part of a character. */
function trim(bytes: string): string {
  return bytes.replace(/^[ \t]+/, "").replace(/(?<![ \t])[ \t]+$/, "");
}

/** Takes quotes and backslashes out of the local part, which ends at the last `@` outside of quotes. */
function unquote(mailbox: string): string {
  if (!mailbox.includes('"') && !mailbox.includes("\\")) return mailbox;
  let plain = "";
  let isQuoted = false;
  let at = -1;
  let localLength = 0;
  for (let index = 0; index < mailbox.length; index += 1) {
    let character = mailbox.charAt(index);
    if (character === '"') {
      isQuoted = !isQuoted;
      continue;
    }
    if (character === "\\") {
      index += 1;
      if (index === mailbox.length) return mailbox;
      character = mailbox.charAt(index);
    } else if (character === "@" && !isQuoted) {
      at = index;
      localLength = plain.length;
    }
    plain += character;
  }
  if (isQuoted) return mailbox;
  // Without its quotes, `"a@b"` would seem to have a domain.
  if (at < 0) return plain.includes("@") ? mailbox : plain;
  return plain.slice(0, localLength) + mailbox.slice(at);
}

function isDomain(domain: string): boolean {
  if (domain.startsWith("[") && domain.endsWith("]")) return isLiteral(domain.slice(1, -1));
  return !unprintable.test(domain) && domain.isWellFormed() && domain.split(".").every((part) => label.test(part));
}

/** RFC 5321 4.1.3: an IPv6 address has `IPv6:` in front, an IPv4 address has nothing. */
function isLiteral(text: string): boolean {
  return text.slice(0, 5).toLowerCase() === "ipv6:" ? ipVersion(text.slice(5)) === 6 : ipVersion(text) === 4;
}
