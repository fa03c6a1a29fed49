/** `reject` and `ereject` (RFC 5429): at these stages both refuse by the reply. The script goes on. */
import { formatReply, type Reply, reply } from "../../mail/reply.ts";
import { cleanText } from "../../text/controls.ts";
import type { CommandRecord } from "../compile/definition.ts";
import { ScriptFault, type ScriptRun } from "../run/script-run.ts";

export const reject = record("reject");
export const ereject = record("ereject");

function record(name: "reject" | "ereject"): CommandRecord {
  return {
    name,
    capability: name,
    positions: [{ name: "reason", type: "text" }],
    compile(args, context) {
      const text = args.text(0);
      if (text.constant === undefined) {
        return {
          waits: false,
          run: (run) => {
            const rejected = rejection(text.of(run));
            if ("problem" in rejected) {
              // A client must not evade it by a name or an address that reads as another code.
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

function refuse(run: ScriptRun, reply: Reply): void {
  run.action = { kind: "reject", reply };
  run.isKept = false;
  if (run.surroundings.trace) run.answer = formatReply(reply);
}

/** `problem`: the code does not refuse; `otherwise` refuses with the whole text. */
type Rejection = { readonly reply: Reply } | { readonly problem: string; readonly otherwise: Reply };

/** `422 4.2.2 text` is taken as it is, `4.2.2 text` gets the basic code of its class, and a text alone 550 5.7.1. */
function rejection(written: string): Rejection {
  const text = cleanText(written).trim();
  // A code is one only if something follows it.
  const match = /^(?:(\d{3}) +)?(?:([245])\.(\d{1,3})\.(\d{1,3})(?: +|$))?(.*)$/s.exec(text);
  const [, basic, klass, subject, detail, rest = ""] = match ?? [];
  const status = klass === undefined ? undefined : `${klass}.${subject}.${detail}`;
  if (basic === undefined) {
    if (status === undefined || klass === "2") return { reply: refusal(550, "5.7.1", text) };
    return { reply: refusal(klass === "4" ? 451 : 550, status, rest) };
  }
  if (basic[0] !== "4" && basic[0] !== "5") {
    const problem = `the reply code ${basic} does not refuse anything. Use one from 400 to 599, or leave it out for 550.`;
    return { problem, otherwise: refusal(550, "5.7.1", text) };
  }
  if (status === undefined) return { reply: refusal(Number(basic), `${basic[0]}.0.0`, rest) };
  if (klass === basic[0]) return { reply: refusal(Number(basic), status, rest) };
  const problem = `the reply code ${basic} and the enhanced code ${status} disagree. Both must begin with the same digit.`;
  return { problem, otherwise: refusal(Number(basic), `${basic[0]}.0.0`, `${status} ${rest}`.trim()) };
}

function refusal(code: number, status: string, text: string): Reply {
  return reply(code, status, text === "" ? "Refused." : text);
}
