/** What a list compares: of addresses, domains and IP addresses the canonical form, of anything else the lower case. */
import { isPlain, parseAddress } from "../mail/address.ts";
import { canonicalDomain } from "../mail/domain.ts";
import { canonicalIp } from "../mail/ip.ts";

/** For keys and globs of a list, and for what it is asked. */
export function canonicalKey(key: string): string {
  if (isPlain(key)) return key;
  if (endsInWildcard.test(key)) return key.toLowerCase();
  if (key.includes("@")) return parseAddress(key);
  // The sub-domains of a domain.
  if (key.startsWith(".") && name.test(key.slice(1))) return `.${canonicalDomain(key.slice(1))}`;
  if (key.includes(":")) return canonicalIp(key) ?? key.toLowerCase();
  return name.test(key) ? canonicalDomain(key) : key.toLowerCase();
}

/** Labels of letters, digits and wildcards. */
const name = /^[\p{L}\p{M}\p{N}_*?-]+(?:[.。．｡][\p{L}\p{M}\p{N}_*?-]+)+[.。．｡]?$/u;

/** A dot after a wildcard does not merely end a domain: without it, `*.` would be everything. */
const endsInWildcard = /[*?][.。．｡\s]+$/;
