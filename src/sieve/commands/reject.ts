/** `reject` and `ereject` (RFC 5429): at these stages both refuse by the reply. The script goes on. */
import { formatReply, type Reply } from "../../mail/reply.ts";
import type { CommandRecord } from "../compile/definition.ts";
import { type Run, ScriptFault } from "../compile/script-code.ts";
import { rejection } from "./reject-reply.ts";

export const reject = record("reject");
export const ereject = record("ereject");

function record(name: "reject" | "ereject"): CommandRecord {
  return {
    name,
    capability: name,
    positions: [{ name: "reason", type: "text" }],
    compile(given, context) {
      const text = given.text(0);
      if (text.constant === undefined) {
        return {
          waits: false,
          run: (run) => {
            const rejected = rejection(text.of(run));
            if ("problem" in rejected) {
              // A stranger must not evade it by a name or an address that reads as another code.
              if (run.action.kind !== "reject") refuse(run, rejected.otherwise);
              throw new ScriptFault(rejected.problem);
            }
            refuse(run, rejected.reply);
            return "next";
          },
        };
      }
      const rejected = rejection(text.constant);
      if ("problem" in rejected) {
        context.error(text.offset, rejected.problem);
        return undefined;
      }
      return {
        waits: false,
        run: (run) => {
          refuse(run, rejected.reply);
          return "next";
        },
      };
    },
  };
}

function refuse(run: Run, reply: Reply): void {
  run.action = { kind: "reject", reply };
  run.isKept = false;
  if (run.surroundings.trace) run.answer = formatReply(reply);
}
