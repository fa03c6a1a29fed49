/** Recipients that are exempt from greylisting, in the grammar of postgrey's whitelist_recipients. */

import type { LineProblem } from "../file/watched-file.ts";
import { domainOf, localPartOf, parseAddress } from "../mail/address.ts";
import { canonicalDomain } from "../mail/domain.ts";
import type { Pattern } from "../text/pattern.ts";
import { addPattern, entriesIn, isBelow } from "./exempt-clients.ts";

/** The address is canonical. */
export type IsExemptRecipient = (address: string) => boolean;

export function parseExemptRecipients(text: string, problem: LineProblem): IsExemptRecipient {
  const patterns: Pattern[] = [];
  /** `user@` and `user@domain`. */
  const addresses = new Set<string>();
  const domains = new Set<string>();
  for (const { line, entry } of entriesIn(text)) {
    const source = /^\/(.+)\/$/.exec(entry)?.[1];
    if (source !== undefined) addPattern(patterns, source, line, problem);
    else if (/^(?:"(?:[^"\\]|\\.)*"|[^\s@]+)@[^\s@]*$/.test(entry)) addresses.add(parseAddress(entry));
    else if (/^[^\s@/]+$/.test(entry)) domains.add(canonicalDomain(entry.replace(/^\./, "")));
    else
      problem(line, `"${entry}" is not an address, domain or /pattern/. Write one a line, such as john@example.org, info@ or example.org.`);
  }
  return (address) => {
    const [user, domain] = [localPartOf(address), domainOf(address) ?? ""];
    // With a tag, too.
    const [plain = ""] = user.split("+");
    return (
      [user, plain].some((each) => addresses.has(`${each}@`) || addresses.has(`${each}@${domain}`)) ||
      isBelow(domain, domains) ||
      patterns.some((pattern) => pattern.test(address))
    );
  };
}
