/** `string`: texts of the script against keys (RFC 5229 section 5). */

import type { TestRecord } from "../compile/definition.ts";
import type { Run } from "../compile/script-code.ts";
import { compileMatch, isCounted, matchTags } from "../match/match-type.ts";

export const stringTest: TestRecord = {
  name: "string",
  capability: "variables",
  tags: matchTags,
  positions: [
    { name: "source list", type: "texts" },
    { name: "key list", type: "texts" },
  ],
  compile(given, context) {
    const texts = given.texts(0).map(({ of }) => of);
    // An empty text is none when texts are counted.
    const sources = isCounted(given) ? texts.map((of) => (run: Run) => of(run) || undefined) : texts;
    return compileMatch(given, context, sources, given.texts(1));
  },
};
