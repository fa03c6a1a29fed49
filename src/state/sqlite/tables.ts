/** The tables of state.sqlite, and what is asked of them. Everything is synchronous; the caller begins and commits. */
import { statSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { CorrespondentQuestion, GreylistAnswer, ThrottleAnswer, ThrottleQuestion } from "../../stage/state.ts";
import { createPrivately } from "../../store/private-file.ts";
import { type HashedKey, hashedKey } from "../../text/hashed-key.ts";
import {
  type AddressRow,
  allowedPasses,
  allowedTriplet,
  decideGiveBack,
  decideGreylist,
  decideRemember,
  decideThrottle,
  type GreylistRow,
  type GreylistRows,
  never,
  replacesAddress,
  replacesTriplet,
  type ThrottleRow,
  type ThrottleRows,
  type TokenRow,
  type Triplet,
  type TripletQuestion,
  tokenKey,
} from "../decide.ts";
import { type GreylistColumns, greylistRowsOf } from "../greylist-columns.ts";
import type { AddressEntry, EntryFilter, GreylistEntry, GreylistStats, ImportedEntry, Page, ThrottleEntry } from "../state-store.ts";
import type { Columns } from "./columns.ts";
import { KnownRows } from "./known-rows.ts";
import { columnsOfKey, RecentRows, recentTable, rowKey } from "./recent-rows.ts";
import { type Initial, nextRows, prepareAll, rowStatements, rowsPerRead, type StatementName } from "./statements.ts";

// No index on `expires`: rows are written far more often than they expire, and each step of expiry walks a range of keys.
/** Step n makes version n, which `PRAGMA user_version` says, of version n - 1. A step that was released is never changed. */
const migrations: readonly string[] = [
  `
  CREATE TABLE greylist (
    client TEXT NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL,
    first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, passed INTEGER, expires INTEGER NOT NULL,
    PRIMARY KEY (client, sender, recipient)) STRICT, WITHOUT ROWID;
  CREATE TABLE greylist_address (
    address TEXT PRIMARY KEY, passes INTEGER NOT NULL, seen INTEGER NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE throttle (
    key TEXT PRIMARY KEY, period INTEGER NOT NULL, taken INTEGER NOT NULL, previous INTEGER NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE throttle_token (token TEXT PRIMARY KEY, period INTEGER NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
  "CREATE TABLE correspondent (key TEXT PRIMARY KEY, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID",
  recentTable,
];

const entryColumns = "client, sender, recipient, first_seen AS firstSeen, last_seen AS lastSeen, passed, expires";

/** What the greylist asks about: all of their rows may be in memory. */
const knownTables: ReadonlySet<string> = new Set(["g", "a"]);
/** A larger file has more of them than are kept in memory, as a rule: to read them all would be in vain. */
const maxKnownOctets = 140_000_000;
const firstRead = { table: "g", from: ["", "", ""] } as const;

interface Table {
  readonly name: string;
  readonly key: readonly string[];
  /** For the statistics. */
  readonly counted: string;
  /** Those that expired count, too. */
  readonly countsExpired?: boolean;
}

const greylistTable: Table = {
  name: "greylist",
  key: ["client", "sender", "recipient"],
  counted: "count(*) - count(passed) AS waiting, count(passed) AS passed, min(first_seen) AS oldest",
};

/** What expiry and the statistics walk through, in this order. */
const tables: readonly Table[] = [
  greylistTable,
  {
    name: "greylist_address",
    key: ["address"],
    counted: `count(*) AS addresses, count(*) FILTER (WHERE passes = ${allowedPasses}) AS allowedAddresses`,
  },
  { name: "throttle", key: ["key"], counted: "count(*) AS throttles", countsExpired: true },
  { name: "throttle_token", key: ["token"], counted: "count(*) AS tokens", countsExpired: true },
  { name: "correspondent", key: ["key"], counted: "count(*) AS correspondents", countsExpired: true },
];

/** That one step of a list or of the statistics walks, in a few milliseconds. */
const rowsPerStep = 2048;
interface EntryColumns extends Omit<GreylistEntry, "passed"> {
  readonly passed: number | null;
}

/** Where a walk through all tables goes on. */
export interface Place {
  readonly table: number;
  /** The key after which it does; `undefined`: at the first one. */
  readonly after: readonly string[] | undefined;
}

/** `oldest` null: there is none. */
export type Counts = Omit<GreylistStats, "bytes" | "oldest"> & { readonly oldest: number | null };

export const nothingCounted: Counts = {
  ...{ waiting: 0, passed: 0, addresses: 0, allowedAddresses: 0, throttles: 0, tokens: 0, correspondents: 0 },
  oldest: null,
};

/** Where more than this part of the rows expired, the others are packed. */
const sparse = 0.3;
/** Free pages that stay in the file for the rows to come. */
const reservePages = 256;
/** Free pages given back at once. */
const pagesPerStep = 64;

/** A question of the greylist with the keys of its rows. */
export interface HashedTriplet {
  readonly question: TripletQuestion;
  readonly triplet: HashedKey;
  readonly address: HashedKey;
}

export function withKeys(question: TripletQuestion): HashedTriplet {
  const { client, sender, recipient, autoWhitelist } = question;
  return {
    question,
    triplet: keyOf("g", client, sender, recipient),
    address: keyOf("a", autoWhitelist.address),
  };
}

export class StateFile {
  readonly path: string;
  readonly #database: DatabaseSync;
  readonly #statements: Readonly<Record<StatementName, StatementSync>>;
  /** Those of expiry, by their text. */
  readonly #made = new Map<string, StatementSync>();
  /** Device and inode, so that a file that was replaced is noticed. */
  readonly #file: string;
  readonly #recent: RecentRows;
  readonly #known = new KnownRows();
  /** From which key on the tables whose rows are to be known are read. */
  #read: { readonly table: keyof typeof nextRows; readonly from: readonly string[] } = firstRead;
  /** Rows written since it was opened. */
  #changes = 0;
  #table = 0;
  /** What a round of expiry puts into the tables before anything else. */
  #settledFirst: number | undefined;
  /** The key up to which expiry has walked. */
  #cursor: readonly string[] | undefined;

  /** Throws what node:sqlite throws, at once when another process holds the file; an Error when the tables are of a newer version. */
  constructor(path: string) {
    this.path = path;
    createPrivately(path);
    // Waiting for locks is left to the caller, which has other work.
    this.#database = new DatabaseSync(path, { timeout: 0 });
    try {
      this.#prepareTables();
      this.#statements = prepareAll(this.#database);
      this.#recent = new RecentRows(this.#database, (key, columns) => this.#putIntoTable(key, columns), {
        set: (key, columns) => {
          if (knownTables.has(key.text[0] ?? "")) this.#known.set(key, columns);
        },
        clear: () => {
          this.#known.clear();
          this.#read = firstRead;
        },
      });
      this.#file = fileOf(path);
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  get isCurrent(): boolean {
    return fileOf(this.path) === this.#file;
  }

  begin(): void {
    this.#statements.begin.run();
    this.#recent.refresh();
  }

  /** Takes what other connections have written, outside of transactions. */
  refresh(): void {
    this.#recent.refresh();
  }

  /** The rows that it wrote. */
  commit(): number {
    this.#recent.write();
    this.#statements.commit.run();
    this.#recent.committed();
    // The statement names its column.
    const { rows } = this.#statements.changes.get() as { rows: number };
    const written = rows - this.#changes;
    this.#changes = rows;
    return written;
  }

  rollback(): void {
    if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
    this.#recent.rolledBack();
  }

  close(): void {
    this.#database.close();
  }

  /** What `work` finds in a transaction that writes nothing, and keeps nobody from writing. */
  read<T>(work: (file: StateFile) => T): T {
    this.#database.exec("BEGIN");
    try {
      this.#recent.refresh();
      return work(this);
    } finally {
      if (this.#database.isTransaction) this.#database.exec("COMMIT");
    }
  }

  /** Rows that the greylist asks about are not yet in memory, and may be. */
  get mayLearn(): boolean {
    return !this.#known.isComplete && !this.#known.isFull;
  }

  /** Reads some of them; false when there are no more. */
  learn(): boolean {
    if (!this.mayLearn) return false;
    const { table, from } = this.#read;
    if (this.#read === firstRead && this.octets > maxKnownOctets) {
      this.#known.isFull = true;
      return false;
    }
    const width = from.length;
    // The statement yields the columns of the key, which are texts, before the others, which are numbers.
    const rows = this.#statements[nextRows[table]].all(...from) as unknown as readonly (readonly unknown[])[];
    for (const row of rows) {
      const key = keyOf(table, ...(row.slice(0, width) as readonly string[]));
      if (this.#recent.get(key) === undefined) this.#known.add(key, row.slice(width) as unknown as Columns);
    }
    if (rows.length === rowsPerRead) this.#read = { table, from: rows.at(-1)?.slice(0, width) as readonly string[] };
    else if (table === "g") this.#read = { table: "a", from: [""] };
    else this.#known.isComplete = true;
    return true;
  }

  /** The last record of recent rows. */
  get lastRecord(): number {
    return this.#recent.last;
  }

  /** Puts `count` of the recent rows, or more, into their tables; false when those of all records up to this one are. */
  settle(record: number, count: number): boolean {
    return this.#recent.settle(record, count);
  }

  greylist(asked: HashedTriplet): GreylistAnswer {
    this.#known.asked(asked.question.now);
    const { answer, triplet, address } = decideGreylist(this.#greylistRows(asked), asked.question);
    if (triplet !== undefined) this.#recent.put(asked.triplet, tripletColumns(triplet));
    if (address !== undefined) this.#recent.put(asked.address, addressColumns(address));
    return answer;
  }

  /** The answer, if all that it needs is in memory and nothing is to be written, as is the rule for those who come again. */
  answerFromMemory({ question, triplet, address }: HashedTriplet): GreylistAnswer | undefined {
    this.#known.asked(question.now);
    const known = { address: this.#inMemory(address), triplet: this.#inMemory(triplet) };
    if (known.triplet === undefined || known.address === undefined) return undefined;
    const decision = decideGreylist({ triplet: tripletOf(known.triplet), address: addressOf(known.address) }, question);
    return decision.triplet === undefined && decision.address === undefined ? decision.answer : undefined;
  }

  throttle(question: ThrottleQuestion): ThrottleAnswer {
    const key = tokenKey(question);
    const { answer, row, token } = decideThrottle(this.#throttleRows(question, key), question);
    if (row !== undefined) this.#putThrottle(question.key, row);
    if (token !== undefined && key !== undefined) this.#recent.put(keyOf("k", key), [token.period, token.expires]);
    return answer;
  }

  giveBack(question: ThrottleQuestion): void {
    const key = tokenKey(question);
    const row = decideGiveBack(this.#throttleRows(question, key), question);
    if (row !== undefined) this.#putThrottle(question.key, row);
    if (key !== undefined) this.#recent.put(keyOf("k", key), null);
  }

  remember(question: CorrespondentQuestion): void {
    const expires = decideRemember(this.#correspondent(question.key), question);
    if (expires !== undefined) this.#recent.put(keyOf("c", question.key), [expires]);
  }

  areCorrespondents({ key, now }: CorrespondentQuestion): boolean {
    return (this.#correspondent(key) ?? Number.NEGATIVE_INFINITY) >= now;
  }

  /** Among the next rows; `reached`: after which to go on, `undefined` at the end. */
  listFrom({ client = "", sender = "", recipient = "", state }: EntryFilter, { after, limit }: Page<Triplet>) {
    const { range, bounds, end } = this.#range(greylistTable, after && [after.client, after.sender, after.recipient], rowsPerStep);
    const states = [state === "passed" ? 1 : 0, state === "waiting" ? 0 : 1];
    const select = this.#prepare(`
      SELECT ${entryColumns} FROM greylist
      WHERE ${range} AND instr(client, ?) AND instr(sender, ?) AND instr(recipient, ?) AND (passed IS NOT NULL) IN (?, ?)
      ORDER BY client, sender, recipient LIMIT ?`);
    // The statement names these columns.
    const rows = select.all(...bounds, client, sender, recipient, ...states, limit) as unknown as readonly EntryColumns[];
    const entries = rows.map((row): GreylistEntry => ({ ...row, passed: row.passed ?? undefined }));
    const [last = "", lastSender = "", lastRecipient = ""] = end ?? [];
    return { entries, reached: end && { client: last, sender: lastSender, recipient: lastRecipient } };
  }

  listAddresses(part: string, { after = "", limit }: Page<string>): readonly AddressEntry[] {
    const rows = this.#statements.listAddresses.all(after, part, limit);
    // The statement names these columns.
    return (rows as unknown as AddressEntry[]).map((row) => ({ ...row }));
  }

  triplet(triplet: Triplet): GreylistRow | undefined {
    return tripletOf(this.#row("g", partsOf(triplet)));
  }

  address(address: string): AddressRow | undefined {
    return addressOf(this.#row("a", [address]));
  }

  allow(subject: Triplet | string, now: number): void {
    if (typeof subject === "string") {
      this.#putAddress(subject, { passes: allowedPasses, seen: now, expires: never });
      return;
    }
    this.#putTriplet(subject, allowedTriplet(this.triplet(subject), now));
  }

  forget(subject: Triplet | string): boolean {
    return typeof subject === "string" ? this.#forget("a", [subject]) : this.#forget("g", partsOf(subject));
  }

  listThrottles(prefix: string, { after = prefix, limit }: Page<string>): readonly ThrottleEntry[] {
    const rows = this.#statements.listThrottles.all(after, `${prefix}\u{10ffff}`, limit);
    // The statement names these columns.
    return (rows as unknown as ThrottleEntry[]).map((row) => ({ ...row }));
  }

  resetThrottle(key: string): boolean {
    return this.#forget("t", [key]);
  }

  /** Counts the next rows; `next`: where to go on, `undefined` at the end. */
  countFrom({ table: index, after }: Place, now: number): { readonly counts: Counts; readonly next: Place | undefined } {
    const table = tables[index] ?? greylistTable;
    const { range, bounds, end } = this.#range(table, after, rowsPerStep);
    const select = this.#prepare(`SELECT ${table.counted} FROM ${table.name} WHERE ${range} AND expires >= ?`);
    const row = select.get(...bounds, table.countsExpired ? Number.MIN_SAFE_INTEGER : now);
    const nextTable = index + 1 < tables.length ? { table: index + 1, after: undefined } : undefined;
    return { counts: { ...nothingCounted, ...row }, next: end === undefined ? nextTable : { table: index, after: end } };
  }

  get octets(): number {
    // The statement names this column.
    return (this.#statements.octets.get() as { readonly bytes: number }).bytes;
  }

  /** False if the known entry stays. */
  importEntry(entry: ImportedEntry): boolean {
    if (entry.kind === "address") {
      if (!replacesAddress(entry, this.address(entry.address))) return false;
      this.#putAddress(entry.address, entry);
      return true;
    }
    if (!replacesTriplet(entry, this.triplet(entry))) return false;
    this.#putTriplet(entry, entry);
    return true;
  }

  /** Looks at the next `limit` rows; true when the round goes on. */
  expire(now: number, limit: number): boolean {
    this.#known.expire(now);
    if (this.#table === 0 && this.#cursor === undefined) {
      this.#settledFirst ??= this.lastRecord;
      if (this.settle(this.#settledFirst, limit)) return true;
      this.#settledFirst = undefined;
    }
    const table = tables[this.#table] ?? greylistTable;
    const { range, bounds, end } = this.#range(table, this.#cursor, limit);
    const { changes } = this.#prepare(`DELETE FROM ${table.name} WHERE ${range} AND expires < ?`).run(...bounds, now);
    if (Number(changes) > limit * sparse) this.#pack(table.name, range, bounds);
    this.#cursor = end;
    if (end === undefined) this.#table = (this.#table + 1) % tables.length;
    return end !== undefined || this.#table !== 0;
  }

  /** The next `rows` rows after a key, as a condition; `end`: the key of the last one, `undefined` where there are no more. */
  #range({ name, key: columns }: Table, after: readonly string[] | undefined, rows: number) {
    const key = columns.join(", ");
    const marks = columns.map(() => "?").join(", ");
    const start = after ?? columns.map(() => "");
    const last = this.#prepare(`SELECT ${key} FROM ${name} WHERE (${key}) > (${marks}) ORDER BY ${key} LIMIT 1 OFFSET ?`);
    // Every column of a key is text.
    const row = last.get(...start, rows - 1) as Record<string, string> | undefined;
    const end = row && columns.map((column) => row[column] ?? "");
    return { range: `(${key}) > (${marks})${end ? ` AND (${key}) <= (${marks})` : ""}`, bounds: [...start, ...(end ?? [])], end };
  }

  /** SQLite keeps pages that are half empty; rows that are inserted again in their order fill them. */
  #pack(table: string, range: string, bounds: readonly string[]): void {
    const select = this.#prepare(`SELECT * FROM ${table} WHERE ${range}`);
    const rows = select.all(...bounds).map((row) => Object.values(row));
    if (rows.length === 0) return;
    this.#prepare(`DELETE FROM ${table} WHERE ${range}`).run(...bounds);
    const insert = this.#prepare(`INSERT INTO ${table} VALUES (${rows[0]?.map(() => "?").join(", ")})`);
    for (const row of rows) insert.run(...row);
  }

  /** Gives some of the free pages back; true when there are more. Not in a transaction. */
  shrink(): boolean {
    // The pragma names its column.
    const { freelist_count: free } = this.#statements.freePages.get() as { freelist_count: number };
    if (free <= reservePages) return false;
    this.#database.exec(`PRAGMA incremental_vacuum(${Math.min(free - reservePages, pagesPerStep)})`);
    return true;
  }

  #greylistRows({ question, ...keys }: HashedTriplet): GreylistRows {
    const { client, sender, recipient, autoWhitelist } = question;
    const address = this.#inMemory(keys.address);
    // The last one that is looked up is nearly always the one that is written.
    const triplet = this.#inMemory(keys.triplet);
    if (triplet === undefined && address === undefined) {
      // The statement names these columns, and has one row in any case.
      const columns = this.#statements.greylistRows.get(client, sender, recipient, autoWhitelist.address) as unknown as GreylistColumns;
      return greylistRowsOf(columns);
    }
    return {
      triplet: triplet === undefined ? this.triplet(question) : tripletOf(triplet),
      address: address === undefined ? this.address(autoWhitelist.address) : addressOf(address),
    };
  }

  #putTriplet({ client, sender, recipient }: Triplet, row: GreylistRow): void {
    this.#recent.put(keyOf("g", client, sender, recipient), tripletColumns(row));
  }

  #putAddress(address: string, row: AddressRow): void {
    this.#recent.put(keyOf("a", address), addressColumns(row));
  }

  #putThrottle(key: string, { period, taken, previous, expires }: ThrottleRow): void {
    this.#recent.put(keyOf("t", key), [period, taken, previous, expires]);
  }

  #correspondent(key: string): number | undefined {
    return this.#row("c", [key])?.[0] ?? undefined;
  }

  #throttleRows(question: ThrottleQuestion, token: string | undefined): ThrottleRows {
    return {
      row: throttleOf(this.#row("t", [question.key])),
      token: token === undefined ? undefined : tokenOf(this.#row("k", [token])),
    };
  }

  /** True if it was there. */
  #forget(table: Initial, key: readonly string[]): boolean {
    const isThere = this.#row(table, key) !== null;
    if (isThere) this.#recent.put(keyOf(table, ...key), null);
    return isThere;
  }

  /** `null`: there is none. */
  #row(table: Initial, key: readonly string[]): Columns {
    const recent = this.#recent.get(keyOf(table, ...key));
    if (recent !== undefined) return recent;
    // The statement yields the columns, which are numbers, as an array.
    return (this.#statements[rowStatements[table].get].get(...key) as unknown as Columns | undefined) ?? null;
  }

  /** Of a row that the greylist asks about, which may have expired and been removed; `undefined`: its table tells. */
  #inMemory(key: HashedKey): Columns | undefined {
    const known = this.#known.get(key);
    return known === undefined ? this.#recent.get(key) : known;
  }

  #putIntoTable(key: string, columns: Columns): void {
    // It was made with one.
    const { put, forget, columns: count } = rowStatements[key[0] as Initial];
    if (columns === null) this.#statements[forget].run(...columnsOfKey(key));
    else this.#statements[put].run(...columnsOfKey(key), ...columns.slice(0, count));
  }

  #prepare(sql: string): StatementSync {
    const known = this.#made.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#made.set(sql, statement);
    return statement;
  }

  /** Where the tables are there, no lock is needed. */
  #prepareTables(): void {
    // It must be set before anything is written.
    if (this.#version() === 0) this.#database.exec("PRAGMA auto_vacuum = INCREMENTAL");
    this.#database.exec(`
      PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -8192`);
    if (this.#version() === migrations.length) return;
    this.#database.exec("BEGIN IMMEDIATE");
    // Another process may have made them meanwhile.
    for (const migration of migrations.slice(this.#version())) this.#database.exec(migration);
    this.#database.exec(`PRAGMA user_version = ${migrations.length}`);
    this.#database.exec("COMMIT");
  }

  #version(): number {
    const { user_version: found } = this.#database.prepare("PRAGMA user_version").get() as { user_version: number }; // The pragma names its column.
    if (found > migrations.length)
      throw new Error(`its tables are of version ${found}, and this program knows ${migrations.length}: a newer Postern wrote it`);
    return found;
  }
}

function keyOf(table: Initial, ...columns: readonly string[]): HashedKey {
  return hashedKey(rowKey(table, ...columns));
}

function partsOf({ client, sender, recipient }: Triplet): readonly string[] {
  return [client, sender, recipient];
}

// A row has the columns of its table.

function tripletColumns({ firstSeen, lastSeen, passed, expires }: GreylistRow): Columns {
  return [firstSeen, lastSeen, passed ?? null, expires];
}

function addressColumns({ passes, seen, expires }: AddressRow): Columns {
  return [passes, seen, expires];
}

function tripletOf(columns: Columns): GreylistRow | undefined {
  if (columns === null) return undefined;
  const [firstSeen, lastSeen, passed, expires] = columns as readonly [number, number, number | null, number];
  return { firstSeen, lastSeen, passed: passed ?? undefined, expires };
}

function addressOf(columns: Columns): AddressRow | undefined {
  if (columns === null) return undefined;
  const [passes, seen, expires] = columns as readonly [number, number, number];
  return { passes, seen, expires };
}

function throttleOf(columns: Columns): ThrottleRow | undefined {
  if (columns === null) return undefined;
  const [period, taken, previous, expires] = columns as readonly [number, number, number, number];
  return { period, taken, previous, expires };
}

function tokenOf(columns: Columns): TokenRow | undefined {
  if (columns === null) return undefined;
  const [period, expires] = columns as readonly [number, number];
  return { period, expires };
}

function fileOf(path: string): string {
  const { dev, ino } = statSync(path);
  return `${dev}:${ino}`;
}
