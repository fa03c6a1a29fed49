/** `query` and `execute :query` (vnd.stalwart.execute): a SQL statement with parameters, as command and as test. */

import { type Steps, waitFor } from "../../answer/steps.ts";
import { isDefault } from "../../expr/ask.ts";
import { unknown } from "../../expr/source-function.ts";
import { sqlProblem } from "../../expr/sql-functions.ts";
import { isTrue } from "../../expr/value.ts";
import type { Context, Given, GivenTag, GivenText, Signature, Target } from "../compile/definition.ts";
import { type Run, spend } from "../compile/script-code.ts";
import { costOfAsking, cutValue, tell } from "../compile/script-expressions.ts";
import { variablesInSql } from "../compile/script-functions.ts";

/** `query [:use "store"] [:set ["name", …]] "SQL" ["value", …]` */
export const sqlSignature = {
  capability: "vnd.stalwart.execute",
  tags: [
    { name: "use", takes: "text" },
    { name: "set", takes: "texts" },
  ],
  positions: [
    { name: "SQL statement", type: "text" },
    { name: "list of values", type: "texts", isOptional: true },
  ],
} as const satisfies Omit<Signature, "name">;

/** True: there is a row whose first value is true, or there can be none and it worked. `undefined`: an error was reported. */
export function compileSql(given: Given, context: Context): ((run: Run) => Steps<boolean>) | undefined {
  const store = storeOf(given.tag("use"), context);
  const parameters = given.has(1) ? given.texts(1) : [];
  const sql = statementOf(given.text(0), parameters.length, context);
  const targets = targetsOf(given.tag("set"), context);
  if (store === undefined || sql === undefined || targets === undefined) return undefined;
  context.statement(store, sql, given.text(0).offset);
  const room = context.vocabulary.limits.variableSize;
  return function* (run) {
    spend(run, costOfAsking);
    const values = parameters.map((parameter) => parameter.of(run));
    const result = yield* waitFor(run.surroundings.ask.sqlQuery(store, sql, values));
    const [row = []] = result.kind === "rows" ? result.rows : [];
    for (const [index, set] of targets.entries()) set(run, cutValue(row[index] ?? "", room));
    tell(run, result.kind === "rows" ? (row[0] ?? "") : result.changes);
    return result.kind === "changes" || isTrue(row[0] ?? "");
  };
}

function storeOf(tag: GivenTag | undefined, context: Context): string | undefined {
  const text = tag?.text();
  if (text === undefined) return "";
  const { stores } = context.vocabulary.names;
  if (text.constant === undefined) context.error(text.offset, "the store of :use must be known at load. Write its name.");
  else if (isDefault(text.constant) || stores.has(text.constant)) return text.constant;
  else context.error(text.offset, unknown("store", text.constant, stores));
  return undefined;
}

function statementOf(text: GivenText, given: number, context: Context): string | undefined {
  const problem = text.constant === undefined ? variablesInSql : sqlProblem(text.constant, given);
  if (problem === undefined) return text.constant;
  context.error(text.offset, problem);
  return undefined;
}

function targetsOf(tag: GivenTag | undefined, context: Context): readonly Target[] | undefined {
  const names = tag?.texts() ?? [];
  const targets = names.flatMap((name) => context.target(name) ?? []);
  return targets.length === names.length ? targets : undefined;
}
