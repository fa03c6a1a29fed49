import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { openState } from "../../../src/state/open-state.ts";
import { migrate } from "../../../src/state/postgresql/migrations.ts";
import { askGreylist, askThrottle, cleanTriplet } from "../../../src/state/postgresql/statements.ts";
import { PostgresqlPool } from "../../../src/store/postgresql-pool.ts";
import type { PostgresqlSettings } from "../../../src/store/store-settings.ts";
import { TestPostgres } from "../../support/postgres.ts";
import { isLong, runs } from "../../support/runs.ts";
import { greylistQuestion, start, throttleQuestion } from "../../support/state-question.ts";
import { postgresqlSettings } from "../../support/stores.ts";

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await TestPostgres.create();
});
afterAll(() => postgres.remove());

async function sql(text: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const client = new pg.Client({ host: "127.0.0.1", port: postgres.port, user: "postgres", database: "postgres" });
  await client.connect();
  const { rows } = await client.query(text);
  await client.end();
  return rows;
}

beforeEach(() => sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public"));

function openTest(changes: Partial<PostgresqlSettings> = {}, port = postgres.port) {
  const states: boolean[] = [];
  const state = openState(postgresqlSettings(port, changes), { onAvailability: (_, up, _cause, isSame) => isSame || states.push(up) });
  return { state, states };
}

/** Not the same for any two askers. */
function shuffled(count: number, seed: number): number[] {
  const step = [7, 11, 13, 17, 19, 23, 29, 31, 37, 41][seed % 10] ?? 1;
  return Array.from({ length: count }, (_, index) => (index * step + seed * 97) % count);
}

describe("state in PostgreSQL", () => {
  it("agrees on who was first and lets no more through than the count, over two nodes", async () => {
    const nodes = [openTest(), openTest()];
    const ask = async (node: number, asker: number) => {
      const { state } = nodes[node] ?? expect.unreachable();
      const firsts: number[] = [];
      let allowed = 0;
      for (const index of shuffled(1000, asker)) {
        const address = `192.0.2.${index % 200}`;
        const question = greylistQuestion({ sender: `${index}@example.org`, autoWhitelist: { address, passes: 1000 } });
        const answer = await state.greylist(question);
        expect(answer.kind).toBe("wait");
        if (answer.kind === "wait" && answer.isNew) firsts.push(index);
        if (index % 50 !== 0) continue;
        // A later time: passes, credits and throttles of several keys at once.
        await state.greylist({ ...question, sender: `pass ${index}`, delayMs: 0 });
        const token = index % 100 === 0 ? undefined : `${node} ${asker} ${index}`;
        if ((await state.throttle(throttleQuestion({ key: "both", count: 100, token }))).allowed) allowed += 1;
        await state.throttle(throttleQuestion({ key: `${index}`, count: 100, token }));
      }
      return { firsts, allowed };
    };
    const all = await Promise.all(Array.from({ length: Math.min(runs(10), 100) }, (_, index) => ask(index % 2, index)));
    expect(all.flatMap(({ firsts }) => firsts).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, index) => index));
    expect(all.reduce((sum, { allowed }) => sum + allowed, 0)).toBe(100);
    expect(await sql("SELECT sum(deadlocks)::int AS deadlocks FROM pg_stat_database")).toEqual([{ deadlocks: 0 }]);
    for (const { state, states } of nodes) {
      expect(states).toEqual([]);
      await state.close();
    }
  });

  it("goes on with the tables of an older version, and what is in them", async () => {
    const first = openTest().state;
    const question = greylistQuestion({ sender: "older@example.org" });
    await first.greylist(question);
    await first.close();
    await sql("DROP TABLE postern_correspondent");
    await sql("UPDATE postern_state_version SET version = 2");
    const second = openTest().state;
    expect(await second.greylist({ ...question, now: question.now + question.delayMs })).toMatchObject({ kind: "pass", firstPass: true });
    await second.remember({ key: "older", now: question.now, lifetimeMs: 1000 });
    expect(await second.areCorrespondents({ key: "older", now: question.now, lifetimeMs: 1000 })).toBe(true);
    await second.close();
  });

  it("takes what an older version lacks for empty, where it only reads", async () => {
    const { state } = openTest();
    await state.greylist(greylistQuestion());
    await state.throttle(throttleQuestion());
    await state.close();
    await sql("DROP TABLE postern_correspondent; UPDATE postern_state_version SET version = 2");
    const reader = openState(postgresqlSettings(postgres.port), { onAvailability: () => {}, readOnly: true });
    expect(await reader.stats(start)).toMatchObject({ waiting: 1, throttles: 1, correspondents: 0 });
    expect(await reader.areCorrespondents({ key: "older", now: start, lifetimeMs: 1000 })).toBe(false);
    expect(await reader.list({}, { limit: 9 })).toHaveLength(1);
    await sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    expect(await reader.stats(start)).toMatchObject({ waiting: 0, throttles: 0, oldest: undefined, bytes: 0 });
    expect(await reader.areCorrespondents({ key: "older", now: start, lifetimeMs: 1000 })).toBe(false);
    expect(await reader.list({}, { limit: 9 })).toEqual([]);
    await reader.close();
  });

  it("makes its tables once, however many begin at once", async () => {
    const many = Array.from({ length: 6 }, () => openTest());
    const answers = await Promise.all(many.map(({ state }) => state.greylist(greylistQuestion())));
    expect(answers.filter((answer) => answer.kind === "wait" && answer.isNew)).toHaveLength(1);
    expect(await sql("SELECT version FROM postern_state_version")).toEqual([{ version: 5 }]);
    await Promise.all(many.map(({ state }) => state.close()));
  });

  it("makes and changes its tables where all tables of the database are published", async () => {
    await sql("CREATE PUBLICATION everything FOR ALL TABLES");
    const { state, states } = openTest();
    expect(await state.greylist(greylistQuestion())).toMatchObject({ kind: "wait", isNew: true });
    await state.close();
    await sql("UPDATE postern_state_version SET version = 4");
    const later = openTest();
    expect(await later.state.greylist(greylistQuestion())).toMatchObject({ kind: "wait", isNew: false });
    const question = throttleQuestion({ token: "one" });
    expect(await later.state.throttle(question)).toMatchObject({ allowed: true, taken: 1 });
    await later.state.giveBack(question);
    expect(await later.state.forget(greylistQuestion())).toBe(true);
    expect([...states, ...later.states]).toEqual([]);
    await later.state.close();
    await sql("DROP PUBLICATION everything");
  });

  it("lets many nodes that come to a new key at once take what there is, and each token once", async () => {
    const nodes = Array.from({ length: 4 }, () => openTest());
    await Promise.all(nodes.map(({ state }, index) => state.throttle(throttleQuestion({ key: `warm ${index}` }))));
    for (let round = 0; round < 40; round++) {
      const ask = (of: string, token: string | undefined) =>
        Promise.all(nodes.map(({ state }) => state.throttle(throttleQuestion({ key: `${of} ${round}`, count: 3, token }))));
      const [alone, together] = await Promise.all([ask("alone", undefined), ask("together", "one")]);
      expect(alone.filter(({ allowed }) => allowed)).toHaveLength(3);
      expect(together.map(({ allowed, taken }) => [allowed, taken])).toEqual(nodes.map(() => [true, 1]));
      expect(together.filter(({ isRepeat }) => isRepeat)).toHaveLength(3);
    }
    await Promise.all(nodes.map(({ state }) => state.close()));
  });

  it("needs no right to make tables when they are there", async () => {
    const first = openTest();
    await first.state.greylist(greylistQuestion());
    await first.state.close();
    await sql(`
      DROP ROLE IF EXISTS plain; CREATE ROLE plain LOGIN; REVOKE CREATE ON SCHEMA public FROM public; GRANT USAGE ON SCHEMA public TO plain;
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO plain`);
    const { state } = openTest({ user: "plain" });
    expect(await state.greylist(greylistQuestion())).toMatchObject({ isNew: false });
    expect(await state.throttle(throttleQuestion())).toEqual({ allowed: true, taken: 1 });
    await state.close();
    await sql("DROP OWNED BY plain; DROP ROLE plain");
  });

  it("refuses a database that has not all characters", async () => {
    await sql("DROP DATABASE IF EXISTS western");
    await sql("CREATE DATABASE western ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    const { state, states } = openTest({ database: "western" });
    const mend = "its encoding is LATIN1, which lacks characters that addresses have. Create a database with ENCODING 'UTF8'";
    await expect(state.greylist(greylistQuestion())).rejects.toThrow(mend);
    expect(states).toEqual([false]);
    await state.close();
  });

  it("refuses tables of a newer version", async () => {
    const { state } = openTest();
    await state.greylist(greylistQuestion());
    await sql("UPDATE postern_state_version SET version = 99");
    const later = openTest();
    await expect(later.state.greylist(greylistQuestion())).rejects.toThrow(/version 99.*newer Postern/);
    await expect(later.state.greylist(greylistQuestion())).rejects.toThrow(TemporaryError);
    expect(later.states).toEqual([false]);
    await sql("UPDATE postern_state_version SET version = 1");
    await expect.poll(() => Promise.resolve(later.state.greylist(greylistQuestion())).catch(String)).toMatchObject({ isNew: false });
    expect(later.states).toEqual([false, true]);
    await state.close();
    await later.state.close();
  });

  it("has two connections at most, and as many as the pool allows", async () => {
    for (const [pool, connections] of [
      [1, 1],
      [10, 2],
    ] as const) {
      const { state } = openTest({ pool });
      await Promise.all(
        Array.from({ length: 3000 }, (_, index) =>
          index % 2 === 0
            ? state.greylist(greylistQuestion({ sender: `${index}` }))
            : state.throttle(throttleQuestion({ key: `${index}` })),
        ),
      );
      const open = await sql("SELECT count(*)::int AS open FROM pg_stat_activity WHERE application_name = 'postern'");
      expect(open).toEqual([{ open: connections }]);
      await state.close();
      await expect
        .poll(() => sql("SELECT count(*)::int AS open FROM pg_stat_activity WHERE application_name = 'postern'"))
        .toEqual([{ open: 0 }]);
    }
  });

  it("asks an empty table and a grown one by its index", async () => {
    const { state } = openTest();
    for (let part = 0; part < 4; part++) {
      await Promise.all(Array.from({ length: 5000 }, (_, index) => state.greylist(greylistQuestion({ sender: `${part} ${index}` }))));
    }
    // The server counts what a connection did when it closes.
    await state.close();
    const read = () =>
      sql("SELECT seq_tup_read::int, idx_scan > 20000 AS is_indexed FROM pg_stat_user_tables WHERE relname = 'postern_greylist'");
    // No statement about the greylist has walked through its table; to make its indexes one walks through it while it is empty.
    await expect.poll(read).toEqual([{ seq_tup_read: 0, is_indexed: true }]);
  });

  it("works on the tables of a large site", async () => {
    const first = openTest();
    await first.state.greylist(greylistQuestion());
    await first.state.close();
    await sql(readFileSync(new URL("../../../contrib/sql/state-large.sql", import.meta.url), "utf8"));
    const nodes = [openTest(), openTest()];
    const answers = await Promise.all(
      Array.from({ length: 2000 }, (_, index) => nodes[index % 2]?.state.greylist(greylistQuestion({ sender: `${index >> 1}` }))),
    );
    expect(answers.filter((answer) => answer?.kind === "wait" && answer.isNew)).toHaveLength(1000);
    const throttled = await Promise.all(
      Array.from({ length: 400 }, (_, index) => nodes[index % 2]?.state.throttle(throttleQuestion({ count: 100, token: `${index}` }))),
    );
    expect(throttled.filter((answer) => answer?.allowed)).toHaveLength(100);
    const { state } = nodes[0] ?? expect.unreachable();
    expect(await state.greylist(greylistQuestion())).toMatchObject({ isNew: false });
    expect(await state.stats(start)).toMatchObject({ waiting: 1001, throttles: 1, tokens: 100 });
    while (await state.expire(start + 3 * 86_400_000, 100));
    expect(await state.stats(start)).toMatchObject({ waiting: 0, throttles: 0, tokens: 0 });
    await Promise.all(nodes.map((node) => node.state.close()));
  });

  it("fails at the deadline when another holds the row, and recovers", async () => {
    const { state, states } = openTest({ timeoutMs: 500 });
    // The server may count what nobody waits for any more.
    const question = throttleQuestion({ count: 1000 });
    const isAllowed = () => expect.poll(() => Promise.resolve(state.throttle(question)).catch(String)).toMatchObject({ allowed: true });
    await isAllowed();
    states.length = 0;
    const holder = new pg.Client({ host: "127.0.0.1", port: postgres.port, user: "postgres", database: "postgres" });
    await holder.connect();
    await holder.query("BEGIN; SELECT * FROM postern_throttle FOR UPDATE");
    await expect(state.throttle(question)).rejects.toThrow(TemporaryError);
    await holder.end();
    await isAllowed();
    expect(states).toEqual([false, true]);
    await state.close();
  });

  it("ends a commit that waits for a standby that is not there, in the server, too", async () => {
    const standby = async (name: string) => {
      await sql(`ALTER SYSTEM SET synchronous_standby_names = '${name}'`);
      await sql("SELECT pg_reload_conf()");
      const inForce = async () => (await sql("SHOW synchronous_standby_names"))[0]?.synchronous_standby_names;
      await expect.poll(inForce).toBe(name);
    };
    const open = async () => (await sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'postern'")).map(({ pid }) => pid);
    const { state, states } = openTest({ timeoutMs: 500 });
    await expect.poll(() => Promise.resolve(state.throttle(throttleQuestion())).catch(() => undefined)).toMatchObject({ allowed: true });
    states.length = 0;
    await standby("nobody");
    try {
      // Each lasts as long as the deadline.
      for (let round = 0; round < (isLong ? 80 : 10); round++) {
        const question = throttleQuestion({ key: `${round}` });
        await Promise.allSettled([state.throttle(question), state.throttle({ ...question, key: "all" })]);
        expect((await open()).length).toBeLessThanOrEqual(4);
      }
      expect(states).toEqual([false]);
      await expect.poll(open).toEqual([]);
      await expect(state.allow("192.0.2.1", start)).rejects.toThrow(TemporaryError);
      const last = Promise.allSettled([state.throttle(throttleQuestion())]);
      await state.close();
      await last;
      await expect.poll(open).toEqual([]);
    } finally {
      await standby("");
    }
  });

  it("answers others while a statement waits for a row that another holds", async () => {
    const { state } = openTest({ timeoutMs: 60_000 });
    const question = throttleQuestion({ count: 1000 });
    await state.throttle(question);
    const holder = new pg.Client({ host: "127.0.0.1", port: postgres.port, user: "postgres", database: "postgres" });
    await holder.connect();
    await holder.query("BEGIN; SELECT * FROM postern_throttle FOR UPDATE");
    let isAnswered = false;
    const waiting = Promise.resolve(state.throttle(question)).finally(() => {
      isAnswered = true;
    });
    const isBlocked = () => sql("SELECT count(*)::int AS blocked FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
    await expect.poll(isBlocked).toEqual([{ blocked: 1 }]);
    // One that comes alone, and one while its statement runs.
    for (const sender of ["a@example.org", "b@example.org"])
      expect(await state.greylist(greylistQuestion({ sender }))).toMatchObject({ kind: "wait", isNew: true });
    expect(isAnswered).toBe(false);
    await holder.query("COMMIT");
    await holder.end();
    expect(await waiting).toMatchObject({ allowed: true });
    await state.close();
  });

  it("lets a statement of an administrator that waits for a row fail alone", async () => {
    const { state, states } = openTest({ timeoutMs: 1000 });
    await state.throttle(throttleQuestion());
    const holder = new pg.Client({ host: "127.0.0.1", port: postgres.port, user: "postgres", database: "postgres" });
    await holder.connect();
    await holder.query("BEGIN; SELECT * FROM postern_throttle FOR UPDATE");
    let isOver = false;
    const reset = expect(state.resetThrottles(["k"]))
      .rejects.toThrow(TemporaryError)
      .finally(() => {
        isOver = true;
      });
    const stats = state.stats(start);
    let answers = 0;
    while (!isOver) {
      expect(await state.greylist(greylistQuestion({ sender: `${answers++}@example.org` }))).toMatchObject({ isNew: true });
      expect(await state.throttle(throttleQuestion({ key: `${answers}` }))).toMatchObject({ allowed: true });
    }
    await reset;
    expect(answers).toBeGreaterThan(5);
    expect((await stats).waiting).toBeGreaterThan(5);
    expect(states).toEqual([]);
    await holder.end();
    await state.close();
  });

  it.each([
    ["ahead of", 3 * 86_400_000, 4320],
    ["behind", -61_000 - 60_000, 2],
  ])("removes nothing while the clock is %s that of the database, and says so", async (where, aheadMs, minutes) => {
    const told: string[] = [];
    let ahead = aheadMs;
    const options = { onAvailability: () => {}, onNotExpired: (why: string) => told.push(why), now: () => Date.now() + ahead };
    const state = openState(postgresqlSettings(postgres.port), options);
    await state.greylist(greylistQuestion());
    expect(await state.expire(start + 3 * 86_400_000, 100)).toBe(false);
    expect((await state.stats(start)).waiting).toBe(1);
    expect(told).toEqual([`the clock here is ${minutes} minutes ${where} that of the database. Run NTP on both machines`]);
    ahead = 30_000;
    await state.expire(start + 3 * 86_400_000, 100);
    expect((await state.stats(start)).waiting).toBe(0);
    expect(told).toHaveLength(1);
    await state.close();
  });

  it("says why nothing is removed, which is no outage", async () => {
    const told: string[] = [];
    const states: boolean[] = [];
    const options = {
      onAvailability: (_: string, up: boolean, _cause?: unknown, isSame = false) => isSame || states.push(up),
      onNotExpired: (why: string) => told.push(why),
    };
    const state = openState(postgresqlSettings(postgres.port), options);
    await state.greylist(greylistQuestion());
    await sql("ALTER TABLE postern_greylist RENAME COLUMN expires TO expired");
    await expect(state.expire(start, 100)).rejects.toThrow(TemporaryError);
    expect(told).toEqual([expect.stringMatching(/column .*expires/)]);
    expect(states).toEqual([]);
    await postgres.stop();
    await expect(state.expire(start, 100)).rejects.toThrow(TemporaryError);
    expect(told).toHaveLength(1);
    expect(states).toEqual([false]);
    await postgres.start();
    await state.close();
  });

  it.each<[what: string, changes: Partial<PostgresqlSettings>, why: RegExp]>([
    ["a role that may not make tables", { user: "plain" }, /permission denied for schema public/],
    ["a database that has not all characters", { database: "western" }, /its encoding is LATIN1/],
    ["a role that is not there", { user: "nobody-here" }, /role "nobody-here" does not exist/],
    ["a server that says nothing", { timeoutMs: 1000 }, /no answer in 1000 ms|connection timeout/],
  ])("is an outage that expiry is the first to see: %s", async (_, changes, why) => {
    await sql("DROP ROLE IF EXISTS plain; CREATE ROLE plain LOGIN; GRANT USAGE ON SCHEMA public TO plain");
    await sql("DROP DATABASE IF EXISTS western");
    await sql("CREATE DATABASE western ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    const told: string[] = [];
    const outages: string[] = [];
    const options = {
      onAvailability: (_: string, up: boolean, cause: unknown) => outages.push(up ? "up" : String(cause)),
      onNotExpired: (why: string) => told.push(why),
    };
    if ("timeoutMs" in changes) await postgres.freeze();
    const state = openState(postgresqlSettings(postgres.port, changes), options);
    await expect(state.expire(start, 100)).rejects.toThrow(why);
    if ("timeoutMs" in changes) await postgres.thaw();
    expect(outages).toEqual([expect.stringMatching(why)]);
    expect(told).toEqual([]);
    await state.close();
    await sql("DROP OWNED BY plain; DROP ROLE plain");
  });

  it("has one connection more for administrators and expiry, whatever they ask at once", async () => {
    const { state } = openTest();
    await state.allow("192.0.2.1", start);
    await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        Promise.all([state.list({}, { limit: 9 }), state.stats(start), state.expire(start, 100), state.allow(`192.0.2.${index}`, start)]),
      ),
    );
    const open = await sql("SELECT count(*)::int AS open FROM pg_stat_activity WHERE application_name = 'postern'");
    expect(open).toEqual([{ open: 1 }]);
    await state.close();
  });

  it("tells by a statement of an administrator, too, that the server is not there, and that it is back", async () => {
    const { state, states } = openTest();
    expect(await state.address("192.0.2.1")).toBe(undefined);
    await postgres.stop();
    await expect(state.address("192.0.2.1")).rejects.toThrow(TemporaryError);
    expect(states).toEqual([false]);
    await postgres.start();
    expect(await state.address("192.0.2.1")).toBe(undefined);
    expect(states).toEqual([false, true]);
    await state.close();
  });

  it("reads of a large greylist only the rows of the client that is asked for", async () => {
    const { state } = openTest();
    await state.greylist(greylistQuestion());
    await sql(`INSERT INTO postern_greylist
      SELECT '198.51.' || (i % 256) || '.0/24', i || '@example.org', 'b@example.net', ${start}, ${start}, NULL, ${start} FROM generate_series(1, 20000) AS i`);
    expect(await state.list({ exactClient: "198.51.7.0/24" }, { limit: 1000 })).toHaveLength(79);
    await state.close();
    const read = () => sql("SELECT idx_tup_fetch BETWEEN 1 AND 1000 AS few FROM pg_stat_user_tables WHERE relname = 'postern_greylist'");
    await expect.poll(read).toEqual([{ few: true }]);
  });

  it("gives up on a server that says nothing, then answers at once until it tries again", async () => {
    const silent = createServer(() => {}).listen(0, "127.0.0.1");
    await new Promise((resolve) => silent.once("listening", resolve));
    const address = silent.address();
    const { state, states } = openTest({ timeoutMs: 300 }, typeof address === "object" ? (address?.port ?? 0) : 0);
    await expect(state.greylist(greylistQuestion())).rejects.toThrow(TemporaryError);
    await expect(state.greylist(greylistQuestion())).rejects.toThrow(TemporaryError);
    expect(states).toEqual([false]);
    await state.close();
    silent.close();
  });

  it("tries a server that failed by one connection, whose answer no other contradicts", async () => {
    let connections = 0;
    const silent = createServer(() => {
      connections += 1;
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => silent.once("listening", resolve));
    const address = silent.address();
    const { state } = openTest({ timeoutMs: 300 }, typeof address === "object" ? (address?.port ?? 0) : 0);
    const ask = async () => {
      await Promise.allSettled([state.greylist(greylistQuestion()), state.throttle(throttleQuestion())]);
      return connections;
    };
    expect(await ask()).toBe(2);
    await expect.poll(ask).toBe(3);
    await state.close();
    silent.close();
  });

  it("creates its tables again after somebody dropped them", async () => {
    const { state, states } = openTest();
    const ask = () => Promise.resolve(state.greylist(greylistQuestion())).then(({ kind }) => kind, String);
    expect(await ask()).toBe("wait");
    await sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    await expect(Promise.resolve(state.greylist(greylistQuestion()))).rejects.toThrow(TemporaryError);
    await expect.poll(ask).toBe("wait");
    expect(states).toEqual([false, true]);
    await state.close();
  });

  it.each([
    ...["greylist", "greylist_address", "throttle", "throttle_token", "state_version"].map(
      (table) => `DROP TABLE IF EXISTS postern_${table} CASCADE`,
    ),
    ...["row", "take", "give_back"].map((name) => `DROP FUNCTION postern_throttle_${name}`),
    "DROP FUNCTION postern_throttle_row, postern_throttle_take, postern_throttle_give_back",
    "ALTER TABLE postern_greylist DROP CONSTRAINT postern_greylist_pkey",
    "ALTER TABLE postern_throttle_token DROP CONSTRAINT postern_throttle_token_pkey",
    "CREATE TABLE copied AS TABLE postern_throttle; DROP TABLE postern_throttle CASCADE; ALTER TABLE copied RENAME TO postern_throttle",
  ])("makes again what somebody dropped or did not copy, and keeps the rest: %s", async (broken) => {
    const { state } = openTest();
    const settle = (one: typeof state) =>
      Promise.all([
        one.greylist(greylistQuestion()),
        one.throttle(throttleQuestion({ count: 10_000, token: `${Math.random()}` })),
        one.giveBack(throttleQuestion({ key: "other" })),
      ]).then(([greylisted, throttled]) => [greylisted.kind, throttled.allowed], String);
    expect(await settle(state)).toEqual(["wait", true]);
    await sql(broken);
    await expect.poll(() => settle(state)).toEqual(["wait", true]);
    await state.close();
    await sql(broken);
    const later = openTest();
    expect(await settle(later.state)).toEqual(["wait", true]);
    expect(later.states).toEqual([]);
    expect(await later.state.triplet(greylistQuestion())).toMatchObject({ firstSeen: start });
    await later.state.close();
  });

  it("reads a copy of the tables that lacks the functions", async () => {
    const { state } = openTest();
    await state.greylist(greylistQuestion());
    await state.close();
    await sql("DROP FUNCTION postern_throttle_row, postern_throttle_take, postern_throttle_give_back");
    const reader = openState(postgresqlSettings(postgres.port), { onAvailability: () => {}, readOnly: true });
    expect(await reader.list({}, { limit: 9 })).toHaveLength(1);
    await reader.close();
  });

  it("only reads within a transaction, since a pooler gives the connection to others, with the settings that it has then", async () => {
    const { state } = openTest();
    await state.greylist(greylistQuestion());
    await state.close();
    const reader = openState(postgresqlSettings(postgres.port), { onAvailability: () => {}, readOnly: true });
    expect(await reader.list({}, { limit: 9 })).toHaveLength(1);
    const last = "SELECT query FROM pg_stat_activity WHERE application_name = 'postern' AND pid <> pg_backend_pid()";
    expect(await sql(last)).toEqual([{ query: "ROLLBACK" }]);
    await expect(reader.allow("192.0.2.1", start)).rejects.toThrow("read-only transaction");
    await expect(reader.greylist(greylistQuestion({ sender: "other" }))).rejects.toThrow("read-only transaction");
    await reader.close();
  });

  it("goes on where a pooler has the connection use another one of the server, with other statements under its names or none", async () => {
    const pool = new PostgresqlPool(postgresqlSettings(postgres.port, { pool: 1 }), { prepare: migrate });
    const taken = throttleQuestion({ key: "pooled", count: 9 });
    const seen = cleanTriplet(greylistQuestion());
    await pool.use(5000, async (client) => {
      await client.query("PREPARE postern_state_take AS SELECT 1");
      expect(await askThrottle(client, [taken])).toEqual([{ allowed: true, taken: 1 }]);
      await client.query("DEALLOCATE ALL");
      expect(await askThrottle(client, [taken])).toEqual([{ allowed: true, taken: 2 }]);
    });
    await pool.close();
    const later = new PostgresqlPool(postgresqlSettings(postgres.port, { pool: 1 }), {});
    await later.use(5000, async (client) => {
      expect(await askGreylist(client, [seen])).toMatchObject([{ kind: "wait", isNew: true }]);
      await client.query("DEALLOCATE ALL");
      expect(await askGreylist(client, [seen])).toMatchObject([{ kind: "wait", isNew: false }]);
      expect(await askThrottle(client, [taken])).toEqual([{ allowed: true, taken: 3 }]);
      expect((await client.query("SELECT FROM pg_prepared_statements")).rowCount).toBe(0);
    });
    await later.close();
  });

  it("answers or fails with a TemporaryError while the server goes and comes back", async () => {
    const { state, states } = openTest({ timeoutMs: 5000 });
    let isDone = false;
    let number = 0;
    const ask = () =>
      Promise.resolve(state.greylist(greylistQuestion({ sender: `${number++}` }))).then(
        ({ kind }) => kind,
        (error) => (error instanceof TemporaryError ? "temporary" : String(error)),
      );
    const answers = new Set<string>();
    const requests = Array.from({ length: 50 }, async () => {
      while (!isDone) {
        answers.add(await ask());
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    await expect.poll(ask).toBe("wait");
    await postgres.stop();
    await expect.poll(ask).toBe("temporary");
    await postgres.start();
    await expect.poll(ask).toBe("wait");
    isDone = true;
    await Promise.all(requests);
    expect(answers).toEqual(new Set(["wait", "temporary"]));
    expect(states.slice(0, 1).concat(states.slice(-1))).toEqual([false, true]);
    await state.close();
  });
});
