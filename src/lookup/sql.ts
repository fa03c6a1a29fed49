/** A list that a statement finds keys in: there if a row comes back, whose first column is the value. */
import { TemporaryError } from "../answer/temporary-error.ts";
import type { Lookup } from "../stage/sources.ts";
import type { Database } from "../store/database.ts";
import { canonicalKey } from "./list-key.ts";

/** The parameter is the key in canonical form. */
export function openSqlLookup(name: string, database: Database, query: string): Lookup {
  return {
    waits: true,
    source: database.source,
    async get(key) {
      const result = await database.query(query, [canonicalKey(key)], 1);
      if (result.kind === "rows") return result.rows[0]?.[0];
      throw new TemporaryError(`lookup "${name}": the query returns no rows: it must be a SELECT`);
    },
  };
}
