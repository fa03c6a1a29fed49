/** The tables of state in PostgreSQL, by numbered steps that several daemons may take at once. */
import type pg from "pg";
import { foundFunctions, foundTables, functionNames, type TableName, tableNames, tables } from "./tables.ts";

/** Step n makes version n of version n - 1. A step that was released is never changed; each may be repeated, and keeps the rows. */
const migrations: readonly string[] = [
  `
  CREATE TABLE IF NOT EXISTS postern_greylist (
    client     text COLLATE "C" NOT NULL,
    sender     text COLLATE "C" NOT NULL,
    recipient  text COLLATE "C" NOT NULL,
    first_seen bigint NOT NULL,
    last_seen  bigint NOT NULL,
    passed     bigint,
    expires    bigint NOT NULL,
    PRIMARY KEY (client, sender, recipient));
  CREATE INDEX IF NOT EXISTS postern_greylist_expires ON postern_greylist (expires);

  CREATE TABLE IF NOT EXISTS postern_greylist_address (
    address text COLLATE "C" PRIMARY KEY,
    passes  integer NOT NULL,
    seen    bigint NOT NULL,
    expires bigint NOT NULL);
  CREATE INDEX IF NOT EXISTS postern_greylist_address_expires ON postern_greylist_address (expires);

  -- Its rows change all the time, and no index holds what changes within a period.
  CREATE TABLE IF NOT EXISTS postern_throttle (
    key      text COLLATE "C" PRIMARY KEY,
    period   bigint NOT NULL,
    taken    bigint NOT NULL,
    previous bigint NOT NULL,
    expires  bigint NOT NULL) WITH (fillfactor = 50);
  CREATE INDEX IF NOT EXISTS postern_throttle_expires ON postern_throttle (expires);

  CREATE TABLE IF NOT EXISTS postern_throttle_token (
    token   text COLLATE "C" PRIMARY KEY,
    period  bigint NOT NULL,
    expires bigint NOT NULL);
  CREATE INDEX IF NOT EXISTS postern_throttle_token_expires ON postern_throttle_token (expires);

  -- The row of a key, locked and brought to the period of the question. A node whose clock is behind counts in the period of the others.
  CREATE OR REPLACE FUNCTION postern_throttle_row(a_key text, a_now bigint, a_period bigint, a_expires bigint) RETURNS postern_throttle
  LANGUAGE plpgsql AS $$
  DECLARE
    state postern_throttle;
  BEGIN
    LOOP
      SELECT * INTO state FROM postern_throttle AS t WHERE t.key = a_key FOR UPDATE;
      EXIT WHEN FOUND;
      INSERT INTO postern_throttle VALUES (a_key, a_period, 0, 0, a_expires) ON CONFLICT DO NOTHING;
    END LOOP;
    IF state.expires < a_now OR state.period < a_period - 1 THEN
      state.period := a_period; state.taken := 0; state.previous := 0; state.expires := a_expires;
    ELSIF state.period < a_period THEN
      state.previous := state.taken; state.period := a_period; state.taken := 0; state.expires := a_expires;
    END IF;
    RETURN state;
  END $$;

  -- Questions come in the order of their keys, so that two nodes do not wait for each other. The lock of a key guards its tokens.
  CREATE OR REPLACE FUNCTION postern_throttle_take(
    keys text[], nows bigint[], periods bigint[], expiries bigint[], weights float8[], counts bigint[], tokens text[], token_expiries bigint[])
  RETURNS TABLE (allowed boolean, used bigint, repeated boolean) LANGUAGE plpgsql AS $$
  DECLARE
    state postern_throttle;
  BEGIN
    FOR i IN 1 .. cardinality(keys) LOOP
      state := postern_throttle_row(keys[i], nows[i], periods[i], expiries[i]);
      used := state.taken + ceil(state.previous * weights[i]);
      repeated := EXISTS (SELECT FROM postern_throttle_token AS t WHERE t.token = tokens[i] AND t.expires >= nows[i]);
      allowed := repeated;
      IF NOT allowed AND used < counts[i] THEN
        allowed := true;
        used := used + 1;
        UPDATE postern_throttle AS t SET period = state.period, taken = state.taken + 1, previous = state.previous, expires = state.expires
          WHERE t.key = keys[i];
        IF tokens[i] IS NOT NULL THEN
          INSERT INTO postern_throttle_token AS t VALUES (tokens[i], state.period, token_expiries[i])
            ON CONFLICT (token) DO UPDATE SET period = excluded.period, expires = excluded.expires;
        END IF;
      END IF;
      RETURN NEXT;
    END LOOP;
  END $$;

  CREATE OR REPLACE FUNCTION postern_throttle_give_back(keys text[], nows bigint[], periods bigint[], expiries bigint[], tokens text[])
  RETURNS void LANGUAGE plpgsql AS $$
  DECLARE
    state postern_throttle;
    token_period bigint;
  BEGIN
    FOR i IN 1 .. cardinality(keys) LOOP
      state := postern_throttle_row(keys[i], nows[i], periods[i], expiries[i]);
      token_period := state.period;
      IF tokens[i] IS NOT NULL THEN
        token_period := (SELECT t.period FROM postern_throttle_token AS t WHERE t.token = tokens[i] AND t.expires >= nows[i]);
        DELETE FROM postern_throttle_token AS t WHERE t.token = tokens[i];
      END IF;
      IF token_period = state.period THEN
        state.taken := greatest(state.taken - 1, 0);
      ELSIF token_period = state.period - 1 THEN
        state.previous := greatest(state.previous - 1, 0);
      ELSE
        CONTINUE;
      END IF;
      UPDATE postern_throttle AS t SET period = state.period, taken = state.taken, previous = state.previous, expires = state.expires
        WHERE t.key = keys[i];
    END LOOP;
  END $$;
  `,
  `
  -- The row of a key, locked and brought to the period of the question. What counts later than the next period was
  -- counted by a clock that was ahead; a node whose clock is a little behind counts in the period of the others.
  CREATE OR REPLACE FUNCTION postern_throttle_row(a_key text, a_now bigint, a_period bigint, a_expires bigint) RETURNS postern_throttle
  LANGUAGE plpgsql AS $$
  DECLARE
    state postern_throttle;
  BEGIN
    LOOP
      SELECT * INTO state FROM postern_throttle AS t WHERE t.key = a_key FOR UPDATE;
      EXIT WHEN FOUND;
      INSERT INTO postern_throttle VALUES (a_key, a_period, 0, 0, a_expires) ON CONFLICT DO NOTHING;
    END LOOP;
    IF state.expires < a_now OR state.period < a_period - 1 OR state.period > a_period + 1 THEN
      state.period := a_period; state.taken := 0; state.previous := 0; state.expires := a_expires;
    ELSIF state.period < a_period THEN
      state.previous := state.taken; state.period := a_period; state.taken := 0; state.expires := a_expires;
    END IF;
    RETURN state;
  END $$;

  -- Questions come in the order of their keys, so that two nodes do not wait for each other. The lock of a key guards its tokens.
  CREATE OR REPLACE FUNCTION postern_throttle_take(
    keys text[], nows bigint[], periods bigint[], expiries bigint[], weights float8[], counts bigint[], tokens text[], token_expiries bigint[])
  RETURNS TABLE (allowed boolean, used bigint, repeated boolean) LANGUAGE plpgsql AS $$
  DECLARE
    state postern_throttle;
  BEGIN
    FOR i IN 1 .. cardinality(keys) LOOP
      state := postern_throttle_row(keys[i], nows[i], periods[i], expiries[i]);
      used := state.taken + ceil(state.previous * weights[i]);
      repeated := EXISTS (SELECT FROM postern_throttle_token AS t WHERE t.token = tokens[i] AND t.expires >= nows[i] AND t.expires <= 2 * token_expiries[i] - nows[i]);
      allowed := repeated;
      IF NOT allowed AND used < counts[i] THEN
        allowed := true;
        used := used + 1;
        UPDATE postern_throttle AS t SET period = state.period, taken = state.taken + 1, previous = state.previous, expires = state.expires
          WHERE t.key = keys[i];
        IF tokens[i] IS NOT NULL THEN
          INSERT INTO postern_throttle_token AS t VALUES (tokens[i], state.period, token_expiries[i])
            ON CONFLICT (token) DO UPDATE SET period = excluded.period, expires = excluded.expires;
        END IF;
      END IF;
      RETURN NEXT;
    END LOOP;
  END $$;
  `,
  `
  CREATE TABLE IF NOT EXISTS postern_correspondent (
    key     text COLLATE "C" PRIMARY KEY,
    expires bigint NOT NULL);
  CREATE INDEX IF NOT EXISTS postern_correspondent_expires ON postern_correspondent (expires);
  `,
  `
  -- The row of a key, locked and brought to the period of the question. What counts in a later period was counted by
  -- a clock that was ahead, unless that period begins in a moment: a node whose clock is a little behind counts in the period of the others.
  CREATE OR REPLACE FUNCTION postern_throttle_row(a_key text, a_now bigint, a_period bigint, a_expires bigint) RETURNS postern_throttle
  LANGUAGE plpgsql AS $$
  DECLARE
    state postern_throttle;
    period_ms bigint := a_expires / (a_period + 2);
  BEGIN
    LOOP
      SELECT * INTO state FROM postern_throttle AS t WHERE t.key = a_key FOR UPDATE;
      EXIT WHEN FOUND;
      INSERT INTO postern_throttle VALUES (a_key, a_period, 0, 0, a_expires) ON CONFLICT DO NOTHING;
    END LOOP;
    IF state.expires < a_now OR state.period < a_period - 1 OR state.period > least(a_period + 1, (a_now + 60000) / period_ms) THEN
      state.period := a_period; state.taken := 0; state.previous := 0; state.expires := a_expires;
    ELSIF state.period < a_period THEN
      state.previous := state.taken; state.period := a_period; state.taken := 0; state.expires := a_expires;
    END IF;
    RETURN state;
  END $$;
  `,
  `
  -- What is there of a key, locked and brought to the period of the question; without a row, which has no key then, nothing was taken.
  CREATE OR REPLACE FUNCTION postern_throttle_row(a_key text, a_now bigint, a_period bigint, a_expires bigint) RETURNS postern_throttle
  LANGUAGE plpgsql AS $$
  DECLARE
    state postern_throttle;
    period_ms bigint := a_expires / (a_period + 2);
  BEGIN
    SELECT * INTO state FROM postern_throttle AS t WHERE t.key = a_key FOR UPDATE;
    IF NOT FOUND OR state.expires < a_now OR state.period < a_period - 1
      OR state.period > least(a_period + 1, (a_now + 60000) / period_ms) THEN
      state.period := a_period; state.taken := 0; state.previous := 0; state.expires := a_expires;
    ELSIF state.period < a_period THEN
      state.previous := state.taken; state.period := a_period; state.taken := 0; state.expires := a_expires;
    END IF;
    RETURN state;
  END $$;

  -- Questions come in the order of their keys, so that two nodes do not wait for each other. The lock of a key guards its tokens. Only what
  -- is taken makes a row: when another was faster to make it, the question looks again.
  CREATE OR REPLACE FUNCTION postern_throttle_take(
    keys text[], nows bigint[], periods bigint[], expiries bigint[], weights float8[], counts bigint[], tokens text[], token_expiries bigint[])
  RETURNS TABLE (allowed boolean, used bigint, repeated boolean) LANGUAGE plpgsql AS $$
  DECLARE
    state postern_throttle;
  BEGIN
    FOR i IN 1 .. cardinality(keys) LOOP
      LOOP
        state := postern_throttle_row(keys[i], nows[i], periods[i], expiries[i]);
        used := state.taken + ceil(state.previous * weights[i]);
        repeated := EXISTS (SELECT FROM postern_throttle_token AS t WHERE t.token = tokens[i] AND t.expires >= nows[i] AND t.expires <= 2 * token_expiries[i] - nows[i]);
        allowed := repeated OR used < counts[i];
        EXIT WHEN repeated OR NOT allowed;
        used := used + 1;
        IF state.key IS NULL THEN
          INSERT INTO postern_throttle VALUES (keys[i], state.period, 1, 0, state.expires) ON CONFLICT DO NOTHING;
          CONTINUE WHEN NOT FOUND;
        ELSE
          UPDATE postern_throttle AS t SET period = state.period, taken = state.taken + 1, previous = state.previous, expires = state.expires
            WHERE t.key = keys[i];
        END IF;
        IF tokens[i] IS NOT NULL THEN
          INSERT INTO postern_throttle_token AS t VALUES (tokens[i], state.period, token_expiries[i])
            ON CONFLICT (token) DO UPDATE SET period = excluded.period, expires = excluded.expires;
        END IF;
        EXIT;
      END LOOP;
      RETURN NEXT;
    END LOOP;
  END $$;

  CREATE OR REPLACE FUNCTION postern_throttle_give_back(keys text[], nows bigint[], periods bigint[], expiries bigint[], tokens text[])
  RETURNS void LANGUAGE plpgsql AS $$
  DECLARE
    state postern_throttle;
    token_period bigint;
  BEGIN
    FOR i IN 1 .. cardinality(keys) LOOP
      state := postern_throttle_row(keys[i], nows[i], periods[i], expiries[i]);
      token_period := state.period;
      IF tokens[i] IS NOT NULL THEN
        token_period := (SELECT t.period FROM postern_throttle_token AS t WHERE t.token = tokens[i] AND t.expires >= nows[i]);
        DELETE FROM postern_throttle_token AS t WHERE t.token = tokens[i];
      END IF;
      IF token_period = state.period AND state.taken > 0 THEN
        state.taken := state.taken - 1;
      ELSIF token_period = state.period - 1 AND state.previous > 0 THEN
        state.previous := state.previous - 1;
      ELSE
        CONTINUE;
      END IF;
      UPDATE postern_throttle AS t SET period = state.period, taken = state.taken, previous = state.previous, expires = state.expires
        WHERE t.key = keys[i];
    END LOOP;
  END $$;
  `,
];

/** Locked while the tables are made: any number that nobody else takes. */
const lock = 0x706f7374;

/** Throws an Error when the database has not all characters: an address with one that it lacks would fail all that is written with it. */
export async function mustHaveUnicode(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ readonly server_encoding: string }>("SHOW server_encoding");
  const { server_encoding: encoding = "" } = rows[0] ?? {};
  // SQL_ASCII takes whatever octets come.
  if (encoding === "UTF8" || encoding === "SQL_ASCII") return;
  throw new Error(`its encoding is ${encoding}, which lacks characters that addresses have. Create a database with ENCODING 'UTF8'`);
}

/** Throws an Error when the tables are a newer program's, or not such as this one makes. */
export async function migrate(client: pg.ClientBase): Promise<void> {
  if (await hasAll(client)) return;
  await client.query("BEGIN");
  try {
    await client.query(`SELECT pg_advisory_xact_lock(${lock})`);
    // Another daemon may have done it meanwhile.
    const there = await readFound(client);
    if (!isUpToDate(there)) {
      for (const migration of migrations.slice(wholeVersion(there))) await client.query(migration);
      // The steps may have made one before a table in a later schema.
      const made = await readTables(client);
      for (const [name, , key] of tables)
        if (made.get(name)?.isKeyed === false) await client.query(`ALTER TABLE ${name} ADD PRIMARY KEY (${key})`);
      // What is published FOR ALL TABLES must have a key to be deleted by.
      await client.query(`
        CREATE TABLE IF NOT EXISTS postern_state_version (version integer PRIMARY KEY);
        DELETE FROM postern_state_version;
        INSERT INTO postern_state_version VALUES (${migrations.length})`);
    }
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  }
}

/** Nothing is to be made. Throws as `migrate`. */
export async function hasAll(client: pg.ClientBase): Promise<boolean> {
  return isUpToDate(await readFound(client));
}

/** None before any daemon has made them, fewer where an older program did. Throws as `migrate`. */
export async function tablesThere(client: pg.ClientBase): Promise<readonly TableName[]> {
  const there = await readFound(client);
  return isUpToDate(there) ? tableNames : tableNames.filter((name) => there.tables.has(name));
}

/** What there is of all that the steps make. */
interface Found {
  /** That the tables say. */
  readonly version: number;
  readonly tables: ReadonlyMap<string, FoundTable>;
  readonly functions: ReadonlySet<string>;
}

interface FoundTable {
  /** Rows can be replaced by the columns of tables.ts: a copy by `CREATE TABLE AS` has no key. */
  readonly isKeyed: boolean;
  /** The columns of the primary key; null: there is none. */
  readonly primaryKey: string | null;
}

async function readFound(client: pg.ClientBase): Promise<Found> {
  const found = await readTables(client);
  const { rows } = await client.query<{ readonly name: string }>(foundFunctions);
  const functions = new Set(rows.map(({ name }) => name));
  if (!found.has("postern_state_version")) return { version: 0, tables: found, functions };
  const versions = await client.query<{ version: number }>("SELECT version FROM postern_state_version");
  return { version: Number(versions.rows[0]?.version ?? 0), tables: found, functions };
}

/** Not by to_regclass, whose cache may say in the same transaction what was so before the lock. */
async function readTables(client: pg.ClientBase): Promise<ReadonlyMap<string, FoundTable>> {
  // Of the indexes that ON CONFLICT takes.
  const { rows } = await client.query<{ readonly name: string; readonly keys: string | null; readonly primaryKey: string | null }>(`
    SELECT t.name, string_agg(k.key, ';') AS keys, max(k.key) FILTER (WHERE k.is_primary) AS "primaryKey"
    FROM (${foundTables}) AS t LEFT JOIN LATERAL (
      SELECT indisprimary AS is_primary, (
        SELECT string_agg(attname, ', ' ORDER BY array_position(indkey::int2[], attnum))
        FROM pg_catalog.pg_attribute WHERE attrelid = indrelid AND attnum = ANY (indkey)) AS key
      FROM pg_catalog.pg_index
      WHERE indrelid = t.oid AND indisunique AND indisvalid AND indimmediate AND indpred IS NULL AND indexprs IS NULL) AS k ON true
    GROUP BY t.name`);
  const keyOf = new Map<string, string>(tables.map(([name, , key]) => [name, sortedColumns(key)]));
  return new Map(
    rows.map(({ name, keys, primaryKey }) => {
      const isKeyed = keys?.split(";").some((key) => sortedColumns(key) === keyOf.get(name)) ?? false;
      return [name, { isKeyed, primaryKey }];
    }),
  );
}

function sortedColumns(key: string): string {
  return key.split(", ").toSorted().join();
}

/** 0 when anything is missing of what that version has made, as after a `DROP TABLE` or from a copy of the tables alone: all steps are due then. */
function wholeVersion({ version, tables: there, functions }: Found): number {
  const isWhole =
    tables.every(([name, since]) => since > version || there.get(name)?.isKeyed === true) &&
    functionNames.every((name) => functions.has(name));
  return isWhole ? version : 0;
}

function isUpToDate(there: Found): boolean {
  // What else a newer program has, this one does not know.
  if (there.version > migrations.length) {
    throw new Error(`its tables are of version ${there.version}, and this program knows ${migrations.length}: a newer Postern made them`);
  }
  for (const [name, , key] of tables) {
    const { isKeyed = true, primaryKey = null } = there.tables.get(name) ?? {};
    if (isKeyed || primaryKey === null) continue;
    throw new Error(`its table ${name} has the primary key (${primaryKey}), and needs (${key}). Change that, or rename or drop the table`);
  }
  return wholeVersion(there) === migrations.length;
}
