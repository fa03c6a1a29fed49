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

/** Each table with the version that has made it. */
const tables: readonly (readonly [name: string, since: number])[] = [
  ["greylist", 1],
  ["greylist_address", 1],
  ["throttle", 1],
  ["throttle_token", 1],
  ["correspondent", 2],
  ["recent", 3],
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
  for (const migration of migrations.slice(versionOf(database))) database.exec(migration);
  database.exec(`PRAGMA user_version = ${migrations.length}`);
  database.exec("COMMIT");
}

/** Throws an Error when they are of a newer version. */
export function hasAllTables(database: DatabaseSync): boolean {
  return versionOf(database) === migrations.length;
}

/** 0 when a table of that version is missing, as after a `DROP TABLE`, and from a copy by `.dump`, which has no number: all steps are due then. */
function versionOf(database: DatabaseSync): number {
  const { user_version: found } = database.prepare("PRAGMA user_version").get() as { user_version: number }; // The pragma names its column.
  if (found > migrations.length)
    throw new Error(`its tables are of version ${found}, and this program knows ${migrations.length}: a newer Postern wrote it`);
  const there = new Set(
    database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
      .all()
      .map(({ name }) => name),
  );
  return tables.every(([name, since]) => since > found || there.has(name)) ? found : 0;
}
