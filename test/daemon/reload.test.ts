/** Reloads of the real daemon under requests: what did not change keeps its connections and what it knows. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { freePorts } from "../support/mta.ts";
import { openPolicy } from "../support/policy-client.ts";
import { TestPostgres } from "../support/postgres.ts";
import { isLong } from "../support/runs.ts";

const schema = (kind: string) => readFileSync(new URL(`../../contrib/sql/schema-${kind}.sql`, import.meta.url), "utf8");
const john =
  "INSERT INTO accounts (name, type) VALUES ('john', 'individual'); INSERT INTO emails (name, address, type) VALUES ('john', 'john@example.org', 'primary')";

let directory: string;
let daemon: Daemon | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "postern-reload-"));
});
afterEach(async () => {
  await daemon?.stop();
  rmSync(directory, { recursive: true });
});

/** Answers are stale at once, so that each request asks the database. */
const config = (port: number, store: string, max = 100) => `
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:${port}"]
[store.people]
${store}
[directory.accounts]
type = "sql"
store = "people"
cache = { ttl = { positive = "1ms", negative = "1ms" }, stale = "1h" }
[session.rcpt]
max-recipients = ${max}
[session.rcpt.errors]
total = 1000000
wait = "0s"
`;

async function start(store: string) {
  const [port = 0] = await freePorts(1);
  const running = await startDaemon({ directory, config: config(port, store), listening: [{ host: "127.0.0.1", port }] });
  daemon = running;
  const policy = await openPolicy(port);
  let requests = 0;
  const ask = (recipient = "john@example.org") => policy.ask({ recipient, client_port: "1", instance: `m${requests++}` });
  let max = 100;
  /** Each changes one setting, which is no store's. */
  const reload = () => running.reload(config(port, store, ++max));
  const reloaded = () => running.logged(({ event, level }) => event === "reload" && level === "info");
  return { port, daemon: running, ask, reload, reloaded };
}

/** Asks until `done`; the different answers. */
async function answersUntil(done: Promise<unknown>, ask: () => Promise<string>): Promise<ReadonlySet<string>> {
  const answers = new Set<string>();
  let isDone = false;
  void done.finally(() => {
    isDone = true;
  });
  while (!isDone) answers.add(await ask());
  return answers;
}

it("150 reloads start no process that stays, and no answer is wrong meanwhile", async () => {
  const path = join(directory, "people.sqlite");
  const database = new DatabaseSync(path);
  database.exec(`${schema("sqlite")};${john}`);
  database.close();
  const { daemon, ask, reload, reloaded } = await start(`type = "sqlite"\ntimeout = "20s"\npath = "${path}"`);
  expect(await ask()).toBe("DUNNO");
  const before = daemon.children();
  const reloads = async () => {
    for (let n = 0; n < 150; n += 1) {
      reload();
      await reloaded();
    }
  };
  expect(await answersUntil(reloads(), ask)).toEqual(new Set(["DUNNO"]));
  expect(daemon.children()).toEqual(before);
});

it("whatever a reload meets leaves the previous configuration serving, with a problem that has a place", async () => {
  const { daemon, ask } = await start('type = "sqlite"\npath = "none.sqlite"');
  const unavailable = "451 4.4.3 Unable to verify address at this time.";
  expect(await ask()).toBe(unavailable);
  const texts = [
    `a = "${"x".repeat(1_000_000)}"`,
    `a = '''${"x\n".repeat(500_000)}'''`,
    `a = ${"[".repeat(100_000)}`,
    `${"a.".repeat(50_000)}a = 1`,
    '{"a":'.repeat(100_000),
    "\0",
    "[listener.smtp",
    "",
  ];
  for (const text of texts) {
    daemon.reload(text);
    const problem = await daemon.logged(({ event }) => event === "configuration");
    expect(problem).toMatchObject({ msg: expect.stringMatching(/postern\.toml:\d+:\d+: /) });
    const msg = "the configuration has errors; the previous configuration stays active";
    expect(await daemon.logged(({ event }) => event === "reload")).toMatchObject({ msg });
    expect(await ask()).toBe(unavailable);
  }
});

it("reloads need no further connections to PostgreSQL", async () => {
  const postgres = await TestPostgres.create(["max_connections=20", "superuser_reserved_connections=3"]);
  try {
    const client = new pg.Client({ host: "127.0.0.1", port: postgres.port, user: "postgres", database: "postgres" });
    await client.connect();
    await client.query(`${schema("postgresql")};${john}`);
    const url = `url = "postgresql://postgres@127.0.0.1:${postgres.port}/postgres"`;
    const { port, ask, reload, reloaded } = await start(`type = "postgresql"\n${url}\npool = 10`);
    expect(await ask()).toBe("DUNNO");
    const others = await Promise.all(
      Array.from({ length: isLong ? 200 : 20 }, async (_, client) => {
        const policy = await openPolicy(port);
        let n = 0;
        const facts = () => ({ client_port: String(100 + client), instance: `${client}.${n++}` });
        return async () => {
          const [known, unknown] = [
            await policy.ask({ ...facts(), recipient: "john@example.org" }),
            await policy.ask({ ...facts(), recipient: "nobody@example.org" }),
          ];
          return `${known}, ${unknown}`;
        };
      }),
    );
    const reloads = async () => {
      const until = Date.now() + (isLong ? 60_000 : 0);
      for (let n = 0; n < 12 || Date.now() < until; n += 1) {
        reload();
        await Promise.all([reloaded(), isLong && delay(200)]);
      }
    };
    const done = reloads();
    const answers = await Promise.all(others.map((other) => answersUntil(done, other)));
    expect(answers).toEqual(answers.map(() => new Set(["DUNNO, 550 5.1.2 Mailbox does not exist."])));
    const { rows } = await client.query("SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = 'postern'");
    expect(rows[0].count).toBeLessThanOrEqual(10);

    // What is known is answered while the database is away, also after a reload.
    await client.end();
    await postgres.stop();
    expect(await ask()).toBe("DUNNO");
    reload();
    await reloaded();
    expect(await ask()).toBe("DUNNO");
    expect(await ask("nobody@example.org")).toBe("451 4.4.3 Unable to verify address at this time.");
  } finally {
    await postgres.remove();
  }
});

it("a configuration that has become a FIFO or a directory leaves the previous one active", async () => {
  const { daemon, ask } = await start(`type = "sqlite"\ntimeout = "1m"\npath = "${join(directory, "people.sqlite")}"`);
  const file = join(directory, "postern.toml");
  for (const command of ["mkfifo", "mkdir"]) {
    rmSync(file, { recursive: true });
    execFileSync(command, [file]);
    daemon.hangUp();
    await daemon.logged(
      ({ msg }) => msg === `${file}:1:1: ${file} cannot be read (it is not a regular file). Correct the path or the file.`,
    );
    await daemon.logged(({ msg }) => msg === "the configuration has errors; the previous configuration stays active");
    expect(await ask("x@foreign.example")).toMatch(/^4/);
  }
});
