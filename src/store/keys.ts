/** Keys and counters of expressions, kept in two tables of any store. Each operation is one statement, so writers need no lock. */

import { TemporaryError } from "../answer/temporary-error.ts";
import type { SqlResult } from "../expr/ask.ts";
import type { Value } from "../expr/value.ts";
import type { Database } from "./database.ts";
import { saturate } from "./sql-value.ts";

export interface StoredKeys {
  keyGet(key: string): Promise<Value | undefined>;
  keySet(key: string, value: Value): Promise<void>;
  /** 0 if there is no such counter. */
  counterGet(name: string): Promise<number>;
  /** The value after the increment; fractions are cut off. */
  counterIncr(name: string, by: number): Promise<number>;
}

const tables = `
  CREATE TABLE IF NOT EXISTS postern_keys (name text PRIMARY KEY, value text NOT NULL);
  CREATE TABLE IF NOT EXISTS postern_counters (name text PRIMARY KEY, value bigint NOT NULL);
`;
const max = Number.MAX_SAFE_INTEGER;

const getKey = "SELECT value FROM postern_keys WHERE name = $1";
const setKey = "INSERT INTO postern_keys (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
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
export function readKeys(database: Database): StoredKeys {
  return keysOf(async (sql, parameters) => {
    try {
      return await database.query(sql, parameters);
    } catch (error) {
      // A store that answers has no tables; one that does not is unavailable.
      await database.query("SELECT 1", []);
      if (error instanceof TemporaryError) return { kind: "rows", rows: [] };
      throw error;
    }
  });
}

export function openKeys(database: Database): StoredKeys {
  let created: Promise<void> | undefined;

  async function query(sql: string, parameters: readonly Value[]): Promise<SqlResult> {
    // A user without the right to create tables may still use those that exist; if there are none, the statement's error says so.
    created ??= database.run(tables).catch(() => {
      created = undefined;
    });
    await created;
    return database.query(sql, parameters);
  }

  return keysOf(query);
}

function keysOf(query: (sql: string, parameters: readonly Value[]) => Promise<SqlResult>): StoredKeys {
  async function first(sql: string, parameters: readonly Value[]): Promise<Value | undefined> {
    const result = await query(sql, parameters);
    return result.kind === "rows" ? result.rows[0]?.[0] : undefined;
  }

  return {
    async keyGet(key) {
      const text = await first(getKey, [key]);
      // keySet wrote it.
      return typeof text === "string" ? (JSON.parse(text) as Value) : undefined;
    },
    async keySet(key, value) {
      await query(setKey, [key, JSON.stringify(value)]);
    },
    async counterGet(name) {
      return Number(await first(getCounter, [name])) || 0;
    },
    async counterIncr(name, by) {
      return Number(await first(incrCounter, [name, saturate(Math.trunc(by))]));
    },
  };
}
