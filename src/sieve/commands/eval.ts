/** `eval "EXPRESSION"`, as command and as test, and `let "name" "EXPRESSION"` (vnd.stalwart.expressions). */
import { always, map } from "../../answer/code.ts";
import { isTrue } from "../../expr/value.ts";
import type { CommandRecord, Signature, TestRecord } from "../compile/definition.ts";
import { compileIn, cutValue, setAnswer } from "../compile/script-expressions.ts";

const evalSignature = {
  name: "eval",
  capability: "vnd.stalwart.expressions",
  positions: [{ name: "expression", type: "text", isExpression: true }],
} as const satisfies Signature;

export const evalRecord: CommandRecord = {
  ...evalSignature,
  compile(args, context) {
    const value = compileIn(args.text(0), context);
    return (
      value &&
      map(value, (value, run) => {
        setAnswer(run, value);
        return "next";
      })
    );
  },
};

export const evalTest: TestRecord = {
  ...evalSignature,
  compile(args, context) {
    const value = compileIn(args.text(0), context);
    return value && map(value, isTrue);
  },
};

export const letRecord: CommandRecord = {
  name: "let",
  capability: "vnd.stalwart.expressions",
  positions: [
    { name: "name of a variable", type: "text", isAssigned: true },
    { name: "expression", type: "text", isExpression: true },
  ],
  compile(args, context) {
    const expression = args.text(1);
    const value: ReturnType<typeof compileIn> = expression.written.trim() === "" ? always("") : compileIn(expression, context);
    const target = context.target(args.text(0));
    const room = context.vocabulary.limits.variableSize;
    if (value === undefined || target === undefined) return undefined;
    return map(value, (value, run) => {
      const cut = cutValue(value, room);
      setAnswer(run, cut);
      target(run, cut);
      return "next";
    });
  },
};
