/** The tables of sqlgrey, in SQLite or PostgreSQL: `connect` holds what waits, `from_awl` and `domain_awl` what has passed. */
import type { SqlResult } from "../expr/ask.ts";
import { toText, type Value } from "../expr/value.ts";
import { canonicalIp } from "../mail/ip.ts";
import { exactAddress } from "../stage/greylist-key.ts";
import type { GreylistSettings } from "../stage/stage-settings.ts";
import type { ImportedEntry } from "../state/state-store.ts";
import type { Database } from "../store/database.ts";
import { openStore } from "../store/open-store.ts";
import type { StoreSettings } from "../store/store-settings.ts";
import { importedTriplet } from "./import-postgrey.ts";

/** `now`: milliseconds since the epoch; what would have expired by then, or cannot be used, is skipped. */
export async function* readSqlgrey(
  store: StoreSettings,
  settings: GreylistSettings,
  now: number,
  onSkipped: () => void,
): AsyncGenerator<ImportedEntry> {
  const database = openStore({ ...store, timeoutMs: readMs }, { readOnly: true, onAvailability: () => {} });
  try {
    for await (const entry of entriesIn(database, store.type, settings)) {
      if (entry === undefined || entry.expires < now) onSkipped();
      else yield entry;
    }
  } finally {
    await database.close();
  }
}

/** A table is read whole, and may be large; nobody waits for it but the administrator. */
const readMs = 600_000;

/** Seconds since the epoch of a column. In PostgreSQL it is in the time zone of the database; in SQLite sqlgrey writes such seconds itself. */
const epoch = {
  sqlite: (column: string) => `CASE typeof(${column}) WHEN 'text' THEN CAST(strftime('%s', ${column}) AS INTEGER) ELSE ${column} END`,
  postgresql: (column: string) => `CAST(extract(epoch FROM CAST(${column} AS timestamptz)) AS bigint)`,
} as const;

async function* entriesIn(
  database: Database,
  type: StoreSettings["type"],
  settings: GreylistSettings,
): AsyncGenerator<ImportedEntry | undefined> {
  const { key, retryWindowMs, lifetimeMs } = settings;
  const [first, last] = [epoch[type]("first_seen"), epoch[type]("last_seen")];
  const waiting = await database.query(`SELECT sender_name, sender_domain, src, rcpt, ${first} FROM connect`, []);
  for (const [name, domain, source, recipient, seconds] of rowsOf(waiting)) {
    const triplet = importedTriplet(
      { client: toText(source ?? ""), sender: senderOf(name, domain), recipient: toText(recipient ?? "") },
      settings,
    );
    const firstSeen = msOf(seconds);
    yield triplet && { kind: "triplet", ...triplet, firstSeen, lastSeen: firstSeen, passed: undefined, expires: firstSeen + retryWindowMs };
  }
  const passes: Passes = new Map();
  const passed = await database.query(`SELECT sender_name, sender_domain, src, ${first}, ${last} FROM from_awl`, []);
  for (const [name, domain, source, begun, seconds] of rowsOf(passed)) {
    const [firstSeen, lastSeen] = [msOf(begun), msOf(seconds)];
    const isCounted = count(passes, source, lastSeen);
    // Without the recipient a row is an entry only where the key has none.
    const parts = { client: toText(source ?? ""), sender: senderOf(name, domain), recipient: "" };
    const triplet = key.has("rcpt") ? undefined : importedTriplet(parts, settings);
    if (triplet) yield { kind: "triplet", ...triplet, firstSeen, lastSeen, passed: firstSeen, expires: lastSeen + lifetimeMs };
    else if (!isCounted) yield undefined;
  }
  const domains = await database.query(`SELECT src, ${last} FROM domain_awl`, []);
  for (const [source, seconds] of rowsOf(domains)) if (!count(passes, source, msOf(seconds))) yield undefined;
  for (const [address, known] of passes) yield { kind: "address", address, ...known, expires: known.seen + lifetimeMs };
}

/** By exact address. */
type Passes = Map<string, { readonly passes: number; readonly seen: number }>;

/** One pass of the exact address, if the row has one. */
function count(passes: Passes, source: Value | undefined, seen: number): boolean {
  const address = canonicalIp(toText(source ?? ""));
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

function msOf(seconds: Value | undefined): number {
  return typeof seconds === "number" ? seconds * 1000 : 0;
}

function rowsOf(result: SqlResult): readonly (readonly Value[])[] {
  return result.kind === "rows" ? result.rows : [];
}
