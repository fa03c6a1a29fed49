/** The daemon on a real PostgreSQL or MariaDB that goes away under requests and comes back. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseConfiguration } from "../../src/config/load.ts";
import { openCore } from "../../src/daemon/open-core.ts";
import type { Engine } from "../../src/expr/sql-text.ts";
import type { Core } from "../../src/stage/core.ts";
import type { ServerKind, TestServer } from "../contract/database-server.ts";
import { startDaemon } from "../support/daemon.ts";
import { freePorts, whyNo } from "../support/mta.ts";
import { openPolicy } from "../support/policy-client.ts";
import { mariadb, postgresql } from "../support/servers.ts";
import { session } from "../support/session.ts";
import { sourcesOf } from "../support/sources.ts";
import { askRcpt } from "../support/stages.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const contrib = (name: string) => readFileSync(new URL(`../../contrib/sql/${name}`, import.meta.url), "utf8");

/** Answers are forgotten at once, so that each request asks the database. */
const config = (port: number, url: string) => `
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:${port}"]

[store.db]
type = "${url.replace(/:.*/, "")}"
url = "${url}"
timeout = "2s"
init = "tables.sql"

[directory.accounts]
type = "sql"
store = "db"
cache = { entries = 10, ttl = { positive = "1ms", negative = "1ms" }, stale = "1ms" }

[session.rcpt.errors]
total = 1000000
wait = "0s"
`;

async function keepAsking(port: number, client: number, answers: Set<string>, asked: { readonly stop: boolean }): Promise<void> {
  const policy = await openPolicy(port);
  for (let number = 0; !asked.stop; number += 1) {
    answers.add(await policy.ask({ client_port: String(1000 + client), instance: `${client}.${number}`, recipient: "john@example.org" }));
  }
  policy.end();
}

/** Those of contrib, made again at every start. */
function tables(engine: Engine): string {
  const schema = contrib(`schema-${engine}.sql`)
    .replaceAll("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ")
    .replaceAll("CREATE INDEX ", "CREATE INDEX IF NOT EXISTS ");
  const rows =
    "INSERT INTO emails (name, address, type) SELECT 'john', 'john@example.org', 'primary' WHERE NOT EXISTS (SELECT 1 FROM emails WHERE name = 'john');";
  return `${schema}\n${rows}\n`;
}

for (const kind of [postgresql, mariadb]) describe.skipIf(kind === mariadb && whyNo("MariaDB"))(kind.name, () => daemonOn(kind));

function daemonOn(kind: ServerKind): void {
  let server: TestServer;
  let directory: string;

  beforeAll(async () => {
    server = await kind.create();
    directory = mkdtempSync(join(tmpdir(), "postern-outage-"));
  });

  afterAll(async () => {
    await server.remove();
    rmSync(directory, { recursive: true });
  });

  it("defers while the database is away, then decides again, and never refuses a known mailbox", async () => {
    const [port = 0] = await freePorts(1);
    writeFileSync(join(directory, "tables.sql"), tables(kind.engine));
    const daemon = await startDaemon({ directory, config: config(port, kind.url(server.port)), listening: [{ host: "127.0.0.1", port }] });
    const known = new Set<string>();
    const asked = { stop: false };
    const clients = Array.from({ length: 10 }, (_, client) => keepAsking(port, client, known, asked));

    const probe = await openPolicy(port);
    const answer = () => probe.ask({ client_port: "1", recipient: "john@example.org" });
    await expect.poll(answer).toBe("DUNNO");
    expect(await probe.ask({ client_port: "2", recipient: "nobody@example.org" })).toBe("550 5.1.2 Mailbox does not exist.");

    await server.stop();
    await expect.poll(answer).toBe("451 4.4.3 Unable to verify address at this time.");
    await daemon.logged((line) => line.event === "source" && line.source === "db" && line.error !== undefined);

    await server.start();
    await expect.poll(answer).toBe("DUNNO");
    asked.stop = true;
    await Promise.all(clients);
    // One of them may have been the last to fail. That the outage is over is logged when nothing has failed for a while.
    await expect.poll(answer).toBe("DUNNO");
    await daemon.logged((line) => line.event === "source" && line.source === "db" && line.error === undefined);
    expect(known).toEqual(new Set(["DUNNO", "451 4.4.3 Unable to verify address at this time."]));
    probe.end();
    expect(await daemon.stop()).toBe(0);
  });

  it("a request to a frozen server is answered within one deadline, however many questions it has", async () => {
    const { configuration } = parseConfiguration(
      config(0, kind.url(server.port)).replace("2s", "1m"),
      join(directory, "postern.toml"),
      () => tables(kind.engine),
    );
    if (configuration === undefined) throw new Error("there is an error in the configuration");
    const clock = new VirtualClock();
    const open = openCore(configuration, {
      ...{ now: clock.now, later: clock.later, clock: clock.now, onAvailability: () => {} },
      leaseState: () => ({ state: sourcesOf([]).state, release: async () => {} }),
    });
    const rcpt = async (core: Core) => (await clock.until(askRcpt(session({ sender: "" }), "john@example.org", core))).verdict.reason;
    expect(await rcpt(open.core)).toBe("mailbox");
    await server.freeze();
    await clock.until(clock.sleep(10));
    expect(await rcpt(open.forRequest())).toBe("unavailable");
    expect(clock.now()).toBe(60_010);
    await server.thaw();
    await open.close();
  });
}
