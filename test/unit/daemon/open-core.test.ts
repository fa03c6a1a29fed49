/** What a core that is opened beside another shares with it: whatever the two configurations say alike. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { parseConfiguration } from "../../../src/config/load.ts";
import { type OpenCore, openCore, SharedSources } from "../../../src/daemon/open-core.ts";
import { FileProblem } from "../../../src/file/file-problem.ts";
import { Files } from "../../../src/file/files.ts";
import { openStore } from "../../../src/store/open-store.ts";
import { DnsServer } from "../../support/dns-server.ts";
import { sourcesOf } from "../../support/sources.ts";
import { sqliteSettings } from "../../support/stores.ts";

const folder = mkdtempSync(join(tmpdir(), "postern-shared-"));
const file = (name: string) => join(folder, name);
let server: DnsServer;

beforeAll(async () => {
  server = await DnsServer.start({ "example.org": [{ type: "A", address: "192.0.2.1", ttl: 3600 }] });
  writeFileSync(file("addresses"), "john@example.org\n");
  writeFileSync(file("list"), "spammer.example\n");
  writeFileSync(file("exempt"), "192.0.2.0/24\n");
  const database = openStore(sqliteSettings(file("people.sqlite")), { readOnly: false, onAvailability: () => {} });
  await database.run("CREATE TABLE people (address text); INSERT INTO people VALUES ('john@example.org')");
  await database.close();
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

interface Changes {
  readonly path?: string;
  readonly cache?: number;
  readonly domains?: string;
  readonly list?: string;
  readonly entry?: string;
  readonly exempt?: string;
  readonly dns?: number;
  readonly max?: number;
}

function configuration({
  path = "people",
  cache = 10,
  domains = "",
  list = "list",
  entry = "a",
  exempt = "exempt",
  dns = 10,
  max = 5,
}: Changes) {
  const text = `
dns = { resolvers = ["${server.address}"], cache = { entries = ${dns} } }
[store.people]
type = "sqlite"
path = "${file(path)}.sqlite"
timeout = "1m"
query = { recipients = "SELECT address FROM people WHERE address = ?", emails = "SELECT ?", members = "SELECT ? WHERE 0" }
[directory.sql]
type = "sql"
store = "people"
cache = { entries = ${cache} }
[directory.file]
type = "file"
addresses = ["${file("addresses")}"]
domains = [${domains}]
[lookup.inline]
"${entry}" = true
[lookup-file.list]
path = "${file(list)}"
[lookup-sql.people]
store = "people"
query = "SELECT address FROM people WHERE address = ?"
[storage]
directory = "sql"
[session.rcpt]
max-recipients = ${max}
[session.rcpt.greylist]
exempt-clients = ["file:${file(exempt)}"]
`;
  const read = () => "";
  const loaded = parseConfiguration(text, file("postern.toml"), read, { serves: false, stateDirectory: folder });
  if (loaded.configuration === undefined) throw new Error(JSON.stringify(loaded.problems));
  return loaded.configuration;
}

const opened: OpenCore[] = [];
afterAll(() => Promise.all(opened.map((one) => one.close())));

function open(shared: SharedSources, changes: Changes = {}, files?: Files): OpenCore {
  const one = openCore(configuration(changes), {
    ...(files && { files }),
    now: () => 0,
    clock: () => 0,
    shared,
    leaseState: () => ({ state: sourcesOf([]).state, release: async () => {} }),
    onAvailability: () => {},
  });
  opened.push(one);
  return one;
}

function partsOf({ core: { sources } }: OpenCore) {
  return {
    sql: sources.directory("sql"),
    file: sources.directory("file"),
    inline: sources.lookup("inline"),
    list: sources.lookup("list"),
    people: sources.lookup("people"),
    exemptions: sources.exemptions,
  };
}

type Part = keyof ReturnType<typeof partsOf>;

const rows: readonly [string, Changes, readonly Part[]][] = [
  ["nothing", {}, []],
  ["a setting of a stage", { max: 7 }, []],
  ["the DNS", { dns: 20 }, []],
  ["a store", { path: "others" }, ["sql", "people"]],
  ["a cache", { cache: 20 }, ["sql"]],
  ["a file directory", { domains: '"example.net"' }, ["file"]],
  ["an inline list", { entry: "b" }, ["inline"]],
  ["the file of a list", { list: "addresses" }, ["list"]],
  ["the exempt clients", { exempt: "list" }, ["exemptions"]],
];

describe("a core keeps the sources of another but those whose settings changed", () => {
  it.each(rows)("%s", (_, changes, changed) => {
    const shared = new SharedSources();
    const [before, after] = [partsOf(open(shared)), partsOf(open(shared, changes))];
    // The names of the parts are those of the object.
    const parts = Object.keys(before) as Part[];
    expect(parts.filter((part) => before[part] !== after[part])).toEqual(changed);
  });
});

it("what is shared stays open, with all that it knows, until the last core is closed", async () => {
  const shared = new SharedSources();
  const first = open(shared);
  const { sql } = partsOf(first);
  const second = open(shared, { max: 7 });
  expect(await sql?.recipient("john@example.org")).toMatchObject({ kind: "mailbox" });
  expect(await first.core.sources.ask.dnsQuery("example.org", "ipv4")).toEqual(["192.0.2.1"]);
  const asked = server.asked.length;
  await first.close();
  const { directory, lookup, ask } = second.core.sources;
  // At hand, without a promise.
  expect(directory("sql")?.recipient("john@example.org")).toMatchObject({ kind: "mailbox" });
  expect(ask.dnsQuery("example.org", "ipv4")).toEqual(["192.0.2.1"]);
  expect(server.asked.length).toBe(asked);
  expect(await lookup("people")?.get("john@example.org")).toBe("john@example.org");
  await second.close();
  await expect((async () => lookup("people")?.get("john@example.org"))()).rejects.toThrow(TemporaryError);
  expect(partsOf(open(shared)).sql).not.toBe(sql);
});

it("a file is read for its first core, and not by one that goes on with it", async () => {
  const shared = new SharedSources();
  await open(shared).refresh();
  writeFileSync(file("list"), "");
  const next = open(shared, { max: 7 });
  await next.refresh();
  expect(next.core.sources.lookup("list")?.get("spammer.example")).toBe(1);
  writeFileSync(file("list"), "spammer.example\n");
});

it("a directory with other settings goes on with what is known of its files", async () => {
  const [shared, files] = [
    new SharedSources(),
    new Files(
      () => 0,
      () => {},
    ),
  ];
  await open(shared, {}, files).refresh();
  writeFileSync(file("addresses"), "");
  const next = open(shared, { domains: '"example.net"' }, files);
  await next.refresh();
  const directory = next.core.sources.directory("file");
  expect(directory?.isLocalDomain("example.net")).toBe(true);
  expect(directory?.recipient("john@example.org")).toMatchObject({ kind: "mailbox" });
  expect(() => directory?.recipient("jane@example.org")).toThrow(TemporaryError);
  writeFileSync(file("addresses"), "john@example.org\n");
});

it("a core that cannot read its files holds nothing once it is closed", async () => {
  const shared = new SharedSources();
  const fail = async (changes: Changes) => {
    const one = open(shared, changes);
    await expect(one.refresh()).rejects.toThrow(FileProblem);
    await one.close();
  };
  await fail({ list: "missing" });
  const first = open(shared);
  const { sql } = partsOf(first);
  await fail({ exempt: "missing" });
  await first.close();
  expect(partsOf(open(shared)).sql).not.toBe(sql);
});
