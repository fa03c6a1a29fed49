/** Sendmail's aliases(5), as Postfix and Exim have them, too: `name: target, target`. Names are of one domain. */

import type { LineProblem } from "../file/file-problem.ts";
import type { LogicalLine } from "../file/logical-line.ts";
import { canonicalAddress, unquote } from "../mail/address.ts";
import { parseTargets } from "../mail/address-list.ts";
import { type Entry, refusalOf, warnOfKey } from "./table-entry.ts";

/** `undefined`: the line has a problem. */
export function parseAliases({ number, text }: LogicalLine, domain: string, problem: LineProblem): Entry | undefined {
  const [, left = "", right = ""] = /^((?:"(?:[^"\\]|\\.)*"|\\.|[^:"\\])+):(.*)$/s.exec(text) ?? [];
  const name = left.trim();
  const value = right.trim();
  if (name === "" || value === "") return problem(number, "an entry is a name, a colon and its targets.");
  const address = qualify(name, domain);
  const refusal = refusalOf(value);
  if (refusal === "refused") return { kind: "nobody", address };
  if (refusal === "deferred" || hasText.test(value)) return { kind: "mailbox", address };
  const targets = parseTargets(value);
  if (targets === undefined || targets.length === 0)
    return problem(number, `"${value}" is not a list of addresses. Correct its quotes, brackets or colons.`);
  warnOfKey(number, name, address, problem);
  if (targets.some(isNoAddress)) return { kind: "mailbox", address };
  return { kind: "address", address, targets: targets.map((target) => qualify(target, domain)) };
}

/** `:defer: text` and the like in Exim, up to the end of the line. */
const hasText = /^"?:(?!include:)[a-z]+:/i;

/** Who gets what a file names, or a command is given, the MTA alone knows. It looks at what is in quotes, too. */
function isNoAddress(target: string): boolean {
  return /^["\\]*(?:[|/~]|:[a-z]+:|$)/i.test(target);
}

/** A backslash makes a letter mean itself, as quotes do. A name without a domain is of `domain`. */
function qualify(name: string, domain: string): string {
  const hasDomain = name.replace(/"(?:[^"\\]|\\.)*"|\\./gs, "").includes("@");
  return canonicalAddress(unquote(hasDomain ? name : `${name}@${domain}`));
}
