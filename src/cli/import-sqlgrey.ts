/** The tables of sqlgrey, in SQLite, PostgreSQL or MySQL: `connect` holds what waits, `from_awl` and `domain_awl` what has passed. */
import type { SqlResult } from "../expr/ask.ts";
import { toText, type Value } from "../expr/value.ts";
import { exactAddress } from "../stage/greylist-key.ts";
import type { GreylistSettings } from "../stage/stage-settings.ts";
import type { ImportedEntry } from "../state/state-store.ts";
import type { Database } from "../store/database.ts";
import { openStore } from "../store/open-store.ts";
import type { StoreSettings } from "../store/store-settings.ts";
import { alive, importedAddress, importedTriplet, type OnSkipped, pastMs } from "./imported-entry.ts";

/** `now`: milliseconds since the epoch. */
export async function* readSqlgrey(
  store: StoreSettings,
  settings: GreylistSettings,
  now: number,
  onSkipped: OnSkipped,
): AsyncGenerator<ImportedEntry> {
  const database = openStore({ ...store, timeoutMs: readMs }, { readOnly: true, onAvailability: () => {} });
  try {
    yield* entriesIn(database, store.type, settings, now, onSkipped);
  } finally {
    await database.close();
  }
}

/** A table is read whole, and may be large; nobody waits for it but the administrator. */
const readMs = 600_000;

/** Seconds since the epoch of a column. In PostgreSQL and MySQL it is in the time zone of the database; in SQLite sqlgrey writes such seconds itself. */
const epoch = {
  sqlite: (column: string) => `CASE typeof(${column}) WHEN 'text' THEN CAST(strftime('%s', ${column}) AS INTEGER) ELSE ${column} END`,
  postgresql: (column: string) => `CAST(extract(epoch FROM CAST(${column} AS timestamptz)) AS bigint)`,
  mysql: (column: string) => `CAST(unix_timestamp(${column}) AS signed)`,
} as const;

async function* entriesIn(
  database: Database,
  type: StoreSettings["type"],
  settings: GreylistSettings,
  now: number,
  onSkipped: OnSkipped,
): AsyncGenerator<ImportedEntry> {
  const { key, retryWindowMs, lifetimeMs } = settings;
  const [first, last] = [epoch[type]("first_seen"), epoch[type]("last_seen")];
  const waiting = await database.query(`SELECT sender_name, sender_domain, src, rcpt, ${first} FROM connect`, []);
  for (const [name, domain, source = "", rcpt = "", seconds] of rowsOf(waiting)) {
    const attempt = { client: toText(source), sender: senderOf(name, domain), recipient: toText(rcpt) };
    const triplet = importedTriplet(attempt, settings);
    const firstSeen = timeOf(seconds, now);
    const entry = { firstSeen, lastSeen: firstSeen, passed: undefined, expires: firstSeen + retryWindowMs };
    const what = Object.values(attempt).join(" ");
    if (triplet) yield* alive({ kind: "triplet", ...triplet, ...entry }, now, what, onSkipped);
    else onSkipped("without an address or network", what);
  }
  const passes: Passes = new Map();
  const passed = await database.query(`SELECT sender_name, sender_domain, src, ${first}, ${last} FROM from_awl`, []);
  for (const [name, domain, source = "", begun, seconds] of rowsOf(passed)) {
    const [firstSeen, lastSeen] = [timeOf(begun, now), timeOf(seconds, now)];
    const isCounted = count(passes, source, lastSeen);
    // Without the recipient a row is an entry only where the key has none.
    const parts = { client: toText(source), sender: senderOf(name, domain), recipient: "" };
    const triplet = key.has("rcpt") ? undefined : importedTriplet(parts, settings);
    const entry = { firstSeen, lastSeen, passed: firstSeen, expires: lastSeen + lifetimeMs };
    const what = `${parts.client} ${parts.sender}`;
    if (triplet) yield* alive({ kind: "triplet", ...triplet, ...entry }, now, what, onSkipped);
    else if (!isCounted) onSkipped("of a network, without a recipient", what);
  }
  const domains = await database.query(`SELECT src, sender_domain, ${last} FROM domain_awl`, []);
  for (const [source = "", domain = "", seconds] of rowsOf(domains)) {
    if (!count(passes, source, timeOf(seconds, now))) onSkipped("of a network, without a recipient", `${toText(source)} ${toText(domain)}`);
  }
  for (const [address, known] of passes) {
    yield* alive({ kind: "address", address, ...known, expires: known.seen + lifetimeMs }, now, address, onSkipped);
  }
}

/** By exact address. */
type Passes = Map<string, { readonly passes: number; readonly seen: number }>;

/** One pass of the exact address, if the row has one. */
function count(passes: Passes, source: Value, seen: number): boolean {
  const address = importedAddress(toText(source));
  if (address === undefined) return false;
  const key = exactAddress(address);
  const known = passes.get(key) ?? { passes: 0, seen: 0 };
  passes.set(key, { passes: known.passes + 1, seen: Math.max(known.seen, seen) });
  return true;
}

function senderOf(name: Value | undefined, domain: Value | undefined): string {
  const [local, rest] = [toText(name ?? ""), toText(domain ?? "")];
  return local === "-undef-" || local === "" ? "" : `${local}@${rest}`;
}

function timeOf(seconds: Value | undefined, now: number): number {
  return typeof seconds === "number" ? pastMs(seconds, now) : 0;
}

function rowsOf(result: SqlResult): readonly (readonly Value[])[] {
  return result.kind === "rows" ? result.rows : [];
}
