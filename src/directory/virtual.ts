/** Postfix's virtual(5) tables: `address  targets`, `@domain  target`, `domain  anything`. */

import { logicalLines } from "../file/logical-line.ts";
import type { LineProblem } from "../file/watched-file.ts";
import { canonicalAddress, parseAddress } from "../mail/address.ts";
import { canonicalDomain } from "../mail/domain.ts";

/** What a table says of one key, canonical. */
export type Entry =
  | { readonly kind: "address"; readonly address: string; readonly targets: readonly string[] }
  /** Every address of the domain exists; mail goes to the same local part of `target`. */
  | { readonly kind: "whole-domain"; readonly domain: string; readonly target: string }
  | { readonly kind: "domain"; readonly domain: string };

/** Names without a domain are of `localDomain`, as they are of $myorigin in Postfix. */
export function parseVirtual(text: string, localDomain: string | undefined, problem: LineProblem): readonly Entry[] {
  const entries: Entry[] = [];
  for (const line of logicalLines(text)) {
    const [, left = "", right = ""] = /^((?:"(?:[^"\\]|\\.)*"|[^\s"])+)(?:\s+(.*))?$/s.exec(line.text) ?? [];
    const targets = wordsOf(right).map((target) => qualify(target, localDomain));
    const key = parseAddress(left);
    if (key === "" || targets.length === 0) problem(line.number, "an entry is a key, white space and its targets.");
    else if (left.endsWith(":"))
      problem(line.number, `"${left}" ends in a colon, as in an aliases file. Remove the colon, or name the file under aliases.`);
    else if (/^\/.*\/[a-z]*$/i.test(left)) problem(line.number, "regular expressions are not read here. Write addresses or @domain.");
    else if (key.includes("@")) entries.push(entryOf(key, targets));
    else if (key.includes(".")) entries.push({ kind: "domain", domain: canonicalDomain(left) });
    else if (localDomain !== undefined) entries.push(entryOf(qualify(left, localDomain), targets));
    else problem(line.number, `"${left}" has no domain. Write name@domain, or set aliases-domain.`);
  }
  return entries;
}

function entryOf(address: string, targets: readonly string[]): Entry {
  const [target] = targets;
  if (address.startsWith("@") && targets.length === 1 && target?.startsWith("@")) {
    return { kind: "whole-domain", domain: address.slice(1), target: target.slice(1) };
  }
  return { kind: "address", address, targets };
}

/** Separated by commas or white space, which quotes keep together. */
function wordsOf(text: string): readonly string[] {
  return [...text.matchAll(/(?:"(?:[^"\\]|\\.)*"|[^\s,"])+/g)].map(([word]) => word);
}

/** A name without a domain is of `localDomain`. */
export function qualify(name: string, localDomain: string | undefined): string {
  const address = parseAddress(name);
  return address.includes("@") || localDomain === undefined ? address : canonicalAddress(`${address}@${localDomain}`);
}
