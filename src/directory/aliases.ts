/** Sendmail's aliases(5): `name: target, target`. Names are of one domain. */

import { logicalLines } from "../file/logical-line.ts";
import type { LineProblem } from "../file/watched-file.ts";
import { type Entry, qualify } from "./virtual.ts";

export function parseAliases(text: string, domain: string, problem: LineProblem): readonly Entry[] {
  const entries: Entry[] = [];
  for (const line of logicalLines(text)) {
    const [, left = "", right = ""] = /^((?:"(?:[^"\\]|\\.)*"|[^:"])+):(.*)$/s.exec(line.text) ?? [];
    const name = left.trim();
    const targets = targetsOf(right);
    if (name === "" || targets.length === 0) {
      problem(line.number, "an entry is a name, a colon and its targets.");
      continue;
    }
    const address = qualify(name, domain);
    // Who gets what a file names, or a command is given, the MTA alone knows; so that address stays.
    const goesTo = targets.some((target) => /^"?(?:[|/]|:include:)/i.test(target)) ? [address] : targets;
    entries.push({ kind: "address", address, targets: goesTo.map((target) => qualify(target.replace(/^\\/, ""), domain)) });
  }
  return entries;
}

/** Separated by commas; quotes keep a comma or blank together, around a whole target or a local part. */
function targetsOf(text: string): readonly string[] {
  return [...text.matchAll(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g)].map(([target]) => target.trim()).filter((target) => /[^"]/.test(target));
}
