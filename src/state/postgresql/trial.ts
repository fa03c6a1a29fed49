/** Whether a daemon could keep its state in this database, found without writing to it. */
import type pg from "pg";
import { PostgresqlPool } from "../../store/postgresql-pool.ts";
import type { PostgresqlSettings } from "../../store/store-settings.ts";
import { hasAll, mustHaveUnicode } from "./migrations.ts";
import { foundFunctions, foundTables, functionNames, tableNames } from "./tables.ts";

/** Throws an Error when it could not. */
export async function tryPostgresql(settings: PostgresqlSettings): Promise<string> {
  const pool = new PostgresqlPool({ ...settings, pool: 1 }, {});
  try {
    return await pool.use(settings.timeoutMs, tryWith);
  } finally {
    await pool.close();
  }
}

async function tryWith(client: pg.ClientBase): Promise<string> {
  await mustHaveUnicode(client);
  const { rows } = await client.query<Place>(`
    SELECT current_setting('transaction_read_only') AS "readOnly", current_user AS role, current_schema() AS schema,
      has_schema_privilege(current_schema(), 'CREATE') AS "mayCreate"`);
  const [place] = rows;
  if (place === undefined) throw new Error("it does not say who asks");
  const { readOnly, role, schema, mayCreate } = place;
  if (readOnly === "on") throw new Error("nothing can be written there: the server is a standby, or default_transaction_read_only is on");
  if (await hasAll(client)) {
    const refused = await listWithout(client, "has_table_privilege(t.oid, needed)", "has_function_privilege(f.oid, 'EXECUTE')");
    if (refused.length === 0) return "its tables are there";
    throw new Error(
      `the role "${role}" lacks rights on ${refused.join(", ")}. GRANT it SELECT, INSERT, UPDATE and DELETE on the tables, and EXECUTE on the functions`,
    );
  }
  if (schema === null) throw new Error(`the role "${role}" may use no schema of its search_path. GRANT it USAGE and CREATE on one`);
  if (!mayCreate)
    throw new Error(`the role "${role}" may not create tables in the schema "${schema}". GRANT it CREATE on that, or make it the owner`);
  // What is in a later schema stays as it is.
  const mayChange = (alias: string) => `(${alias}.schema <> current_schema() OR pg_has_role(${alias}.owner, 'USAGE'))`;
  const foreign = await listWithout(client, mayChange("t"), mayChange("f"));
  if (foreign.length === 0) return "the daemon will create its tables";
  throw new Error(
    `something is missing beside ${foreign.join(", ")}, which only their owner can change. Let the role "${role}" be their owner, or drop them`,
  );
}

interface Place {
  readonly readOnly: string;
  readonly role: string;
  /** Null where there is none that may be used. */
  readonly schema: string | null;
  /** 1 or 0. */
  readonly mayCreate: number | null;
}

/** Tables `t` and functions `f` of which that does not hold, for a table with each `needed` right. */
async function listWithout(client: pg.ClientBase, ofTable: string, ofFunction: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ readonly name: string }>({
    text: `
      SELECT DISTINCT t.name FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS needed, (${foundTables}) AS t
        WHERE t.name = ANY ($1) AND NOT ${ofTable}
      UNION SELECT f.name FROM (${foundFunctions}) AS f WHERE f.name = ANY ($2) AND NOT ${ofFunction}
      ORDER BY name`,
    values: [tableNames, functionNames],
  });
  return rows.map(({ name }) => name);
}
