/** Mail addresses in the unquoted form of the policy protocol; the last `@` separates the domain (RFC 5321 4.1.2). */
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

/** Lower case, and A-labels in the domain: the form in which addresses are compared and looked up. */
export function canonicalAddress(address: string): string {
  const at = address.lastIndexOf("@");
  if (at < 0) return address.toLowerCase();
  return `${address.slice(0, at).toLowerCase()}@${canonicalDomain(address.slice(at + 1))}`;
}
