import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import type { Value } from "../../../src/expr/value.ts";
import { settledMs } from "../../../src/file/change.ts";
import { Files } from "../../../src/file/files.ts";
import { parseList } from "../../../src/lookup/file.ts";
import type { LookupSettings } from "../../../src/lookup/lookup-settings.ts";
import { openLookup } from "../../../src/lookup/open-lookup.ts";
import type { Database } from "../../../src/store/database.ts";
import { openStore } from "../../../src/store/open-store.ts";
import { sqliteSettings } from "../../support/stores.ts";

let folder: string;
let now = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "postern-lookup-"));
});
afterAll(() => rm(folder, { recursive: true }));

const open = (settings: LookupSettings, database?: Database) =>
  openLookup(settings, {
    store: () => database ?? expect.unreachable(),
    files: new Files(
      () => now,
      () => {},
    ),
  });

describe("memory", () => {
  const set = (key: string, value: Value = 1, glob = false) => ({ key, glob, value });
  const { lookup } = open({
    type: "memory",
    name: "list",
    entries: [
      set("Exact.example"),
      set("*.Glob.example", "first", true),
      set("a.*", "second", true),
      set("a.glob.example", 0),
      set("li*ral", 5),
      set('"q Uoted"@Example.org', 6),
      set("john@bücher.example", 7),
      set("köln.example", 8),
      set("*.münchen.example", 9, true),
      set("*@bank.example", 10, true),
      set("*@*.", 11, true),
      set("Dotted.example.", 12),
      set("*.dotted.example.", 13, true),
      set("2001:DB8:0:0::1", 14),
      set("::ffff:192.0.2.1", 15),
      set("2001:db8:1:*", 16, true),
      set(".Under.Bücher.example.", 17),
      set(".bücher.example", 18),
      set("*.glob.bücher.example", 19, true),
    ],
  });
  it.each<[key: string, value: Value | undefined]>([
    ["exact.EXAMPLE", 1],
    ["b.glob.example", "first"],
    ["A.B.GLOB.EXAMPLE", "first"],
    ["a.other.example", "second"],
    ["a.glob.example", 0],
    ["glob.example", undefined],
    ["li*ral", 5],
    ["literal", undefined],
    ["", undefined],
    ["constructor", undefined],
    ["q uoted@example.org", 6],
    ['"q\\ uoted"@EXAMPLE.org.', 6],
    ["john@xn--bcher-kva.example", 7],
    ["xn--kln-sna.example", 8],
    ["KÖLN.example", 8],
    ["mx.xn--mnchen-3ya.example", 9],
    ["mx.münchen.example", 9],
    ["any@BANK.example", 10],
    ["any@other.example", undefined],
    ["dotted.example", 12],
    ["dotted.example.", 12],
    ["mx.dotted.example", 13],
    ["2001:db8::1", 14],
    ["192.0.2.1", 15],
    ["b.b.UNDER.bücher.example", 17],
    ["under.xn--bcher-kva.example", 18],
    ["xn--bcher-kva.example", undefined],
    [".xn--bcher-kva.example", 18],
    ["c.glob.xn--bcher-kva.example", 19],
    ["a@b.xn--bcher-kva.example", undefined],
    ["2001:db8:1::1", 16],
  ])("%s: %j", (key, value) => {
    expect(lookup.get(key)).toBe(value);
  });
});

describe("file", () => {
  const text = `# hosts
Trusted.example
*.wild.example
literal\\*.example
DOMAIN\\user
  indented.example   # why
map.example  Some text
yes.example true
no.example false
number.example -5
float.example 0.5
long.example 12345678901234567890
old.example # of a Mac\rand\u2028later
lines.example one\u2028two
"q uoted"@example.org quoted
"j\\ohn"@example.org
zürich.example
.under.example
.host.under.example smtp:[192.0.2.25]
trusted.example again\r
`;
  const rows: [key: string, value: Value | undefined][] = [
    ["trusted.example", 1],
    ["TRUSTED.example", 1],
    ["a.b.wild.example", 1],
    ["literal*.example", 1],
    ["literalx.example", undefined],
    ["domain\\user", 1],
    ["indented.example", 1],
    ["map.example", "Some text"],
    ["yes.example", 1],
    ["no.example", 0],
    ["number.example", -5],
    ["float.example", 0.5],
    ["long.example", "12345678901234567890"],
    ["old.example", 1],
    ["lines.example", "one\u2028two"],
    ["q uoted@example.org", "quoted"],
    ["john@example.org", 1],
    ["xn--zrich-kva.example", 1],
    ["a.b.under.example", 1],
    ["mx.host.under.example", "smtp:[192.0.2.25]"],
    ["under.example", undefined],
    ["#", undefined],
    ["", undefined],
  ];
  it.each(rows)("%s: %j", async (key, value) => {
    const path = join(folder, "hosts");
    await writeFile(path, text);
    const { lookup, refresh } = open({ type: "file", name: "hosts", path, caseSensitive: false, isAskedByMta: false });
    await refresh?.();
    expect(lookup.waits).toBe(false);
    expect(lookup.get(key)).toBe(value);
  });

  it("is as large as it is, however its lines are indented", async () => {
    const path = join(folder, "indented");
    await writeFile(path, ` ${"x".repeat(1000)}.example\n`.repeat(1000));
    const { lookup, refresh } = open({ type: "file", name: "indented", path, caseSensitive: false, isAskedByMta: false });
    await refresh?.();
    expect(lookup.get(`${"x".repeat(1000)}.example`)).toBe(1);
  });

  it("heeds case when it is told to", async () => {
    const path = join(folder, "case");
    await writeFile(path, "Name\nGlob*\n");
    const { lookup, refresh } = open({ type: "file", name: "case", path, caseSensitive: true, isAskedByMta: false });
    await refresh?.();
    expect(["Name", "name", "Globs", "globs"].map((key) => lookup.get(key))).toEqual([1, undefined, 1, undefined]);
  });

  it("reloads", async () => {
    const path = join(folder, "reload");
    await writeFile(path, "one");
    const { lookup, refresh } = open({ type: "file", name: "reload", path, caseSensitive: false, isAskedByMta: false });
    await refresh?.();
    expect(lookup.doubt).toBe(undefined);
    await writeFile(path, "two and");
    await refresh?.();
    expect(lookup.doubt).toBe(`${path} is being written`);
    now += settledMs;
    await refresh?.();
    expect([lookup.get("one"), lookup.get("two")]).toEqual([undefined, "and"]);
    expect(lookup.doubt).toBe(undefined);
  });
});

describe("sql", () => {
  it("finds a key by its row", async () => {
    const database = openStore(sqliteSettings(join(folder, "lookup.sqlite")), { readOnly: false, onAvailability: () => {} });
    await database.run("CREATE TABLE c (domain text, plan text); INSERT INTO c VALUES ('a.example', 'gold'), ('b.example', NULL)");
    const settings = { type: "sql", name: "customers", store: "test" } as const;
    const { lookup } = open({ ...settings, query: "SELECT plan FROM c WHERE domain = $1" }, database);
    expect(await Promise.all(["A.example", "b.example", "c.example"].map((key) => lookup.get(key)))).toEqual(["gold", "", undefined]);
    await database.run("INSERT INTO c VALUES ('john@xn--bcher-kva.example', 'idn'), ('q uoted@a.example', 'quoted')");
    const { lookup: byAddress } = open({ ...settings, query: "SELECT plan FROM c WHERE domain = $1" }, database);
    const spellings = ["John@Bücher.example", '"john"@xn--bcher-kva.example', '"q uoted"@a.example', "Q uoted@A.example."];
    expect(await Promise.all(spellings.map((key) => byAddress.get(key)))).toEqual(["idn", "idn", "quoted", "quoted"]);
    for (const query of ["SELECT nothing", "DELETE FROM c WHERE domain = $1"]) {
      await expect(Promise.resolve(open({ ...settings, query }, database).lookup.get("x"))).rejects.toThrow(TemporaryError);
    }
    await database.close();
  });
});

test.each<[key: string, problem: string | undefined, byMta?: string]>([
  ['"customer.example"', "its quotes", "its quotes"],
  ["'c2.example'", "its quotes", "its quotes"],
  ["“c2.example”", "its quotes", "its quotes"],
  ['"u@c7.example"', "its quotes", "its quotes"],
  ["<u@c7.example>", "angle brackets", "angle brackets"],
  ["c3.example,", '","', '","'],
  ["c3.example;", '";"', '";"'],
  ["c8.example:", '":"', '":"'],
  ["c4.example;c5.example", "one key", "one key"],
  ["a@c4.example,b@c5.example", "one key", "one key"],
  ["\u200bc.example", "invisible", "invisible"],
  ["c.example\u00ad", "invisible", "invisible"],
  ["192.0.2.0/24", "knows no networks", "knows no networks"],
  ["2001:db8::/32", "knows no networks", "knows no networks"],
  ["192.0.2.0/255.255.255.0", "knows no networks", "knows no networks"],
  ["192.0.2.1-192.0.2.9", "knows no networks", "knows no networks"],
  ["192.0.2.1-9", "knows no networks", "knows no networks"],
  ["2001:db8::1-2001:db8::9", "knows no networks", "knows no networks"],
  ["300.1.1.1", "is not an address", "is not an address"],
  ["192.0.2.010", "is not an address", "is not an address"],
  ["192.168.", "Write 192.168.*", "Write 192.168.*"],
  ["10.", "Write 10.*", "Write 10.*"],
  ["192.168", "Write 192.168.*"],
  ["@c.example", "Write *@c.example "],
  ["@.c.example", "Write *@*.c.example "],
  ["Connect:192.0.2.1", '"Connect:" before'],
  ["To:u@c.example", '"To:" before'],
  ["!c.example", "exception in a rule", "exception in a rule"],
  ["https://c.example/", '"https://" before', '"https://" before'],
  ["/^mail\\d/i", "patterns of a list", "patterns of a list"],
  ["/\\.dyn\\./", "patterns of a list", "patterns of a list"],
  ["hash:/etc/postfix/access", "no table is read", "no table is read"],
  [":include:/etc/list", undefined],
  ["c.example", undefined],
  ["*.c.example", undefined],
  [".c.example", undefined],
  ['"q uoted"@c.example', undefined],
  ["192.0.2.1", undefined],
  ["25", undefined],
  ["[192.0.2.1]", undefined],
  ["IPv6:2001:db8::1", undefined],
  ["2001:db8::", undefined],
  ["2001:db8:*", undefined],
  ["10.*", undefined],
  ["<>", undefined],
  ["u@", undefined],
  ["mail-192-0-2-1.c.example", undefined],
  ["CN=mx.example,O=Example", undefined],
  ["DOMAIN\\user", undefined],
  ["o'neill@c.example", undefined],
])("a key that nothing is equal to: %s", (key, problem, byMta) => {
  const warnings: string[] = [];
  const toldOf = (isAskedByMta: boolean) => {
    warnings.length = 0;
    const [entry] = parseList(`${key}\n`, isAskedByMta, (line, what, severity) => void warnings.push(`${severity} ${line} ${what}`));
    expect(entry?.key).toBe(key);
    return [...warnings];
  };
  const expected = (part: string | undefined) => (part === undefined ? [] : [expect.stringMatching(/^warning 1 /)]);
  expect(toldOf(true)).toEqual(expected(byMta));
  if (byMta !== undefined) expect(warnings[0]).toContain(byMta);
  expect(toldOf(false)).toEqual(expected(problem));
  if (problem !== undefined) expect(warnings[0]).toContain(problem);
});

test.each([
  ["with one that has no dot", `${"10.0.0.1,".repeat(5000)}localhost`, false],
  ["with one that ends with a dot", `${"a.b.c.d.e;".repeat(5000)}a.`, false],
  ["that all have one", `${"a.b.c.d.e;".repeat(5000)}a.b`, true],
])("many names in one line take no longer than others: %s", (_, key, isReported) => {
  const warnings: string[] = [];
  parseList(key, false, (_line, what) => void warnings.push(what));
  expect(warnings.map((what) => what.replace(key, "key").slice(0, 16))).toEqual(isReported ? [`"key" is one key`] : []);
});
