/**
 * Postfix's virtual(5) tables: `address  targets`, `@domain  target`, `domain  anything`; and Sendmail's virtusertable, which has
 * `error:nouser …` for targets, `user+*@domain` for keys, and `%1` to `%3` in targets.
 */

import type { LineProblem } from "../file/file-problem.ts";
import type { LogicalLine } from "../file/logical-line.ts";
import { canonicalAddress, formatAddress, localPartOf, parseAddress } from "../mail/address.ts";
import { parseAddressList } from "../mail/address-list.ts";
import { canonicalDomain } from "../mail/domain.ts";
import { hasPlaceholder } from "./address-table.ts";
import { type Entry, mailbox, refusalOf, warnOfKey } from "./table-entry.ts";

/** Names without a domain are of `localDomain`, as they are of $myorigin in Postfix. `undefined`: the line has a problem. */
export function parseVirtual(
  { number, text }: LogicalLine,
  localDomain: string | undefined,
  problem: LineProblem,
): Entry | readonly Entry[] | undefined {
  const { key: written, value } = splitKey(text);
  const key = parseAddress(written);
  if (key === "" || value === "") return problem(number, "an entry is a key, white space and its targets.");
  if (written.endsWith(":"))
    return problem(number, `"${written}" ends in a colon, as in an aliases file. Remove the colon, or name the file under aliases.`);
  if (/^\/.*\/[a-z]*$/i.test(written)) return problem(number, "regular expressions are not read here. Write addresses or @domain.");
  if (!key.includes("@") && key.includes(".")) {
    const domain = canonicalDomain(written);
    const names = isName(key) ? dottedName(written, value, localDomain) : [];
    if (names.length === 0) warnOfKey(number, written, domain, problem);
    return [{ kind: "domain", domain }, ...names];
  }
  if (!key.includes("@") && localDomain === undefined)
    return problem(number, `"${written}" has no domain. Write name@domain, or set aliases-domain.`);
  const address = qualify(written, localDomain);
  const refusal = refusalOf(value);
  // It is the MTA that defers.
  if (refusal === "deferred") return mailbox(address);
  if (refusal === "refused") return address.startsWith("@") ? { kind: "domain", domain: address.slice(1) } : { kind: "nobody", address };
  const targets = parseAddressList(value);
  if (targets === undefined || targets.length === 0)
    return problem(number, `"${value}" is not a list of addresses. Correct its quotes, brackets or colons.`);
  warnOfKey(number, written, address, problem);
  const qualified = targets.map((target) => qualify(target, localDomain));
  warnOfTargets(qualified, number, problem);
  return entryOf(address, qualified);
}

/** It needs no quotes as a local part. */
function isName(key: string): boolean {
  const address = `${key}@example.org`;
  return formatAddress(address) === address;
}

/** Postfix looks for a domain and for a name without one by the same key. */
function dottedName(name: string, value: string, localDomain: string | undefined): readonly Entry[] {
  const targets = parseAddressList(value) ?? [];
  if (localDomain === undefined || targets.length === 0) return [];
  return [
    entryOf(
      qualify(name, localDomain),
      targets.map((target) => qualify(target, localDomain)),
    ),
  ];
}

/** The tables that say which mailboxes exist, virtual_mailbox_maps and relay_recipient_maps: `address  anything`. */
export function parseMailboxes({ number, text }: LogicalLine, localDomain: string | undefined, problem: LineProblem): Entry | undefined {
  const { key: written, value } = splitKey(text);
  if (written === "" || value === "") return problem(number, "an entry is an address, white space and a path or another value.");
  const address = qualify(written, localDomain);
  if (!address.includes("@")) return problem(number, `"${written}" has no domain. Write name@domain, or set aliases-domain.`);
  warnOfKey(number, written, address, problem);
  return mailbox(address);
}

/** The key may have a local part in quotes. */
function splitKey(text: string): { readonly key: string; readonly value: string } {
  const [, key = "", value = ""] = /^((?:"(?:[^"\\]|\\.)*"|[^\s"])+)(?:\s+(.*))?$/s.exec(text) ?? [];
  return { key, value };
}

/** A first target `@domain` is the same local part there, and one with parts of the address differs for each, too. */
function entryOf(address: string, targets: readonly string[]): Entry {
  const [first = "", ...others] = targets;
  const isForEach = first.startsWith("@") || targets.some(hasPlaceholder);
  if (isForEach && address.startsWith("@")) return { kind: "whole-domain", domain: address.slice(1), targets };
  if (!first.startsWith("@")) return { kind: "address", address, targets };
  return { kind: "address", address, targets: [`${localPartOf(address)}${first}`, ...others] };
}

function warnOfTargets(targets: readonly string[], line: number, problem: LineProblem): void {
  const bare = targets.find((each) => !each.includes("@"));
  if (bare !== undefined) {
    const what = `"${bare}" has no domain, and only the MTA can complete it. Set aliases-domain to what Postfix has as $myorigin.`;
    problem(line, what, "warning");
  }
  const later = targets.slice(1).find((each) => each.startsWith("@"));
  if (later !== undefined) problem(line, `"${later}" stands for an address only as the first target. Write that address.`, "warning");
}

/** A name without a domain is of `localDomain`. */
function qualify(name: string, localDomain: string | undefined): string {
  const address = parseAddress(name);
  return address.includes("@") || localDomain === undefined ? address : canonicalAddress(`${address}@${localDomain}`);
}
