/** Recipients that are exempt from greylisting, in the grammar of postgrey's whitelist_recipients. */

import type { LineProblem } from "../file/file-problem.ts";
import { domainOf, localPartOf, parseAddress } from "../mail/address.ts";
import { canonicalDomain, isMailDomain } from "../mail/domain.ts";
import { isNetwork } from "../mail/ip.ts";
import type { Pattern } from "../text/pattern.ts";
import { addPattern, entriesIn, isBelow, withoutWildcard } from "./exemption-list.ts";

/** The address is canonical. */
export type IsExemptRecipient = (address: string) => boolean;

export function parseExemptRecipients(text: string, problem: LineProblem): IsExemptRecipient {
  const patterns: Pattern[] = [];
  /** `user@`, `user@domain` and `@domain`. */
  const addresses = new Set<string>();
  const domains = new Set<string>();
  for (const { line, entry } of entriesIn(text)) {
    const source = /^\/(.+)\/$/.exec(entry)?.[1];
    const address = parseAddress(entry.replace(/^\*@/, "@"));
    const domain = canonicalDomain(withoutWildcard(entry));
    if (source !== undefined) addPattern(patterns, source, line, problem);
    else if (/^(?:"(?:[^"\\]|\\.)*"|[^\s@]*)@[^\s@]*$/.test(entry) && address !== "@") {
      if (matchesSome(address)) addresses.add(address);
      else problem(line, matchesNone(entry), "warning");
    } else if (/^[^\s@/]+$/.test(entry)) {
      if (isMailDomain(domain) && !isNetwork(domain)) domains.add(domain);
      else problem(line, matchesNone(entry), "warning");
    } else
      problem(line, `"${entry}" is not an address, domain or /pattern/. Write one a line, such as john@example.org, info@ or example.org.`);
  }
  return (address) =>
    isAmong(address, addresses) || isBelow(domainOf(address) ?? "", domains) || patterns.some((pattern) => pattern.test(address));
}

function isAmong(address: string, addresses: ReadonlySet<string>): boolean {
  if (addresses.size === 0) return false;
  const [user, domain] = [localPartOf(address), domainOf(address) ?? ""];
  // With a tag, too.
  const [plain = ""] = user.split("+");
  return [user, plain, ""].some((each) => (each !== "" && addresses.has(`${each}@`)) || addresses.has(`${each}@${domain}`));
}

function matchesSome(address: string): boolean {
  const domain = domainOf(address) ?? "";
  return !/[*\ufffd]/.test(localPartOf(address)) && (domain === "" || isMailDomain(domain));
}

function matchesNone(entry: string): string {
  return `"${entry}" matches no recipient. Write an address, user@, a domain, which includes its subdomains, or a /pattern/.`;
}
