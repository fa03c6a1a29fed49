/** Whatever the databases of other greylists hold, each row becomes an entry that every store can keep, or is passed over. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { DumpProblem } from "../../src/cli/db-dump.ts";
import { readPostgrey } from "../../src/cli/import-postgrey.ts";
import { readSqlgrey } from "../../src/cli/import-sqlgrey.ts";
import type { ImportedEntry } from "../../src/state/state-store.ts";
import { hostileBytes, hostileText } from "../support/hostile.ts";
import { runs } from "../support/runs.ts";
import { greylist } from "../support/settings.ts";
import { sqliteSettings } from "../support/stores.ts";

const scratch = mkdtempSync(join(tmpdir(), "postern-fuzz-"));
const file = (name: string) => join(scratch, name);
afterAll(() => rmSync(scratch, { recursive: true }));

const now = 1_700_000_000_000;
const settings = greylist();
const nothing = () => {};

function expectStorable(entry: ImportedEntry): void {
  const { kind, expires, ...others } = entry;
  expect(Number.isSafeInteger(expires) && expires >= now, `expires ${expires}`).toBe(true);
  for (const [name, value] of Object.entries(others)) {
    if (typeof value === "string") expect(Buffer.byteLength(value), `${kind} ${name}`).toBeLessThanOrEqual(200);
    else if (value !== undefined) expect(Number.isSafeInteger(value) && value >= 0 && value <= now, `${kind} ${name} ${value}`).toBe(true);
  }
}

const lines = (format: string, pairs: readonly string[]) =>
  [`VERSION=3\nformat=${format}\ntype=btree\nHEADER=END`, ...pairs.map((each) => ` ${each}`), "DATA=END\n"].join("\n");
const pairs = ["192.0.2.0/a@b.example/jos\\c3\\a9@d.example", `${now / 1000 - 900},${now / 1000 - 60}`, "192.0.2.1", `5,${now / 1000}`];
const octets = pairs.map((each) => Buffer.from(each).toString("hex"));

test("postgrey: db_dump of every form", async () => {
  const samples = [lines("print", pairs), lines("bytevalue", octets), lines("print", pairs).repeat(2), pairs.join("\n")];
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(hostileText(samples), async (text) => {
      writeFileSync(file("dump"), text);
      for await (const entry of readPostgrey([file("dump")], settings, now, nothing)) {
        expectStorable(entry);
        taken += 1;
      }
    }),
    { numRuns: runs(100) },
  );
  expect(taken).toBeGreaterThan(20);
});

test("postgrey: a file that begins as a database does is one, or is a problem", async () => {
  const whole = Buffer.concat([Buffer.alloc(12), Buffer.from("62310500", "hex"), Buffer.alloc(4080, "192.0.2.1\0")]);
  await fc.assert(
    fc.asyncProperty(hostileBytes([whole, Buffer.concat([whole, whole])]), async (bytes) => {
      writeFileSync(file("postgrey.db"), bytes);
      try {
        for await (const entry of readPostgrey([file("postgrey.db")], settings, now, nothing)) expectStorable(entry);
      } catch (error) {
        if (!(error instanceof DumpProblem)) throw error;
      }
    }),
    { numRuns: runs(3) },
  );
});

const text = hostileText(["a", "-undef-", "192.0.2", "192.0.2.7", "2001:0db8:0001:0002", "b.example", "john@example.org", "unknown"]);
const time = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: now / 1000 - 90_000, max: now / 1000 + 90_000 }) },
  fc.constantFrom(2n ** 63n - 1n, -(2n ** 63n), 0, -1, 1e300, -1e300, now / 1000 - 0.0001, "2023-11-14 22:00:00", "2023-11-14 22:00:00.5"),
  fc.double({ noNaN: true }),
  fc.constant(null),
  text,
);
const cell = fc.oneof({ weight: 5, arbitrary: text }, time, fc.uint8Array({ maxLength: 40 }));
const row = fc.record({ name: cell, domain: cell, src: text, rcpt: cell, first: time, last: time });

test("sqlgrey: rows of every kind", async () => {
  const database = new DatabaseSync(file("sqlgrey.sqlite"));
  database.exec(`BEGIN;
    CREATE TABLE connect (sender_name, sender_domain, src, rcpt, first_seen);
    CREATE TABLE from_awl (sender_name, sender_domain, src, first_seen, last_seen);
    CREATE TABLE domain_awl (sender_domain, src, first_seen, last_seen);`);
  const connect = database.prepare("INSERT INTO connect VALUES (?, ?, ?, ?, ?)");
  const from = database.prepare("INSERT INTO from_awl VALUES (?, ?, ?, ?, ?)");
  const domains = database.prepare("INSERT INTO domain_awl VALUES (?, ?, ?, ?)");
  for (const { name, domain, src, rcpt, first, last } of fc.sample(row, runs(1000))) {
    connect.run(name, domain, src, rcpt, first);
    from.run(name, domain, src, first, last);
    domains.run(domain, src, first, last);
  }
  database.exec("COMMIT");
  database.close();
  let taken = 0;
  for (const key of [settings.key, new Set(["client", "sender"] as const)]) {
    for await (const entry of readSqlgrey(sqliteSettings(file("sqlgrey.sqlite")), { ...settings, key }, now, nothing)) {
      expectStorable(entry);
      taken += 1;
    }
  }
  expect(taken).toBeGreaterThan(20);
});
