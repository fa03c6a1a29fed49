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
