/** `eval "EXPRESSION"` as a test (vnd.stalwart.expressions). */
import { isTrue } from "../../expr/value.ts";
import type { TestRecord } from "../compile/definition.ts";
import { compileIn } from "../compile/script-expressions.ts";

export const evalTest: TestRecord = {
  name: "eval",
  capability: "vnd.stalwart.expressions",
  positions: [{ name: "expression", type: "text", isExpression: true }],
  compile(given, context) {
    const evaluation = compileIn(given.text(0), context);
    if (evaluation === undefined) return undefined;
    if (!evaluation.waits) return { waits: false, run: (run) => isTrue(evaluation.of(run)) };
    return {
      waits: true,
      *steps(run) {
        return isTrue(yield* evaluation.steps(run));
      },
    };
  },
};
