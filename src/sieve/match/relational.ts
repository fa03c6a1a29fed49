/** The operators of `:value` and `:count` (RFC 5231 section 4). */
import { shorten } from "../../text/shorten.ts";
import type { ScriptContext, TextArgument } from "../compile/definition.ts";
import { meaningOf } from "../compile/script-text.ts";
import type { ScriptRun } from "../run/script-run.ts";

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

/** `undefined`: an error was reported. */
export function operatorOf(name: TextArgument, context: ScriptContext): ((run: ScriptRun) => Operator) | undefined {
  return meaningOf(name, context, (written) => operators.get(written.toLowerCase()), unknown);
}

function unknown(name: string): string {
  return `unknown relational operator "${shorten(name)}". Known are ${[...operators.keys()].join(", ")}.`;
}
