/** Tests of a message (RFC 5228 5.1, 5.5, 5.7, 5.9). At these stages all that is known of it is the size that the client declared. */

import type { Arguments, PositionRecord, ScriptContext, TestRecord } from "../compile/definition.ts";
import { addressPartTags } from "../match/address-part.ts";
import { compileMatch, matchTags } from "../match/match-type.ts";

const headerNames: PositionRecord = { name: "header name list", type: "texts" };
const keys: PositionRecord = { name: "key list", type: "texts" };

export const headerTest: TestRecord = {
  name: "header",
  tags: matchTags,
  positions: [headerNames, keys],
  compile: compileHeaderTest,
};

export const addressTest: TestRecord = {
  name: "address",
  tags: [...addressPartTags, ...matchTags],
  positions: [headerNames, keys],
  compile: compileHeaderTest,
};

export const existsTest: TestRecord = {
  name: "exists",
  positions: [headerNames],
  compile(args, context) {
    warnOfHeaders(args, context);
    return { waits: false, run: () => false };
  },
};

export const sizeTest: TestRecord = {
  name: "size",
  tags: [
    { name: "over", group: "limit" },
    { name: "under", group: "limit" },
  ],
  positions: [{ name: "limit", type: "number" }],
  compile(args, context) {
    const limit = args.number(0);
    switch (args.inGroup("limit")?.name) {
      case "over":
        return { waits: false, run: (run) => run.surroundings.declaredSize > limit };
      case "under":
        return { waits: false, run: (run) => run.surroundings.declaredSize < limit };
      default:
        context.error(args.node.offset, '"size" needs ":over" or ":under", as in: size :over 100K.');
        return undefined;
    }
  },
};

/** There are no values: nothing matches, and their count is 0. */
function compileHeaderTest(args: Arguments, context: ScriptContext) {
  warnOfHeaders(args, context);
  return compileMatch(args, context, [], args.texts(1));
}

export function warnOfHeaders(args: Arguments, context: ScriptContext): void {
  const mend = "Test the envelope or the environment instead.";
  context.warnOnce(args.node.offset, `there is no message yet, so tests of headers are false. ${mend}`);
}
