/** The worked scripts of contrib/sieve, each with the configuration beside it, played against whole sessions. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { formatProblem } from "../../../src/config/check/report.ts";
import { parseConfiguration } from "../../../src/config/load.ts";
import { type OpenCore, openCore } from "../../../src/daemon/open-core.ts";
import { unchangedState } from "../../../src/daemon/read-only-state.ts";
import { play } from "../../../src/frontend/explain/play.ts";
import { capabilities } from "../../../src/sieve/compile/capabilities.ts";
import { defaultLimits } from "../../../src/sieve/limits.ts";
import { envelopeParts } from "../../../src/sieve/script.ts";
import { environmentNames } from "../../../src/stage/script-environment.ts";
import { read, substitute } from "../../support/contrib.ts";
import { TestPostgres } from "../../support/postgres.ts";

const file = (name: string) => `/etc/postern/${name}`;
const readFile = (path: string) => read(path.replace("/etc/postern/", "contrib/sieve/"));
const day = 86_400_000;

let folder: string;
let postgres: TestPostgres;
let now = 0;
const opened: OpenCore[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "postern-sieve-"));
  postgres = await TestPostgres.create();
});
afterEach(async () => {
  for (const open of opened.splice(0)) await open.close();
});
afterAll(async () => {
  await postgres.remove();
  await rm(folder, { recursive: true });
});

/** The configuration with this name, its texts exchanged; each test has its own state directory. */
async function open(name: string, ...exchanges: Parameters<typeof substitute>[1][]) {
  now = Date.parse("2024-02-29T12:00:00Z");
  const stateDirectory = await mkdtemp(join(folder, "state-"));
  const text = patient(substitute(read(`contrib/sieve/${name}.toml`), ...exchanges));
  const { configuration, problems } = parseConfiguration(text, file(`${name}.toml`), readFile, { stateDirectory });
  expect(problems.map(formatProblem)).toEqual([]);
  if (configuration === undefined) throw new Error("not loaded");
  const onAvailability = () => {};
  const core = openCore(configuration, {
    now: () => now,
    clock: () => now,
    leaseState: () => unchangedState(configuration, onAvailability),
    onAvailability,
  });
  opened.push(core);
  expect(await core.checkStatements()).toEqual([]);
  const [listener] = configuration.listeners;
  if (listener === undefined) throw new Error("no listener");
  const client = { address: "203.0.113.9", name: "", port: 4321 };
  /** The replies to EHLO, MAIL and each RCPT; a pass is `null`. */
  return async (helo: string, sender: string, ...recipients: string[]) =>
    (await play({ client, helo, sender, recipients }, listener, core.core)).map(({ reply }) => reply);
}

/** SQLite may start slowly on a busy machine. */
function patient(text: string): string {
  const table = "[store.embedded]\n";
  const complete = text.includes(table) ? text : `${text}\n${table}`;
  return complete.replace(table, `${table}timeout = "1m"\n`);
}

it("helo-blocklist", async () => {
  const replies = await open("helo-blocklist");
  const refused = (name: string) => `551 5.1.1 Sending domain '${name}' has been blocklisted.`;
  expect((await replies("spammer.example", "a@b.example"))[0]).toBe(refused("spammer.example"));
  expect((await replies("MX.Spammer.example", "a@b.example"))[0]).toBe(refused("mx.spammer.example"));
  expect(await replies("mx.friend.example", "a@b.example")).toEqual([null, null]);
});

describe("greylist", () => {
  const first = "450 4.7.1 Greylisted, please try again in a few minutes.";

  it.each(["SQLite", "PostgreSQL"])("%s", async (engine) => {
    const pg = `[store.pg]\ntype = "postgresql"\nhost = "127.0.0.1"\nport = ${postgres.port}\ndatabase = "postgres"\nuser = "postgres"\ninit = "greylist-postgresql.sql"\n\n[storage]\ndata = "pg"`;
    const replies = await (engine === "SQLite"
      ? open("greylist")
      : open("greylist", ['[store.embedded]\ninit = "greylist-sqlite.sql"', pg] as const));
    const rcpt = async (recipient: string) => (await replies("mx.client.example", "jane@sender.example", recipient))[2];
    expect(await rcpt("john@example.org")).toBe(first);
    now += 60_000;
    expect(await rcpt("john@example.org")).toBe(first);
    now += 300_000;
    expect(await rcpt("john@example.org")).toBe(null);
    expect(await rcpt("jane@example.org")).toBe(first);
    now += 30 * day;
    expect(await rcpt("john@example.org")).toBe(null);
    now += 30 * day;
    expect(await rcpt("john@example.org")).toBe(null);
    now += 36 * day;
    expect(await rcpt("john@example.org")).toBe(first);
  });

  it("forgets old rows", async () => {
    const replies = await open("greylist");
    const rows = async () => opened[0]?.core.sources.ask.sqlQuery("", "SELECT triplet FROM greylist ORDER BY triplet", []);
    await replies("mx.client.example", "jane@sender.example", "a@example.org", "b@example.org");
    now += 36 * day;
    await replies("mx.client.example", "jane@sender.example", "c@example.org");
    expect(await rows()).toEqual({ kind: "rows", rows: [["203.0.113.9 jane@sender.example c@example.org"]] });
  });
});

it("allowed-senders", async () => {
  const replies = await open("allowed-senders");
  const refused = "550 5.7.1 You are not allowed to write to this address.";
  const rcpts = async (sender: string) =>
    (
      await replies("mx.client.example", sender, "board@example.org", "board+x@example.org", "all-staff@example.org", "john@example.org")
    ).slice(2);
  expect(await rcpts("stranger@sender.example")).toEqual([refused, refused, refused, null]);
  expect(await rcpts("")).toEqual([refused, refused, refused, null]);
  expect(await rcpts("chair@partner.example")).toEqual([null, null, refused, null]);
  expect(await rcpts("john@example.org")).toEqual([null, null, null, null]);
});

it("sender-limits", async () => {
  const replies = await open("sender-limits", ['"newsletter.example" = 1000', '"newsletter.example" = 3'] as const);
  const mail = async (sender: string) => (await replies("mx.client.example", sender))[1];
  const refused = "450 4.7.1 newsletter.example has sent its 3 messages of today, please try again tomorrow.";
  for (const sender of ["a", "b", "c"]) expect(await mail(`${sender}@newsletter.example`)).toBe(null);
  expect(await mail("d@newsletter.example")).toBe(refused);
  expect(await mail("a@other.example")).toBe(null);
  expect(await mail("")).toBe(null);
  now += day;
  for (const sender of ["a", "b", "c"]) expect(await mail(`${sender}@newsletter.example`)).toBe(null);
  expect(await mail("d@newsletter.example")).toBe(refused);
  for (let index = 0; index < 50; index++) expect(await mail("a@x.hosting.example")).toBe(null);
  expect(await mail("a@x.hosting.example")).toMatch(/^450 4\.7\.1 x\.hosting\.example has sent its 50 /);
  expect(await mail("a@y.hosting.example")).toBe(null);
});

it("send-only", async () => {
  const replies = await open("send-only");
  const refused = "550 5.7.1 This address only sends. Nobody reads what is sent to it.";
  const rcpts = async (sender: string) =>
    (
      await replies(
        "mx.client.example",
        sender,
        "noreply@example.org",
        "noreply+x@example.org",
        "bounce-17+x@example.org",
        "john@example.org",
      )
    ).slice(2);
  expect(await rcpts("a@b.example")).toEqual([refused, refused, refused, null]);
  expect(await rcpts("")).toEqual([null, null, null, null]);
});

describe("the README", () => {
  const text = read("contrib/sieve/README.md");
  const quoted = (from: string, to: string) =>
    [...text.slice(text.indexOf(from), text.indexOf(to)).matchAll(/`([^`" $]+)`/g)].map(([, name = ""]) => name.replace(/\(.*/, ""));

  it("tells every extension, and no other", () => {
    const commands = ["eval", "let", "while", "break", "continue", "query", 'log "text"', "size", "sieve.trusted.no-capability-check"];
    const named = quoted("**Extensions**", "**Environment**").filter((name) => !commands.includes(name));
    expect(named.toSorted()).toEqual([...capabilities].toSorted());
  });

  it("tells every environment item", () => {
    const named = new Set(quoted("| item |", "**Envelope**"));
    expect([...environmentNames].filter((name) => !named.has(name))).toEqual([]);
  });

  it("tells every part of the envelope, and every limit", () => {
    expect(quoted("**Envelope**", "There is none at EHLO")).toEqual([...envelopeParts]);
    const kebab = Object.keys(defaultLimits).map((name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
    expect(quoted("**Limits** (`[sieve.trusted.limits]`)", "; their values").slice(1)).toEqual(kebab);
  });
});
