/** The tables of state in PostgreSQL, each with the version of migrations.ts that has made it. */
export const tables = [
  ["postern_greylist", 1],
  ["postern_greylist_address", 1],
  ["postern_throttle", 1],
  ["postern_throttle_token", 1],
  ["postern_correspondent", 3],
] as const;

export type TableName = (typeof tables)[number][0];

export const tableNames: readonly TableName[] = tables.map(([name]) => name);
