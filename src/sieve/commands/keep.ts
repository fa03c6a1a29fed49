/** `keep`, `discard` (RFC 5228 section 4) and `stop` (3.3). */
import type { CommandRecord } from "../compile/definition.ts";

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
