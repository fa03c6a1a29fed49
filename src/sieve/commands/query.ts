/**
 * `query` and `execute :query`, which scripts wrote before there was `query`: a SQL statement with parameters (vnd.stalwart.execute).
 * As a test it is true if there is a row whose first value is neither 0, empty nor NULL, or if it can have none and worked.
 */

import { after } from "../../answer/answer.ts";
import { map } from "../../answer/code.ts";
import { isDefault } from "../../expr/ask.ts";
import { unknown } from "../../expr/function.ts";
import { sqlProblem } from "../../expr/sql-functions.ts";
import { isTrue } from "../../expr/value.ts";
import type {
  Arguments,
  CommandRecord,
  ScriptContext,
  Signature,
  TagArgument,
  Target,
  TestRecord,
  TextArgument,
} from "../compile/definition.ts";
import type { CommandCode, TestCode } from "../compile/script-code.ts";
import { costOfAsking, cutValue, setAnswer } from "../compile/script-expressions.ts";
import { variablesInSql } from "../compile/script-functions.ts";
import { spend } from "../run/script-run.ts";

/** `query [:use "store"] [:set ["name", …]] "SQL" ["value", …]` */
const querySignature = {
  name: "query",
  capability: "vnd.stalwart.execute",
  tags: [
    { name: "use", takes: "text" },
    { name: "set", takes: "texts", isAssigned: true },
  ],
  positions: [
    { name: "SQL statement", type: "text" },
    { name: "list of values", type: "texts", isOptional: true },
  ],
} as const satisfies Signature;

const executeSignature = {
  ...querySignature,
  name: "execute",
  tags: [...querySignature.tags, { name: "query", group: "what" }, { name: "binary", group: "what" }],
} as const satisfies Signature;

export const queryTest: TestRecord = { ...querySignature, compile: compileQuery };
export const executeTest: TestRecord = { ...executeSignature, compile: compileExecute };
export const queryRecord: CommandRecord = { ...querySignature, compile: (args, context) => asCommand(compileQuery(args, context)) };
export const executeRecord: CommandRecord = { ...executeSignature, compile: (args, context) => asCommand(compileExecute(args, context)) };

function asCommand(test: TestCode | undefined): CommandCode | undefined {
  return test && map(test, () => "next");
}

function compileExecute(args: Arguments, context: ScriptContext): TestCode | undefined {
  const what = args.inGroup("what");
  if (what?.name === "query") return compileQuery(args, context);
  const problem = what === undefined ? '"execute" does not say what.' : "programs are not run.";
  context.error(what?.offset ?? args.node.offset, `${problem} Write execute :query "SELECT …" for SQL.`);
  return undefined;
}

/** `undefined`: an error was reported. */
function compileQuery(args: Arguments, context: ScriptContext): TestCode | undefined {
  const store = storeOf(args.tag("use"), context);
  const parameters = args.has(1) ? args.texts(1) : [];
  const sql = statementOf(args.text(0), parameters.length, context);
  const targets = targetsOf(args.tag("set"), context);
  if (store === undefined || sql === undefined || targets === undefined) return undefined;
  context.statement(store, sql, args.text(0).offset);
  const room = context.vocabulary.limits.variableSize;
  return {
    waits: true,
    run(run) {
      spend(run, costOfAsking);
      const values = parameters.map((parameter) => parameter.of(run));
      return after(run.surroundings.ask.sqlQuery(store, sql, values), (result) => {
        const [row = []] = result.kind === "rows" ? result.rows : [];
        setAnswer(run, result.kind === "rows" ? (row[0] ?? "") : result.changes);
        for (const [index, set] of targets.entries()) set(run, cutValue(row[index] ?? "", room));
        return result.kind === "changes" || isTrue(row[0] ?? "");
      });
    },
  };
}

function storeOf(tag: TagArgument | undefined, context: ScriptContext): string | undefined {
  const text = tag?.text();
  if (text === undefined) return "";
  const { stores } = context.vocabulary.names;
  if (text.constant === undefined) context.error(text.offset, "the store of :use must be known at load. Write its name.");
  else if (isDefault(text.constant) || stores.has(text.constant)) return text.constant;
  else context.error(text.offset, unknown("store", text.constant, stores));
  return undefined;
}

function statementOf(text: TextArgument, args: number, context: ScriptContext): string | undefined {
  const problem = text.constant === undefined ? variablesInSql : sqlProblem(text.constant, args);
  if (problem === undefined) return text.constant;
  context.error(text.offset, problem);
  return undefined;
}

function targetsOf(tag: TagArgument | undefined, context: ScriptContext): readonly Target[] | undefined {
  const names = tag?.texts() ?? [];
  const targets = names.flatMap((name) => context.target(name) ?? []);
  return targets.length === names.length ? targets : undefined;
}
