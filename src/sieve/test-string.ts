/** `string`: texts of the script against keys (RFC 5229 section 5). */
import type { Run } from "./code.ts";
import { compileMatch, isCounted, matchTags } from "./match-type.ts";
import type { TestRecord } from "./record.ts";

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
