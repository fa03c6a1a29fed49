/** What every store does with a statement, whatever its engine. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TemporaryError, UnusableAnswer } from "../../src/answer/temporary-error.ts";
import type { Engine } from "../../src/expr/sql-text.ts";
import type { Value } from "../../src/expr/value.ts";
import type { Database } from "../../src/store/database.ts";
import { openKeys, readKeys, type StoredKeys } from "../../src/store/keys.ts";

const max = Number.MAX_SAFE_INTEGER;

type Case = [sql: string, parameters: Value[], row: Value[]];

const values: Case[] = [
  ["SELECT name, n FROM t WHERE name = ?", ["one"], ["one", 1]],
  ["SELECT name FROM t WHERE name = $1 OR n = $2 ORDER BY n", ["none", 2], ["two"]],
  ["SELECT name FROM t WHERE n = $1 AND n = $1", [1], ["one"]],
  ["SELECT name FROM t WHERE big > ?", [1], ["two"]],
  ["SELECT big FROM t ORDER BY n", [], [-max]],
  ["SELECT big FROM t ORDER BY n DESC", [], [max]],
  ["SELECT empty, x FROM t WHERE n = 1", [], ["", 0.5]],
  ["SELECT n = 1 FROM t ORDER BY n", [], [1]],
  ["SELECT bytes FROM t WHERE n = 1", [], ["aé"]],
];

/** What the engines write differently. */
const ownValues: Readonly<Record<Engine, readonly Case[]>> = {
  sqlite: [["SELECT 7 / ?", [2], [3]]],
  postgresql: [["SELECT 7 / ?", [2], [3]]],
  mysql: [
    ["SELECT 7 / $1, 7 DIV $1", [2], [3.5, 3]],
    [
      "SELECT CAST('18446744073709551615' AS unsigned), CAST('-2.50' AS decimal(9,2)), 1e300 * 1e5, CAST(0.1 AS float)",
      [],
      [max, -2.5, max, 0.1],
    ],
    ["SELECT TIMESTAMP '2026-02-03 04:05:06', DATE '2026-02-03', TIME '04:05:06'", [], ["2026-02-03 04:05:06", "2026-02-03", "04:05:06"]],
    ["SELECT true, x'61c3a9', NULL, JSON_OBJECT('a', 1)", [], [1, "aé", "", '{"a": 1}']],
    // Not as the number 0, which all text without digits would be.
    ["SELECT count(*) FROM t WHERE name = $1", [0], [0]],
    ["SELECT name FROM t ORDER BY n LIMIT ?", [1], ["one"]],
  ],
};

export interface EngineKind {
  readonly engine: Engine;
  /** The type of a column of bytes. */
  readonly bytes: string;
}

interface OpenDatabase {
  readonly database: Database;
  /** Whether it works, at each change. */
  readonly states: readonly boolean[];
  close(): Promise<void>;
}

/** Opens an empty database. */
export function databaseContract(name: string, { engine, bytes }: EngineKind, open: () => Promise<OpenDatabase>): void {
  const [varchar, text] = engine === "mysql" ? ["varchar(100) COLLATE utf8mb4_bin", "char"] : ["text", "text"];
  const texts: Case[] = [
    [`SELECT CAST(? AS ${text})`, ["it's ? $1 \\ é 🙂"], ["it's ? $1 \\ é 🙂"]],
    [`SELECT CAST(? AS ${text})`, [["a", ["b"]]], ["a\r\nb"]],
    [`SELECT CAST(? AS ${text})`, [{ constant: "mixer" }], ["mixer"]],
  ];
  describe(`store: ${name}`, () => {
    let opened: Awaited<ReturnType<typeof open>>;
    let database: Database;
    beforeAll(async () => {
      opened = await open();
      database = opened.database;
      await database.run(`
        CREATE TABLE t (name ${varchar} PRIMARY KEY, n integer, big bigint, x real, empty text, bytes ${bytes});
        INSERT INTO t (name, n, big, x, empty, bytes) VALUES ('one', 1, -9223372036854775808, 0.5, NULL, ${engine === "mysql" ? "'aé'" : `CAST('aé' AS ${bytes})`});
        INSERT INTO t (name, n, big) VALUES ('two', 2, 9223372036854775807);`);
    });
    afterAll(async () => {
      await database.close();
      await opened.close();
    });

    it.each([...values, ...texts, ...ownValues[engine]])("%s with %j", async (sql, parameters, row) => {
      const result = await database.query(sql, parameters);
      expect(result.kind === "rows" && result.rows[0]).toEqual(row);
    });

    it("gives numbers as texts with all their digits for what goes back to it", async () => {
      const row = ["one", "1", "-9223372036854775808", "0.5", "", "aé"];
      const sql = "SELECT name, n, big, x, empty, bytes FROM t WHERE name = ?";
      for (let time = 0; time < 3; time += 1) expect(await database.query(sql, ["one"], 5, true)).toEqual({ kind: "rows", rows: [row] });
      expect(await database.query(sql, ["one"])).toEqual({ kind: "rows", rows: [["one", 1, -max, 0.5, "", "aé"]] });
    });

    it("distinguishes rows from changes", async () => {
      expect(await database.query("SELECT 1 WHERE 1 = 2", [])).toEqual({ kind: "rows", rows: [] });
      expect(await database.query("UPDATE t SET x = 1 WHERE n < ?", [3])).toEqual({ kind: "changes", changes: 2 });
      const returned = await database.query("INSERT INTO t (name, n) VALUES ('zero', 0) RETURNING name, n", []);
      expect(returned).toEqual({ kind: "rows", rows: [["zero", 0]] });
      expect(await database.query("DELETE FROM t WHERE n = 0", [])).toEqual({ kind: "changes", changes: 1 });
    });

    it("reads no more rows than can be used", async () => {
      const numbers = Array.from({ length: 1000 }, (_, n) => `(${n})`).join();
      await database.run(`CREATE TABLE many (n integer); INSERT INTO many (n) VALUES ${numbers}`);
      expect(await database.query("SELECT n FROM many ORDER BY n", [], 2)).toEqual({ kind: "rows", rows: [[0], [1]] });
      expect(await database.query("SELECT n FROM many WHERE n < ? ORDER BY n", [2], 3)).toEqual({ kind: "rows", rows: [[0], [1]] });
      expect(await database.query("SELECT n FROM many", [])).toMatchObject({ rows: { length: 1000 } });
      // MariaDB goes on when its client has gone, and lets nobody drop the table.
      const atMost = engine === "mysql" ? "SET STATEMENT max_statement_time = 3 FOR " : "";
      const endless = `${atMost}SELECT a.n FROM many AS a CROSS JOIN many AS b CROSS JOIN many AS c CROSS JOIN many AS d WHERE a.n > ?`;
      for (const maxRows of [1, 101, 1]) expect(await database.query(endless, [1], maxRows)).toMatchObject({ rows: { length: maxRows } });
      await expect(database.query("SELECT missing FROM many", [], 1)).rejects.toThrow(TemporaryError);
      // What a statement does, it does whole.
      expect(await database.query("INSERT INTO many (n) VALUES (-1), (-2), (-3) RETURNING n", [], 1)).toEqual({
        kind: "rows",
        rows: [[-1]],
      });
      expect(await database.query("UPDATE many SET n = -4 WHERE n < 0", [], 1)).toEqual({ kind: "changes", changes: 3 });
    });

    it.each<[sql: string, parameters: Value[], isOfValues: boolean]>([
      ["SELEC 1", [], false],
      ["SELECT * FROM missing", [], false],
      ["INSERT INTO t (name) VALUES ('one')", [], true],
      ["SELECT n FROM t WHERE n = ?", [1, 2], false],
      ["SELECT n FROM t WHERE name = ? OR n = ?", ["one"], false],
      ["SELECT n FROM t WHERE name = $1 OR n = $2", ["one"], false],
      ["SELECT n FROM t WHERE name = $2", ["one"], false],
      ["SELECT n FROM t WHERE n = 1 OR name = :name", ["one"], false],
    ])("%s with %j fails, and the next statement does not", async (sql, parameters, isOfValues) => {
      const error = await database.query(sql, parameters).catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(TemporaryError);
      expect(error instanceof UnusableAnswer).toBe(isOfValues);
      expect(await database.query("SELECT n FROM t WHERE name = ?", ["two"])).toEqual({ kind: "rows", rows: [[2]] });
    });

    it.each<[sql: string, problem: object | undefined]>([
      ["SELECT n FROM t WHERE name = ? AND n = ?", undefined],
      ["INSERT INTO t (name, n) VALUES ($1, $2)", undefined],
      ["DELETE FROM t", undefined],
      ["CREATE TABLE u (n integer)", undefined],
      ["SELECT 1 FROM greylist WHERE addr = ?", { kind: "missing-table", table: "greylist" }],
      ["INSERT INTO greylist (addr) VALUES (?)", { kind: "missing-table", table: "greylist" }],
      ["SELECT missing FROM t", { kind: "wrong", message: expect.stringContaining("missing") }],
      ["SELECT FROM WHERE", { kind: "wrong", message: expect.stringMatching(/syntax/) }],
      ["SELEC 1", { kind: "wrong", message: expect.stringContaining("SELEC") }],
    ])("checks %s without doing it", async (sql, problem) => {
      const before = await database.query("SELECT count(*) FROM t", []);
      expect(await database.check(sql)).toEqual(problem);
      expect(await database.check(sql)).toEqual(problem);
      expect(await database.query("SELECT count(*) FROM t", [])).toEqual(before);
    });

    it("creates nothing when it checks", async () => {
      await database.check("CREATE TABLE u (n integer)");
      expect(await database.check("SELECT n FROM u")).toEqual({ kind: "missing-table", table: "u" });
    });

    it("carries out no second statement when it checks one", async () => {
      await database.check("SELECT 1; DELETE FROM t").catch(() => {});
      expect(await database.query("SELECT count(*) > 0 FROM t", [])).toEqual({ kind: "rows", rows: [[1]] });
    });

    it("leaves no transaction open", async () => {
      await database.query("BEGIN", []);
      await database.query("INSERT INTO t (name) VALUES ('three')", []);
      await database.query("ROLLBACK", []).catch(() => {});
      expect(await database.query("SELECT name FROM t WHERE name = 'three'", [])).toMatchObject({ rows: [["three"]] });
    });

    if (engine !== "mysql") keysContract(() => opened);
  });
}

/** Keys and counters, for which MySQL is no place. */
function keysContract(of: () => OpenDatabase): void {
  let database: Database;
  let states: readonly boolean[];
  let keys: StoredKeys;
  let now = 1_000_000;
  beforeAll(() => {
    ({ database, states } = of());
    keys = openKeys(database, () => now);
  });

  it("keeps keys of every type", async () => {
    expect(await keys.keyGet("none")).toBe(undefined);
    const kept: Value[] = ["text", "", 5, 0.25, -max, ["a", 1, ["b"]], { constant: "mixer" }];
    for (const value of kept) {
      await keys.keySet("key", value);
      expect(await keys.keyGet("key")).toEqual(value);
    }
  });

  it("forgets keys that have expired", async () => {
    const rows = async () => await database.query("SELECT name FROM postern_keys WHERE name LIKE 'e%' ORDER BY name", []);
    await keys.keySet("e1", "brief", 2);
    await keys.keySet("e2", "long", 7200);
    await keys.keySet("e3", "for ever");
    now += 1999;
    expect(await keys.keyGet("e1")).toBe("brief");
    now += 1;
    expect(await keys.keyGet("e1")).toBe(undefined);
    expect(await keys.keyGet("e2")).toBe("long");
    await keys.keySet("e1", "again");
    now += 3_600_000;
    expect(await keys.keyGet("e1")).toBe("again");
    await keys.keySet("e1", "brief", 0.5);
    now += 3_600_000;
    await keys.keySet("e4", "drops others", 1);
    expect(await rows()).toEqual({ kind: "rows", rows: [["e3"], ["e4"]] });
  });

  it("forgets keys with an end that a clock set which was ahead, and no others", async () => {
    const right = now;
    now += 30 * 86_400_000;
    await keys.keySet("ahead", "brief", 60);
    await keys.keySet("ahead for ever", "kept");
    expect(await keys.keyGet("ahead")).toBe("brief");
    now = right;
    expect(await keys.keyGet("ahead")).toBe(undefined);
    expect(await keys.keyGet("ahead for ever")).toBe("kept");
    await keys.keySet("ahead", "again", 60);
    now -= 30_000;
    expect(await keys.keyGet("ahead")).toBe("again");
    now = right;
  });

  it("adds the expiry to a table of an earlier version", async () => {
    await database.run("DROP TABLE postern_keys; CREATE TABLE postern_keys (name text PRIMARY KEY, value text NOT NULL)");
    await database.query("INSERT INTO postern_keys (name, value) VALUES ('old', '5')", []);
    const again = openKeys(database, () => now);
    expect(await again.keyGet("old")).toBe(5);
    await again.keySet("new", 1, 1);
    expect(await again.keyGet("new")).toBe(1);
    await openKeys(database, () => now).keySet("new", 2);
    expect(await again.keyGet("new")).toBe(2);
  });

  it.each([
    ["there are none", ""],
    ["they are of an earlier version", "CREATE TABLE postern_keys (name text PRIMARY KEY, value text NOT NULL);"],
    ["one column was added", "CREATE TABLE postern_keys (name text PRIMARY KEY, value text NOT NULL, expires bigint NOT NULL DEFAULT 0);"],
  ])("making its tables is no failure of the store, also where only read: %s", async (_, sql) => {
    await database.run(`DROP TABLE IF EXISTS postern_keys; DROP TABLE IF EXISTS postern_counters; ${sql}`);
    const before = [...states];
    const reading = readKeys(database, () => now);
    const writing = openKeys(database, () => now);
    expect([await reading.keyGet("a"), await reading.counterGet("n")]).toEqual([undefined, 0]);
    expect([await writing.counterIncr("n", 1), await writing.keyGet("a")]).toEqual([1, undefined]);
    await writing.keySet("a", "text", 60);
    expect([await reading.keyGet("a"), await reading.counterGet("n")]).toEqual(["text", 1]);
    expect(states).toEqual(before);
  });

  it("counts, and saturates", async () => {
    expect(await keys.counterGet("none")).toBe(0);
    const counts = await Promise.all(Array.from({ length: 50 }, () => keys.counterIncr("many", 2)));
    expect(counts.toSorted((a, b) => a - b)).toEqual(counts.map((_, index) => 2 * (index + 1)));
    expect(await keys.counterGet("many")).toBe(100);
    expect(await keys.counterIncr("large", max)).toBe(max);
    expect(await keys.counterIncr("large", max)).toBe(max);
    expect(await keys.counterIncr("large", 1e300)).toBe(max);
    expect(await keys.counterIncr("large", -1)).toBe(max - 1);
    await keys.counterIncr("large", -max);
    expect(await keys.counterIncr("large", -max)).toBe(-max);
  });

  it("finds the tables that another made", async () => {
    const again = openKeys(database, () => now);
    await again.keySet("shared", 1);
    expect(await keys.keyGet("shared")).toBe(1);
  });
}
