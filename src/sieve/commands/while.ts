/** `while "EXPRESSION" { … }`, `break` and `continue` (vnd.stalwart.while). */
import { runSteps, type Steps, waitFor } from "../../answer/steps.ts";
import { isTrue } from "../../expr/value.ts";
import type { CommandRecord } from "../compile/definition.ts";
import { type Signal, sequence } from "../compile/script-code.ts";
import { compileIn } from "../compile/script-expressions.ts";
import { isOverdue, type ScriptRun, spend, trace, yieldToLoop } from "../run/script-run.ts";

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
    const loop = function* (run: ScriptRun): Steps<Signal> {
      for (;;) {
        spend(run, 1);
        run.offset = offset;
        const value = condition.run(run);
        const isGoingOn = isTrue(value instanceof Promise ? yield* waitFor(value) : value);
        trace(run, line, "while", isGoingOn);
        if (!isGoingOn) return "next";
        const answer = body.run(run);
        const signal = answer instanceof Promise ? yield* waitFor(answer) : answer;
        if (signal === "break") return "next";
        if (signal !== "next" && signal !== "continue") return signal;
        // The body may be empty.
        if (isOverdue(run)) yield* waitFor(yieldToLoop(run));
      }
    };
    return { waits: true, run: (run) => runSteps(loop(run)) };
  },
};

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
