/** `query` and `execute :query` as tests: whether there is a row whose first value is neither 0, empty nor NULL, or a change worked. */

import { executeSignature, isSql } from "../commands/execute.ts";
import { compileSql, sqlSignature } from "../commands/sql.ts";
import type { Context, Given, TestRecord } from "../compile/definition.ts";
import type { Test } from "../compile/script-code.ts";

export const queryTest: TestRecord = { name: "query", ...sqlSignature, compile };

export const executeTest: TestRecord = {
  ...executeSignature,
  compile: (given, context) => (isSql(given, context) ? compile(given, context) : undefined),
};

function compile(given: Given, context: Context): Test | undefined {
  const steps = compileSql(given, context);
  return steps && { waits: true, steps };
}
