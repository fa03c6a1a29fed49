/** The http listener of the real daemon, whose workers have counted and kept what it shows. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runningConfiguration } from "../../src/cli/running-configuration.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { freePorts } from "../support/mta.ts";
import { parseOpenMetrics } from "../support/open-metrics.ts";
import { openPolicy } from "../support/policy-client.ts";

const scratch = `/tmp/postern-http-${process.pid}`;
let daemon: Daemon;
let web: string;
let port: number;

const config = (more = "") => `[server]
workers = 2
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:${port}"]
[listener.web]
protocol = "http"
bind = ["127.0.0.1:${new URL(web).port}", "unix:${scratch}/web.sock"]
[store.accounts]
type = "sqlite"
path = "accounts.sqlite"
[store.accounts.query]
recipients = "SELECT 'jane' WHERE $1 = 'jane@cached.example'"
emails = "SELECT 'jane@cached.example' WHERE $1 = 'jane'"
members = "SELECT 1 WHERE $1 = ''"
domains = "SELECT 1 WHERE $1 = 'cached.example'"
[directory.accounts]
type = "sql"
store = "accounts"
[[domain]]
name = "cached.example"
directory = "accounts"
[storage]
directory = "local"
[directory.local]
type = "memory"
principals = [ { name = "john", email = ["john@example.org", "j@example.org"] } ]
[decisions]
keep = "1d"
[session.rcpt.errors]
wait = "0s"
[session.rcpt.greylist]
enable = true
[[session.throttle]]
key = ["sender"]
rate = "1000/1h"
mode = "shadow"
[[session.rcpt.deny]]
if = "helo_domain == 'bad.example'"
mode = "shadow"
${more}`;

beforeAll(async () => {
  const [first = 0, second = 0] = await freePorts(2);
  port = first;
  web = `http://127.0.0.1:${second}`;
  mkdirSync(scratch);
  // An empty file is an empty database.
  writeFileSync(`${scratch}/accounts.sqlite`, "");
  daemon = await startDaemon({ directory: scratch, config: config(), listening: [{ port, host: "127.0.0.1" }] });
});

afterAll(async () => {
  await daemon.stop();
  rmSync(scratch, { recursive: true, force: true });
});

const get = async (path: string) => (await fetch(`${web}${path}`)).json() as Promise<Record<string, unknown>>;

async function post(path: string, body: unknown): Promise<unknown> {
  const { csrf } = await get("/api/session");
  const headers = { origin: web, "content-type": "application/json", "x-csrf-token": String(csrf) };
  return (await fetch(`${web}${path}`, { method: "POST", headers, body: JSON.stringify(body) })).json();
}

async function decisionsCounted(): Promise<number> {
  const families = parseOpenMetrics(await (await fetch(`${web}/metrics`)).text());
  return families.get("postern_decisions")?.samples.reduce((sum, { value }) => sum + value, 0) ?? 0;
}

test("it shows what both workers do, also of one that has ended, and changes what they ask", async () => {
  const clients = await Promise.all(Array.from({ length: 8 }, () => openPolicy(port)));
  for (const [index, client] of clients.entries()) {
    const address = { client_address: `203.0.113.${index}`, client_port: String(1000 + index) };
    expect(await client.ask({ ...address, recipient: "nobody@example.org" })).toMatch(/^550 /);
    expect(await client.ask({ ...address, recipient: "john@example.org" })).toMatch(/^DEFER_IF_PERMIT /);
  }
  const { decisions } = (await get("/api/decisions")) as { decisions: { id: string; time: string; reason: string }[] };
  expect(new Set(decisions.map(({ id }) => id.split("-")[0]))).toEqual(new Set(["1", "2"]));
  expect(new Set(decisions.map(({ id }) => id)).size).toBe(16);
  expect(decisions.map(({ time }) => time)).toEqual(decisions.map(({ time }) => time).sort());
  expect(await decisionsCounted()).toBe(16);
  expect(await get("/status")).toMatchObject({
    ...{ workers: 2, readiness: { ready: true } },
    listeners: [{ name: "smtp", connections: 8, decisions: 16, stages: { rcpt: 16 } }],
    sources: [{ name: "store accounts" }, { name: "state", up: true, questions: 24, failures: 0 }],
    greylist: { events: { new: 1, early: 7 }, entries: { waiting: 1 } },
  });

  // The greylist is that of the daemon, and whoever is allowed passes.
  expect(await get("/api/greylist?state=waiting")).toMatchObject({
    entries: [{ client: "203.0.113.0/24", recipient: "john@example.org" }],
  });
  expect(await post("/api/greylist/allow", { client: "203.0.113.1" })).toEqual({ done: true });
  expect(await clients[1]?.ask({ client_address: "203.0.113.1", recipient: "john@example.org" })).toBe("DUNNO");
  // Explain asks the same, and changes nothing.
  const played = { client: { address: "203.0.113.2" }, helo: "mx.client.example", sender: "a@b.example", recipients: ["john@example.org"] };
  expect(await post("/api/explain", played)).toMatchObject({ steps: [{ stage: "ehlo" }, { stage: "mail" }, { reason: "greylisted" }] });
  expect(await get("/api/address?address=j@example.org")).toMatchObject({ directory: "local", reason: "alias", reply: null });
  expect(await decisionsCounted()).toBe(17);

  const [killed = 0] = daemon.children();
  process.kill(killed, "SIGKILL");
  const { worker: number } = await daemon.logged(({ msg }) => msg === "a worker process ended; another is started");
  await daemon.logged(({ msg, worker, pid }) => msg === "a worker process serves" && worker === number && pid !== killed);
  expect(await decisionsCounted()).toBe(17);
  // What the next one decides is not taken for what was read before. Of so many sessions some are its own.
  for (const [index, client] of (await Promise.all(Array.from({ length: 8 }, () => openPolicy(port)))).entries()) {
    await client.ask({ client_address: `203.0.113.${index}`, client_port: String(2000 + index), recipient: "nobody@example.org" });
    client.end();
  }
  const later = (await get("/api/decisions")) as { decisions: { id: string }[] };
  const known = decisions.map(({ id }) => id);
  expect(later.decisions.filter(({ id }) => id.startsWith(`${number}-`)).some(({ id }) => !known.includes(id))).toBe(true);
  for (const client of clients) client.end();
});

test("decisions of all workers are kept in a file, where they are found again", async () => {
  // And those of the worker that was started.
  await expect.poll(() => get("/api/refused/archive?not-pass=1")).toMatchObject({ decisions: 24, refused: 24, reached: null });
  const { decisions } = (await get("/api/decisions/archive?not-pass=1&limit=30")) as { decisions: { id: string }[] };
  expect(decisions).toHaveLength(24);
  expect(new Set(decisions.map(({ id }) => id.split("-")[0]))).toEqual(new Set(["1", "2"]));
  expect(await get("/api/session")).toMatchObject({ keepSeconds: 86_400 });
});

test("an address is kept as long as a worker keeps it", async () => {
  const ofJane = () => get("/api/address?address=jane@cached.example");
  expect(await ofJane()).toMatchObject({ directory: "accounts", reply: null, cachedUntil: null });
  const client = await openPolicy(port);
  await client.ask({ client_address: "203.0.113.9", client_port: "2000", recipient: "jane@cached.example" });
  client.end();
  const { cachedUntil } = await ofJane();
  expect(Date.parse(String(cachedUntil))).toBeGreaterThan(Date.now());
});

test("what may be in shadow is told part by part", async () => {
  const { modes } = (await get("/api/configuration")) as { modes: { what: string; mode: string }[] };
  expect(modes.map(({ what, mode }) => `${what.replace(/\(.*\/(postern\.toml):\d+\)/, "($1)")} ${mode}`)).toEqual([
    ...["server enforce", "listener smtp enforce", "session.ehlo enforce", "session.mail enforce"],
    ...["session.rcpt enforce", "session.rcpt.deny (postern.toml) shadow"],
    ...["session.rcpt.greylist enforce", "throttle 1 shadow"],
  ]);
});

test("decisions of all workers are followed, and a reload keeps who follows", async () => {
  const following = await fetch(`${web}/api/decisions?not-pass=1`, { headers: { accept: "text/event-stream" } });
  const reader = following.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const until = async (wanted: string) => {
    while (!text.includes(wanted)) text += (await reader?.read())?.value ?? "";
  };
  await until(": decisions");
  daemon.reload(config("[session.rcpt]\nmax-recipients = 7\n"));
  await daemon.logged(({ msg }) => msg === "configuration reloaded");
  expect((await get("/api/configuration")).text).toContain("max-recipients = 7");
  for (const number of [1, 2, 3, 4]) {
    const client = await openPolicy(port);
    await client.ask({ client_address: `203.0.113.${number}`, client_port: "1025", recipient: `nobody${number}@example.org` });
    await until(`nobody${number}@example.org`);
    client.end();
  }
  const { document } = await runningConfiguration(`${scratch}/web.sock`);
  expect(document).toMatchObject({ session: { rcpt: { "max-recipients": 7 } } });
  daemon.reload("nonsense");
  await daemon.logged(({ event, level }) => event === "reload" && level === "error");
  expect(await (await fetch(`${web}/metrics`)).text()).toMatch(/reloads_total\{result="ok"\} 1\n.*reloads_total\{result="failed"\} 1\n/s);
  await reader?.cancel();
});
