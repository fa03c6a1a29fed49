/** What `postern greylist`, `postern throttle` and expiry ask of PostgreSQL. */
import type pg from "pg";
import { type AddressRow, allowedPasses, type GreylistRow, never, type Triplet } from "../decide.ts";
import type { ImportedEntry, Page, ThrottleEntry } from "../state-store.ts";
import { ask } from "./prepared.ts";
import { clean, order } from "./statements.ts";
import { tableNames } from "./tables.ts";

const importedAtOnce = 500;

type Nullable<T> = { readonly [Key in keyof T]: undefined extends T[Key] ? Exclude<T[Key], undefined> | null : T[Key] };

const rowColumns = `first_seen AS "firstSeen", last_seen AS "lastSeen", passed, expires`;

export async function triplet(client: pg.ClientBase, key: Triplet): Promise<GreylistRow | undefined> {
  const { rows } = await client.query<Nullable<GreylistRow>>(
    `SELECT ${rowColumns} FROM postern_greylist WHERE client = $1 AND sender = $2 AND recipient = $3`,
    keyOf(key),
  );
  return rows[0] && { ...rows[0], passed: rows[0].passed ?? undefined };
}

export async function address(client: pg.ClientBase, key: string): Promise<AddressRow | undefined> {
  const { rows } = await client.query<AddressRow>("SELECT passes, seen, expires FROM postern_greylist_address WHERE address = $1", [
    clean(key),
  ]);
  return rows[0];
}

/** As `allowedTriplet`. */
export async function allow(client: pg.ClientBase, subject: Triplet | string, now: number): Promise<void> {
  if (typeof subject === "string") {
    await client.query(
      `INSERT INTO postern_greylist_address (address, passes, seen, expires) VALUES ($1, ${allowedPasses}, $2, ${never})
      ON CONFLICT (address) DO UPDATE SET passes = excluded.passes, seen = excluded.seen, expires = excluded.expires`,
      [clean(subject), now],
    );
    return;
  }
  await client.query(
    `INSERT INTO postern_greylist AS g (client, sender, recipient, first_seen, last_seen, passed, expires)
    VALUES ($1, $2, $3, $4, $4, $4, ${never})
    ON CONFLICT (client, sender, recipient) DO UPDATE SET
      first_seen = CASE WHEN g.expires < excluded.last_seen THEN excluded.first_seen ELSE least(g.first_seen, excluded.first_seen) END,
      last_seen = excluded.last_seen,
      passed = CASE WHEN g.expires < excluded.last_seen THEN excluded.passed ELSE least(g.passed, excluded.passed) END,
      expires = excluded.expires`,
    [...keyOf(subject), now],
  );
}

export async function forget(client: pg.ClientBase, subject: Triplet | string): Promise<boolean> {
  const { rowCount } =
    typeof subject === "string"
      ? await client.query("DELETE FROM postern_greylist_address WHERE address = $1", [clean(subject)])
      : await client.query("DELETE FROM postern_greylist WHERE client = $1 AND sender = $2 AND recipient = $3", keyOf(subject));
  return (rowCount ?? 0) > 0;
}

export async function listThrottles(
  client: pg.ClientBase,
  prefix: string,
  { after = prefix, limit }: Page<string>,
): Promise<readonly ThrottleEntry[]> {
  const { rows } = await client.query<ThrottleEntry>(
    "SELECT key, period, taken, previous, expires FROM postern_throttle WHERE key > $1 AND key < $2 ORDER BY key LIMIT $3",
    [clean(after), clean(`${prefix}\u{10ffff}`), limit],
  );
  return rows;
}

/** Rows are locked in the order in which questions lock them. */
export async function resetThrottles(client: pg.ClientBase, keys: readonly string[]): Promise<number> {
  const { rowCount } = await client.query(
    `DELETE FROM postern_throttle USING (SELECT key FROM postern_throttle WHERE key = ANY ($1) ORDER BY key FOR UPDATE) AS locked
    WHERE postern_throttle.key = locked.key`,
    [keys.map(clean)],
  );
  return rowCount ?? 0;
}

/** Parts of `entries` that name no key twice, as one statement needs. */
export async function* chunks(entries: Iterable<ImportedEntry> | AsyncIterable<ImportedEntry>): AsyncIterable<readonly ImportedEntry[]> {
  let some = new Map<string, ImportedEntry>();
  for await (const entry of entries) {
    const key = entry.kind === "address" ? clean(entry.address) : keyOf(entry).join("\0");
    if (some.has(key) || some.size >= importedAtOnce) {
      yield [...some.values()];
      some = new Map();
    }
    some.set(key, entry);
  }
  if (some.size > 0) yield [...some.values()];
}

/** As `replacesTriplet` and `mergedAddress`. */
export async function importSome(client: pg.ClientBase, entries: readonly ImportedEntry[], now: number): Promise<number> {
  const triplets = entries.filter((entry) => entry.kind === "triplet").toSorted((a, b) => order(keyOf(a).join("\0"), keyOf(b).join("\0")));
  const addresses = entries.filter((entry) => entry.kind === "address").toSorted((a, b) => order(clean(a.address), clean(b.address)));
  const written = await client.query(
    `INSERT INTO postern_greylist AS g (client, sender, recipient, first_seen, last_seen, passed, expires)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
    ON CONFLICT (client, sender, recipient) DO UPDATE SET
      first_seen = excluded.first_seen, last_seen = excluded.last_seen, passed = excluded.passed, expires = excluded.expires
    WHERE g.expires < $8 OR (g.passed IS NULL AND excluded.passed IS NOT NULL)`,
    [
      triplets.map((entry) => clean(entry.client)),
      triplets.map((entry) => clean(entry.sender)),
      triplets.map((entry) => clean(entry.recipient)),
      triplets.map(({ firstSeen }) => firstSeen),
      triplets.map(({ lastSeen }) => lastSeen),
      triplets.map(({ passed }) => passed),
      triplets.map(({ expires }) => expires),
      now,
    ],
  );
  const whitelisted = await client.query(
    `INSERT INTO postern_greylist_address AS w (address, passes, seen, expires)
    SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[])
    ON CONFLICT (address) DO UPDATE SET
      passes = CASE WHEN w.expires < $5 THEN excluded.passes ELSE greatest(w.passes, excluded.passes) END,
      seen = CASE WHEN w.expires < $5 THEN excluded.seen ELSE greatest(w.seen, excluded.seen) END,
      expires = CASE WHEN w.expires < $5 THEN excluded.expires ELSE greatest(w.expires, excluded.expires) END
    WHERE w.expires < $5 OR w.passes < excluded.passes OR w.seen < excluded.seen OR w.expires < excluded.expires`,
    [
      addresses.map((entry) => clean(entry.address)),
      addresses.map(({ passes }) => passes),
      addresses.map(({ seen }) => seen),
      addresses.map(({ expires }) => expires),
      now,
    ],
  );
  return (written.rowCount ?? 0) + (whitelisted.rowCount ?? 0);
}

/** How far the clock here is ahead of that of the server. */
export async function clockApartMs(client: pg.ClientBase, now: () => number): Promise<number> {
  const { rows } = await client.query<{ there: number }>("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS there");
  return now() - (rows[0]?.there ?? now());
}

/** Of the rows of a step: to remove one costs more than to look at one, and each node removes. */
const removedPart = 0.2;

/**
 * Removes some rows of each table; true when there are more. Rows that another statement holds wait for the next round.
 * `from` belongs to the round: where each table is reached, for what was removed stays in the index until it is vacuumed.
 */
export async function expire(client: pg.ClientBase, now: number, limit: number, from: Map<string, number>): Promise<boolean> {
  const removed = Math.ceil(limit * removedPart);
  let goesOn = false;
  for (const table of tableNames) {
    // Compared a second time, since rows of two partitions may have one ctid.
    const { rows } = await ask<[expires: number]>(client, {
      name: `postern_state_expire_${table}`,
      text: `DELETE FROM ${table} WHERE expires < $1 AND ctid = ANY (ARRAY(
        SELECT ctid FROM ${table} WHERE expires >= $3 AND expires < $1 ORDER BY expires LIMIT $2 FOR UPDATE SKIP LOCKED))
        RETURNING expires`,
      values: [now, removed, from.get(table) ?? 0],
    });
    from.set(table, Math.max(from.get(table) ?? 0, ...rows.map(([expires]) => expires)));
    goesOn ||= rows.length >= removed;
  }
  if (!goesOn) from.clear();
  return goesOn;
}

function keyOf({ client, sender, recipient }: Triplet): string[] {
  return [clean(client), clean(sender), clean(recipient)];
}
