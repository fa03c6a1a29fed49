/** `log "text"` (vnd.postern.log), which others call `debug_log` (vnd.dovecot.debug): one line for the administrator. */
import { cleanText } from "../../text/controls.ts";
import type { CommandRecord } from "../compile/definition.ts";
import { spend } from "../run/script-run.ts";

export const logRecord = record("log", "vnd.postern.log");
export const debugLogRecord = record("debug_log", "vnd.dovecot.debug");

/** Characters. */
const longestLine = 400;
/** Instructions: a script must not fill the log. */
const costOfLine = 100;

function record(name: string, capability: string): CommandRecord {
  return {
    name,
    capability,
    positions: [{ name: "text", type: "text" }],
    compile(args, { script, line }) {
      const message = args.text(0);
      const at = line(args.node.offset);
      return {
        waits: false,
        run: (run) => {
          spend(run, costOfLine);
          const text = cleanText(message.of(run).slice(0, longestLine)).toWellFormed();
          run.surroundings.log?.({ script, line: at, text });
          run.answer = text;
          return "next";
        },
      };
    },
  };
}
