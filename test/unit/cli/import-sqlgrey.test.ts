/** `postern greylist import sqlgrey` from the databases that sqlgrey writes, each with its kind of timestamps. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { greylistCommand } from "../../../src/cli/greylist.ts";
import { openState } from "../../../src/state/open-state.ts";
import { TestPostgres } from "../../support/postgres.ts";
import { sqliteSettings } from "../../support/stores.ts";

const folder = mkdtempSync(join(tmpdir(), "postern-sqlgrey-"));
let postgres: TestPostgres;

/** As sqlgrey 1.8 makes them in every kind of database. */
const tables = `
  CREATE TABLE connect (sender_name varchar(64) NOT NULL, sender_domain varchar(255) NOT NULL, src varchar(39) NOT NULL,
    rcpt varchar(255) NOT NULL, first_seen timestamp NOT NULL);
  CREATE TABLE from_awl (sender_name varchar(64) NOT NULL, sender_domain varchar(255) NOT NULL, src varchar(39) NOT NULL,
    first_seen timestamp NOT NULL, last_seen timestamp NOT NULL, PRIMARY KEY (src, sender_domain, sender_name));
  CREATE TABLE domain_awl (sender_domain varchar(255) NOT NULL, src varchar(39) NOT NULL,
    first_seen timestamp NOT NULL, last_seen timestamp NOT NULL, PRIMARY KEY (src, sender_domain));`;

/** `ago`: a time so many hours ago, as the database has it. */
const rows = (ago: (hours: number) => string) => `
  INSERT INTO connect VALUES ('a', 'sql.example', '192.0.2', 'john@example.org', ${ago(1)});
  INSERT INTO connect VALUES ('a', 'sql.example', '192.0.2', 'john@example.org', ${ago(2)});
  INSERT INTO connect VALUES ('-undef-', '-undef-', '2001:db8::7', 'jane@example.org', ${ago(3)});
  INSERT INTO connect VALUES ('a', 'sql.example', '192.0.2', 'old@example.org', ${ago(200)});
  INSERT INTO from_awl VALUES ('a', 'sql.example', '192.0.2.8', ${ago(900)}, ${ago(24)});
  INSERT INTO from_awl VALUES ('b', 'sql.example', '192.0.2.8', ${ago(900)}, ${ago(48)});
  INSERT INTO from_awl VALUES ('b', 'sql.example', '192.0.2', ${ago(900)}, ${ago(48)});
  INSERT INTO domain_awl VALUES ('sql.example', '192.0.2.8', ${ago(900)}, ${ago(72)});
  INSERT INTO domain_awl VALUES ('gone.example', '192.0.2.9', ${ago(9000)}, ${ago(8000)});`;

beforeAll(async () => {
  const old = new DatabaseSync(join(folder, "sqlgrey.sqlite"));
  // Its function now() gives the seconds since the epoch there.
  old.exec(tables + rows((hours) => `unixepoch() - ${hours} * 3600`));
  old.close();
  // Far from UTC, for its timestamps are without a zone.
  postgres = await TestPostgres.create(["TimeZone=Pacific/Auckland"]);
  const client = new pg.Client({ host: "127.0.0.1", port: postgres.port, user: "postgres", database: "postgres" });
  await client.connect();
  await client.query(tables + rows((hours) => `now() - interval '${hours} hours'`));
  await client.end();
});
afterAll(async () => {
  await postgres.remove();
  rmSync(folder, { recursive: true });
});

const config = (key: string) => `[store.lite]
type = "sqlite"
path = "sqlgrey.sqlite"
[store.smart]
type = "sqlite"
path = "smart.sqlite"
[store.pg]
type = "postgresql"
url = "postgresql://postgres@127.0.0.1:${postgres.port}/postgres"
[session.rcpt.greylist]
enable = true
key = ${key}
`;

/** What it prints, into a state that was empty. */
async function imported(store: string, key: string): Promise<{ out: string; state: ReturnType<typeof openState> }> {
  const directory = mkdtempSync(join(folder, "state-"));
  const file = join(folder, "postern.toml");
  writeFileSync(file, config(key));
  const state = openState(sqliteSettings(join(directory, "state.sqlite")), { onAvailability: () => {} });
  await state.stats(0);
  const out = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const err = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  try {
    await greylistCommand().parseAsync(["import", "sqlgrey", store, "-c", file, "--state-directory", directory], { from: "user" });
    return { out: out.mock.calls.map(([chunk]) => String(chunk)).join(""), state };
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
}

test("networks of IPv6, and times of a clock that was ahead", async () => {
  const smart = new DatabaseSync(join(folder, "smart.sqlite"));
  smart.exec(`${tables}
    INSERT INTO connect VALUES ('a', 'sql.example', '2001:0db8:0001:0002', 'john@example.org', unixepoch() - 100);
    INSERT INTO connect VALUES ('a', 'sql.example', '2001:0db8:0007:0002:0003:0004:0005:0006', 'john@example.org', unixepoch() - 100);
    INSERT INTO connect VALUES ('a', 'ahead.example', '192.0.2.7', 'john@example.org', unixepoch() + 9000000);
    INSERT INTO connect VALUES ('a', 'sql.example', 'unknown', 'john@example.org', unixepoch());
    INSERT INTO from_awl VALUES ('a', 'sql.example', '2001:0db8:0009:0002', unixepoch() - 9000, unixepoch() + 9000000);`);
  smart.close();
  const { out, state } = await imported("smart", '["client", "sender", "rcpt"]');
  expect(out).toBe("4 taken, 0 known already, 1 too old or of no use\n");
  const entries = await state.list({}, { limit: 10 });
  expect(entries.map(({ client, firstSeen }) => [client, hoursAgo(firstSeen)])).toEqual([
    ["192.0.2.0/24", 0],
    ["2001:db8:1:2::/64", 0],
    ["2001:db8:7:2::/64", 0],
  ]);
  const addresses = await state.listAddresses("", { limit: 10 });
  expect(addresses.map(({ address, passes, seen }) => [address, passes, hoursAgo(seen)])).toEqual([["2001:db8:9:2::/64", 1, 0]]);
  await state.close();
});

/** How many hours ago, to a tenth. */
const hoursAgo = (time: number | undefined) => time && Math.round((Date.now() - time) / 360_000) / 10;

test.each(["lite", "pg"])("from %s: what waits, and passes of whole addresses", async (store) => {
  const { out, state } = await imported(store, '["client", "sender", "rcpt"]');
  expect(out).toBe("3 taken, 1 known already, 3 too old or of no use\n");
  const entries = await state.list({}, { limit: 10 });
  expect(
    entries.map(({ client, sender, recipient, firstSeen, passed }) => [client, sender, recipient, hoursAgo(firstSeen), passed]),
  ).toEqual([
    ["192.0.2.0/24", "a@sql.example", "john@example.org", 1, undefined],
    ["2001:db8::/64", "", "jane@example.org", 3, undefined],
  ]);
  const addresses = await state.listAddresses("", { limit: 10 });
  expect(addresses.map(({ address, passes, seen }) => [address, passes, hoursAgo(seen)])).toEqual([["192.0.2.8", 3, 24]]);
  await state.close();
});

test.each(["lite", "pg"])("from %s: what has passed, where the key is without recipients", async (store) => {
  const { out, state } = await imported(store, '["client", "sender"]');
  expect(out).toMatch(/ 2 too old or of no use\n$/);
  const passed = await state.list({ state: "passed" }, { limit: 10 });
  expect(passed.map(({ client, sender, firstSeen, lastSeen }) => [client, sender, hoursAgo(firstSeen), hoursAgo(lastSeen)])).toEqual([
    ["192.0.2.0/24", "a@sql.example", 900, 24],
    ["192.0.2.0/24", "b@sql.example", 900, 48],
  ]);
  await state.close();
});
