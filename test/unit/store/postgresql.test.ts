import { hash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openStore } from "../../../src/store/open-store.ts";
import { databaseServerContract } from "../../contract/database-server.ts";
import { TestPostgres } from "../../support/postgres.ts";
import { postgresql } from "../../support/servers.ts";
import { postgresqlSettings } from "../../support/stores.ts";

databaseServerContract(postgresql);

describe("what only PostgreSQL has", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await TestPostgres.create();
  });
  afterAll(() => server.remove());

  it("is a limit of connections below the pool, within which all questions are answered", async () => {
    const states: boolean[] = [];
    const onAvailability = (_name: string, up: boolean) => states.push(up);
    const admin = openStore(postgresqlSettings(server.port), { readOnly: false, onAvailability });
    await admin.run("CREATE ROLE limited LOGIN CONNECTION LIMIT 2");
    const database = openStore(postgresqlSettings(server.port, { user: "limited", pool: 10 }), { readOnly: true, onAvailability });
    const asked = await Promise.all(Array.from({ length: 100 }, (_, n) => database.query("SELECT $1::int", [n])));
    expect(asked).toEqual(asked.map((_, n) => ({ kind: "rows", rows: [[n]] })));
    expect(states).toEqual([]);
    await Promise.all([database.close(), admin.close()]);
  });

  it("leaves nothing behind in a connection that was only read by, since a pooler gives it to others, and prepares nothing there", async () => {
    const reader = openStore(postgresqlSettings(server.port, { pool: 1 }), { readOnly: true, onAvailability: () => {} });
    const settingOf = (setting: string) => reader.query(`SELECT current_setting('${setting}')`, []);
    expect(await settingOf("transaction_read_only")).toMatchObject({ rows: [["on"]] });
    expect(await settingOf("default_transaction_read_only")).toMatchObject({ rows: [["off"]] });
    for (let time = 0; time < 3; time += 1) {
      expect(await reader.query("SELECT count(*) FROM pg_prepared_statements", [])).toMatchObject({ rows: [[0]] });
    }
    await expect(reader.query("SELECT 1 / $1::int", [0])).rejects.toThrow("division by zero");
    expect(await reader.query("SELECT 1", [])).toMatchObject({ rows: [[1]] });
    await reader.close();
  });

  const asked = "SELECT n FROM t WHERE name = $1";

  it.each<[what: string, times: number, change: string]>([
    ["a table that changes", 3, "ALTER TABLE t ALTER n TYPE text"],
    [
      "a table that is made anew",
      3,
      "ALTER TABLE t RENAME TO old; CREATE TABLE t (name text, n varchar(9)); INSERT INTO t SELECT * FROM old; DROP TABLE old",
    ],
    ["a statement that is forgotten", 3, "DEALLOCATE ALL"],
    ["a name that a pooler gave to another", 1, `PREPARE postern_${hash("sha256", asked, "hex").slice(0, 32)}_0 AS SELECT 1`],
  ])("%s is no failure of the statements that were prepared", async (_, times, change) => {
    const states: boolean[] = [];
    const onAvailability = (_name: string, up: boolean) => states.push(up);
    const database = openStore(postgresqlSettings(server.port, { pool: 1 }), { readOnly: false, onAvailability });
    await database.run("DROP TABLE IF EXISTS t; CREATE TABLE t (name varchar(9), n integer); INSERT INTO t VALUES ('one', 1)");
    const ask = () => database.query(asked, ["one"], 5, true);
    for (let time = 0; time < times; time += 1) expect(await ask()).toEqual({ kind: "rows", rows: [["1"]] });
    await database.run(change);
    for (let time = 0; time < 3; time += 1) expect(await ask()).toEqual({ kind: "rows", rows: [["1"]] });
    expect(states).toEqual([]);
    await database.close();
  });

  it("gives one name to one text, whoever prepares it, and none behind a pooler", async () => {
    const names = "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'postern%'";
    const open = () => openStore(postgresqlSettings(server.port, { pool: 1 }), { readOnly: false, onAvailability: () => {} });
    const [one, other] = [open(), open()];
    const namesOf = async (database: typeof one) => {
      const result = await database.query("SELECT name FROM pg_prepared_statements WHERE statement = 'SELECT 1 + $1::int'", []);
      return result.kind === "rows" ? result.rows.flat() : [];
    };
    // What was asked before differs.
    for (let time = 0; time < 3; time += 1) await one.query("SELECT 2", []);
    for (const database of [one, other]) for (let time = 0; time < 3; time += 1) await database.query("SELECT 1 + $1::int", [1]);
    expect(await namesOf(one)).toEqual(await namesOf(other));
    expect(await namesOf(one)).toHaveLength(1);
    for (let time = 0; time < 3; time += 1) {
      await one.run("DEALLOCATE ALL");
      for (const sql of ["SELECT 2", "SELECT 1 + 1"]) for (let use = 0; use < 3; use += 1) await one.query(sql, []);
    }
    expect(await one.query(names, [])).toEqual({ kind: "rows", rows: [[0]] });
    await Promise.all([one.close(), other.close()]);
  });
});
