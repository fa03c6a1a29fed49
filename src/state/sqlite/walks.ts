/** What goes through whole tables, step by step: lists, statistics and expiry. A step takes a few milliseconds. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type Counts, nothingCounted } from "../counts.ts";
import { allowedPasses, type Triplet } from "../decide.ts";
import type { EntryFilter, GreylistEntry, Page } from "../state-store.ts";

const entryColumns = "client, sender, recipient, first_seen AS firstSeen, last_seen AS lastSeen, passed, expires";

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

/** Where more than this part of the rows expired, the others are packed. */
const sparse = 0.3;

export class TableWalks {
  readonly #database: DatabaseSync;
  /** By their text. */
  readonly #statements = new Map<string, StatementSync>();
  /** Where expiry is. */
  #table = 0;
  /** The key up to which it has walked. */
  #cursor: readonly string[] | undefined;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Among the next rows; `reached`: after which to go on, `undefined` at the end. The rows of one client end with the first of another. */
  listFrom({ client = "", sender = "", recipient = "", exactClient, state }: EntryFilter, { after, limit }: Page<Triplet>) {
    const begin = exactClient === undefined ? undefined : [exactClient];
    const { range, bounds, end } = this.#range(greylistTable, after ? [after.client, after.sender, after.recipient] : begin, rowsPerStep);
    const states = [state === "passed" ? 1 : 0, state === "waiting" ? 0 : 1];
    const select = this.#prepare(`
      SELECT ${entryColumns} FROM greylist
      WHERE ${range} AND client = ifnull(?, client) AND instr(client, ?) AND instr(sender, ?) AND instr(recipient, ?)
        AND (passed IS NOT NULL) IN (?, ?)
      ORDER BY client, sender, recipient LIMIT ?`);
    // The statement names these columns.
    const rows = select.all(
      ...bounds,
      exactClient ?? null,
      client,
      sender,
      recipient,
      ...states,
      limit,
    ) as unknown as readonly EntryColumns[];
    const entries = rows.map((row): GreylistEntry => ({ ...row, passed: row.passed ?? undefined }));
    const [last = "", lastSender = "", lastRecipient = ""] = end ?? [];
    const goesOn = end !== undefined && (exactClient === undefined || last === exactClient);
    return { entries, reached: goesOn ? { client: last, sender: lastSender, recipient: lastRecipient } : undefined };
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

  /** The next step of expiry begins a round. */
  get beginsExpiry(): boolean {
    return this.#table === 0 && this.#cursor === undefined;
  }

  /** Looks at the next `limit` rows; true when the round goes on. */
  expire(now: number, limit: number): boolean {
    const table = tables[this.#table] ?? greylistTable;
    const { range, bounds, end } = this.#range(table, this.#cursor, limit);
    const { changes } = this.#prepare(`DELETE FROM ${table.name} WHERE ${range} AND expires < ?`).run(...bounds, now);
    if (Number(changes) > limit * sparse) this.#pack(table.name, range, bounds);
    this.#cursor = end;
    if (end === undefined) this.#table = (this.#table + 1) % tables.length;
    return end !== undefined || this.#table !== 0;
  }

  /** The next `rows` rows after a key, or from a part of one, as a condition; `end`: the key of the last one, `undefined` where there are no more. */
  #range({ name, key: columns }: Table, after: readonly string[] | undefined, rows: number) {
    const key = columns.join(", ");
    const marks = columns.map(() => "?").join(", ");
    const from = `(${key}) ${after?.length === columns.length ? ">" : ">="} (${marks})`;
    const start = columns.map((_, index) => after?.[index] ?? "");
    const last = this.#prepare(`SELECT ${key} FROM ${name} WHERE ${from} ORDER BY ${key} LIMIT 1 OFFSET ?`);
    // Every column of a key is text.
    const row = last.get(...start, rows - 1) as Record<string, string> | undefined;
    const end = row && columns.map((column) => row[column] ?? "");
    return { range: `${from}${end ? ` AND (${key}) <= (${marks})` : ""}`, bounds: [...start, ...(end ?? [])], end };
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

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}
