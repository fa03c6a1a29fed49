/** Tests of what exists: `ihave` of extensions (RFC 5463 section 4), `valid_ext_list` of lists (RFC 6134 section 2.7). */
import { always } from "../../answer/code.ts";
import { capabilities, changesStrings } from "../compile/capabilities.ts";
import type { TestRecord } from "../compile/definition.ts";

/** It is decided when the script is loaded. */
export const ihaveTest: TestRecord = {
  name: "ihave",
  capability: "ihave",
  positions: [{ name: "capability list", type: "texts" }],
  compile(args, context) {
    const names = args.texts(0);
    const variable = names.find(({ constant }) => constant === undefined);
    if (variable) {
      context.error(variable.offset, "a capability has to be known when the script is loaded. Write its name without variables.");
      return undefined;
    }
    const late = names.find(({ written }) => changesStrings.has(written) && !context.isRequired(written));
    if (late) context.warn(late.offset, `"${late.written}" changes how strings are read, so ihave does not enable it. Add it to require.`);
    const isThere = !late && names.every(({ written }) => capabilities.has(written));
    if (isThere) for (const { written } of names) context.enable(written);
    return always(isThere);
  },
};

/** Whether all these lists exist. */
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
