/** The operators of `:value` and `:count` (RFC 5231 section 4). */
import { shorten } from "../../text/shorten.ts";
import type { ScriptContext, TextArgument } from "../compile/definition.ts";
import { ScriptFault, type ScriptRun } from "../run/script-run.ts";

/** Of how a value compares with a key: negative, zero or positive. */
export type Operator = (order: number) => boolean;

const operators: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ["gt", (order) => order > 0],
  ["ge", (order) => order >= 0],
  ["lt", (order) => order < 0],
  ["le", (order) => order <= 0],
  ["eq", (order) => order === 0],
  ["ne", (order) => order !== 0],
]);

/** `undefined`: an error was reported. One with variables is read at run time, and throws a `ScriptFault` if it is none. */
export function operatorOf(name: TextArgument, context: ScriptContext): ((run: ScriptRun) => Operator) | undefined {
  if (name.constant === undefined) {
    return (run) => {
      const written = name.of(run);
      const operator = operators.get(written.toLowerCase());
      if (!operator) throw new ScriptFault(unknown(written));
      return operator;
    };
  }
  const operator = operators.get(name.constant.toLowerCase());
  if (operator) return () => operator;
  context.error(name.offset, unknown(name.constant));
  return undefined;
}

function unknown(name: string): string {
  return `unknown relational operator "${shorten(name)}". Known are ${[...operators.keys()].join(", ")}.`;
}
