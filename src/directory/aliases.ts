/** Sendmail's aliases(5): `name: target, target`. Names are of one domain. */

import type { LineProblem } from "../file/file-problem.ts";
import type { LogicalLine } from "../file/logical-line.ts";
import { parseAddressList } from "../mail/address-list.ts";
import { type Entry, qualify } from "./virtual.ts";

/** `undefined`: the line has a problem. */
export function parseAliases({ number, text }: LogicalLine, domain: string, problem: LineProblem): Entry | undefined {
  const [, left = "", right = ""] = /^((?:"(?:[^"\\]|\\.)*"|[^:"])+):(.*)$/s.exec(text) ?? [];
  const name = left.trim();
  const value = right.trim();
  if (name === "" || value === "") return problem(number, "an entry is a name, a colon and its targets.");
  const address = qualify(name, domain);
  // Who gets what a file names, or a command is given, the MTA alone knows; so that address stays.
  if (/(?:^|,)\s*"?(?:[|/]|:include:)/i.test(value)) return { kind: "mailbox", address };
  const targets = parseAddressList(value);
  if (targets === undefined || targets.length === 0)
    return problem(number, `"${value}" is not a list of addresses. Correct its quotes, brackets or colons.`);
  return { kind: "address", address, targets: targets.map((target) => qualify(target.replace(/^\\/, ""), domain)) };
}
