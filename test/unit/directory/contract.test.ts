import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import type { DirectorySettings } from "../../../src/directory/directory-settings.ts";
import { openDirectory } from "../../../src/directory/open-directory.ts";
import { openSqlDirectory } from "../../../src/directory/sql.ts";
import type { Engine } from "../../../src/expr/sql-text.ts";
import { Files } from "../../../src/file/files.ts";
import type { Directory } from "../../../src/stage/sources.ts";
import type { Database } from "../../../src/store/database.ts";
import { openStore } from "../../../src/store/open-store.ts";
import { defaultQueries } from "../../../src/store/sample-queries.ts";
import { directoryContract } from "../../contract/directory.ts";
import { products } from "../../contract/products.ts";
import { flags, type Layout, layouts } from "../../contract/tables.ts";
import { TestMariadb } from "../../support/mariadb.ts";
import { whyNo } from "../../support/mta.ts";
import { TestPostgres } from "../../support/postgres.ts";
import { session } from "../../support/session.ts";
import { rule, settings } from "../../support/settings.ts";
import { sourcesOf } from "../../support/sources.ts";
import { askMail } from "../../support/stages.ts";
import { mysqlSettings, postgresqlSettings, sqliteSettings } from "../../support/stores.ts";

const noMariadb = whyNo("MariaDB") !== undefined;
const onAvailability = () => {};
const nothing = async () => {};
async function open(settings: DirectorySettings) {
  const { directory, refresh } = openDirectory(settings, {
    store: () => expect.unreachable(),
    queries: () => defaultQueries,
    maxListMembers: 10_000,
    now: () => 0,
    files: new Files(() => 0, onAvailability),
    onAvailability,
    onTakesAll: () => {},
    onShortcoming: () => {},
  });
  await refresh?.();
  return directory;
}

let folder: string;
let postgres: TestPostgres;
let mariadb: TestMariadb | undefined;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "postern-directory-"));
  postgres = await TestPostgres.create();
  if (!noMariadb) mariadb = await TestMariadb.create();
});
afterAll(async () => {
  await postgres.remove();
  await mariadb?.remove();
  await rm(folder, { recursive: true });
});

const person = { class: "individual", emailList: [], memberOf: [] } as const;

directoryContract(
  "memory",
  async () => ({
    directory: await open({
      type: "memory",
      name: "memory",
      domains: [],
      principals: [
        { ...person, name: "john", email: ["John@example.org", "j.doe@Example.ORG", "@example.net"], emailList: ["staff@example.org"] },
        { ...person, name: "jane", email: ["jane@example.org"], memberOf: ["everyone"] },
        { ...person, class: "list", name: "everyone", email: ["staff@example.org"] },
      ],
    }),
    close: nothing,
  }),
  { hasNames: true },
);

directoryContract(
  "file",
  async () => {
    const virtual = join(folder, "virtual");
    const aliases = join(folder, "aliases");
    const addresses = join(folder, "addresses");
    await writeFile(virtual, "# virtual(5)\n@example.net  John@example.org\nJ.Doe@example.org\n\tjohn@EXAMPLE.org\n");
    await writeFile(aliases, "staff: john,\n  jane\n");
    await writeFile(addresses, "# one a line\njohn@example.org\n\njane@example.org\n");
    const settings = {
      virtual: [virtual],
      aliases: [aliases],
      aliasesDomain: "example.org",
      mailboxes: [],
      addresses: [addresses],
      domains: [],
    };
    return { directory: await open({ type: "file", name: "file", ...settings }), close: nothing };
  },
  { hasNames: true },
);

test("an account that has nothing but a catch-all owns its domain", async () => {
  const principals = [{ ...person, name: "john", email: ["@example.net"] }];
  const directory = await open({ type: "memory", name: "memory", domains: [], principals });
  const core = { settings: settings({ auth: { mustMatchSender: rule("true") } }), sources: sourcesOf([directory]) };
  expect((await askMail(session({ login: "john" }), "any@example.net", core)).verdict.kind).toBe("pass");
});

describe("query.senders of an SQL directory", () => {
  it.each([
    ["john", "staff@example.org", true],
    ["john", "staff+x@example.org", true],
    ["john@example.org", "staff@example.org", true],
    ["john@example.org", "boss@elsewhere.example", true],
    ["john@example.org", "other@elsewhere.example", false],
    ["j.doe@example.org", "staff@example.org", true],
    ["jane", "anybody@example.org", true],
    ["jane", "anybody@example.net", false],
  ])("%s sends as <%s>: %s", async (login, sender, maySend) => {
    const database = openStore(sqliteSettings(join(folder, "senders.sqlite")), { readOnly: false, onAvailability });
    const [layout] = layouts("sqlite");
    await database.run(`DROP TABLE IF EXISTS emails; DROP TABLE IF EXISTS accounts; DROP TABLE IF EXISTS group_members; ${layout?.script}`);
    await database.run(
      "CREATE TABLE IF NOT EXISTS senders (name, address); DELETE FROM senders; INSERT INTO senders VALUES " +
        "('john', 'Staff@example.org'), ('john', 'boss@elsewhere.example'), ('jane', '@example.org')",
    );
    const senders = "SELECT address FROM senders WHERE name = $1";
    const directory = openSqlDirectory("sqlite", database, { ...defaultQueries, senders }, 10_000);
    const core = { settings: settings({ auth: { mustMatchSender: rule("true") } }), sources: sourcesOf([directory]) };
    const { verdict } = await askMail(session({ login }), sender, core);
    expect(verdict.reason).toBe(maySend ? "pass" : "sender-not-owned");
    await database.close();
  });
});

describe("a local part that needs quotes is found in tables that have them, and in those that do not", () => {
  it.each(['"q uoted"@example.org', "q uoted@example.org"])("%s", async (written) => {
    const database = openStore(sqliteSettings(join(folder, `quotes ${written.length}.sqlite`)), { readOnly: false, onAvailability });
    const [layout] = layouts("sqlite");
    await database.run(layout?.script ?? "");
    await database.run(`INSERT INTO emails (name, address, type) VALUES ('odd', '${written}', 'primary'), ('jane', '${written}', 'list')`);
    await database.run("INSERT INTO emails (name, address, type) VALUES ('odd', 'odd@example.org', 'alias')");
    const directory = openSqlDirectory("sqlite", database, defaultQueries, 10_000);
    expect(await directory.recipient("odd@example.org")).toEqual({ kind: "mailbox", primaries: ["q uoted@example.org"] });
    expect(await directory.recipient("q uoted@example.org")).toEqual({ kind: "list", members: ["jane@example.org"] });
    expect(await directory.expand("q uoted@example.org")).toEqual(["jane@example.org"]);
    expect(await directory.recipient("q uoted+tag@example.org")).toBeUndefined();
    await database.close();
  });
});

describe("a table of aliases in SQL means what the same table in a file does", () => {
  const rows: readonly (readonly [address: string, targets: string])[] = [
    ["@old.example", "@new.example"],
    ["@older.example", "@Old.example"],
    ["known@old.example", "ann@w.example"],
    ["moved@v.example", "@new.example"],
    ["copied@v.example", "@New.example, ann@w.example"],
    ["@copies.example", "@new.example, ann@w.example"],
    ["@all.example", "ann@w.example"],
    ["plain@v.example", "Ann@W.example"],
    ["angle@v.example", "<ann@w.example>"],
    ["named@v.example", "Ann Example <ann@w.example>"],
    ["two@v.example", 'Ann Example <ann@w.example>, "Doe, B." <bob@w.example>'],
    ["quoted@v.example", '"a b"@w.example'],
    ["comma@v.example", '"a, b"@w.example, bob@w.example'],
  ];
  const asked = [
    ...rows.map(([address]) => address),
    "any@old.example",
    "any@copies.example",
    "known+tag@old.example",
    "a b@older.example",
    "any@all.example",
    "any@v.example",
  ];
  const queries = {
    ...{ senders: "", expand: "", verify: "", domains: "" },
    recipients: "SELECT targets FROM aliases WHERE address = $1",
    emails: "SELECT $1",
    members: "SELECT targets FROM aliases WHERE address = $1 AND targets LIKE '%,%'",
  };

  let database: Database;
  beforeAll(async () => {
    await writeFile(join(folder, "alike"), rows.map((row) => row.join("  ")).join("\n"));
    database = openStore(sqliteSettings(join(folder, "alike.sqlite")), { readOnly: false, onAvailability });
    await database.run("CREATE TABLE aliases (address TEXT, targets TEXT)");
    for (const row of rows) await database.query("INSERT INTO aliases VALUES ($1, $2)", row);
  });
  afterAll(() => database.close());

  it.each(asked)("%s", async (address) => {
    const none = { aliases: [], aliasesDomain: undefined, mailboxes: [], addresses: [], domains: [] };
    const file = await open({ type: "file", name: "file", virtual: [join(folder, "alike")], ...none });
    expect(await openSqlDirectory("sql", database, queries, 10_000).recipient(address)).toEqual(file.recipient(address));
  });

  it.each(["<ann@w.example", '"ann'])("%s cannot be told", async (targets) => {
    const wrong = { ...queries, recipients: "SELECT 'one' WHERE $1 <> ''", emails: `SELECT '${targets}' WHERE $1 <> ''`, members: "" };
    await expect(openSqlDirectory("sql", database, wrong, 10_000).recipient("a@v.example")).rejects.toThrow(TemporaryError);
  });
});

/** The database of a layout, filled, as a directory opens it. */
type OpenLayout = (layout: Layout) => Promise<Database>;

async function onSqlite({ script }: Layout): Promise<Database> {
  const settings = sqliteSettings(join(folder, `${++opened}.sqlite`));
  const writer = openStore(settings, { readOnly: false, onAvailability });
  await writer.run(script);
  await writer.close();
  return openStore(settings, { readOnly: true, onAvailability });
}

async function onPostgresql({ script }: Layout): Promise<Database> {
  const settings = postgresqlSettings(postgres.port);
  const schema = `s${++opened}`;
  const admin = openStore(settings, { readOnly: false, onAvailability });
  await admin.run(`CREATE SCHEMA ${schema}; SET search_path = ${schema}; ${script}`);
  await admin.close();
  return openStore({ ...settings, options: `-csearch_path=${schema}` }, { readOnly: true, onAvailability });
}

async function onMysql({ script }: Layout): Promise<Database> {
  const settings = mysqlSettings(mariadb?.port ?? 0);
  const database = `s${++opened}`;
  const admin = openStore(settings, { readOnly: false, onAvailability });
  await admin.run(`CREATE DATABASE ${database} CHARACTER SET utf8mb4; USE ${database}; ${script}`);
  await admin.close();
  return openStore({ ...settings, database }, { readOnly: true, onAvailability });
}

let opened = 0;
const engines: readonly (readonly [name: string, engine: Engine, open: OpenLayout])[] = [
  ["SQLite", "sqlite", onSqlite],
  ["PostgreSQL", "postgresql", onPostgresql],
  ...(noMariadb ? [] : [["MariaDB", "mysql", onMysql] as const]),
];

for (const [name, engine, openLayout] of engines) {
  for (const layout of layouts(engine)) {
    directoryContract(
      `${name}, ${layout.name}`,
      async () => {
        const database = await openLayout(layout);
        return { directory: openSqlDirectory(engine, database, layout.queries, 10_000), close: () => database.close() };
      },
      { hasNames: layout.name === "sample schema" },
    );
  }
}

/** What the layouts of others have besides: domains that stand for others, and accounts and domains that are not in use. */
const notInUse: [address: string, primary: string | undefined][] = [
  ["nobody@example.org", undefined],
  ["former@example.org", undefined],
  ["moved@example.org", undefined],
  ["none@example.org", undefined],
  ["closed@example.org", undefined],
  ["silent@example.org", undefined],
  ["nobody@alias.example", undefined],
  ["former@alias.example", undefined],
  ["lost@dead.example", undefined],
  ["away@example.org", "away@elsewhere.example"],
  ["away@alias.example", "away@elsewhere.example"],
];
const aliasDomains: [address: string, primary: string | undefined][] = [
  ...notInUse,
  ["john@alias.example", "john@example.org"],
  ["j.doe@alias.example", "john@example.org"],
  ["nobody@alias.example", undefined],
  ["john@off.example", undefined],
];

/** Aliases, which an alias domain of mailcow does not have. */
const mailboxesOnly = new Set(["away@alias.example", "j.doe@alias.example"]);

describe.each(engines)("alias domains and what is not in use on %s", (_, engine, openLayout) => {
  for (const layout of layouts(engine)) {
    if (layout.name === "sample schema") continue;
    it(layout.name, async () => {
      const database = await openLayout(layout);
      const directory = openSqlDirectory(engine, database, layout.queries, 10_000);
      const found = await Promise.all(aliasDomains.map(async ([address]) => [address, await directory.recipient(address)]));
      const isMailcow = layout.name === "mailcow";
      const expected = aliasDomains.map(([address, primary]) => {
        const isThere = primary !== undefined && !(isMailcow && mailboxesOnly.has(address));
        return [address, isThere ? { kind: "mailbox", primaries: [primary] } : undefined];
      });
      expect(found).toEqual(expected);
      expect(await directory.recipient("staff@alias.example")).toEqual(isMailcow ? undefined : expect.objectContaining({ kind: "list" }));
      expect(await directory.recipient("some@example.org")).toEqual({ kind: "list", members: ["jane@example.org"] });
      expect(await directory.verify("lost")).toEqual([]);
      const domains = ["alias.example", "off.example", "backup.example", "ALL", "dead.example", "example.com"];
      const local = await Promise.all(domains.map((domain) => directory.isLocalDomain(domain)));
      expect(local).toEqual([true, false, false, false, false, false]);
      const relayed = await Promise.all([...domains, "example.org"].map((domain) => database.query(layout.relayed, [domain])));
      expect(relayed.map((result) => result.kind === "rows" && result.rows.length)).toEqual([0, 0, 1, 0, 0, 0, 0]);
      await database.close();
    });
  }
});

/** Who gets mail to an address, as the RCPT stage asks a directory and the lookup of its relay domains. */
async function saidOf(address: string, { directory, database, relayed }: Asked): Promise<string> {
  const domain = address.slice(address.lastIndexOf("@"));
  if (!(await directory.isLocalDomain(domain.slice(1)))) {
    const result = await database.query(relayed, [domain.slice(1)]);
    return result.kind === "rows" && result.rows.length > 0 ? "relayed" : "relay not allowed";
  }
  const recipient = (await directory.recipient(address)) ?? (await directory.recipient(domain));
  if (recipient === undefined || recipient.kind === "nobody") return "unknown mailbox";
  return (recipient.kind === "list" ? recipient.members : recipient.primaries).join(", ");
}

interface Asked {
  readonly directory: Directory;
  readonly database: Database;
  readonly relayed: string;
}

const refusals = new Set(["unknown mailbox", "relay not allowed"]);

describe.each(engines)("whom the Postfix of a product finds is found on %s", (_, engine, openLayout) => {
  for (const { name, rows, cases } of products) {
    const layout = layouts(engine).find((each) => each.name === name);
    if (layout === undefined) continue;
    describe(name, () => {
      let asked: Asked;
      beforeAll(async () => {
        const database = await openLayout({ ...layout, script: `${layout.script}${rows(flags[engine])}` });
        asked = { directory: openSqlDirectory(engine, database, layout.queries, 10_000), database, relayed: layout.relayed };
      });
      afterAll(() => asked.database.close());

      it.each(cases)("%s: %s: Postfix %s, Postern: %s", async (_why, address, postfix, postern) => {
        expect(await saidOf(address, asked)).toBe(postern);
        expect(refusals.has(postern)).toBe(postfix === "refuses" || postfix === "bounces");
      });
    });
  }
});
