/** `require` (RFC 5228 3.2). */
import { unknownCapability } from "../compile/capabilities.ts";
import type { CommandRecord } from "../compile/definition.ts";

export const requireRecord: CommandRecord = {
  name: "require",
  positions: [{ name: "list of capabilities", type: "texts" }],
  compile(args, context) {
    for (const { written, offset } of args.texts(0)) if (!context.enable(written)) context.error(offset, unknownCapability(written));
    return { waits: false, run: () => "next" };
  },
};
