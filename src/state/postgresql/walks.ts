/** What goes through whole tables, step by step: lists and statistics. A step takes a few milliseconds. */
import type pg from "pg";
import { type Counts, nothingCounted } from "../counts.ts";
import { allowedPasses } from "../decide.ts";
import type { AddressEntry, EntryFilter, GreylistEntry } from "../state-store.ts";
import { clean } from "./statements.ts";
import type { TableName } from "./tables.ts";

/** That one step walks: also where each is read from a place of its own on a disk, it ends before the deadline of a question. */
const rowsPerStep = 250;

type Key = readonly string[];
type Columns = Readonly<Record<string, string | number | boolean | null>>;

/** `reached`: the key after which to go on, `undefined` at the end. */
export interface Step<T> {
  readonly found: T;
  readonly reached: Key | undefined;
}

interface CountedTable {
  readonly name: TableName;
  readonly key: Key;
  readonly counts: Readonly<Partial<Record<keyof Counts, string>>>;
  /** Those that expired count, too. */
  readonly countsExpired?: boolean;
}

/** What the statistics walk through, in this order. */
export const countedTables: readonly CountedTable[] = [
  {
    name: "postern_greylist",
    key: ["client", "sender", "recipient"],
    counts: { waiting: "count(*) - count(passed)", passed: "count(passed)", oldest: "min(first_seen)" },
  },
  {
    name: "postern_greylist_address",
    key: ["address"],
    counts: { addresses: "count(*)", allowedAddresses: `count(*) FILTER (WHERE passes = ${allowedPasses})` },
  },
  { name: "postern_throttle", key: ["key"], counts: { throttles: "count(*)" }, countsExpired: true },
  { name: "postern_throttle_token", key: ["token"], counts: { tokens: "count(*)" }, countsExpired: true },
  { name: "postern_correspondent", key: ["key"], counts: { correspondents: "count(*)" }, countsExpired: true },
];

/** Among the next rows. Those of one client are a range of the key, which ends with the first of another. */
export async function listFrom(
  client: pg.ClientBase,
  { client: part = "", sender = "", recipient = "", exactClient, state }: EntryFilter,
  after: Key | undefined,
): Promise<Step<readonly GreylistEntry[]>> {
  const key = ["client", "sender", "recipient"];
  const only = exactClient === undefined ? null : clean(exactClient);
  const step = nextRows("postern_greylist", key, after ?? (only === null ? undefined : [only]));
  const { rows } = await client.query<Columns & Omit<GreylistEntry, "passed"> & { readonly passed: number | null }>(
    `${step.text}
    SELECT client, sender, recipient, first_seen AS "firstSeen", last_seen AS "lastSeen", passed, expires, fits, "isLast"
    FROM (
      SELECT *, strpos(client, $4) > 0 AND strpos(sender, $5) > 0 AND strpos(recipient, $6) > 0
        AND ($7::boolean IS NULL OR (passed IS NOT NULL) = $7) AND ($8::text IS NULL OR client = $8) AS fits
      FROM step) AS walked
    WHERE fits OR "isLast" ORDER BY client, sender, recipient`,
    [...step.values, ...[part, sender, recipient].map(clean), state === undefined ? null : state === "passed", only],
  );
  const found = rows.filter(({ fits }) => fits).map(({ fits, isLast, ...row }) => ({ ...row, passed: row.passed ?? undefined }));
  const reached = lastKey(rows, key);
  return { found, reached: only === null || reached?.[0] === only ? reached : undefined };
}

/** Among the next rows, too. */
export async function listAddressesFrom(
  client: pg.ClientBase,
  part: string,
  after: Key | undefined,
): Promise<Step<readonly AddressEntry[]>> {
  const step = nextRows("postern_greylist_address", ["address"], after);
  const { rows } = await client.query<Columns & AddressEntry>(
    `${step.text}
    SELECT address, passes, seen, expires, fits, "isLast" FROM (SELECT *, strpos(address, $2) > 0 AS fits FROM step) AS walked
    WHERE fits OR "isLast" ORDER BY address`,
    [...step.values, clean(part)],
  );
  return { found: rows.filter(({ fits }) => fits).map(({ fits, isLast, ...row }) => row), reached: lastKey(rows, ["address"]) };
}

/** Counts the next rows. */
export async function countFrom(
  client: pg.ClientBase,
  { name, key, counts, countsExpired }: CountedTable,
  after: Key | undefined,
  now: number,
): Promise<Step<Counts>> {
  const step = nextRows(name, key, after);
  const counted = Object.entries(counts).map(([count, expression]) => `${expression} AS "${count}"`);
  const { rows } = await client.query<Columns>(
    `${step.text}
    SELECT counted.*, reached.* FROM (SELECT ${counted.join()} FROM step WHERE expires >= $${key.length + 1}) AS counted
      LEFT JOIN (SELECT ${key.join()}, "isLast" FROM step WHERE "isLast") AS reached ON true`,
    [...step.values, countsExpired ? Number.MIN_SAFE_INTEGER : now],
  );
  const [row] = rows;
  const found = { ...nothingCounted, ...Object.fromEntries(Object.keys(counts).map((count) => [count, row?.[count]])) };
  return { found, reached: lastKey(rows, key) };
}

/** On disk. */
export async function octetsOf(client: pg.ClientBase, tables: readonly TableName[]): Promise<number> {
  const { rows } = await client.query<{ readonly octets: number }>(
    "SELECT coalesce(sum(pg_total_relation_size(name::regclass)), 0)::bigint AS octets FROM unnest($1::text[]) AS name",
    [tables],
  );
  return rows[0]?.octets ?? 0;
}

/**
 * The next rows after a key, or from a part of one, as the table `step`; the last one of a full step says so. The order and the limit keep the
 * plan to the index of the key, whatever the statistics say.
 */
function nextRows(table: TableName, key: Key, after: Key | undefined): { readonly text: string; readonly values: Key } {
  const columns = key.join();
  const marks = key.map((_, index) => `$${index + 1}`).join();
  const text = `WITH step AS MATERIALIZED (
    SELECT *, row_number() OVER (ORDER BY ${columns}) = ${rowsPerStep} AS "isLast" FROM (
      SELECT * FROM ${table} WHERE (${columns}) ${after?.length === key.length ? ">" : ">="} (${marks}) ORDER BY ${columns} LIMIT ${rowsPerStep}) AS next)`;
  return { text, values: key.map((_, index) => clean(after?.[index] ?? "")) };
}

function lastKey(rows: readonly Columns[], key: Key): Key | undefined {
  const last = rows.find(({ isLast }) => isLast);
  // Every column of a key is text.
  return last && key.map((column) => String(last[column]));
}
