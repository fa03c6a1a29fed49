/** The tables of state in PostgreSQL, each with the version of migrations.ts that has made it and the columns of its key. */
export const tables = [
  ["postern_greylist", 1, "client, sender, recipient"],
  ["postern_greylist_address", 1, "address"],
  ["postern_throttle", 1, "key"],
  ["postern_throttle_token", 1, "token"],
  ["postern_correspondent", 3, "key"],
] as const;

export type TableName = (typeof tables)[number][0];

export const tableNames: readonly TableName[] = tables.map(([name]) => name);

/** All of them since version 1. */
export const functionNames = ["postern_throttle_row", "postern_throttle_take", "postern_throttle_give_back"] as const;

/** Of each name the table that a statement finds: the first in search_path, which a copy in a later schema does not replace. */
export const foundTables = `
  SELECT DISTINCT ON (relname) c.oid, relname AS name, relowner AS owner, nspname AS schema
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = relnamespace
  WHERE relname LIKE 'postern\\_%' AND relkind IN ('r', 'p') AND nspname = ANY (current_schemas(false))
  ORDER BY relname, array_position(current_schemas(false), nspname)`;

export const foundFunctions = `
  SELECT DISTINCT ON (proname) p.oid, proname AS name, proowner AS owner, nspname AS schema
  FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = pronamespace
  WHERE proname LIKE 'postern\\_%' AND nspname = ANY (current_schemas(false))
  ORDER BY proname, array_position(current_schemas(false), nspname)`;
