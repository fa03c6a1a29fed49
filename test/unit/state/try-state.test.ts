/** What `check --connect` says of a state store is what a daemon finds there. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openState } from "../../../src/state/open-state.ts";
import { tryState } from "../../../src/state/try-state.ts";
import type { PostgresqlSettings, StateSettings } from "../../../src/store/store-settings.ts";
import { TestPostgres } from "../../support/postgres.ts";
import { greylistQuestion, throttleQuestion } from "../../support/state-question.ts";
import { postgresqlSettings, sqliteSettings } from "../../support/stores.ts";

/** Why a daemon cannot keep state there; "": it can. */
async function daemon(settings: StateSettings): Promise<string> {
  const state = openState(settings, { onAvailability: () => {} });
  try {
    await state.greylist(greylistQuestion());
    await state.throttle(throttleQuestion());
    return "";
  } catch (error) {
    return String(error);
  } finally {
    await state.close();
  }
}

const tried = (settings: StateSettings) => tryState(settings).catch(String);

describe("state in PostgreSQL, tried", () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await TestPostgres.create();
    await sql("CREATE ROLE plain LOGIN");
    await sql("CREATE DATABASE western ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
  });
  afterAll(() => postgres.remove());
  beforeEach(() =>
    sql(`
      DROP SCHEMA IF EXISTS public, first, later CASCADE; CREATE SCHEMA public; CREATE SCHEMA first; CREATE SCHEMA later;
      GRANT USAGE ON SCHEMA public, later TO plain; GRANT USAGE, CREATE ON SCHEMA first TO plain`),
  );

  async function sql(text: string): Promise<void> {
    const client = new pg.Client({ host: "127.0.0.1", port: postgres.port, user: "postgres", database: "postgres" });
    await client.connect();
    await client.query(text).finally(() => client.end());
  }

  const made = async () => expect(await daemon(postgresqlSettings(postgres.port))).toBe("");
  const all = "ON ALL TABLES IN SCHEMA public TO plain";
  const plain = { user: "plain" };
  const within = (...schemas: readonly string[]) => ({ options: `-c search_path=${schemas.join()}` });
  const later = "later.postern_greylist";
  const keyless = "ALTER TABLE postern_greylist DROP CONSTRAINT postern_greylist_pkey";

  it.each<[what: string, prepare: readonly string[], changes: Partial<PostgresqlSettings>, said: RegExp, works: boolean]>([
    ["an empty database", [], {}, /^the daemon will create its tables$/, true],
    ["a role that may create them", ["GRANT CREATE ON SCHEMA public TO plain"], plain, /^the daemon will create its tables$/, true],
    ["a role that may not", [], plain, /"plain" may not create tables in the schema "public"\. GRANT it CREATE/, false],
    ["a role that may use no schema", ["REVOKE USAGE ON SCHEMA public FROM plain"], plain, /"plain" may use no schema/, false],
    ["a database that has not all characters", [], { database: "western" }, /its encoding is LATIN1/, false],
    ["a server that only reads", [], { options: "-c default_transaction_read_only=on" }, /nothing can be written there/, false],
    ["a role that is not there", [], { user: "nobody-here" }, /role "nobody-here" does not exist/, false],
    ["tables", ["made"], {}, /^its tables are there$/, true],
    [
      "tables of another role with all rights",
      ["made", `GRANT SELECT, INSERT, UPDATE, DELETE ${all}`],
      plain,
      /^its tables are there$/,
      true,
    ],
    [
      "tables that may only be read",
      ["made", `GRANT SELECT ${all}`],
      plain,
      /lacks rights on postern_correspondent, postern_greylist, postern_greylist_address, postern_throttle, postern_throttle_token\. GRANT it/,
      false,
    ],
    [
      "functions that may not be called",
      ["made", `GRANT SELECT, INSERT, UPDATE, DELETE ${all}`, "REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM public"],
      plain,
      /lacks rights on postern_throttle_give_back, postern_throttle_row, postern_throttle_take\. GRANT it/,
      false,
    ],
    ["tables without their functions", ["made", "DROP FUNCTION postern_throttle_take"], {}, /^the daemon will create its tables$/, true],
    [
      "the same of another role",
      [
        "made",
        `GRANT SELECT, INSERT, UPDATE, DELETE ${all}`,
        "GRANT CREATE ON SCHEMA public TO plain",
        "DROP FUNCTION postern_throttle_take",
      ],
      plain,
      /something is missing beside postern_correspondent, .*, which only their owner can change/,
      false,
    ],
    [
      "tables, and a copy of one in a later schema",
      ["made", `CREATE TABLE ${later} AS TABLE postern_greylist`],
      within("public", "later"),
      /^its tables are there$/,
      true,
    ],
    [
      "tables, and a copy of another role's in a later schema",
      ["made", `CREATE TABLE ${later} AS TABLE postern_greylist`, `GRANT SELECT, INSERT, UPDATE, DELETE ${all}`],
      { ...plain, ...within("public", "later") },
      /^its tables are there$/,
      true,
    ],
    [
      "a copy of one in an earlier schema",
      ["made", "CREATE TABLE first.postern_greylist AS TABLE postern_greylist"],
      within("first", "public"),
      /^the daemon will create its tables$/,
      true,
    ],
    [
      "one that is missing, and a copy of it in a later schema",
      ["made", `CREATE TABLE ${later} AS TABLE postern_greylist; DROP TABLE postern_greylist`],
      within("public", "later"),
      /^the daemon will create its tables$/,
      true,
    ],
    [
      "tables of another role in a later schema, without their functions",
      ["made", `GRANT SELECT, INSERT, UPDATE, DELETE ${all}`, "DROP FUNCTION postern_throttle_take"],
      { ...plain, ...within("first", "public") },
      /^the daemon will create its tables$/,
      true,
    ],
    ["a table without its key", ["made", keyless], {}, /^the daemon will create its tables$/, true],
    ...["(client, sender, recipient, expires)", "(sender, recipient)", "(client, sender, recipient) WHERE passed IS NULL"].map(
      (columns): [string, string[], object, RegExp, boolean] => [
        `a table with another key, ${columns}`,
        ["made", `${keyless}; CREATE UNIQUE INDEX ON postern_greylist ${columns}`],
        {},
        /^the daemon will create its tables$/,
        true,
      ],
    ),
    [
      "a table with an index in place of its key",
      ["made", `${keyless}; CREATE UNIQUE INDEX ON postern_greylist (recipient, sender, client)`],
      {},
      /^its tables are there$/,
      true,
    ],
    [
      "a table with another primary key",
      ["made", `${keyless}; ALTER TABLE postern_greylist ADD PRIMARY KEY (recipient, client)`],
      {},
      /its table postern_greylist has the primary key \(recipient, client\), and needs \(client, sender, recipient\)\. Change/,
      false,
    ],
    ["tables of a newer version", ["made", "UPDATE postern_state_version SET version = 99"], {}, /a newer Postern made them/, false],
  ])("%s", async (_, prepare, changes, said, works) => {
    for (const each of prepare) await (each === "made" ? made() : sql(each));
    const settings = postgresqlSettings(postgres.port, changes);
    expect(await tried(settings)).toMatch(said);
    // Trying has changed nothing.
    expect(await tried(settings)).toMatch(said);
    expect((await daemon(settings)) === "").toBe(works);
  });
});

describe("state in SQLite, tried", () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "postern-trial-"));
    path = join(folder, "state.sqlite");
    return () => rmSync(folder, { recursive: true });
  });

  const change = (text: string) => {
    const database = new DatabaseSync(path);
    database.exec(text);
    database.close();
  };

  const sizeOf = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  const copied = (table: string) => `CREATE TABLE copy AS SELECT * FROM ${table}; DROP TABLE ${table}; ALTER TABLE copy RENAME TO ${table}`;

  it.each([
    ["greylist", ["c", "s", "r", 1, 2, null, 9e15], ["c", "s", "r", 1, 2, 3, 9e15]],
    ["greylist_address", ["a", 1, 1, 9e15], ["a", 2, 1, 9e15]],
    ["throttle", ["k", 1, 1, 0, 9e15], ["k", 1, 2, 0, 9e15]],
    ["throttle_token", ["t", 1, 9e15], ["t", 2, 9e15]],
    ["correspondent", ["k", 8e15], ["k", 9e15]],
    ["recent", [1_000_000, "[]"], [1_000_000, "[ ]"]],
  ] as const)("a copy of %s without its key is made whole, with the row that came last", async (table, first, last) => {
    const read = (text: string, ...values: readonly (string | number | null)[]) => {
      const database = new DatabaseSync(path);
      const rows = database.prepare(text).all(...values);
      database.close();
      return rows.map((row) => Object.values(row));
    };
    const key = () => read("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", table);
    expect(await daemon(sqliteSettings(path))).toBe("");
    const whole = key();
    change(copied(table));
    expect(key()).toEqual([]);
    for (const row of [first, last]) read(`INSERT INTO ${table} VALUES (${row.map(() => "?").join()})`, ...row);
    expect(await daemon(sqliteSettings(path))).toBe("");
    expect(key()).toEqual(whole);
    const rows = read(`SELECT * FROM ${table}`);
    expect(rows).toContainEqual(last);
    expect(rows).not.toContainEqual(first);
    expect(await tried(sqliteSettings(path))).toMatch(/^its tables are in /);
  });

  it.each<[what: string, prepare: (() => void) | undefined, said: RegExp, works: boolean]>([
    ["none", () => rmSync(path), /^the daemon will create \//, true],
    ["an empty file", () => writeFileSync(path, ""), /^the daemon will create its tables in /, true],
    ["tables", undefined, /^its tables are in /, true],
    ["a copy by .dump", () => change("PRAGMA user_version = 0"), /^the daemon will create its tables in /, true],
    ["a table that somebody dropped", () => change("DROP TABLE throttle"), /^the daemon will create its tables in /, true],
    ["a copy of a table without its key", () => change(copied("throttle")), /^the daemon will create its tables in /, true],
    ["tables of a newer version", () => change("PRAGMA user_version = 99"), /a newer Postern wrote it/, false],
    ["another table of that name", () => change("DROP TABLE greylist; CREATE TABLE greylist (a)"), /no such column/, false],
    ["what is no database", () => writeFileSync(path, "no database".repeat(1000)), /file is not a database/, false],
  ])("%s", async (_, prepare, said, works) => {
    expect(await daemon(sqliteSettings(path))).toBe("");
    prepare?.();
    const before = existsSync(path);
    const octets = () => (before ? readFileSync(path) : undefined);
    const untried = octets();
    expect(await tried(sqliteSettings(path))).toMatch(said);
    expect(existsSync(path)).toBe(before);
    expect(octets()).toEqual(untried);
    if (before) expect(sizeOf(`${path}-wal`)).toBe(0);
    else expect(readdirSync(folder)).toEqual([]);
    expect((await daemon(sqliteSettings(path))) === "").toBe(works);
  });
});
