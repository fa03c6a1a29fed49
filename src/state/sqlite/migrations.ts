/** The tables of state.sqlite, and how those of earlier versions become them. */
import type { DatabaseSync } from "node:sqlite";
import { recentTable } from "./recent-rows.ts";

// No index on `expires`: rows are written far more often than they expire, and each step of expiry walks a range of keys.
/** Step n makes version n, which `PRAGMA user_version` says, of version n - 1. A step that was released keeps its meaning; each may be repeated, and keeps the rows. */
const migrations: readonly string[] = [
  `
  CREATE TABLE IF NOT EXISTS greylist (
    client TEXT NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL,
    first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, passed INTEGER, expires INTEGER NOT NULL,
    PRIMARY KEY (client, sender, recipient)) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS greylist_address (
    address TEXT PRIMARY KEY, passes INTEGER NOT NULL, seen INTEGER NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS throttle (
    key TEXT PRIMARY KEY, period INTEGER NOT NULL, taken INTEGER NOT NULL, previous INTEGER NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS throttle_token (token TEXT PRIMARY KEY, period INTEGER NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
  "CREATE TABLE IF NOT EXISTS correspondent (key TEXT PRIMARY KEY, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID",
  recentTable,
];

/** Each table with the version that has made it, the columns of its key, and the others. */
const tables: readonly (readonly [name: string, since: number, key: string, others: string])[] = [
  ["greylist", 1, "client, sender, recipient", "first_seen, last_seen, passed, expires"],
  ["greylist_address", 1, "address", "passes, seen, expires"],
  ["throttle", 1, "key", "period, taken, previous, expires"],
  ["throttle_token", 1, "token", "period, expires"],
  ["correspondent", 2, "key", "expires"],
  ["recent", 3, "number", "rows"],
];

/** Where the tables are there, no lock is needed. */
export function prepareTables(database: DatabaseSync): void {
  // It must be set before anything is written.
  if (versionOf(database) === 0) database.exec("PRAGMA auto_vacuum = INCREMENTAL");
  database.exec(`
    PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -8192`);
  if (hasAllTables(database)) return;
  database.exec("BEGIN IMMEDIATE");
  // Another process may have made them meanwhile.
  const due = migrations.slice(versionOf(database));
  const copies = copiesWithoutKey(database);
  for (const { name } of copies) database.exec(`ALTER TABLE ${name} RENAME TO ${name}_without_key`);
  for (const migration of due) database.exec(migration);
  for (const { name, columns } of copies)
    database.exec(`
      INSERT OR REPLACE INTO ${name} (${columns}) SELECT ${columns} FROM ${name}_without_key; DROP TABLE ${name}_without_key`);
  database.exec(`PRAGMA user_version = ${migrations.length}`);
  database.exec("COMMIT");
}

/** Throws an Error when they are of a newer version, or not such as this one makes. */
export function hasAllTables(database: DatabaseSync): boolean {
  for (const { name, columns } of copiesWithoutKey(database)) database.prepare(`SELECT ${columns} FROM ${name}`);
  return versionOf(database) === migrations.length;
}

/**
 * 0 when a table of that version is missing, as after a `DROP TABLE`, or has not its key, and from a copy by `.dump`, which has no number: all
 * steps are due then.
 */
function versionOf(database: DatabaseSync): number {
  const { user_version: found } = database.prepare("PRAGMA user_version").get() as { user_version: number }; // The pragma names its column.
  if (found > migrations.length)
    throw new Error(`its tables are of version ${found}, and this program knows ${migrations.length}: a newer Postern wrote it`);
  const keys = readKeys(database);
  return tables.every(([name, since, key]) => since > found || keys.get(name) === key) ? found : 0;
}

/** As `CREATE TABLE AS` makes them: in such a table no row replaces another. */
function copiesWithoutKey(database: DatabaseSync): readonly { readonly name: string; readonly columns: string }[] {
  const keys = readKeys(database);
  return tables
    .filter(([name, , key]) => keys.has(name) && keys.get(name) !== key)
    .map(([name, , key, others]) => ({ name, columns: `${key}, ${others}` }));
}

/** The columns of the primary key of each table that is there; `""`: it has none. */
function readKeys(database: DatabaseSync): ReadonlyMap<string, string> {
  const found = database.prepare(`
    SELECT name, coalesce((SELECT group_concat(c.name, ', ' ORDER BY pk) FROM pragma_table_info(t.name) AS c WHERE pk > 0), '') AS key
    FROM sqlite_schema AS t WHERE type = 'table'`);
  return new Map(found.all().map(({ name, key }) => [String(name), String(key)]));
}
