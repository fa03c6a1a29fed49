/** The statements on the tables of state.sqlite, but for those that walk through ranges of keys. */
import type { DatabaseSync, StatementSync } from "node:sqlite";

/** Into memory, at once. */
export const rowsPerRead = 512;
// A row is put with all of its columns: to replace it takes a third less than ON CONFLICT DO UPDATE.
const statements = {
  begin: "BEGIN IMMEDIATE",
  commit: "COMMIT",
  // NULL where a table has no such row.
  greylistRows: `
    SELECT g.first_seen, g.last_seen, g.passed, g.expires, a.passes, a.seen, a.expires
    FROM (SELECT 1)
      LEFT JOIN greylist AS g ON g.client = ? AND g.sender = ? AND g.recipient = ?
      LEFT JOIN greylist_address AS a ON a.address = ?`,
  triplet: "SELECT first_seen, last_seen, passed, expires FROM greylist WHERE client = ? AND sender = ? AND recipient = ?",
  nextTriplets: `
    SELECT client, sender, recipient, first_seen, last_seen, passed, expires FROM greylist
    WHERE (client, sender, recipient) >= (?, ?, ?) ORDER BY client, sender, recipient LIMIT ${rowsPerRead}`,
  putTriplet:
    "INSERT OR REPLACE INTO greylist (client, sender, recipient, first_seen, last_seen, passed, expires) VALUES (?, ?, ?, ?, ?, ?, ?)",
  forgetTriplet: "DELETE FROM greylist WHERE client = ? AND sender = ? AND recipient = ?",
  address: "SELECT passes, seen, expires FROM greylist_address WHERE address = ?",
  nextAddresses: `
    SELECT address, passes, seen, expires FROM greylist_address WHERE address >= ? ORDER BY address LIMIT ${rowsPerRead}`,
  putAddress: "INSERT OR REPLACE INTO greylist_address (address, passes, seen, expires) VALUES (?, ?, ?, ?)",
  forgetAddress: "DELETE FROM greylist_address WHERE address = ?",
  listAddresses: `
    SELECT address, passes, seen, expires FROM greylist_address WHERE address > ? AND instr(address, ?) ORDER BY address LIMIT ?`,
  throttle: "SELECT period, taken, previous, expires FROM throttle WHERE key = ?",
  putThrottle: "INSERT OR REPLACE INTO throttle (key, period, taken, previous, expires) VALUES (?, ?, ?, ?, ?)",
  listThrottles: "SELECT key, period, taken, previous, expires FROM throttle WHERE key > ? AND key < ? ORDER BY key LIMIT ?",
  forgetThrottle: "DELETE FROM throttle WHERE key = ?",
  token: "SELECT period, expires FROM throttle_token WHERE token = ?",
  putToken: "INSERT OR REPLACE INTO throttle_token (token, period, expires) VALUES (?, ?, ?)",
  forgetToken: "DELETE FROM throttle_token WHERE token = ?",
  correspondent: "SELECT expires FROM correspondent WHERE key = ?",
  putCorrespondent: "INSERT OR REPLACE INTO correspondent (key, expires) VALUES (?, ?)",
  forgetCorrespondent: "DELETE FROM correspondent WHERE key = ?",
  octets: "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size",
  freePages: "PRAGMA freelist_count",
  changes: "SELECT total_changes() AS rows",
} satisfies Record<string, string>;

export type StatementName = keyof typeof statements;

interface RowStatements {
  readonly get: StatementName;
  readonly put: StatementName;
  readonly forget: StatementName;
  /** Columns of the key, and others. */
  readonly keys: number;
  readonly columns: number;
}

/** By the initial that keys of recent rows begin with. */
export const rowStatements = {
  g: { get: "triplet", put: "putTriplet", forget: "forgetTriplet", keys: 3, columns: 4 },
  a: { get: "address", put: "putAddress", forget: "forgetAddress", keys: 1, columns: 3 },
  t: { get: "throttle", put: "putThrottle", forget: "forgetThrottle", keys: 1, columns: 4 },
  k: { get: "token", put: "putToken", forget: "forgetToken", keys: 1, columns: 2 },
  c: { get: "correspondent", put: "putCorrespondent", forget: "forgetCorrespondent", keys: 1, columns: 1 },
} as const satisfies Record<string, RowStatements>;

export type Initial = keyof typeof rowStatements;

export function isInitial(text: string): text is Initial {
  return Object.hasOwn(rowStatements, text);
}

/** The rows from a key on. */
export const nextRows = { g: "nextTriplets", a: "nextAddresses" } as const;

export function prepareAll(database: DatabaseSync): Readonly<Record<StatementName, StatementSync>> {
  const prepared = Object.entries(statements).map(([name, sql]) => [name, database.prepare(sql)]);
  // It has the names of `statements`.
  const all = Object.fromEntries(prepared) as Record<StatementName, StatementSync>;
  // An array costs half of an object with names.
  for (const name of ["greylistRows", ...Object.values(nextRows), ...Object.values(rowStatements).map(({ get }) => get)] as const)
    all[name].setReturnArrays(true);
  return all;
}
