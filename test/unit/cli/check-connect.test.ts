/** `postern check --connect` and the statements of directories and lists. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, expect, it } from "vitest";
import { program } from "../../support/program.ts";

const folder = mkdtempSync(join(tmpdir(), "postern-connect-"));
afterAll(() => rmSync(folder, { recursive: true }));

const database = new DatabaseSync(join(folder, "accounts.sqlite"));
database.exec(readFileSync(new URL("../../../contrib/sql/schema-sqlite.sql", import.meta.url), "utf8"));
database.close();

const finds = "found postern-probe.invalid, which nobody has, and so finds everything.";

/** What is said of the directory with these queries, or of the list. */
const directories: Readonly<Record<string, readonly [queries: string, said: string]>> = {
  default: ["", "its statements work"],
  counts: [`domains = "SELECT count(*) FROM emails WHERE address LIKE '%@' || $1"`, `query.domains ${finds}`],
  exists: [`recipients = "SELECT EXISTS (SELECT 1 FROM emails WHERE address = $1)"`, `query.recipients ${finds}`],
  null: [`recipients = "SELECT max(name) FROM emails WHERE address = $1"`, "query.recipients yields NULL or an empty text"],
};
const lists: Readonly<Record<string, readonly [query: string, said: string]>> = {
  rows: ["SELECT 1 FROM emails WHERE address = $1", "its statements work"],
  number: ["SELECT count(*) FROM emails WHERE address = $1", `query ${finds}`],
};

const store = (name: string, queries: string) => `
  [store.${name}]
  type = "sqlite"
  path = "accounts.sqlite"
  timeout = "1m"
  [store.${name}.query]
  ${queries}
`;

function check(text: string): Promise<readonly [status: number, said: string]> {
  const config = join(folder, "postern.toml");
  const listener = '[listener.smtp]\nprotocol = "policy"\nbind = ["127.0.0.1:10040"]\n[storage]\ndirectory = "default"\n';
  writeFileSync(config, `${listener}${text}`);
  return new Promise((resolve) => {
    const command = [program, "check", "--connect", "-c", config, "--state-directory", folder];
    execFile(process.execPath, command, (error, _, stderr) => resolve([Number(error?.code ?? 0), stderr]));
  });
}

it("says of each whether it works, or finds what there cannot be", async () => {
  const text = [
    ...Object.entries(directories).flatMap(([name, [queries]]) => [
      store(name, queries),
      `[directory.${name}]\ntype = "sql"\nstore = "${name}"`,
    ]),
    ...Object.entries(lists).map(([name, [query]]) => `[lookup-sql.${name}]\nstore = "default"\nquery = "${query}"`),
  ];
  const [status, said] = await check(text.join("\n"));
  expect(status).toBe(0);
  for (const [name, [, expected]] of Object.entries(directories)) expect(said).toContain(`directory ${name}: ${expected}`);
  for (const [name, [, expected]] of Object.entries(lists)) expect(said).toContain(`lookup ${name}: ${expected}`);
});

it("fails for a statement that cannot work", async () => {
  const queries = store("default", 'members = "SELECT address FROM lists WHERE list = $1"');
  const [status, said] = await check(`${queries}[directory.default]\ntype = "sql"\nstore = "default"`);
  expect([status, said]).toEqual([1, expect.stringContaining("no such table: lists")]);
});

it.each([
  ["will be made", undefined, 0, "state: the daemon will create "],
  ["is of a newer version", "PRAGMA user_version = 99", 1, "state: its tables are of version 99, "],
])("tries the state, if something needs it, which %s", async (_, sql, status, said) => {
  const path = join(folder, "state.sqlite");
  if (sql !== undefined) {
    const file = new DatabaseSync(path);
    file.exec(sql);
    file.close();
  }
  const [text, used] = ['[directory.default]\ntype = "mta"\n', "[session.rcpt.greylist]\nenable = true\n"];
  expect(await check(`${text}${used}`)).toEqual([status, expect.stringContaining(said)]);
  expect(await check(text)).toEqual([0, expect.not.stringContaining("state:")]);
  rmSync(path, { force: true });
});

it("tries the SQL of rules, and says where it is wrong", async () => {
  const rules = `
    [directory.default]
    type = "mta"
    [session.rcpt]
    relay = [
      { if = "sql_query('default', 'SELECT 1 FROM emails WHERE address = ?', [rcpt]) == 1", then = true },
      { if = "is_tls && sql_query('default', 'SELEC 1', []) == 1", then = "sql_query('*', 'SELECT 1 FROM missing WHERE name = ?', [rcpt])" },
      { else = false },
    ]
  `;
  const [status, said] = await check(`data = "default"\n${store("default", "")}${rules}`);
  expect(status).toBe(1);
  expect(said.split("\n").filter((line) => line.includes("postern.toml:"))).toEqual([
    expect.stringMatching(/:\d+:46: session\.rcpt\.relay\[1\]\.if: the store "default" does not take this statement: .*near "SELEC"/),
    // It may be there when it is asked.
    expect.stringMatching(/:\d+:91: warning: session\.rcpt\.relay\[1\]\.then: there is no table "missing" in the store "default"\./),
  ]);
});

it.each([
  ["a rule", `[session.mail]\ndeny = [{ if = "!dns_exists(sender_domain, 'mx')" }]`, true],
  ["SPF", `[auth.spf.verify]\nmail-from = "'relaxed'"`, true],
  ["a reverse name", `[auth.iprev]\nverify = "'enforce'"`, true],
  ["a result", `[session.mail]\ndeny = [{ if = "iprev_result == 'fail'" }]`, true],
  ["nothing", "", false],
])("says that a resolver does not answer, where %s needs it", async (_, text, needed) => {
  const expected = expect.stringContaining("DNS resolver 127.0.0.1:1: no answer: ECONNREFUSED");
  const resolvers = '[dns]\nresolvers = ["127.0.0.1:1"]\n[directory.default]\ntype = "mta"\n';
  expect(await check(`${resolvers}${text}`)).toEqual(needed ? [1, expected] : [0, expect.not.stringContaining("DNS")]);
});
