/**
 * Mail addresses. Inside they have no quotes, as in the policy protocol, so that the last `@` separates the domain; the quotes of
 * RFC 5321 4.1.2 are taken off where text comes in (`parseAddress`, `parsePath`) and put on where it goes out (`formatAddress`).
 */

import { hasInvisibleEnd } from "../text/around.ts";
import { atSign, carriageReturn, lineFeed } from "../text/ascii.ts";
import { hasControls } from "../text/controls.ts";
import { isLonger } from "../text/octets.ts";
import { canonicalDomain, isMailDomain } from "./domain.ts";
import { ipVersion } from "./ip.ts";

/** `undefined` when there is no `@`. */
export function domainOf(address: string): string | undefined {
  const at = address.lastIndexOf("@");
  return at < 0 ? undefined : address.slice(at + 1);
}

/** The whole address when there is no `@`. */
export function localPartOf(address: string): string {
  const at = address.lastIndexOf("@");
  return at < 0 ? address : address.slice(0, at);
}

/**
 * The form in which addresses without quotes are compared and looked up. It is its own canonical form, whatever the text. The local
 * part is in lower case and otherwise stays: where the MTA sees no `@`, dot or second letter, there is none here.
 */
export function canonicalAddress(address: string): string {
  if (isCanonical.test(address)) return address;
  const at = address.lastIndexOf("@");
  if (at < 0) return lowerCase(address);
  return `${lowerCase(address.slice(0, at))}@${canonicalDomain(address.slice(at + 1))}`;
}

/** The canonical form of an address as people, tables and keys of maps write it: the whole local part may be in quotes. */
export function parseAddress(text: string): string {
  return canonicalAddress(quotedLocalPart.test(text) ? unquote(text) : text);
}

/** Such as `john@example.org`, `"quoted part"@example.org`, and `@example.org` for a whole domain. */
export function isAddress(text: string): boolean {
  return addressSyntax.test(text);
}

/** Whether it is an address or a name in canonical form, of characters that mean nothing else in any list or table. Most are. */
export function isPlain(text: string): boolean {
  return plain.test(text);
}

/** Where the plain line in octets ends that begins there, before its CRLF or LF; -1: it is not plain. */
export function plainEnd(octets: Uint8Array, start: number): number {
  let at = start;
  while (isOf(octets, at, inLocal)) at += 1;
  if (at === start || !isOf(octets, at - 1, endsLocal)) return -1;
  if (octets[at] === atSign) {
    do at += 1;
    while (isOf(octets, at, inDomain));
    if (!isOf(octets, at - 1, endsDomain)) return -1;
  }
  const end = octets[at] === carriageReturn ? at + 1 : at;
  return end === octets.length || octets[end] === lineFeed ? at : -1;
}

function isOf(octets: Uint8Array, at: number, classes: number): boolean {
  return ((classesOf[octets[at] ?? 0] ?? 0) & classes) !== 0;
}

/** The address with quotes where it needs them. `undefined`: there can be no such mailbox. */
export function formatAddress(address: string): string | undefined {
  if (isLonger(address, maxAddressOctets)) return undefined;
  const at = address.lastIndexOf("@");
  const local = address.slice(0, Math.max(0, at));
  const domain = address.slice(at + 1);
  if (local === "" || !isDomain(domain) || hasControls(local) || !local.isWellFormed()) return undefined;
  const text = `${dotString.test(local) ? local : `"${local.replace(/["\\]/g, "\\$&")}"`}@${domain}`;
  return isLonger(text, maxAddressOctets) ? undefined : text;
}

/** Of a canonical address, or `@domain`: whether somebody can have it. */
export function isPossible(address: string): boolean {
  const local = localPartOf(address);
  return isMailDomain(domainOf(address) ?? "") && (local === "" || (!hasInvisibleEnd(local) && formatAddress(address) !== undefined));
}

/** Of what most addresses are, so that they need not be taken apart: ASCII in lower case. */
const isCanonical = /^[^A-Z@\u0080-\uffff]*$|^[^A-Z\u0080-\uffff]*@[a-z\d._:[\]-]*[a-z\d_\]-]$/;

/** As that of an address, if the login is one; else it is in lower case. */
export function canonicalLogin(login: string): string {
  return canonicalAddress(login);
}

/** Letters of either case are one, and so are both small forms of the Greek sigma, which MTAs fold in what they look up. */
function lowerCase(text: string): string {
  return text.toLowerCase().replaceAll("ς", "σ");
}

/** Takes quotes and backslashes out of the local part, which ends at the last `@` outside of quotes. */
export function unquote(mailbox: string): string {
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

/**
 * RFC 5321 4.5.3.1.3, less the brackets. A local part has 64 octets at most by 4.5.3.1.1; senders that write bounce addresses into it
 * use more, and MTAs take them.
 */
const maxAddressOctets = 254;

const quotedLocalPart = /^"(?:[^"\\]|\\.)*"(?:@[^@]*)?$/s;
/** The characters of what is plain, and those that may be the last ones of a name or a local part, and of a domain. */
const [localClass, localEndClass, domainClass, domainEndClass] = ["[a-z\\d._+=-]", "[a-z\\d_+=-]", "[a-z\\d.-]", "[a-z\\d]"] as const;
const plain = new RegExp(`^${localClass}*${localEndClass}(?:@${domainClass}*${domainEndClass})?$`);
/** A bit for each of these classes. */
const [inLocal, endsLocal, inDomain, endsDomain] = [1, 2, 4, 8];
/** By octets, the classes that each belongs to. */
const classesOf = new Uint8Array(256);
for (const [bit, text] of [
  [inLocal, localClass],
  [endsLocal, localEndClass],
  [inDomain, domainClass],
  [endsDomain, domainEndClass],
] as const) {
  const pattern = new RegExp(text);
  for (let octet = 0; octet < classesOf.length; octet += 1)
    if (pattern.test(String.fromCharCode(octet))) classesOf[octet] = (classesOf[octet] ?? 0) | bit;
}
const addressSyntax = /^(?:"(?:[^"\\]|\\.)*"|\S*)@[^\s@]+$/s;
// RFC 5321 4.1.2 with the characters of RFC 6531.
const dotString = /^[\w!#$%&'*+/=?^`{|}~\u0080-\u{10ffff}-]+(?:\.[\w!#$%&'*+/=?^`{|}~\u0080-\u{10ffff}-]+)*$/u;
/** Underscores are in use although host names have none. */
const label = /^[a-z\d_\u00a1-\u{10ffff}](?:[a-z\d_\u00a1-\u{10ffff}-]{0,61}[a-z\d_\u00a1-\u{10ffff}])?$/iu;

function isDomain(domain: string): boolean {
  if (domain.startsWith("[") && domain.endsWith("]")) return isLiteral(domain.slice(1, -1));
  return !hasControls(domain) && domain.isWellFormed() && domain.split(".").every((part) => label.test(part));
}

/** RFC 5321 4.1.3: an IPv6 address follows `IPv6:`, an IPv4 address nothing. */
function isLiteral(text: string): boolean {
  return text.slice(0, 5).toLowerCase() === "ipv6:" ? ipVersion(text.slice(5)) === 6 : ipVersion(text) === 4;
}
