/** Whether a daemon could keep its state in this file, found without writing to it. SQLite may leave an empty WAL and its -shm beside it. */
import { DatabaseSync } from "node:sqlite";
import { isMissing, isRefused, tryWriting } from "../../store/private-file.ts";
import { hasAllTables } from "./migrations.ts";
import { prepareAll } from "./statements.ts";

/** Throws what node:sqlite throws, or an Error when the tables are of a newer version. */
export function trySqlite(path: string): string {
  try {
    tryWriting(path);
  } catch (error) {
    if (isRefused(error)) return `not tried: this user may not write ${path}, as that of the daemon may`;
    throw error;
  }
  if (isMissing(path)) return `the daemon will create ${path}`;
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    if (!hasAllTables(database)) return `the daemon will create its tables in ${path}`;
    prepareAll(database);
    return `its tables are in ${path}`;
  } finally {
    database.close();
  }
}
