/**
 * The rows that were written last. They are in memory and, as a journal, in the file: a transaction adds one record to it, however many
 * rows it writes. When they are many, they are put into their tables in the order of their keys, so that a page that takes several of them
 * is written once. That is done in small parts, in the transactions that follow.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type HashedKey, hashedKey } from "../../text/hashed-key.ts";
import { inOrder } from "../../text/lazy-order.ts";
import { BrokenContent } from "./broken-file.ts";
import type { Columns } from "./columns.ts";
import { RowList } from "./row-list.ts";
import { isInitial, rowStatements } from "./statements.ts";

/** `columns` may have the last one several times. */
export type PutRow = (key: string, columns: Columns) => void;

/** Is told of every change to a row. */
export interface RowWatcher {
  set(key: HashedKey, columns: Columns): void;
  /** Other rows may have changed. */
  clear(): void;
}

/**
 * At so many they begin to be put into their tables, and half as many may come meanwhile. The more there are, the more of them share a page
 * of their table, and the more attempts and retries become one row of it. Each takes some 200 octets of memory.
 */
export const maxRecentRows = 65_536;
/** So many are put into their tables for each that is written. */
const ratio = 2;
/** And so many at once, where few are written: else the page that takes one and those beside it would be written for each of them. */
const fewestMoved = 32;
/** One step of putting their keys in order, for so many that are to be moved. */
const movedPerStep = 16;

const recordsPerRead = 1024;

/** `rows` null: those of this record and of the earlier ones, which are gone, are in their tables. The last record always stays. */
export const recentTable = "CREATE TABLE IF NOT EXISTS recent (number INTEGER PRIMARY KEY, rows TEXT) STRICT";

/** `table` is one character. Keys are, but for surrogates, in the order of their columns. */
export function rowKey(table: string, ...columns: readonly string[]): string {
  let key = table;
  for (let index = 0; index < columns.length; index += 1) key += (index === 0 ? "" : "\0") + plain(columns[index] ?? "");
  return key;
}

export function columnsOfKey(key: string): string[] {
  const columns = key.slice(1).split("\0");
  return key.includes("\x01") ? columns.map(asGiven) : columns;
}

function plain(column: string): string {
  if (!column.includes("\0") && !column.includes("\x01")) return column;
  return column.replaceAll("\x01", "\x012").replaceAll("\0", "\x010");
}

function asGiven(plain: string): string {
  return plain.replaceAll("\x010", "\0").replaceAll("\x012", "\x01");
}

/** One that is no number of JSON would make the record unreadable. */
function numberOrNull(column: number | null | undefined): number | null {
  return typeof column === "number" && Number.isFinite(column) ? column : null;
}

/** A key alone: the row was removed. */
type WrittenRow = readonly [key: string, ...columns: (number | null)[]];

/** Throws a `BrokenContent` when this program cannot have written it. */
function writtenRows(record: string): readonly WrittenRow[] {
  const rows = parsed(record);
  if (!Array.isArray(rows) || !rows.every(isWritten)) throw new BrokenContent("a record of recent rows is none that was written here");
  return rows;
}

function parsed(record: string): unknown {
  try {
    return JSON.parse(record);
  } catch {
    return undefined;
  }
}

function isWritten(row: unknown): row is WrittenRow {
  if (!Array.isArray(row)) return false;
  const [key, ...columns]: readonly unknown[] = row;
  if (typeof key !== "string") return false;
  const initial = key.charAt(0);
  if (!isInitial(initial) || columnsOfKey(key).length !== rowStatements[initial].keys) return false;
  const isWhole = columns.every((column) => column === null || Number.isSafeInteger(column));
  return isWhole && (columns.length === 0 || columns.length === rowStatements[initial].columns);
}

/** A row as it was; `undefined`: it was not there. */
type Replaced = { readonly key: HashedKey; readonly columns: Columns } | undefined;

/** Those that are being put into their tables; newer ones may be among the others. */
interface Leaving {
  readonly rows: RowList;
  /** Their numbers in the order of their keys, as far as it is known by now. */
  readonly order: number[];
  readonly rest: Iterator<readonly number[], undefined>;
  /** How many are in their tables. */
  done: number;
  /** The record that they end with. */
  readonly last: number;
}

export class RecentRows {
  readonly #put: PutRow;
  readonly #watcher: RowWatcher;
  readonly #version: StatementSync;
  readonly #read: StatementSync;
  readonly #add: StatementSync;
  readonly #remove: StatementSync;
  readonly #empty: StatementSync;
  #rows = new RowList();
  #leaving: Leaving | undefined;
  /** Of this transaction, as JSON. */
  #record = "";
  /** What the rows of this transaction replace. */
  #replaced: Replaced[] = [];
  /** Rows to be put into their tables in this transaction, at least. */
  #wanted = 0;
  /** In this transaction. */
  #done = 0;
  /** To be put into their tables by now, and not yet there. */
  #owed = 0;
  /** The last record. */
  #last = 0;
  /** All of the records up to this one are in their tables. */
  #settled = 0;
  /** Of the file, which other connections change. */
  #seen: number | undefined;

  /** `put` puts a row into its table. */
  constructor(database: DatabaseSync, put: PutRow, watcher: RowWatcher) {
    this.#put = put;
    this.#watcher = watcher;
    this.#version = database.prepare("PRAGMA data_version");
    this.#read = database.prepare(`SELECT number, rows FROM recent WHERE number > ? ORDER BY number LIMIT ${recordsPerRead}`);
    this.#read.setReturnArrays(true);
    this.#add = database.prepare("INSERT INTO recent (number, rows) VALUES (?, ?)");
    this.#remove = database.prepare("DELETE FROM recent WHERE number < ?");
    this.#empty = database.prepare("UPDATE recent SET rows = NULL WHERE number = ?");
  }

  /** The last record. */
  get last(): number {
    return this.#last;
  }

  /** To be called in each transaction before anything else: takes what other connections have written. */
  refresh(): void {
    // The pragma names its column.
    const { data_version: version } = this.#version.get() as { readonly data_version: number };
    if (version === this.#seen) return;
    // All of them may be many megabytes.
    while (this.#readSome() === recordsPerRead);
    this.#seen = version;
  }

  /** How many records it has read. */
  #readSome(): number {
    // The statement yields these columns, as an array.
    const records = this.#read.all(this.#last) as unknown as readonly (readonly [number: number, rows: string | null])[];
    for (const [number, rows] of records) {
      const written = rows === null ? undefined : writtenRows(rows);
      this.#last = number;
      if (written === undefined) this.#forgetAll();
      else for (const row of written) this.#take(row);
    }
    return records.length;
  }

  #take([text, ...columns]: WrittenRow): void {
    const key = hashedKey(text);
    const row = columns.length === 0 ? null : columns;
    this.#rows.put(key, row);
    this.#watcher.set(key, row);
  }

  /** `undefined`: its table tells. */
  get(key: HashedKey): Columns | undefined {
    const row = this.#rows.find(key);
    if (row >= 0) return this.#rows.columns(row);
    const leaving = this.#leaving?.rows;
    const before = leaving?.find(key) ?? -1;
    return before < 0 ? undefined : leaving?.columns(before);
  }

  put(key: HashedKey, columns: Columns): void {
    this.#watcher.set(key, columns);
    this.#record += this.#record === "" ? "[[" : ",[";
    this.#record += JSON.stringify(key.text);
    // By number: that makes no iterator.
    if (columns !== null) for (let index = 0; index < columns.length; index += 1) this.#record += `,${numberOrNull(columns[index])}`;
    this.#record += "]";
    const before = this.#rows.put(key, columns);
    this.#replaced.push(before === undefined ? undefined : { key, columns: before });
  }

  /** Has `count` rows at least put into their tables by this transaction; false when all of those up to that record are. */
  settle(upTo: number, count: number): boolean {
    if (this.#settled >= upTo) return false;
    this.#wanted = Math.max(this.#wanted, count);
    return true;
  }

  /** To be called last in a transaction: adds the record, and puts rows into their tables. */
  write(): void {
    if (this.#record !== "") this.#add.run(this.#last + 1, `${this.#record}]`);
    const owed = this.#owed + ratio * this.#replaced.length;
    const count = Math.max(this.#wanted, owed < fewestMoved ? 0 : owed);
    if (this.#leaving !== undefined && count > 0) this.#move(this.#leaving, count);
  }

  committed(): void {
    const leaving = this.#leaving;
    if (this.#record !== "") this.#last += 1;
    if (leaving !== undefined) {
      // More are owed only while their order is not known, and then they are not moved all at once.
      this.#owed = Math.min(fewestMoved, Math.max(0, this.#owed + ratio * this.#replaced.length - this.#done));
      leaving.done += this.#done;
      if (leaving.done === leaving.rows.size) {
        this.#settled = leaving.last;
        this.#leaving = undefined;
      }
    }
    if (this.#leaving === undefined && (this.#wanted > 0 || this.#rows.size >= maxRecentRows)) this.#begin();
    this.#end();
  }

  rolledBack(): void {
    // The first one of a key comes last.
    for (const before of this.#replaced.toReversed()) {
      if (before === undefined) this.#rows.removeLast();
      else this.#rows.put(before.key, before.columns);
    }
    if (this.#record !== "") {
      this.#watcher.clear();
      // It will not find these in their tables, or not as they are.
      if (this.#leaving !== undefined) this.#tellOf(this.#leaving.rows);
      this.#tellOf(this.#rows);
    }
    this.#end();
  }

  #tellOf(rows: RowList): void {
    for (let row = 0; row < rows.size; row += 1) this.#watcher.set(rows.key(row), rows.columns(row));
  }

  #end(): void {
    this.#record = "";
    this.#replaced = [];
    this.#wanted = 0;
    this.#done = 0;
  }

  #begin(): void {
    const rows = this.#rows;
    this.#rows = new RowList();
    this.#owed = 0;
    this.#leaving = { rows, order: [], rest: inOrder(rows.keys), done: 0, last: this.#last };
  }

  #move({ rows, order, rest, done, last }: Leaving, count: number): void {
    for (let step = 0; step * movedPerStep < count && order.length < done + count; step += 1) order.push(...(rest.next().value ?? []));
    const part = order.slice(done, done + count);
    for (const row of part) {
      const key = rows.key(row);
      // Another process may have put a newer one into its table.
      if (this.#rows.find(key) < 0) this.#put(key.text, rows.columns(row));
    }
    this.#done = part.length;
    if (done + part.length < rows.size) return;
    this.#remove.run(last);
    this.#empty.run(last);
  }

  #forgetAll(): void {
    this.#watcher.clear();
    this.#rows = new RowList();
    this.#leaving = undefined;
    this.#settled = this.#last;
  }
}
