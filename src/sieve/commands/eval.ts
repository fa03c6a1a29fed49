/** `eval "EXPRESSION"` and `let "name" "EXPRESSION"` (vnd.stalwart.expressions). */
import type { Value } from "../../expr/value.ts";
import type { CommandRecord } from "../compile/definition.ts";
import type { Command, Run } from "../compile/script-code.ts";
import { compileIn, cutValue, type Evaluation, tell } from "../compile/script-expressions.ts";

const capability = "vnd.stalwart.expressions";

export const evalRecord: CommandRecord = {
  name: "eval",
  capability,
  positions: [{ name: "expression", type: "text", isExpression: true }],
  compile(given, context) {
    const evaluation = compileIn(given.text(0), context);
    return evaluation && commandOf(evaluation, tell);
  },
};

export const letRecord: CommandRecord = {
  name: "let",
  capability,
  positions: [
    { name: "name of a variable", type: "text" },
    { name: "expression", type: "text", isExpression: true },
  ],
  compile(given, context) {
    const evaluation = compileIn(given.text(1), context);
    const target = context.target(given.text(0));
    const room = context.vocabulary.limits.variableSize;
    if (evaluation === undefined || target === undefined) return undefined;
    return commandOf(evaluation, (run, value) => {
      const cut = cutValue(value, room);
      target(run, cut);
      tell(run, cut);
    });
  },
};

function commandOf(evaluation: Evaluation, use: (run: Run, value: Value) => void): Command {
  if (evaluation.waits) {
    return {
      waits: true,
      *steps(run) {
        use(run, yield* evaluation.steps(run));
        return "next";
      },
    };
  }
  return {
    waits: false,
    run(run) {
      use(run, evaluation.of(run));
      return "next";
    },
  };
}
