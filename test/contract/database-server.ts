/** What every store does that asks a server: within deadlines and bounds, and while the server goes away and comes back. */
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TemporaryError } from "../../src/answer/temporary-error.ts";
import { cached } from "../../src/directory/cache.ts";
import { openSqlDirectory } from "../../src/directory/sql.ts";
import type { Engine } from "../../src/expr/sql-text.ts";
import { openStore } from "../../src/store/open-store.ts";
import type { MysqlSettings, PostgresqlSettings } from "../../src/store/store-settings.ts";
import { databaseContract } from "./database.ts";
import { layouts } from "./tables.ts";

/** A server for one test file. */
export interface TestServer {
  readonly port: number;
  start(): Promise<void>;
  /** Breaks every connection. */
  stop(): Promise<void>;
  /** Connections stay open and new ones are accepted, but nothing is answered until `thaw`. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Stops it and removes its files. */
  remove(): Promise<void>;
}

export type Changes = Partial<Pick<PostgresqlSettings, "pool" | "timeoutMs" | "init" | "host" | "user" | "password" | "tls">>;

export interface ServerKind {
  readonly name: string;
  readonly engine: Engine;
  /** The type of a column of bytes. */
  readonly bytes: string;
  create(): Promise<TestServer>;
  /** Of the empty database, for a superuser without a password. */
  url(port: number): string;
  settings(port: number, changes: Changes): PostgresqlSettings | MysqlSettings;
  /** A statement that takes ten minutes. */
  readonly sleep: string;
  /** How many connections carry it out now. */
  readonly sleeping: string;
}

export function databaseServerContract(kind: ServerKind): void {
  let server: TestServer;
  beforeAll(async () => {
    server = await kind.create();
  });
  afterAll(() => server.remove());

  function openTest(changes: Changes = {}, port = server.port) {
    const states: boolean[] = [];
    const database = openStore(kind.settings(port, changes), {
      readOnly: false,
      onAvailability: (_, up, _cause, isSame) => isSame || states.push(up),
    });
    return { database, states };
  }

  databaseContract(kind.name, kind, async () => ({ ...openTest({ pool: 1 }), close: async () => {} }));

  describe(kind.name, () => {
    it("ends a statement at its deadline, here and in the server", async () => {
      const { database, states } = openTest({ timeoutMs: 500, pool: 1 });
      await database.query("SELECT 1", []);
      await expect(database.query(kind.sleep, [])).rejects.toThrow(TemporaryError);
      expect(states).toEqual([false]);
      await expect.poll(() => database.query("SELECT 1", []).catch(String)).toMatchObject({ rows: [[1]] });
      await expect.poll(() => database.query(kind.sleeping, []).catch(String)).toMatchObject({ rows: [[0]] });
      await database.close();
    });

    it("writes nothing for those who only read, and leaves init to others", async () => {
      const init = { file: "init.sql", sql: "CREATE TABLE made_by_init (a int)" };
      const reader = openStore(kind.settings(server.port, { init }), { readOnly: true, onAvailability: () => {} });
      await reader.query("SELECT 1", []);
      await expect(reader.query("CREATE TABLE made_by_reader (a int)", [])).rejects.toThrow(/read.only/i);
      const made = "SELECT count(*) FROM information_schema.tables WHERE table_name LIKE 'made_by_%'";
      expect(await reader.query(made, [])).toMatchObject({ rows: [[0]] });
      await reader.close();
    });

    it("counts waiting for a connection as part of the deadline, and bounds the queue", async () => {
      const { database } = openTest({ timeoutMs: 1000, pool: 1 });
      await database.query("SELECT 1", []);
      const answers = await Promise.allSettled(Array.from({ length: 150 }, () => database.query(kind.sleep, [])));
      expect(answers.filter(({ status }) => status === "rejected")).toHaveLength(150);
      const full = answers.filter((answer) => answer.status === "rejected" && /wait already/.test(String(answer.reason)));
      expect(full).toHaveLength(49);
      await database.close();
    });

    it("closes at once, whatever is in progress, and that is not a failure of the store", async () => {
      const init = { file: "init.sql", sql: kind.sleep };
      const { database, states } = openTest({ init, pool: 1, timeoutMs: 300 });
      await expect(database.query("SELECT 1", [])).rejects.toThrow("init file init.sql is still running");
      await database.close();
      expect(states).toEqual([]);

      const busy = openTest({ pool: 1, timeoutMs: 60_000 });
      await busy.database.query("SELECT 1", []);
      const answers = Promise.allSettled([busy.database.query(kind.sleep, []), busy.database.query("SELECT 1", [])]);
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

    it("replaces the connections to a server that was frozen", async () => {
      const { database, states } = openTest({ timeoutMs: 1000, pool: 2 });
      await Promise.all([1, 2, 3].map(() => database.query("SELECT 1", [])));
      await server.freeze();
      const answers = await Promise.allSettled([1, 2, 3].map(() => database.query("SELECT 1", [])));
      expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
      expect(states).toEqual([false]);
      await server.thaw();
      await expect.poll(() => database.query("SELECT 1", []).catch(String)).toMatchObject({ rows: [[1]] });
      await expect.poll(() => states).toEqual([false, true]);
      await database.close();
    });

    it("answers only with values or a TemporaryError while the server goes and comes back", async () => {
      const { database, states } = openTest({ timeoutMs: 5000 });
      const layout = layouts(kind.engine)[0] ?? expect.unreachable();
      await database.run(layout.script);
      const time = { now: 0 };
      const cache = { entries: 1000, positiveMs: 1000, negativeMs: 1000, staleMs: 1_000_000 };
      const directory = cached(openSqlDirectory("accounts", database, layout.queries, 10_000), cache, () => time.now);
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
      await server.stop();
      await expect(database.check("SELECT 1")).rejects.toThrow(TemporaryError);
      await expect.poll(() => ask(`poll${number++}@example.org`)).toBe("temporary");
      time.now = 500_000;
      expect(await directory.recipient("john@example.org")).toEqual(john);
      await expect(Promise.resolve(directory.recipient("poll@example.org"))).rejects.toThrow(TemporaryError);
      await server.start();
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
}
