/** `postern greylist` as an administrator runs it, on the embedded store. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { greylistCommand } from "../../../src/cli/greylist.ts";
import { openState } from "../../../src/state/open-state.ts";
import { sqliteSettings } from "../../support/stores.ts";

const folder = mkdtempSync(join(tmpdir(), "postern-greylist-"));
const state = join(folder, "state");

const minutes = 60_000;
const now = Date.now();

/** What is imported must not have expired. */
const ago = (ms: number) => Math.floor((now - ms) / 1000);

const config = `[store.old]
type = "sqlite"
path = "sqlgrey.sqlite"
[session.rcpt.greylist]
enable = true
`;

/** The status, and both outputs. */
async function postern(...args: readonly string[]): Promise<{ status: number; out: string; err: string }> {
  const [out, err] = [vi.spyOn(process.stdout, "write"), vi.spyOn(process.stderr, "write")];
  for (const spy of [out, err]) spy.mockReturnValue(true);
  const text = ({ mock }: typeof out) => mock.calls.map(([chunk]) => String(chunk)).join("");
  try {
    await greylistCommand().parseAsync([...args, "-c", join(folder, "postern.toml"), "--state-directory", state], { from: "user" });
    return { status: Number(process.exitCode ?? 0), out: text(out), err: text(err) };
  } finally {
    process.exitCode = undefined;
    for (const spy of [out, err]) spy.mockRestore();
  }
}

const json = (text: string): unknown[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

beforeAll(async () => {
  mkdirSync(state);
  writeFileSync(join(folder, "postern.toml"), config);
  const store = openState(sqliteSettings(join(state, "state.sqlite")), { onAvailability: () => {} });
  const times = { delayMs: 5 * minutes, retryWindowMs: 60 * minutes, lifetimeMs: 60 * minutes };
  const autoWhitelist = { address: "203.0.113.9", passes: 5 };
  const ask = (recipient: string, at: number) =>
    store.greylist({ client: "203.0.113.0/24", sender: "", recipient, now: at, ...times, autoWhitelist, maxWaiting: 10 });
  await ask("john@example.org", now - 10 * minutes);
  await ask("john@example.org", now - 3 * minutes);
  await ask("jane@example.org", now - 2 * minutes);
  await store.close();

  const old = new DatabaseSync(join(folder, "sqlgrey.sqlite"));
  old.exec(`
    CREATE TABLE connect (sender_name, sender_domain, src, rcpt, first_seen);
    CREATE TABLE from_awl (sender_name, sender_domain, src, first_seen, last_seen);
    CREATE TABLE domain_awl (sender_domain, src, first_seen, last_seen);
    INSERT INTO connect VALUES ('a', 'sql.example', '192.0.2', 'john@example.org', datetime('now', '-1 hours'));
    INSERT INTO connect VALUES ('-undef-', '-undef-', '192.0.2.7', 'jane@example.org', datetime('now', '-1 hours'));
    INSERT INTO connect VALUES ('a', 'sql.example', '192.0.2', 'old@example.org', datetime('now', '-9 days'));
    INSERT INTO from_awl VALUES ('a', 'sql.example', '192.0.2.8', datetime('now', '-9 days'), datetime('now', '-1 days'));
    INSERT INTO from_awl VALUES ('b', 'sql.example', '192.0.2.8', datetime('now', '-9 days'), datetime('now', '-2 days'));
    INSERT INTO from_awl VALUES ('b', 'sql.example', '192.0.2', datetime('now', '-9 days'), datetime('now', '-2 days'));
    INSERT INTO domain_awl VALUES ('sql.example', '192.0.2.8', datetime('now', '-9 days'), datetime('now', '-3 days'));
  `);
  old.close();
});

afterAll(() => rmSync(folder, { recursive: true }));

test("list: a table, filters, JSON", async () => {
  const table = await postern("list");
  expect(table.status).toBe(0);
  expect(table.out.split("\n").map((line) => line.split(/ {2,}/).slice(0, 4).join("|"))).toEqual([
    "STATE|CLIENT|SENDER|RECIPIENT",
    "waiting|203.0.113.0/24|<>|jane@example.org",
    "passed|203.0.113.0/24|<>|john@example.org",
    "",
  ]);
  expect(table.out).toMatch(/ {2}FIRST SEEN \(UTC\) {2}LAST SEEN \(UTC\) +EXPIRES \(UTC\)\n/);
  expect(json((await postern("list", "--passed", "--recipient", "JOHN", "--json")).out)).toEqual([
    expect.objectContaining({ state: "passed", sender: "", firstSeen: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) }),
  ]);
  const first = await postern("list", "--limit", "1");
  expect(first.out.trimEnd().split("\n")).toHaveLength(2);
  expect(first.err).toBe("there are more than 1; --limit 0 lists all\n");
  expect(json((await postern("list", "--addresses", "--json")).out)).toEqual([
    expect.objectContaining({ address: "203.0.113.9", passes: 1 }),
  ]);
});

test("show, allow, forget", async () => {
  expect((await postern("show", "203.0.113.200")).out).toContain("jane@example.org");
  expect(await postern("show", "198.51.100.1")).toEqual({
    ...{ status: 1, out: "" },
    err: "198.51.100.0/24 not found\nA client with a forward-confirmed name is kept by the domain of its name: for such a one give the name in place of 198.51.100.1.\n",
  });
  const allowed = await postern("allow", "2001:db8::1");
  expect(allowed).toMatchObject({ status: 0, err: "" });
  expect(allowed.out).toMatch(/^ADDRESS .*\n2001:db8::\/64 +allowed .* never\n$/);
  expect((await postern("show", "2001:db8::2")).out).toMatch(/2001:db8::\/64 +allowed .* never/);
  expect((await postern("allow", "MX.Pool.Example.NET", "N-1@example.net", "john@example.org")).status).toBe(0);
  expect(json((await postern("show", "example.net", "n-2@example.net", "john@example.org", "--json")).out)).toEqual([
    expect.objectContaining({ state: "allowed", client: "example.net", sender: "n-#@example.net", expires: null }),
  ]);
  expect((await postern("forget", "example.net", "n-3@example.net", "john@example.org")).status).toBe(0);
  expect((await postern("forget", "example.net", "n-3@example.net", "john@example.org")).status).toBe(1);
  expect((await postern("forget", "2001:db8::")).status).toBe(0);
  expect((await postern("allow", "example.net")).status).toBe(2);
});

test("an entry that no mail has come for: what waits in its place is shown", async () => {
  const store = openState(sqliteSettings(join(state, "state.sqlite")), { onAvailability: () => {} });
  const waits = { firstSeen: now, lastSeen: now, passed: undefined, expires: now + 60 * minutes };
  const entries = [
    { client: "pool.example", sender: "user@customer.example", recipient: "x@example.org" },
    { client: "pool.example", sender: "user@customer.example", recipient: "sales@example.org" },
    { client: "pool.example", sender: "", recipient: "info@example.org" },
  ];
  await store.importEntries(
    entries.map((entry) => ({ kind: "triplet", ...entry, ...waits })),
    now,
  );
  const rows = (text: string) => text.split("\n").flatMap((line) => (/^(waiting|allowed) +(.*?) {2,}\d/.exec(line) ?? []).slice(1));
  const byName = "A client with a forward-confirmed name is kept by the domain of its name";
  const typed = ["user@customer.example", "x@example.org"] as const;

  const missed = await postern("allow", "192.0.2.50", ...typed);
  expect([missed.status, rows(missed.out).length]).toEqual([0, 2]);
  expect(missed.err).toContain(byName);
  expect(rows(missed.err).join(" ")).toMatch(/^waiting pool\.example +user@customer\.example +x@example\.org$/);
  for (const command of ["show", "forget"]) {
    const unknown = await postern(command, "198.51.100.1", ...typed);
    expect([unknown.status, unknown.out, rows(unknown.err).length]).toEqual([1, "", 2]);
  }

  // Of the same client, by another recipient: it is kept by what the recipient resolved to.
  const alias = await postern("allow", "mail-1.pool.example", "<user@customer.example>", "verkauf@example.org");
  expect(rows(alias.out).join(" ")).toMatch(/^allowed pool\.example +user@customer\.example +verkauf@example\.org$/);
  expect(rows(alias.err)).toHaveLength(4);
  expect(alias.err).not.toContain(byName);

  const met = await postern("allow", "mail-1.pool.example", ...typed);
  expect([met.status, met.err]).toEqual([0, ""]);
  expect(await postern("allow", "pool.example", "not an address", "x@")).toEqual({
    ...{ status: 2, out: "", err: '"not an address" is not an address\n' },
  });
  for (const client of ["192.0.2.0/24", "pool.example"]) {
    for (const { sender, recipient } of [...entries, { sender: typed[0], recipient: "verkauf@example.org" }]) {
      await store.forget({ client, sender, recipient });
    }
  }
  await store.close();
});

test("show finds a client after a thousand that contain its name", async () => {
  const store = openState(sqliteSettings(join(state, "state.sqlite")), { onAvailability: () => {} });
  const clients = [...Array.from({ length: 1000 }, (_, index) => `a${index}many.example`), "many.example"];
  const times = { firstSeen: now, lastSeen: now, passed: undefined, expires: now + 60 * minutes };
  await store.importEntries(
    clients.map((client) => ({ kind: "triplet", client, sender: "", recipient: "", ...times })),
    now,
  );
  expect(json((await postern("show", "many.example", "--json")).out)).toEqual([expect.objectContaining({ client: "many.example" })]);
  for (const client of clients) await store.forget({ client, sender: "", recipient: "" });
  await store.close();
});

test("stats", async () => {
  expect((await postern("stats")).out).toMatch(/^entries that wait +1\nentries that have passed +1\n/);
  expect(json((await postern("stats", "--json")).out)).toEqual([expect.objectContaining({ waiting: 1, passed: 1, addresses: 1 })]);
});

describe("import", () => {
  test("of postgrey, from the text of db_dump -p", async () => {
    const [fresh, old] = [ago(60 * minutes), ago(100 * 24 * 60 * minutes)];
    const records = [
      [`192.0.2.0/news-#@grey.example/john@example.org`, `${fresh},${fresh + 600}`],
      [`192.0.2.0/a@grey.example/jane@example.org`, `${fresh},${fresh}`],
      ["192.0.2.0//jos\\c3\\a9@example.org", `${fresh},${fresh + 301}`],
      ["2001:db8::1/a@grey.example/john@example.org", `${fresh},${fresh + 301}`],
      ["192.0.2.0/a@grey.example/old@example.org", `${old},${old + 600}`],
      ["5ba93c9db0cff93f52b521d7420e43f6eda2784f", `${fresh},${fresh + 600}`],
    ];
    const dump = (lines: readonly (readonly string[])[]) =>
      ["VERSION=3", "format=print", "type=btree", "HEADER=END", ...lines.flat().map((line) => ` ${line}`), "DATA=END", ""].join("\n");
    writeFileSync(join(folder, "triplets"), dump(records));
    writeFileSync(
      join(folder, "clients"),
      dump([
        ["192.0.2.9", `7,${fresh}`],
        ["192.0.2.10", `9999999999,${fresh}`],
      ]),
    );
    const files = [join(folder, "triplets"), join(folder, "clients")];
    expect((await postern("import", "postgrey", ...files)).out).toBe("6 taken, 0 known already, 2 too old or of no use\n");
    expect((await postern("import", "postgrey", ...files)).out).toBe("0 taken, 6 known already, 2 too old or of no use\n");
    const entries = [
      ...json((await postern("list", "--client", "192.0.2", "--json")).out),
      ...json((await postern("list", "--client", "2001", "--json")).out),
    ];
    expect(entries).toEqual([
      expect.objectContaining({ client: "192.0.2.0/24", sender: "", recipient: "josé@example.org", state: "passed" }),
      expect.objectContaining({ client: "192.0.2.0/24", sender: "a@grey.example", recipient: "jane@example.org", state: "waiting" }),
      expect.objectContaining({ client: "192.0.2.0/24", sender: "news-#@grey.example", recipient: "john@example.org", state: "passed" }),
      expect.objectContaining({ client: "2001:db8::/64", state: "passed" }),
    ]);
    expect(json((await postern("list", "--addresses", "--client", "192.0.2.9", "--json")).out)).toEqual([
      expect.objectContaining({ passes: 7 }),
    ]);
    // A great number is no word of an administrator.
    expect(json((await postern("list", "--addresses", "--client", "192.0.2.10", "--json")).out)).toEqual([
      expect.objectContaining({ passes: 1_000_000 }),
    ]);
  });

  test("of what nothing can be taken from is a failure, and says why", async () => {
    const file = join(folder, "passwd");
    writeFileSync(file, "root:x:0:0::/root:/bin/sh\nmail:x:8:8::/var/mail:/bin/false\n");
    expect(await postern("import", "postgrey", file)).toEqual({
      status: 1,
      out: "0 taken, 0 known already, 2 too old or of no use\n",
      err: "2 not from a database of postgrey, such as: root:x:0:0::/root:/bin/sh\n",
    });
    writeFileSync(file, "VERSION=3\nformat=print\ntype=btree\nHEADER=END\nDATA=END\n");
    expect(await postern("import", "postgrey", file)).toMatchObject({ status: 1, err: "there was no entry to read\n" });
    expect(await postern("import", "postgrey", folder)).toEqual({ status: 2, out: "", err: `${folder} is a folder: name a file\n` });
  });

  test("of sqlgrey, from its tables", async () => {
    expect((await postern("import", "sqlgrey", "old")).out).toBe("3 taken, 0 known already, 2 too old or of no use\n");
    expect(json((await postern("list", "--sender", "sql.example", "--json")).out)).toEqual([
      expect.objectContaining({ client: "192.0.2.0/24", sender: "a@sql.example", recipient: "john@example.org", state: "waiting" }),
    ]);
    expect(json((await postern("list", "--addresses", "--client", "192.0.2.8", "--json")).out)).toEqual([
      expect.objectContaining({ passes: 3 }),
    ]);
    expect(await postern("import", "sqlgrey", "nowhere")).toMatchObject({
      status: 2,
      err: 'there is no store "nowhere"; there are embedded, old\n',
    });
  });
});

test("no store yet: nothing is made", async () => {
  rmSync(state, { recursive: true });
  expect(await postern("allow", "203.0.113.9")).toMatchObject({ status: 1, out: "" });
  expect(existsSync(state)).toBe(false);
});
