/** The daemon on a real PostgreSQL that goes away under requests and comes back. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseConfiguration } from "../../src/config/load.ts";
import { openCore } from "../../src/daemon/open-core.ts";
import type { Core } from "../../src/stage/core.ts";
import { decideRcpt } from "../../src/stage/rcpt.ts";
import { startDaemon } from "../support/daemon.ts";
import { freePorts } from "../support/mta.ts";
import { openPolicy } from "../support/policy-client.ts";
import { TestPostgres } from "../support/postgres.ts";
import { session } from "../support/session.ts";
import { sourcesOf } from "../support/sources.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const contrib = (name: string) => readFileSync(new URL(`../../contrib/sql/${name}`, import.meta.url), "utf8");

/** Answers are forgotten at once, so that each request asks the database. */
const config = (port: number, postgres: number) => `
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:${port}"]

[store.pg]
type = "postgresql"
url = "postgresql://postgres@127.0.0.1:${postgres}/postgres"
timeout = "2s"
init = "tables.sql"

[directory.accounts]
type = "sql"
store = "pg"
cache = { entries = 10, ttl = { positive = "1ms", negative = "1ms" }, stale = "1ms" }

[session.rcpt.errors]
total = 1000000
wait = "0s"
`;

let postgres: TestPostgres;
let directory: string;

beforeAll(async () => {
  postgres = await TestPostgres.create();
  directory = mkdtempSync(join(tmpdir(), "postern-outage-"));
});

afterAll(async () => {
  await postgres.remove();
  rmSync(directory, { recursive: true });
});

it("defers while the database is away, then decides again, and never refuses a known mailbox", async () => {
  const [port = 0] = await freePorts(1);
  writeFileSync(join(directory, "tables.sql"), tables());
  const daemon = await startDaemon({ directory, config: config(port, postgres.port), listening: [{ host: "127.0.0.1", port }] });
  const known = new Set<string>();
  const asked = { stop: false };
  const clients = Array.from({ length: 10 }, (_, client) => keepAsking(port, client, known, asked));

  const probe = await openPolicy(port);
  const answer = () => probe.ask({ client_port: "1", recipient: "john@example.org" });
  await expect.poll(answer).toBe("DUNNO");
  expect(await probe.ask({ client_port: "2", recipient: "nobody@example.org" })).toBe("550 5.1.2 Mailbox does not exist.");

  await postgres.stop();
  await expect.poll(answer).toBe("451 4.4.3 Unable to verify address at this time.");
  await daemon.logged((line) => line.event === "source" && line.source === "pg" && line.error !== undefined);

  await postgres.start();
  await expect.poll(answer).toBe("DUNNO");
  await daemon.logged((line) => line.event === "source" && line.source === "pg" && line.error === undefined);

  asked.stop = true;
  await Promise.all(clients);
  expect(known).toEqual(new Set(["DUNNO", "451 4.4.3 Unable to verify address at this time."]));
  probe.end();
  expect(await daemon.stop()).toBe(0);
});

function tables(): string {
  // `init` runs at every start.
  const schema = contrib("schema-postgresql.sql")
    .replaceAll("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ")
    .replaceAll("CREATE INDEX ", "CREATE INDEX IF NOT EXISTS ");
  const rows = "INSERT INTO accounts (name, type) VALUES ('john', 'individual') ON CONFLICT DO NOTHING;";
  return `${schema}\n${rows}\nINSERT INTO emails (name, address, type) VALUES ('john', 'john@example.org', 'primary') ON CONFLICT DO NOTHING;\n`;
}

async function keepAsking(port: number, client: number, answers: Set<string>, asked: { readonly stop: boolean }): Promise<void> {
  const policy = await openPolicy(port);
  for (let number = 0; !asked.stop; number += 1) {
    answers.add(await policy.ask({ client_port: String(1000 + client), instance: `${client}.${number}`, recipient: "john@example.org" }));
  }
  policy.end();
}

it("a request to a frozen server is answered within one deadline, however many questions it has", async () => {
  const { configuration } = parseConfiguration(config(0, postgres.port).replace("2s", "1m"), join(directory, "postern.toml"), tables);
  if (configuration === undefined) throw new Error("there is an error in the configuration");
  const clock = new VirtualClock();
  const open = openCore(configuration, {
    ...{ now: clock.now, later: clock.later, clock: clock.now, onAvailability: () => {} },
    leaseState: () => ({ state: sourcesOf([]).state, release: async () => {} }),
  });
  const rcpt = async (core: Core) => (await clock.until(decideRcpt(session({ sender: "" }), "john@example.org", core))).verdict.reason;
  expect(await rcpt(open.core)).toBe("mailbox");
  await postgres.freeze();
  await clock.until(clock.sleep(10));
  expect(await rcpt(open.forRequest())).toBe("unavailable");
  expect(clock.now()).toBe(60_010);
  await postgres.thaw();
  await open.close();
});
