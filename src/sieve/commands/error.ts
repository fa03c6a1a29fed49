/** `error` (RFC 5463 section 5): the script ends as one that failed. */

import type { CommandRecord } from "../compile/definition.ts";
import { ScriptFault } from "../run/script-run.ts";

const longestMessage = 400;

export const errorRecord: CommandRecord = {
  name: "error",
  capability: "ihave",
  positions: [{ name: "message", type: "text" }],
  compile(args) {
    const text = args.text(0);
    return {
      waits: false,
      run: (run) => {
        throw new ScriptFault(text.of(run).slice(0, longestMessage).toWellFormed());
      },
    };
  },
};
