/**
 * Whether another daemon keeps its state in the same file. Nothing is lost by it, but somebody should know. Each daemon tries to hold a
 * write lock of SQLite on a small file beside it, which ends with the process, however that ends.
 */
import { DatabaseSync } from "node:sqlite";
import { createPrivately } from "../../store/private-file.ts";
import { resultCodeOf, SQLITE_BUSY } from "../../store/sqlite-result-codes.ts";

/** From a try that failed to the next. */
const retryMs = 10_000;

export interface OtherDaemon {
  /** `undefined`: it cannot be told. */
  readonly pid: number | undefined;
}

export interface SoleUse {
  stop(): void;
}

/** `onChange` is called when there is another one, and with `undefined` when that is gone. */
export function watchSoleUse(path: string, onChange: (other: OtherDaemon | undefined) => void): SoleUse {
  let held: DatabaseSync | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isShared = false;
  const attempt = () => {
    const result = tryToHold(`${path}.lock`);
    if (result instanceof DatabaseSync) held = result;
    else timer = setTimeout(attempt, retryMs).unref();
    const other = result instanceof DatabaseSync ? undefined : result;
    if (isShared !== (other !== undefined)) onChange(other);
    isShared = other !== undefined;
  };
  attempt();
  return {
    stop() {
      clearTimeout(timer);
      held?.close();
    },
  };
}

/** `undefined`: the file cannot be used. What keeps state from being written, too, is reported there. */
function tryToHold(path: string): DatabaseSync | OtherDaemon | undefined {
  let database: DatabaseSync | undefined;
  try {
    createPrivately(path);
    database = new DatabaseSync(path, { timeout: 0 });
    hold(database);
    return database;
  } catch (error) {
    const other = database !== undefined && resultCodeOf(error) === SQLITE_BUSY ? { pid: pidIn(database) } : undefined;
    database?.close();
    return other;
  }
}

/** The number is committed, so that others can read it, before the lock is held. Throws SQLITE_BUSY if another process has the lock. */
function hold(database: DatabaseSync): void {
  database.exec(`PRAGMA journal_mode = MEMORY; BEGIN IMMEDIATE; PRAGMA user_version = ${process.pid}; COMMIT; BEGIN IMMEDIATE`);
}

function pidIn(database: DatabaseSync): number | undefined {
  try {
    // The pragma names its column.
    const { user_version: pid } = database.prepare("PRAGMA user_version").get() as { user_version: number };
    return pid === 0 || pid === process.pid ? undefined : pid;
  } catch {
    // It is being written.
    return undefined;
  }
}
