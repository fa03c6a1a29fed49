/** What becomes of the message, and the end of the script: `keep`, `discard` (RFC 5228 section 4), `stop` (3.3) and `error` (RFC 5463 section 5). */
import type { CommandRecord } from "../compile/definition.ts";
import { ScriptFault } from "../run/script-run.ts";

/** It takes back a `reject` before it, as in the server that these scripts come from. */
export const keepRecord: CommandRecord = {
  name: "keep",
  compile: () => ({
    waits: false,
    run: (run) => {
      run.action = { kind: "accept" };
      run.isKept = true;
      return "next";
    },
  }),
};

/** It cancels the implicit keep alone: what was kept or rejected stays so. */
export const discardRecord: CommandRecord = {
  name: "discard",
  compile: () => ({
    waits: false,
    run: (run) => {
      if (!run.isKept && run.action.kind === "accept") run.action = { kind: "discard" };
      return "next";
    },
  }),
};

export const stopRecord: CommandRecord = {
  name: "stop",
  compile: () => ({ waits: false, run: () => "stop" }),
};

const longestMessage = 400;

/** The script fails. */
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
