/** Tries the SQL of scripts before they run, so that a missing table is reported at start and not by the first client. */

import { TemporaryError } from "../answer/temporary-error.ts";
import { isDefault } from "../expr/ask.ts";
import type { Script, ScriptProblem, ScriptStatement } from "../sieve/script.ts";
import type { Database } from "../store/database.ts";

/** `dataStore`: the store that `''` and `'*'` mean. An unavailable store is skipped. */
export async function checkStatements(
  scripts: Iterable<Script>,
  dataStore: string,
  databaseOf: (store: string) => Database | undefined,
): Promise<readonly ScriptProblem[]> {
  // A script that is included in several appears in each of them.
  const statements = new Map<string, ScriptStatement>();
  for (const script of scripts)
    for (const one of script.statements) statements.set(`${one.script}:${one.line}:${one.column}:${one.sql}`, one);
  const checked = await Promise.all(
    statements.values().map(async (statement): Promise<readonly ScriptProblem[]> => {
      const store = isDefault(statement.store) ? dataStore : statement.store;
      const message = await faultOf(statement.sql, store, databaseOf(store));
      const { script, line, column } = statement;
      return message === undefined ? [] : [{ severity: "error", script, line, column, message }];
    }),
  );
  return checked.flat();
}

async function faultOf(sql: string, store: string, database: Database | undefined): Promise<string | undefined> {
  try {
    const problem = await database?.check(sql);
    switch (problem?.kind) {
      case undefined:
        return undefined;
      case "missing-table":
        return `there is no table "${problem.table}" in the store "${store}". Make it, best by [store.${store}] init = "tables.sql", a file of SQL that is run at every start.`;
      case "wrong":
        return `the store "${store}" does not take this statement: ${problem.message}. Correct it.`;
    }
  } catch (error) {
    if (error instanceof TemporaryError) return undefined;
    throw error;
  }
}
