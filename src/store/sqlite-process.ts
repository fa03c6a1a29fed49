/**
 * The process that runs the statements of one SQLite store, for node:sqlite is synchronous and cannot be interrupted.
 * A thread does not help: it cannot be ended inside SQLite either, and keeps the daemon from exiting.
 */
import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { LRUCache } from "lru-cache";
import type { SqlResult } from "../expr/ask.ts";
import { parametersIn, placeholders, type SqlParameter } from "../expr/sql-text.ts";
import type { Value } from "../expr/value.ts";
import { errorMessage } from "../text/error-message.ts";
import type { Blame } from "./blame.ts";
import { identityOf, OpenFile, ReadFile, stateOf } from "./file-identity.ts";
import { createPrivately } from "./private-file.ts";
import { fromSqlite } from "./sql-value.ts";
import type { SqliteMessage, SqliteOptions, SqliteOutcome, SqliteWork } from "./sqlite-message.ts";
import {
  resultCodeOf,
  SQLITE_AUTH,
  SQLITE_CONSTRAINT,
  SQLITE_ERROR,
  SQLITE_MISMATCH,
  SQLITE_RANGE,
  SQLITE_READONLY,
  SQLITE_TOOBIG,
} from "./sqlite-result-codes.ts";

/** After the last statement a file that is only read is closed, so that the last of its writers can empty and remove its WAL. */
const idleMs = 1000;

interface Prepared {
  readonly statement: StatementSync;
  readonly parameters: readonly SqlParameter[];
}

interface OpenDatabase {
  readonly database: DatabaseSync;
  readonly statements: LRUCache<string, Prepared>;
  /** One that was replaced is opened anew. */
  readonly file: OpenFile;
  readonly identity: string;
}

// The parent writes these.
const options = JSON.parse(process.argv[2] ?? "") as SqliteOptions;
let open: OpenDatabase | undefined;
let idle: NodeJS.Timeout | undefined;
const readFile = options.readOnly ? new ReadFile(options.path, options.walMemory) : undefined;

function opened(): OpenDatabase {
  if (open?.file.isCurrent) return open;
  close();
  if (readFile === undefined) createPrivately(options.path);
  else readFile.requireOwnWal();
  const identity = identityOf(options.path);
  // SQLite takes pages that it has read for those of a file that was copied over this one, if both have had as many transactions.
  const file = new OpenFile(options.path, options.readOnly ? stateOf : identityOf);
  const database = new DatabaseSync(options.path, { readOnly: options.readOnly, timeout: options.busyMs });
  open = { database, statements: new LRUCache({ max: 200 }), file, identity };
  try {
    if (!options.readOnly) database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    return open;
  } catch (error) {
    close();
    throw error;
  }
}

function close(): void {
  open?.database.close();
  // The WAL of a file that is only read is another program's.
  if (!options.readOnly) open?.file.closed();
  open = undefined;
}

function closeIdle(): void {
  try {
    // Without a WAL, SQLite opens a file in WAL mode only where it can make one.
    accessSync(dirname(options.path), constants.W_OK);
  } catch {
    return;
  }
  close();
}

function prepare({ database, statements }: OpenDatabase, sql: string): Prepared {
  const known = statements.get(sql);
  if (known) return known;
  const statement = database.prepare(placeholders(sql, "sqlite"));
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  const prepared = { statement, parameters: parametersIn(sql, "sqlite") };
  statements.set(sql, prepared);
  return prepared;
}

class UnboundParameter extends Error {}

/** SQLite takes NULL for a parameter without a value, and so would answer another question. */
function requireValues(parameters: readonly SqlParameter[], given: number): void {
  const unbound = parameters.find(({ number }) => number === undefined || number > given);
  if (unbound)
    throw new UnboundParameter(`the statement has ${unbound.text}, but ${given === 1 ? "1 value is" : `${given} values are`} given`);
}

function query({ sql, parameters, maxRows, isExact }: Extract<SqliteWork, { readonly kind: "query" }>): SqlResult {
  const { statement, parameters: places } = prepare(opened(), sql);
  requireValues(places, parameters.length);
  // A number would be bound as a float, which `/` and text would show.
  const bound = parameters.map((value) => (Number.isSafeInteger(value) ? BigInt(value) : value));
  if (statement.columns().length === 0) return { kind: "changes", changes: Number(statement.run(...bound).changes) };
  const rows: Value[][] = [];
  for (const row of statement.iterate(...bound)) {
    // setReturnArrays makes rows arrays, which the types do not know.
    rows.push((row as unknown as unknown[]).map((value) => fromSqlite(value, isExact)));
    if (rows.length >= maxRows) break;
  }
  return { kind: "rows", rows };
}

function perform(work: SqliteWork): SqliteOutcome {
  try {
    if (work.kind === "query") return query(work);
    // One that was prepared before may no longer be possible.
    if (work.kind === "check") opened().database.prepare(placeholders(work.sql, "sqlite"));
    else opened().database.exec(work.sql);
    return { kind: "changes", changes: 0 };
  } catch (error) {
    return { kind: "error", message: messageOf(error), blame: blameOf(error) };
  } finally {
    // The next statement must not be part of a transaction that this one began.
    if (open?.database.isTransaction) open.database.exec("ROLLBACK");
    open?.file.used();
  }
}

function messageOf(error: unknown): string {
  return `${options.path}: ${errorMessage(error)}`;
}

function blameOf(error: unknown): Blame {
  if (error instanceof UnboundParameter) return "statement";
  switch (resultCodeOf(error)) {
    case SQLITE_TOOBIG:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
      return "values";
    case SQLITE_ERROR:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
    case SQLITE_RANGE:
      return "statement";
    default:
      return "database";
  }
}

// A signal to the whole group is handled by the parent, which may still have work for this process.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
process.on("disconnect", () => {
  close();
  process.exit(0);
});
process.on("message", (batch: readonly SqliteWork[]) => {
  const outcomes = batch.map(perform);
  if (open !== undefined) readFile?.used(open.identity);
  tell(outcomes);
  if (readFile === undefined || open === undefined) return;
  if (idle === undefined) idle = setTimeout(closeIdle, idleMs);
  else idle.refresh();
});
tell("ready");

/** A parent that is gone hears nothing, and `disconnect` follows. */
function tell(message: SqliteMessage): void {
  process.send?.(message, undefined, undefined, () => {});
}
