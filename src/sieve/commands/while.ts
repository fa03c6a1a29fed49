/** `while "EXPRESSION" { … }`, `break` and `continue` (vnd.stalwart.while). */
import { isTrue } from "../../expr/value.ts";
import type { CommandRecord } from "../compile/definition.ts";
import { type Run, report, spend } from "../compile/script-code.ts";
import { compileIn, type Evaluation } from "../compile/script-expressions.ts";
import { sequence } from "../compile/sequence.ts";
import { takeBreath } from "../run/yield-to-loop.ts";

const capability = "vnd.stalwart.while";

export const whileRecord: CommandRecord = {
  name: "while",
  capability,
  positions: [{ name: "expression", type: "text", isExpression: true }],
  hasBlock: true,
  isLoop: true,
  reportsItself: true,
  compile(given, context) {
    const condition = compileIn(given.text(0), context);
    const { offset } = given.node;
    const line = context.line(offset);
    const body = sequence(given.block ?? []);
    if (condition === undefined) return undefined;
    return {
      waits: true,
      *steps(run) {
        for (;;) {
          spend(run, 1);
          run.offset = offset;
          const isGoingOn = isTrue(yield* evaluate(condition, run));
          report(run, line, "while", String(isGoingOn));
          if (!isGoingOn) return "next";
          const signal = body.waits ? yield* body.steps(run) : body.run(run);
          if (signal === "break") return "next";
          if (signal !== "next" && signal !== "continue") return signal;
          yield* takeBreath(run);
        }
      },
    };
  },
};

export const breakRecord = jump("break");
export const continueRecord = jump("continue");

function jump(name: "break" | "continue"): CommandRecord {
  return {
    name,
    capability,
    compile(given, context) {
      if (context.isInLoop) return { waits: false, run: () => name };
      context.error(given.node.offset, `"${name}" stands outside of a loop. Put it into the block of a while, or use stop.`);
      return undefined;
    },
  };
}

function* evaluate(evaluation: Evaluation, run: Run) {
  return evaluation.waits ? yield* evaluation.steps(run) : evaluation.of(run);
}
