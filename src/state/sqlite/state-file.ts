/** The file state.sqlite, and what is asked of it. Everything is synchronous; the caller begins and commits. */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { CorrespondentQuestion, GreylistAnswer, ThrottleAnswer, ThrottleQuestion } from "../../stage/state.ts";
import { OpenFile } from "../../store/file-identity.ts";
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
  mergedAddress,
  never,
  replacesTriplet,
  type ThrottleRow,
  type ThrottleRows,
  type Triplet,
  type TripletQuestion,
  tokenKey,
} from "../decide.ts";
import { type GreylistColumns, greylistRowsOf } from "../greylist-columns.ts";
import type { AddressEntry, ImportedEntry, Page, ThrottleEntry } from "../state-store.ts";
import type { Columns } from "./columns.ts";
import { KnownRows } from "./known-rows.ts";
import { prepareTables } from "./migrations.ts";
import { columnsOfKey, RecentRows, rowKey } from "./recent-rows.ts";
import { addressColumns, addressOf, throttleOf, tokenOf, tripletColumns, tripletOf } from "./row-columns.ts";
import { type Initial, nextRows, prepareAll, rowStatements, rowsPerRead, type StatementName } from "./statements.ts";
import { TableWalks } from "./walks.ts";

/** What the greylist asks about: all of their rows may be in memory. */
const knownTables: ReadonlySet<string> = new Set(["g", "a"]);
/** A larger file has more of them than are kept in memory, as a rule: to read them all would be in vain. */
const maxKnownOctets = 140_000_000;
const firstRead = { table: "g", from: ["", "", ""] } as const;

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
  readonly walks: TableWalks;
  readonly #database: DatabaseSync;
  readonly #statements: Readonly<Record<StatementName, StatementSync>>;
  readonly #file: OpenFile;
  readonly #recent: RecentRows;
  readonly #known = new KnownRows();
  /** From which key on the tables whose rows are to be known are read. */
  #read: { readonly table: keyof typeof nextRows; readonly from: readonly string[] } = firstRead;
  /** Rows written since it was opened. */
  #changes = 0;
  /** What a round of expiry puts into the tables before anything else. */
  #settledFirst: number | undefined;

  /** Throws what node:sqlite throws, at once when another process holds the file; an Error when the tables are of a newer version. */
  constructor(path: string) {
    this.path = path;
    createPrivately(path);
    // Waiting for locks is left to the caller, which has other work.
    this.#database = new DatabaseSync(path, { timeout: 0 });
    try {
      prepareTables(this.#database);
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
      this.walks = new TableWalks(this.#database);
      this.#file = new OpenFile(path);
      this.#file.used();
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** Throws when there is no file at its path. */
  get isCurrent(): boolean {
    return this.#file.isCurrent;
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
    this.#file.closed();
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

  get octets(): number {
    // The statement names this column.
    return (this.#statements.octets.get() as { readonly bytes: number }).bytes;
  }

  /** False if the known entry stays. */
  importEntry(entry: ImportedEntry, now: number): boolean {
    if (entry.kind === "address") {
      const row = mergedAddress(entry, this.address(entry.address), now);
      if (row === undefined) return false;
      this.#putAddress(entry.address, row);
      return true;
    }
    if (!replacesTriplet(entry, this.triplet(entry), now)) return false;
    this.#putTriplet(entry, entry);
    return true;
  }

  /** Looks at the next `limit` rows; true when the round goes on. */
  expire(now: number, limit: number): boolean {
    this.#known.expire(now);
    if (this.walks.beginsExpiry) {
      this.#settledFirst ??= this.lastRecord;
      if (this.settle(this.#settledFirst, limit)) return true;
      this.#settledFirst = undefined;
    }
    return this.walks.expire(now, limit);
  }

  /** Gives some of the free pages back; true when there are more. Not in a transaction. A file that others have made may not be able to. */
  shrink(): boolean {
    const free = this.#freePages;
    if (free <= reservePages) return false;
    this.#database.exec(`PRAGMA incremental_vacuum(${Math.min(free - reservePages, pagesPerStep)})`);
    return this.#freePages < free;
  }

  get #freePages(): number {
    // The pragma names its column.
    return (this.#statements.freePages.get() as { readonly freelist_count: number }).freelist_count;
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
}

function keyOf(table: Initial, ...columns: readonly string[]): HashedKey {
  return hashedKey(rowKey(table, ...columns));
}

function partsOf({ client, sender, recipient }: Triplet): readonly string[] {
  return [client, sender, recipient];
}
