/** Tries the SQL of rules and scripts before they run, so that a missing table is reported at start and not by the first client. */

import { TemporaryError } from "../answer/temporary-error.ts";
import type { PlacedStatement } from "../config/check/names.ts";
import type { Problem } from "../config/check/report.ts";
import { isDefault } from "../expr/ask.ts";
import type { Database } from "../store/database.ts";

/** `dataStore`: the store that `''` and `'*'` mean. An unavailable store is skipped. */
export async function checkStatements(
  statements: readonly PlacedStatement[],
  dataStore: string,
  databaseOf: (store: string) => Database | undefined,
): Promise<readonly Problem[]> {
  const checked = await Promise.all(
    statements.map(async ({ store: written, sql, isOfRule, problem }): Promise<readonly Problem[]> => {
      const store = isDefault(written) ? dataStore : written;
      const fault = await faultOf(sql, store, databaseOf(store));
      if (fault === undefined) return [];
      return [{ ...problem(fault.message), severity: fault.isForNow && isOfRule ? "warning" : "error" }];
    }),
  );
  return checked.flat();
}

interface Fault {
  readonly message: string;
  /** It may work later. */
  readonly isForNow: boolean;
}

async function faultOf(sql: string, store: string, database: Database | undefined): Promise<Fault | undefined> {
  try {
    const problem = await database?.check(sql);
    switch (problem?.kind) {
      case undefined:
        return undefined;
      case "missing-table":
        return {
          message: `there is no table "${problem.table}" in the store "${store}". Make it, best by [store.${store}] init = "tables.sql", a file of SQL that is run at every start.`,
          isForNow: true,
        };
      case "wrong":
        return { message: `the store "${store}" does not take this statement: ${problem.message}. Correct it.`, isForNow: false };
    }
  } catch (error) {
    if (error instanceof TemporaryError) return undefined;
    throw error;
  }
}
