/** Forward- and reverse-paths as SMTP writes them (RFC 5321 4.1.2, RFC 6531 3.3). */

import { detach } from "../text/octets.ts";
import { formatAddress, unquote } from "./address.ts";
import { decodeUtf8 } from "./utf8.ts";

export interface Path {
  /** Without brackets, source route and quoting, as the policy protocol gives it; `""` is the null path. */
  readonly address: string;
  /** One character a byte: as typed, less its source route, in brackets. So an MTA wants it when a recipient is deleted. */
  readonly withoutRoute: string;
}

/**
 * Reads the argument of MAIL or RCPT, one character a byte. The brackets may lack. An MTA that is lenient passes on more than the
 * grammar allows, so what cannot be unquoted stays as it stands: it will not be found, which is right.
 */
export function parsePath(bytes: string): Path {
  const inner = trim(bytes.startsWith("<") && bytes.endsWith(">") ? bytes.slice(1, -1) : bytes);
  // A part of a text would keep its route, which may be as long as a packet.
  const mailbox = detach(inner.replace(sourceRoute, ""));
  return { address: decodeUtf8(unquote(mailbox)), withoutRoute: `<${mailbox}>` };
}

/** As a person copies an address from a log: in brackets or not. */
export function withoutBrackets(text: string): string {
  return /^<([^<>]*)>$/.exec(text)?.[1] ?? text;
}

/** As a person copies a path from a log or a dialogue of SMTP: in brackets or not, less its source route. */
export function writtenMailbox(text: string): string {
  return withoutBrackets(text).replace(sourceRoute, "");
}

/** The path of an address, quoted where needed. `undefined`: there can be no such mailbox. */
export function formatPath(address: string): string | undefined {
  const text = formatAddress(address);
  return text === undefined ? undefined : `<${text}>`;
}

/** `@one.example,@two.example:` with an address after it. Domain literals may hold colons. */
const sourceRoute = /^@(?:\[[^\]]*\]|[^[\]\s,:@"]+)(?:[ \t]*,[ \t]*@(?:\[[^\]]*\]|[^[\]\s,:@"]+))*[ \t]*:[ \t]*(?=[^ \t])/;

/** Only spaces and tabs: a byte 0xA0 is part of a character. */
function trim(bytes: string): string {
  return bytes.replace(/^[ \t]+/, "").replace(/(?<![ \t])[ \t]+$/, "");
}
