/** The daemon with scripts: what it logs about them at start, what stops a start or a reload, and that a failing script is logged once. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { freePorts } from "../support/mta.ts";
import { openPolicy } from "../support/policy-client.ts";

const folder = mkdtempSync(join(tmpdir(), "postern-scripts-"));
writeFileSync(join(folder, "tables.sql"), "CREATE TABLE IF NOT EXISTS seen (addr TEXT PRIMARY KEY);\n");
const daemons: Daemon[] = [];
const ports = { none: 0, workers: 0, reload: 0, init: 0, once: 0, down: 0, names: 0 };
const [nobody = 0, ...free] = await freePorts(8);
for (const [index, name] of (["none", "workers", "reload", "init", "once", "down", "names"] as const).entries())
  ports[name] = free[index] ?? 0;

type Name = keyof typeof ports;

afterAll(async () => {
  await Promise.all(daemons.map((daemon) => daemon.stop()));
  rmSync(folder, { recursive: true });
});

const config = (name: Name, script: string, more = "") => `[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:${ports[name]}"]
trusted-networks = []
[directory.mta]
type = "mta"
[session.rcpt]
script = "'test'"
[store.embedded]
timeout = "1m"
${more}
[sieve.trusted.scripts.test]
contents = '''
require ["vnd.stalwart.execute", "reject"];
${script}
'''
`;

async function start(name: Name, text: string): Promise<Daemon> {
  const daemon = await startDaemon({ directory: join(folder, name), config: text, listening: [{ host: "127.0.0.1", port: ports[name] }] });
  daemons.push(daemon);
  return daemon;
}

const init = `init = "${join(folder, "tables.sql")}"\n`;
const select = 'if query "SELECT 1 FROM seen" { reject "550 5.7.1 Seen."; }';

test("a missing table stops the start, and the message says how to create it", async () => {
  const starting = start("none", config("none", select));
  await expect(starting).rejects.toThrow(
    /"msg":"\S+postern\.toml:15:10: sieve\.trusted\.scripts\.test\.contents: there is no table \\"seen\\" in the store \\"embedded\\".*\[store\.embedded\] init/s,
  );
});

test("several workers do not start either", async () => {
  const starting = start("workers", `[server]\nworkers = 2\n${config("workers", select)}`);
  await expect(starting).rejects.toThrow("cannot serve: SQL cannot work, in ");
});

test("a reload of several workers to such a script changes nothing", async () => {
  const text = (script: string) => `[server]\nworkers = 2\n${config("reload", script, init)}`;
  const daemon = await start("reload", text(select));
  const another = `bind = ["127.0.0.1:${nobody}", `;
  daemon.reload(text('if query "SELECT 1 FROM unseen" { reject "no"; }').replace("bind = [", another));
  expect(await daemon.logged(({ event, level }) => event === "configuration" && level === "error")).toMatchObject({
    msg: expect.stringContaining('there is no table "unseen"'),
  });
  await daemon.logged(({ event, level }) => event === "reload" && level === "error");
  await expect(openPolicy(nobody)).rejects.toThrow("ECONNREFUSED");
  const clients = await Promise.all([openPolicy(ports.reload), openPolicy(ports.reload)]);
  for (const client of clients) expect(await client.ask({ recipient: "a@example.org" })).toBe("DUNNO");
  for (const client of clients) client.end();
  await daemon.stop();
  await expect(daemon.logged(({ event, level }) => event === "script" && level === "warn")).rejects.toThrow("ended without that line");
});

test("the SQL is tried in the stores that then serve, so that init runs once", async () => {
  writeFileSync(join(folder, "starts.sql"), "CREATE TABLE IF NOT EXISTS starts (n INTEGER); INSERT INTO starts VALUES (1);\n");
  const more = `init = "${join(folder, "starts.sql")}"\n`;
  const daemon = await start("once", config("once", 'if query "SELECT 1 FROM starts LIMIT 1 OFFSET 1" { reject "Twice."; }', more));
  const policy = await openPolicy(ports.once);
  expect(await policy.ask({ recipient: "a@example.org" })).toBe("DUNNO");
  policy.end();
  await daemon.stop();
});

test("init creates it; a reload to a script whose table is missing changes nothing", async () => {
  const daemon = await start("init", config("init", select, init));
  expect(await daemon.logged(({ event, stage }) => event === "script" && stage === "rcpt")).toMatchObject({ scripts: ["test"] });
  daemon.reload(config("init", 'if query "SELECT 1 FROM unseen" { reject "no"; }', init));
  expect(await daemon.logged(({ event, level }) => event === "configuration" && level === "error")).toMatchObject({
    msg: expect.stringContaining('there is no table "unseen"'),
  });
  expect(await daemon.logged(({ event }) => event === "reload")).toMatchObject({
    msg: expect.stringContaining("the previous configuration stays active"),
  });
  const policy = await openPolicy(ports.init);
  expect(await policy.ask({ protocol_state: "RCPT", client_address: "203.0.113.9", instance: "1", recipient: "a@example.org" })).toBe(
    "DUNNO",
  );
  policy.end();
  await daemon.stop();
});

test("an unavailable store does not stop the start; the script that fails because of it is logged once", async () => {
  const pg = `[store.pg]\ntype = "postgresql"\nurl = "postgresql://postgres@127.0.0.1:${nobody}/postgres"\n[storage]\ndata = "pg"\n`;
  const daemon = await start("down", config("down", select, pg));
  const policy = await openPolicy(ports.down);
  for (const instance of ["1", "2"]) {
    expect(await policy.ask({ protocol_state: "RCPT", client_address: "203.0.113.9", instance, recipient: "a@example.org" })).toBe("DUNNO");
  }
  policy.end();
  const isFailure = ({ event, line }: Readonly<Record<string, unknown>>) => event === "script" && line === 2;
  expect(await daemon.logged(isFailure)).toMatchObject({
    ...{ level: "warn", stage: "rcpt", script: "test" },
    error: expect.not.stringMatching(/(store "pg").*\1/),
  });
  await daemon.stop();
  await expect(daemon.logged(isFailure)).rejects.toThrow("ended without that line");
});

test("a failure whose message differs for each client is logged once", async () => {
  const daemon = await start("names", config("names", "keep;").replace("\"'test'\"", '"rcpt"'));
  const policy = await openPolicy(ports.names);
  for (const recipient of ["a@example.org", "b@example.org"]) {
    expect(await policy.ask({ protocol_state: "RCPT", client_address: "203.0.113.9", instance: "1", recipient })).toBe("DUNNO");
  }
  policy.end();
  const isFailure = ({ event, level }: Readonly<Record<string, unknown>>) => event === "script" && level === "warn";
  expect(await daemon.logged(isFailure)).toMatchObject({ error: 'session.rcpt.script names "a@example.org", which is not a script' });
  await daemon.stop();
  await expect(daemon.logged(isFailure)).rejects.toThrow("ended without that line");
});
