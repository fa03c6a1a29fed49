/** `string`: texts of the script against keys (RFC 5229 section 5). */

import type { TestRecord } from "../compile/definition.ts";
import { compileMatch, isCounted, matchTags } from "../match/match-type.ts";
import type { ScriptRun } from "../run/script-run.ts";

export const stringTest: TestRecord = {
  name: "string",
  capability: "variables",
  tags: matchTags,
  positions: [
    { name: "source list", type: "texts" },
    { name: "key list", type: "texts" },
  ],
  compile(args, context) {
    const texts = args.texts(0).map(({ of }) => of);
    // An empty text does not count.
    const sources = isCounted(args) ? texts.map((of) => (run: ScriptRun) => of(run) || undefined) : texts;
    return compileMatch(args, context, sources, args.texts(1));
  },
};
