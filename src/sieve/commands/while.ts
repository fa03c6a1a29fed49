/** `while "EXPRESSION" { … }`, `break` and `continue` (vnd.stalwart.while). */
import { type Answer, after } from "../../answer/answer.ts";
import { isTrue } from "../../expr/value.ts";
import type { CommandRecord } from "../compile/definition.ts";
import { type Signal, sequence } from "../compile/script-code.ts";
import { compileIn } from "../compile/script-expressions.ts";
import { giveWay, type ScriptRun, spend, trace } from "../run/script-run.ts";

const capability = "vnd.stalwart.while";

export const whileRecord: CommandRecord = {
  name: "while",
  capability,
  positions: [{ name: "expression", type: "text", isExpression: true }],
  hasBlock: true,
  isLoop: true,
  tracesItself: true,
  compile(args, context) {
    const condition = compileIn(args.text(0), context);
    const { offset } = args.node;
    const line = context.line(offset);
    const body = sequence(args.block ?? []);
    if (condition === undefined) return undefined;
    const turn = (run: ScriptRun): Answer<Signal | "again"> => {
      spend(run, 1);
      run.offset = offset;
      return after(condition.run(run), (value) => {
        trace(run, line, "while", isTrue(value));
        return isTrue(value) ? after(body.run(run), (signal) => afterBody(signal, run)) : "next";
      });
    };
    return { waits: true, run: (run) => repeat(turn, run) };
  },
};

function afterBody(signal: Signal, run: ScriptRun): Answer<Signal | "again"> {
  if (signal === "break") return "next";
  if (signal !== "next" && signal !== "continue") return signal;
  // The body may be empty.
  return giveWay(run)?.then(() => "again" as const) ?? "again";
}

function repeat(turn: (run: ScriptRun) => Answer<Signal | "again">, run: ScriptRun): Answer<Signal> {
  for (;;) {
    const signal = turn(run);
    if (signal instanceof Promise) return repeatLater(turn, run, signal);
    if (signal !== "again") return signal;
  }
}

async function repeatLater(turn: (run: ScriptRun) => Answer<Signal | "again">, run: ScriptRun, first: Promise<Signal | "again">) {
  let signal = await first;
  while (signal === "again") {
    const answer = turn(run);
    signal = answer instanceof Promise ? await answer : answer;
  }
  return signal;
}

export const breakRecord = jump("break");
export const continueRecord = jump("continue");

function jump(name: "break" | "continue"): CommandRecord {
  return {
    name,
    capability,
    compile(args, context) {
      if (context.isInLoop) return { waits: false, run: () => name };
      context.error(args.node.offset, `"${name}" is outside of a loop. Put it into the block of a while, or use stop.`);
      return undefined;
    },
  };
}
