/** `sql_query`: one statement with parameters, and what its result becomes. */

import { type Answer, after } from "../answer/answer.ts";
import { type Ask, isDefault, type Names, type SqlResult } from "./ask.ts";
import { type AskFunction, type Counts, type Inspection, type Literals, unknown } from "./function.ts";
import { countPlaceholders } from "./sql-text.ts";
import { isArray, toText, type Value } from "./value.ts";

export const sqlQuery: AskFunction = {
  name: "sql_query",
  arities: [3],
  inspect: inspectSql,
  ask: (ask, parameters) => after(askSql(ask, parameters), shape),
};

/** What came from a client must not become SQL, so the statement is a literal. */
export function inspectSql([name, sql]: Literals, { stores }: Names, [, , given]: Counts): Inspection {
  if (name !== undefined && !isDefault(name) && !stores.has(name)) return { problem: unknown("store", name, stores), parameter: 0 };
  const problem = sql === undefined ? computedSql : sqlProblem(sql, given);
  if (problem !== undefined) return { problem, parameter: 1 };
  return { waits: true, ...(name !== undefined && sql !== undefined && { statement: { store: name, sql, parameter: 1 } }) };
}

const computedSql = "the SQL statement must be one text in quotes. Write ? where a value goes, and the values in the list.";

/** What is wrong with a literal statement; `given` is the number of its parameters, if that is known. */
export function sqlProblem(sql: string, given: number | undefined): string | undefined {
  if (sql.trim() === "") return "the SQL statement is empty.";
  const wanted = countPlaceholders(sql);
  if (wanted === undefined || given === undefined || wanted === given) return undefined;
  const placeholders = wanted === 1 ? "1 placeholder" : `${wanted} placeholders`;
  const values = given === 1 ? "1 value is" : `${given} values are`;
  return `the SQL statement has ${placeholders}, but ${values} given. Give one value for each ? or $n.`;
}

export function askSql(ask: Ask, [store = "", sql = "", bound = ""]: readonly Value[]): Answer<SqlResult> {
  return ask.sqlQuery(toText(store), toText(sql), isArray(bound) ? bound : [bound]);
}

/** No row is `''`, one column of one row its value, one row an array, more rows an array of arrays. */
export function shape(result: SqlResult): Value {
  if (result.kind === "changes") return result.changes;
  const [row, ...more] = result.rows;
  if (row === undefined) return "";
  if (more.length > 0) return result.rows;
  const [column, ...others] = row;
  return column !== undefined && others.length === 0 ? column : row;
}
