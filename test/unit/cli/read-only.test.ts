/** Commands that only look, on a PostgreSQL to which no daemon has come yet: they write nothing there, and answer as if it were empty. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import pg from "pg";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { explainCommand } from "../../../src/cli/explain.ts";
import { greylistCommand } from "../../../src/cli/greylist.ts";
import { TestPostgres } from "../../support/postgres.ts";

const folder = mkdtempSync(join(tmpdir(), "postern-read-only-"));
let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await TestPostgres.create();
  writeFileSync(
    join(folder, "postern.toml"),
    `[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:10040"]
[store.pg]
type = "postgresql"
url = "postgresql://postgres@127.0.0.1:${postgres.port}/postgres"
[storage]
state = "pg"
[directory.mta]
type = "mta"
[session.rcpt.greylist]
enable = true
`,
  );
});
afterAll(async () => {
  await postgres.remove();
  rmSync(folder, { recursive: true });
});

async function postern(command: Command, ...args: readonly string[]): Promise<{ status: number; out: string; err: string }> {
  const [out, err] = [vi.spyOn(process.stdout, "write"), vi.spyOn(process.stderr, "write")];
  for (const spy of [out, err]) spy.mockReturnValue(true);
  const text = ({ mock }: typeof out) => mock.calls.map(([chunk]) => String(chunk)).join("");
  try {
    await command.parseAsync([...args, "-c", join(folder, "postern.toml"), "--state-directory", folder], { from: "user" });
    return { status: Number(process.exitCode ?? 0), out: text(out), err: text(err) };
  } finally {
    process.exitCode = undefined;
    for (const spy of [out, err]) spy.mockRestore();
  }
}

async function tables(): Promise<readonly string[]> {
  const client = new pg.Client({ host: "127.0.0.1", port: postgres.port, user: "postgres", database: "postgres" });
  await client.connect();
  const { rows } = await client.query<{ name: string }>("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1");
  await client.end();
  return rows.map(({ name }) => name);
}

const greeting = ["--client", "203.0.113.9", "--helo", "mx.example.net", "--from", "a@b.example", "--to", "john@example.org"];

test("explain, list, show and stats make no tables; what allows an entry does, and then they see it", async () => {
  expect(await postern(explainCommand(), ...greeting)).toMatchObject({ status: 0, out: expect.stringContaining("451 4.7.1"), err: "" });
  expect(await postern(greylistCommand(), "list")).toEqual({ status: 0, out: "", err: "" });
  expect(await postern(greylistCommand(), "list", "--addresses")).toEqual({ status: 0, out: "", err: "" });
  expect(await postern(greylistCommand(), "show", "203.0.113.9")).toMatchObject({ status: 1, out: "" });
  const stats = await postern(greylistCommand(), "stats", "--json");
  expect(JSON.parse(stats.out)).toMatchObject({ waiting: 0, passed: 0, oldest: null, bytes: 0 });
  expect(await tables()).toEqual([]);

  expect(await postern(greylistCommand(), "allow", "203.0.113.9", "a@b.example", "john@example.org")).toMatchObject({
    status: 0,
    out: expect.stringContaining("allowed  203.0.113.0/24"),
  });
  expect(await tables()).toContain("postern_greylist");
  const explained = await postern(explainCommand(), ...greeting);
  expect(explained).toMatchObject({ status: 0, err: "" });
  expect(explained.out).not.toContain("451 4.7.1");
  expect((await postern(greylistCommand(), "list")).out).toContain("john@example.org");
});
