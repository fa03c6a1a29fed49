/**
 * Mail addresses. Inside they have no quotes, as in the policy protocol, so that the last `@` separates the domain; the quotes of
 * RFC 5321 4.1.2 are taken off where text comes in (`parseAddress`, `parsePath`) and put on where it goes out (`formatAddress`).
 */
import { canonicalDomain } from "./domain.ts";

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
  const at = address.lastIndexOf("@");
  if (at < 0) return lowerCase(address);
  return `${lowerCase(address.slice(0, at))}@${canonicalDomain(address.slice(at + 1))}`;
}

/** As that of an address, if the login is one; else it is in lower case. */
export function canonicalLogin(login: string): string {
  return canonicalAddress(login);
}

/** Letters of either case are one, and so are both small forms of the Greek sigma, which MTAs fold in what they look up. */
function lowerCase(text: string): string {
  return text.toLowerCase().replaceAll("ς", "σ");
}
