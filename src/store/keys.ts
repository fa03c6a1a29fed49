/** Keys and counters of expressions, kept in two tables of any store. Each operation is one statement, so writers need no lock. */

import type { SqlResult } from "../expr/ask.ts";
import type { Value } from "../expr/value.ts";
import { skewMs } from "./clock-skew.ts";
import type { Database } from "./database.ts";
import { saturate } from "./sql-value.ts";

export interface StoredKeys {
  keyGet(key: string): Promise<Value | undefined>;
  /** `seconds`: how long it lasts; `undefined`: until it is set again. */
  keySet(key: string, value: Value, seconds?: number): Promise<void>;
  /** 0 if there is no such counter. */
  counterGet(name: string): Promise<number>;
  /** The value after the increment; fractions are cut off. */
  counterIncr(name: string, by: number): Promise<number>;
}

const tables = `
  CREATE TABLE IF NOT EXISTS postern_keys (
    name text PRIMARY KEY, value text NOT NULL, expires bigint NOT NULL DEFAULT 0, set_at bigint NOT NULL DEFAULT 0
  );
  CREATE TABLE IF NOT EXISTS postern_counters (name text PRIMARY KEY, value bigint NOT NULL);
`;
const max = Number.MAX_SAFE_INTEGER;

/** Milliseconds since the epoch; 0 for a key without an end. Tables of earlier versions do not have them. */
const times = ["expires", "set_at"];
const indexExpiry = "CREATE INDEX IF NOT EXISTS postern_keys_expires ON postern_keys (expires)";

/** What was set by a clock that was ahead has ended. */
const getKey = `SELECT value FROM postern_keys WHERE name = $1 AND (expires = 0 OR (expires > $2 AND set_at <= $2 + ${skewMs}))`;
const setKey = `
  INSERT INTO postern_keys (name, value, expires, set_at) VALUES ($1, $2, $3, $4)
  ON CONFLICT (name) DO UPDATE SET value = excluded.value, expires = excluded.expires, set_at = excluded.set_at`;
const dropExpired = "DELETE FROM postern_keys WHERE expires > 0 AND expires <= $1";
/** Between two passes over what has expired, in milliseconds. */
const dropInterval = 60_000;
const getCounter = "SELECT value FROM postern_counters WHERE name = $1";
const incrCounter = `
  INSERT INTO postern_counters AS c (name, value) VALUES ($1, $2)
  ON CONFLICT (name) DO UPDATE SET value = CASE
    WHEN c.value + excluded.value > ${max} THEN ${max}
    WHEN c.value + excluded.value < -${max} THEN -${max}
    ELSE c.value + excluded.value
  END
  RETURNING value`;

/** Read-only: without the tables there are no keys and no counters. */
export function readKeys(database: Database, now: () => number): StoredKeys {
  const possible = new Set<string>();
  return keysOf(async (sql, parameters) => {
    // Until the daemon has made them, or has added the columns: that there are none is no failure of the store.
    if (!possible.has(sql) && (await database.check(sql)) !== undefined) return { kind: "rows", rows: [] };
    possible.add(sql);
    return database.query(sql, parameters);
  }, now);
}

/** `now` is in milliseconds since the epoch. */
export function openKeys(database: Database, now: () => number): StoredKeys {
  let created: Promise<void> | undefined;

  async function query(sql: string, parameters: readonly Value[]): Promise<SqlResult> {
    // A user without the right to create tables may still use those that exist; if there are none, the statement's error says so.
    created ??= createTables(database).catch(() => {
      created = undefined;
    });
    await created;
    return database.query(sql, parameters);
  }

  return keysOf(query, now);
}

async function createTables(database: Database): Promise<void> {
  await database.run(tables);
  for (const column of times) {
    // That it is missing is no failure of the store.
    if ((await database.check(`SELECT ${column} FROM postern_keys`)) === undefined) continue;
    await database.run(`ALTER TABLE postern_keys ADD COLUMN ${column} bigint NOT NULL DEFAULT 0`);
  }
  await database.run(indexExpiry);
}

function keysOf(query: (sql: string, parameters: readonly Value[]) => Promise<SqlResult>, now: () => number): StoredKeys {
  let dropped = Number.NEGATIVE_INFINITY;

  async function first(sql: string, parameters: readonly Value[]): Promise<Value | undefined> {
    const result = await query(sql, parameters);
    return result.kind === "rows" ? result.rows[0]?.[0] : undefined;
  }

  return {
    async keyGet(key) {
      const text = await first(getKey, [key, now()]);
      // keySet wrote it.
      return typeof text === "string" ? (JSON.parse(text) as Value) : undefined;
    },
    async keySet(key, value, seconds) {
      const at = now();
      const expires = seconds === undefined ? 0 : saturate(Math.ceil(at + seconds * 1000));
      await query(setKey, [key, JSON.stringify(value), expires, at]);
      if (expires === 0 || at < dropped + dropInterval) return;
      dropped = at;
      await query(dropExpired, [at]);
    },
    async counterGet(name) {
      return Number(await first(getCounter, [name])) || 0;
    },
    async counterIncr(name, by) {
      return Number(await first(incrCounter, [name, saturate(Math.trunc(by))]));
    },
  };
}
