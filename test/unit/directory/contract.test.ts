import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DirectorySettings } from "../../../src/directory/directory-settings.ts";
import { openDirectory } from "../../../src/directory/open-directory.ts";
import { openSqlDirectory } from "../../../src/directory/sql.ts";
import type { Database } from "../../../src/store/database.ts";
import { openStore } from "../../../src/store/open-store.ts";
import { defaultQueries } from "../../../src/store/sample-queries.ts";
import { directoryContract } from "../../contract/directory.ts";
import { layouts } from "../../contract/tables.ts";
import { TestPostgres } from "../../support/postgres.ts";
import { postgresqlSettings, sqliteSettings } from "../../support/stores.ts";

const onAvailability = () => {};
const nothing = async () => {};
const open = (settings: DirectorySettings) =>
  openDirectory(settings, {
    store: () => expect.unreachable(),
    queries: () => defaultQueries,
    now: () => 0,
    onAvailability,
  }).directory;

let folder: string;
let postgres: TestPostgres;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "postern-directory-"));
  postgres = await TestPostgres.create();
});
afterAll(async () => {
  await postgres.remove();
  await rm(folder, { recursive: true });
});

const person = { class: "individual", emailList: [], memberOf: [] } as const;

directoryContract("memory", async () => ({
  directory: open({
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
}));

directoryContract("file", async () => {
  const virtual = join(folder, "virtual");
  const aliases = join(folder, "aliases");
  const addresses = join(folder, "addresses");
  await writeFile(virtual, "# virtual(5)\n@example.net  John@example.org\nJ.Doe@example.org\n\tjohn@EXAMPLE.org\n");
  await writeFile(aliases, "staff: john,\n  jane\n");
  await writeFile(addresses, "# one a line\njohn@example.org\n\njane@example.org\n");
  const settings = { virtual: [virtual], aliases: [aliases], aliasesDomain: "example.org", addresses: [addresses], domains: [] };
  return { directory: open({ type: "file", name: "file", ...settings }), close: nothing };
});

for (const layout of layouts("sqlite")) {
  directoryContract(`SQLite, ${layout.name}`, async () => {
    const path = join(folder, `${layout.name}.sqlite`);
    const writer = openStore(sqliteSettings(path), { readOnly: false, onAvailability });
    await writer.run(layout.script);
    await writer.close();
    const database = openStore(sqliteSettings(path), { readOnly: true, onAvailability });
    return { directory: openSqlDirectory("sqlite", database, layout.queries), close: () => database.close() };
  });
}

describe("a local part that needs quotes is found in tables that have them, and in those that do not", () => {
  it.each(['"q uoted"@example.org', "q uoted@example.org"])("%s", async (written) => {
    const database = openStore(sqliteSettings(join(folder, `quotes ${written.length}.sqlite`)), { readOnly: false, onAvailability });
    const [layout] = layouts("sqlite");
    await database.run(layout?.script ?? "");
    await database.run(`INSERT INTO emails (name, address, type) VALUES ('odd', '${written}', 'primary'), ('jane', '${written}', 'list')`);
    await database.run("INSERT INTO emails (name, address, type) VALUES ('odd', 'odd@example.org', 'alias')");
    const directory = openSqlDirectory("sqlite", database, defaultQueries);
    expect(await directory.recipient("odd@example.org")).toEqual({ kind: "mailbox", primaries: ["q uoted@example.org"] });
    expect(await directory.recipient("q uoted@example.org")).toEqual({ kind: "list", members: ["jane@example.org"] });
    expect(await directory.expand("q uoted@example.org")).toEqual(["jane@example.org"]);
    expect(await directory.recipient("q uoted+tag@example.org")).toBeUndefined();
    await database.close();
  });
});

async function openSchema(index: number, script: string): Promise<Database> {
  const settings = postgresqlSettings(postgres.port);
  const admin = openStore(settings, { readOnly: false, onAvailability });
  await admin.run(`CREATE SCHEMA s${index}; SET search_path = s${index}; ${script}`);
  await admin.close();
  return openStore({ ...settings, options: `-csearch_path=s${index}` }, { readOnly: true, onAvailability });
}

for (const [index, layout] of layouts("postgresql").entries()) {
  directoryContract(`PostgreSQL, ${layout.name}`, async () => {
    const database = await openSchema(index, layout.script);
    return { directory: openSqlDirectory("postgresql", database, layout.queries), close: () => database.close() };
  });
}

/** What the layouts of others have besides. */
const aliasDomains: [address: string, primary: string | undefined][] = [
  ["john@alias.example", "john@example.org"],
  ["j.doe@alias.example", "john@example.org"],
  ["nobody@alias.example", undefined],
  ["john@off.example", undefined],
];

describe.each(["sqlite", "postgresql"] as const)("alias domains on %s", (engine) => {
  for (const [index, layout] of layouts(engine).entries()) {
    if (layout.name === "sample schema") continue;
    it(layout.name, async () => {
      const path = join(folder, `${layout.name} aliases.sqlite`);
      const database =
        engine === "sqlite"
          ? openStore(sqliteSettings(path), { readOnly: false, onAvailability })
          : await openSchema(index + 10, layout.script);
      if (engine === "sqlite") await database.run(layout.script);
      const directory = openSqlDirectory(engine, database, layout.queries);
      const found = await Promise.all(aliasDomains.map(async ([address]) => [address, await directory.recipient(address)]));
      expect(found).toEqual(aliasDomains.map(([address, primary]) => [address, primary && { kind: "mailbox", primaries: [primary] }]));
      expect(await directory.recipient("staff@alias.example")).toMatchObject({ kind: "list" });
      const domains = ["alias.example", "off.example", "backup.example", "ALL"];
      expect(await Promise.all(domains.map((domain) => directory.isLocalDomain(domain)))).toEqual([true, false, false, false]);
      await database.close();
    });
  }
});
