/** `valid_ext_list`: whether all these lists exist (RFC 6134 section 2.7). */
import type { TestRecord } from "../compile/definition.ts";

export const validExtListTest: TestRecord = {
  name: "valid_ext_list",
  capability: "extlists",
  positions: [{ name: "list names", type: "texts" }],
  compile(args, context) {
    const { lookups } = context.vocabulary.names;
    const names = args.texts(0);
    return { waits: false, run: (run) => names.every(({ of }) => lookups.has(of(run))) };
  },
};
