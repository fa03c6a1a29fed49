/** `ihave`: whether extensions exist, decided when the script is loaded (RFC 5463 section 4). */
import { always } from "../../answer/code.ts";
import { capabilities } from "../compile/capabilities.ts";
import type { TestRecord } from "../compile/definition.ts";

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
    const isThere = names.every(({ written }) => capabilities.has(written));
    if (isThere) for (const { written } of names) context.enable(written);
    return always(isThere);
  },
};
