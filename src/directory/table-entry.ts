/** What the tables of MTAs and lists of addresses come to, entry by entry. */
import type { LineProblem } from "../file/file-problem.ts";
import { isPossible, localPartOf } from "../mail/address.ts";
import { isMailDomain } from "../mail/domain.ts";
import { hasInvisibleEnd, insideQuotes } from "../text/around.ts";

/** What a table says of one key, canonical. */
export type Entry =
  /** An address that is delivered to as it is. */
  | { readonly kind: "mailbox"; readonly address: string }
  | { readonly kind: "address"; readonly address: string; readonly targets: readonly string[] }
  /** Mail for the address is refused. */
  | { readonly kind: "nobody"; readonly address: string }
  /** Every address of the domain exists, and mail goes to the targets: `@domain` is the same local part there, others may have parts of it. */
  | { readonly kind: "whole-domain"; readonly domain: string; readonly targets: readonly string[] }
  | { readonly kind: "domain"; readonly domain: string };

/** Of an address; with `@domain` every address of the domain is. */
export function mailbox(address: string): Entry {
  if (!address.startsWith("@")) return { kind: "mailbox", address };
  return { kind: "whole-domain", domain: address.slice(1), targets: [address] };
}

/** What a table has for a key where it is no target: `error:nouser …` in Sendmail and `:fail: …` in Exim refuse, others have the MTA defer. */
export function refusalOf(value: string): "refused" | "deferred" | undefined {
  if (!/^"?(?:error:|:(?:fail|defer):)/i.test(value)) return undefined;
  return /^"?(?::defer:|error:(?:tempfail\b|4\.|(?:[^\s:]*[\s:]+)?"?4\d\d\b))/i.test(value) ? "deferred" : "refused";
}

/** Of a key that nobody has as an address, or as a domain. `address`: the key in canonical form. */
export function warnOfKey(line: number, written: string, address: string, problem: LineProblem): void {
  // Sendmail's `+*@example.org` would be for all tags of all addresses.
  if (!/^\+?\*$/.test(localPartOf(address)) && (address.includes("@") ? isPossible(address) : isMailDomain(address))) return;
  problem(line, `"${written}" is nobody's address or domain, and matches nothing. ${fixOf(written, address)}`, "warning");
}

/** How to mend a key that is written as others write it. */
function fixOf(written: string, address: string): string {
  if (insideQuotes(written) !== undefined) return "Remove the quotes around it.";
  if (/^<.*>$/s.test(written)) return "Remove the brackets around it.";
  if (hasInvisibleEnd(localPartOf(address))) return "It has an invisible character beside its local part: remove that.";
  if (/[,;:]$/.test(written)) return `Remove the "${written.at(-1)}" at its end.`;
  // Wildcards, as others write them.
  if (/(?:^|@)[*.]/.test(written)) return "Write @example.org for a whole domain, and each subdomain by itself.";
  return "Correct it: an address is such as john@example.org, and a whole domain @example.org.";
}
