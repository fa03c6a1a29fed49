import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { cached } from "../../../src/directory/cache.ts";
import { openSqlDirectory } from "../../../src/directory/sql.ts";
import { openStore } from "../../../src/store/open-store.ts";
import type { PostgresqlSettings } from "../../../src/store/store-settings.ts";
import { databaseContract } from "../../contract/database.ts";
import { layouts } from "../../contract/tables.ts";
import { TestPostgres } from "../../support/postgres.ts";
import { postgresqlSettings } from "../../support/stores.ts";

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await TestPostgres.create();
});
afterAll(() => postgres.remove());

function openTest(changes: Partial<PostgresqlSettings> = {}, port = postgres.port) {
  const states: boolean[] = [];
  const database = openStore(postgresqlSettings(port, changes), { readOnly: false, onAvailability: (_, up) => states.push(up) });
  return { database, states };
}

databaseContract("PostgreSQL", "bytea", async () => ({ database: openTest({ pool: 1 }).database, close: async () => {} }));

describe("PostgreSQL", () => {
  it("ends a statement at its deadline, here and in the server", async () => {
    const { database, states } = openTest({ timeoutMs: 500, pool: 1 });
    await database.query("SELECT 1", []);
    await expect(database.query("SELECT pg_sleep(600)", [])).rejects.toThrow(TemporaryError);
    expect(states).toEqual([false]);
    await expect.poll(() => database.query("SELECT 1", []).catch(String)).toMatchObject({ rows: [[1]] });
    const running =
      "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND state = 'active' AND pid <> pg_backend_pid()";
    await expect.poll(() => database.query(running, []).catch(String)).toMatchObject({ rows: [[0]] });
    await database.close();
  });

  it("writes nothing for those who only read, and leaves init to others", async () => {
    const init = { file: "init.sql", sql: "CREATE TABLE made_by_init (a int)" };
    const reader = openStore(postgresqlSettings(postgres.port, { init }), { readOnly: true, onAvailability: () => {} });
    await reader.query("SELECT 1", []);
    await expect(reader.query("CREATE TABLE made_by_reader (a int)", [])).rejects.toThrow(/read-only/);
    const made = "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'made_by_%'";
    expect(await reader.query(made, [])).toMatchObject({ rows: [[0]] });
    await reader.close();
  });

  it("counts waiting for a connection as part of the deadline, and bounds the queue", async () => {
    const { database } = openTest({ timeoutMs: 1000, pool: 1 });
    await database.query("SELECT 1", []);
    const answers = await Promise.allSettled(Array.from({ length: 150 }, () => database.query("SELECT pg_sleep(600)", [])));
    expect(answers.filter(({ status }) => status === "rejected")).toHaveLength(150);
    const full = answers.filter((answer) => answer.status === "rejected" && /wait already/.test(String(answer.reason)));
    expect(full).toHaveLength(50);
    await database.close();
  });

  it("closes at once, whatever is in progress, and that is not a failure of the store", async () => {
    const init = { file: "init.sql", sql: "SELECT pg_sleep(600)" };
    const { database, states } = openTest({ init, pool: 1, timeoutMs: 300 });
    await expect(database.query("SELECT 1", [])).rejects.toThrow("init file init.sql is still running");
    await database.close();
    expect(states).toEqual([]);

    const busy = openTest({ pool: 1, timeoutMs: 60_000 });
    await busy.database.query("SELECT 1", []);
    const answers = Promise.allSettled([busy.database.query("SELECT pg_sleep(600)", []), busy.database.query("SELECT 1", [])]);
    await busy.database.close();
    expect((await answers).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(busy.states).toEqual([]);
  });

  it("gives up on a server that says nothing", async () => {
    const silent = createServer(() => {}).listen(0, "127.0.0.1");
    await new Promise((resolve) => silent.once("listening", resolve));
    const address = silent.address();
    const { database } = openTest({ timeoutMs: 300 }, typeof address === "object" ? (address?.port ?? 0) : 0);
    await expect(database.query("SELECT 1", [])).rejects.toThrow(TemporaryError);
    await database.close();
    silent.close();
  });

  it("answers only with values or a TemporaryError while the server goes and comes back", async () => {
    const { database, states } = openTest({ timeoutMs: 5000 });
    const layout = layouts("postgresql")[0] ?? expect.unreachable();
    await database.run(layout.script);
    const time = { now: 0 };
    const cache = { entries: 1000, positiveMs: 1000, negativeMs: 1000, staleMs: 1_000_000 };
    const directory = cached(openSqlDirectory("accounts", database, layout.queries), cache, () => time.now);
    const john = { kind: "mailbox", primaries: ["john@example.org"] };
    expect(await directory.recipient("john@example.org")).toEqual(john);

    const ask = async (address: string) => {
      try {
        return (await directory.recipient(address)) === undefined ? "none" : "found";
      } catch (error) {
        return error instanceof TemporaryError ? "temporary" : "crash";
      }
    };
    const answers = new Set<string>();
    let isDone = false;
    let number = 0;
    const requests = Promise.all(
      Array.from({ length: 20 }, async () => {
        while (!isDone) {
          answers.add(await ask(`nobody${number++}@example.org`));
          await new Promise((resolve) => setImmediate(resolve));
        }
      }),
    );
    await postgres.stop();
    await expect(database.check("SELECT 1")).rejects.toThrow(TemporaryError);
    await expect.poll(() => ask(`poll${number++}@example.org`)).toBe("temporary");
    time.now = 500_000;
    expect(await directory.recipient("john@example.org")).toEqual(john);
    await expect(Promise.resolve(directory.recipient("poll@example.org"))).rejects.toThrow(TemporaryError);
    await postgres.start();
    await expect.poll(() => ask(`poll${number++}@example.org`)).toBe("none");
    isDone = true;
    await requests;
    expect(answers).toEqual(new Set(["none", "temporary"]));
    expect(states[0]).toBe(false);
    // A query that began in the outage may have been the last to end.
    await expect.poll(() => ask(`poll${number++}@example.org`).then(() => states.at(-1))).toBe(true);
    await database.close();
  });
});
