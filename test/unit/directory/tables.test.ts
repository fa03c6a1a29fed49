import { appendFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { AddressTable } from "../../../src/directory/address-table.ts";
import type { Principal } from "../../../src/directory/directory-settings.ts";
import { FileDirectory, tableParsers } from "../../../src/directory/file.ts";
import { openMemoryDirectory } from "../../../src/directory/memory.ts";
import { openMtaDirectory } from "../../../src/directory/mta.ts";
import { settledMs } from "../../../src/file/change.ts";
import { Files } from "../../../src/file/files.ts";

let folder: string;
let now = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "postern-tables-"));
});
afterAll(() => rm(folder, { recursive: true }));

type Kind = "virtual" | "aliases" | "mailboxes" | "addresses";

async function open(kind: Kind, text: string, aliasesDomain?: string) {
  const path = join(folder, kind);
  await writeFile(path, text);
  const none = { virtual: [], aliases: [], mailboxes: [], addresses: [], domains: ["Extra.example"] };
  const files = new Files(
    () => now,
    () => {},
  );
  const directory = new FileDirectory({ type: "file", name: "file", ...none, aliasesDomain, [kind]: [path] }, files);
  await directory.refresh();
  return directory;
}

const mailbox = (...primaries: string[]) => ({ kind: "mailbox", primaries });
const throughDomain = (...primaries: string[]) => ({ ...mailbox(...primaries), byDomain: true });
const list = (...members: string[]) => ({ kind: "list", members });
const nobody = { kind: "nobody" };

const tables: [kind: Kind, line: string, address: string, found: object | undefined][] = [
  ["virtual", "a@v.example a@v.example", "a@v.example", mailbox("a@v.example")],
  ["virtual", "A@V.example\tB@w.Example", "a@v.example", mailbox("b@w.example")],
  ["virtual", "a@v.example b@w.example, c@w.example,b@w.example", "a@v.example", list("b@w.example", "c@w.example")],
  ["virtual", "a@v.example b@w.example c@w.example", "a@v.example", list("b@w.example", "c@w.example")],
  ["virtual", "a@v.example b@w.example,\n# between\n\n  c@w.example", "a@v.example", list("b@w.example", "c@w.example")],
  ["virtual", "a@v.example b\na@v.example c", "a@v.example", mailbox("b@l.example")],
  ["virtual", "a b@w.example", "a@l.example", mailbox("b@w.example")],
  ["virtual", "john.doe b@w.example", "john.doe@l.example", mailbox("b@w.example")],
  ["virtual", "john.d_oe b, c@w.example", "john.d_oe@l.example", list("b@l.example", "c@w.example")],
  ["virtual", "v.example (at: all", "v.example@l.example", undefined],
  ["virtual", "a@v.example b@w.example\n\ufeffc@v.example d@w.example", "c@v.example", mailbox("d@w.example")],
  ["virtual", "a@v.example b@w.example\n\u00a0c@v.example d@w.example", "a@v.example", mailbox("b@w.example")],
  ["virtual", "a@v.example b@w.example\n\u3000\n\u00a0# none\n\tc@w.example", "a@v.example", list("b@w.example", "c@w.example")],
  ["virtual", '"a b"@v.example c@w.example', "a b@v.example", mailbox("c@w.example")],
  ["virtual", 'a@v.example "b, c"@w.example', "a@v.example", mailbox("b, c@w.example")],
  ["virtual", "@v.example a@w.example", "@v.example", mailbox("a@w.example")],
  ["virtual", "@v.example a@w.example", "x@v.example", undefined],
  ["virtual", "@v.example @w.example", "x@v.example", throughDomain("x@w.example")],
  ["virtual", "@v.example @w.example, a@w.example", "x@v.example", { ...list("x@w.example", "a@w.example"), byDomain: true }],
  ["virtual", "@v.example @w.example, a@w.example", "@v.example", undefined],
  ["virtual", "a@v.example @w.example", "a@v.example", mailbox("a@w.example")],
  ["virtual", "a@v.example @w.example b@w.example", "a@v.example", list("a@w.example", "b@w.example")],
  ["virtual", "@v.example @w.example", "@v.example", undefined],
  ["virtual", "@v.example @w.example\na@v.example b@w.example", "a@v.example", mailbox("b@w.example")],
  ["virtual", "a@bücher.example b@w.example", "a@xn--bcher-kva.example", mailbox("b@w.example")],
  ["virtual", '"q Uoted"@v.example c@w.example', "q uoted@v.example", mailbox("c@w.example")],
  ["virtual", '"j\\ohn"@v.example "\\c"@w.example', "john@v.example", mailbox("c@w.example")],
  ["virtual", '"x@1234"@v.example "c\\"d"@w.example', "x@1234@v.example", mailbox('c"d@w.example')],
  ["aliases", '"john": "j\\ane"@w.example, "two words"', "john@l.example", list("jane@w.example", "two words@l.example")],
  ["aliases", "postmaster: root", "postmaster@l.example", mailbox("root@l.example")],
  ["aliases", "Root : \\root", "root@l.example", mailbox("root@l.example")],
  ["aliases", "team: a, b@w.example,\n\tc", "team@l.example", list("a@l.example", "b@w.example", "c@l.example")],
  ["aliases", '"two words": a', "two words@l.example", mailbox("a@l.example")],
  ["aliases", 'majordomo: "|/usr/bin/wrapper, x"', "majordomo@l.example", mailbox("majordomo@l.example")],
  ["aliases", "archive: /var/mail/archive", "archive@l.example", mailbox("archive@l.example")],
  ["aliases", "all: :include:/etc/mail/all", "all@l.example", mailbox("all@l.example")],
  ["aliases", "mixed: a, |/usr/bin/tee", "mixed@l.example", mailbox("mixed@l.example")],
  // A target that is no address, wherever it is, in quotes or not, and whatever it holds.
  ["aliases", 'g: bob "|/a b, c"', "g@l.example", mailbox("g@l.example")],
  ["aliases", 'g: bob, "|/a \\"b\\", c"', "g@l.example", mailbox("g@l.example")],
  ["aliases", 'g: |"/a b, c", bob', "g@l.example", mailbox("g@l.example")],
  ["aliases", "g: |/a <b> (c; bob", "g@l.example", mailbox("g@l.example")],
  ["aliases", "g: \\|a", "g@l.example", mailbox("g@l.example")],
  ["aliases", "g: |a x@w.example", "g@l.example", mailbox("g@l.example")],
  ["aliases", 'g: "|a x@w.example"', "g@l.example", mailbox("g@l.example")],
  ["aliases", "g: bob /dev/null", "g@l.example", mailbox("g@l.example")],
  ["aliases", "g: bob, /var/mail/a:b", "g@l.example", mailbox("g@l.example")],
  ["aliases", "g: ~/Mail", "g@l.example", mailbox("g@l.example")],
  ["aliases", "g: bob, :INCLUDE:/etc/a", "g@l.example", mailbox("g@l.example")],
  ["aliases", 'g: bob ":include:/etc/a"', "g@l.example", mailbox("g@l.example")],
  ["aliases", 'g: :include:"/etc/a, b"', "g@l.example", mailbox("g@l.example")],
  ["aliases", "g: bob,\n\t|/a", "g@l.example", mailbox("g@l.example")],
  ["aliases", 'g: ""', "g@l.example", mailbox("g@l.example")],
  // What only looks like one.
  ["aliases", 'g: "a, |b"@w.example', "g@l.example", mailbox("a, |b@w.example")],
  ["aliases", "g: bob (a, |b), ann", "g@l.example", list("bob@l.example", "ann@l.example")],
  ["aliases", 'g: "Bob, /root" <bob@w.example>', "g@l.example", mailbox("bob@w.example")],
  ["aliases", "g: bob/x@w.example", "g@l.example", mailbox("bob/x@w.example")],
  ["aliases", "g: team: ann, bob;", "g@l.example", list("ann@l.example", "bob@l.example")],
  ["aliases", "a\\:b: c", "a:b@l.example", mailbox("c@l.example")],
  ["aliases", '"a@b": c', "a@b@l.example", mailbox("c@l.example")],
  ["aliases", "a: b,, c,", "a@l.example", list("b@l.example", "c@l.example")],
  ["aliases", "a: b # c", "a@l.example", list("b@l.example", "#@l.example", "c@l.example")],
  ["aliases", "a: b\na: c", "a@l.example", mailbox("b@l.example")],
  ["aliases", "a: b", "b@l.example", undefined],
  ["aliases", "root: ann bob", "root@l.example", list("ann@l.example", "bob@l.example")],
  ["aliases", "root: Ann Example <ann@w.example>", "root@l.example", mailbox("ann@w.example")],
  ["virtual", "v.example anything (at: all\na@v.example b@w.example", "a@v.example", mailbox("b@w.example")],
  ["virtual", "a@v.example <b@w.example>", "a@v.example", mailbox("b@w.example")],
  ["virtual", 'a@v.example B Example <b@w.example>, "C, D." <c@w.example> (at work)', "a@v.example", list("b@w.example", "c@w.example")],
  ["virtual", "a@v.example team: b@w.example, C <c@w.example>;", "a@v.example", list("b@w.example", "c@w.example")],
  ["mailboxes", "A@v.example v.example/a/", "a@v.example", mailbox("a@v.example")],
  ["mailboxes", "a@v.example\tOK\nb@v.example\tx", "b@v.example", mailbox("b@v.example")],
  ["mailboxes", '"q uoted"@v.example v.example/q uoted/', "q uoted@v.example", mailbox("q uoted@v.example")],
  ["mailboxes", "a@v.example b@w.example", "b@w.example", undefined],
  ["mailboxes", "@v.example v.example/all/", "x@v.example", throughDomain("x@v.example")],
  ["mailboxes", "a l.example/a/", "a@l.example", mailbox("a@l.example")],
  // A virtusertable of Sendmail, and what its aliases and Exim's have besides.
  ["virtual", "a@v.example error:nouser 550 No (such user", "a@v.example", nobody],
  ["virtual", "a@v.example error:5.1.1:550 a, b", "a@v.example", nobody],
  ["virtual", "@v.example error:nouser No such user", "@v.example", undefined],
  ["virtual", "a@v.example error:5.7.1:550 Gone", "a@v.example", nobody],
  ["virtual", "a@v.example error:tempfail Later", "a@v.example", mailbox("a@v.example")],
  ["virtual", "a@v.example error:4.2.1:450 Later", "a@v.example", mailbox("a@v.example")],
  ["virtual", "a@v.example error:nouser 450 Later", "a@v.example", mailbox("a@v.example")],
  ["virtual", "a@v.example error:450 Later", "a@v.example", mailbox("a@v.example")],
  ["virtual", "@v.example %1@w.example", "j+x@v.example", throughDomain("j@w.example")],
  ["virtual", "@v.example %1%3@w.example", "j+x@v.example", throughDomain("j+x@w.example")],
  ["virtual", "@v.example %1%3@w.example", "j@v.example", throughDomain("j@w.example")],
  ["virtual", "@v.example a@w.example, a-%2@w.example", "j+x@v.example", { ...list("a@w.example", "a-x@w.example"), byDomain: true }],
  ["virtual", "j+*@v.example k%3@w.example", "j+x@v.example", mailbox("k+x@w.example")],
  ["virtual", "j+*@v.example k, %2@w.example", "j+x+y@v.example", list("k@l.example", "x+y@w.example")],
  ["virtual", "j+*@v.example k\nj+x@v.example l", "j+x@v.example", mailbox("l@l.example")],
  ["virtual", "j+*@v.example k", "j@v.example", undefined],
  ["mailboxes", "j+*@v.example x", "j+x@v.example", mailbox("j+x@v.example")],
  ["aliases", "g: error:nouser 550 (no", "g@l.example", nobody],
  ["aliases", "g: error:tempfail 451 later", "g@l.example", mailbox("g@l.example")],
  ["aliases", "g: :fail: gone, (for good", "g@l.example", nobody],
  ["aliases", 'g: ":fail: gone"', "g@l.example", nobody],
  ["aliases", "g: :defer: later, (please", "g@l.example", mailbox("g@l.example")],
  ["aliases", "g: :blackhole:", "g@l.example", mailbox("g@l.example")],
  ["aliases", "g: bob, :unknown:", "g@l.example", mailbox("g@l.example")],
  ["aliases", "g+*: |/a", "g+x@l.example", mailbox("g+x@l.example")],
  ["addresses", "Ann Example <a@v.example>", "a@v.example", mailbox("a@v.example")],
  ["addresses", "*@v.example", "anyone@v.example", throughDomain("anyone@v.example")],
  ["addresses", "# all\nA@v.example\n  b@V.example  \n", "a@v.example", mailbox("a@v.example")],
  ["addresses", "# all\nA@v.example\n  b@V.example  \n", "b@v.example", mailbox("b@v.example")],
  ["addresses", '"q uoted"@v.example', "q uoted@v.example", mailbox("q uoted@v.example")],
  ["addresses", '"j\\ohn"@v.example', "john@v.example", mailbox("john@v.example")],
  ["addresses", "@v.example", "anyone@v.example", throughDomain("anyone@v.example")],
  ["addresses", "@v.example", "@v.example", undefined],
  ["addresses", '"a@v.example"', "a@v.example", mailbox("a@v.example")],
  ["addresses", '"A@v.example",', "a@v.example", mailbox("a@v.example")],
  ["addresses", "'a@v.example'", "a@v.example", mailbox("a@v.example")],
  ["addresses", "“a@v.example”", "a@v.example", mailbox("a@v.example")],
  ["addresses", "'@v.example'", "anyone@v.example", throughDomain("anyone@v.example")],
  ["addresses", "'a@v.example", "'a@v.example", mailbox("'a@v.example")],
  ["addresses", "\u200ba@v.example\u200b", "a@v.example", mailbox("a@v.example")],
  ["addresses", "می\u200cخواهم@v.example", "می\u200cخواهم@v.example", mailbox("می\u200cخواهم@v.example")],
  ["addresses", "❤\ufe0f@v.example", "❤\ufe0f@v.example", mailbox("❤\ufe0f@v.example")],
  ["addresses", "a@xn--bcher-kva.v--x.example", "a@xn--bcher-kva.v--x.example", mailbox("a@xn--bcher-kva.v--x.example")],
  ["addresses", "a@[192.0.2.1]", "a@[192.0.2.1]", mailbox("a@[192.0.2.1]")],
];

const problems: [kind: Kind, text: string, message: RegExp][] = [
  ["virtual", "# one\na@v.example", /virtual:2: an entry is a key/],
  ["virtual", "\n/^(.*)@old/ $1@new", /virtual:2: regular expressions/],
  ["virtual", "a@v.example <b@w.example", /virtual:1: "<b@w.example" is not a list of addresses/],
  ["virtual", 'a@v.example "b', /virtual:1: ""b" is not a list/],
  ["virtual", "a@v.example b@w.example\ngr\ufffdn@v.example b@w.example", /virtual:2: is not text in UTF-8/],
  ["aliases", "a: b, (c", /aliases:1: "b, \(c" is not a list/],
  ["mailboxes", "a@v.example", /mailboxes:1: an entry is an address/],
  ["aliases", "a b", /aliases:1: an entry is a name/],
  ["aliases", "a: ,", /aliases:1: "," is not a list/],
  ["aliases", 'a: |b "c', /aliases:1: "\|b "c" is not a list/],
  ["aliases", "a: b :include:/c", /aliases:1: "b :include:\/c" is not a list/],
  ["aliases", "a:", /aliases:1: an entry is a name/],
  ["addresses", "a@v.example\nexample.org\nb@v.example x", /addresses:2: "example.org" is not.*\n.*addresses:3: /],
];

describe("tables of the MTA", () => {
  it.each(tables)("%s: %s: %s", async (kind, text, address, found) => {
    expect((await open(kind, text, "L.example")).recipient(address)).toEqual(found);
  });

  it.each(problems)("%s: %j is a problem", async (kind, text, message) => {
    await expect(open(kind, text, "l.example")).rejects.toThrow(message);
  });

  it("needs a domain for names without one", async () => {
    await expect(open("virtual", "postmaster root")).rejects.toThrow(/virtual:1: "postmaster" has no domain/);
  });

  it.each([
    ["a@v.example b", "a@v.example", mailbox("b")],
    ["a@v.example b, c@w.example", "a@v.example", list("b", "c@w.example")],
    ["@v.example root", "@v.example", mailbox("root")],
  ])("leaves targets without a domain to the MTA to complete: %s", async (line, address, found) => {
    expect((await open("virtual", line)).recipient(address)).toEqual(found);
  });

  it("knows the domains of its keys, and those that it is told", async () => {
    const table =
      "a@a.example x\n@b.example x\n@c.example @x.example\nd.example anything\ne@e.example error:nouser\n@f.example error:nouser";
    const directory = await open("virtual", table, "l.example");
    const domains = ["a", "b", "c", "d", "e", "f", "l", "extra", "x"].map((name) => `${name}.example`);
    expect(domains.filter((domain) => !directory.isLocalDomain(domain))).toEqual(["x.example"]);
  });

  it("reloads", async () => {
    const directory = await open("addresses", "a@v.example");
    await writeFile(join(folder, "addresses"), "a@v.example\nb@w.example");
    await directory.refresh();
    now += settledMs;
    await directory.refresh();
    expect(directory.recipient("b@w.example")).toEqual(mailbox("b@w.example"));
    expect(directory.isLocalDomain("w.example")).toBe(true);
  });
});

describe("while a table is not current", () => {
  /** Of a table with a@v.example and the whole domain w.example. */
  const spoilt: [what: string, said: string, spoil: (path: string) => Promise<unknown>][] = [
    ["missing", "cannot be read: ENOENT: no such file or directory", (path) => rm(path)],
    ["empty", "is being written", (path) => writeFile(path, "")],
    ["written in place", "is being written", (path) => appendFile(path, "new@new.example\n")],
    ["wrong", "has become wrong", (path) => appendFile(path, "new@new.example\nnonsense\n")],
    ["binary", "has become wrong", (path) => writeFile(path, "\0")],
    ["no file", "cannot be read: is not a regular file", (path) => rm(path).then(() => mkdir(path))],
  ];
  it.each(spoilt)("(%s) what it knows is answered, and of all else it cannot tell", async (_, said, spoil) => {
    const directory = await open("addresses", "a@v.example\n@w.example\n");
    const path = join(folder, "addresses");
    await spoil(path);
    for (const second of [1, 2]) {
      now += second * 1000;
      await directory.refresh();
      expect(directory.recipient("a@v.example")).toEqual(mailbox("a@v.example"));
      expect(directory.recipient("any@w.example")).toEqual(throughDomain("any@w.example"));
      expect(["v.example", "w.example", "extra.example"].map((domain) => directory.isLocalDomain(domain))).toEqual([true, true, true]);
      expect(() => directory.recipient("new@v.example")).toThrow(TemporaryError);
      expect(() => directory.isLocalDomain("new.example")).toThrow(TemporaryError);
      expect(() => directory.expand("new@v.example")).toThrow(TemporaryError);
    }
    expect(() => directory.recipient("new@v.example")).toThrow(`addresses ${said}`);
    await rm(path, { recursive: true, force: true });
  });

  it("one that is empty from the beginning says so, and one that was emptied does not", async () => {
    const empty = await open("addresses", "# nobody yet\n");
    expect(() => empty.recipient("new@v.example")).toThrow(/addresses has no entries yet$/);
    const directory = await open("addresses", "a@v.example\n");
    await writeFile(join(folder, "addresses"), "");
    now += 1000;
    await directory.refresh();
    expect(() => directory.recipient("new@v.example")).toThrow(/addresses is being written$/);
  });

  it("also before it was read", () => {
    const settings = { virtual: [], aliases: [], mailboxes: [], addresses: ["/nowhere"], domains: ["v.example"], aliasesDomain: undefined };
    const directory = new FileDirectory(
      { type: "file", name: "file", ...settings },
      new Files(
        () => 0,
        () => {},
      ),
    );
    expect(directory.isLocalDomain("v.example")).toBe(true);
    expect(() => directory.recipient("a@v.example")).toThrow(TemporaryError);
  });
});

it("VRFY of a word that all addresses contain chooses among some of them", () => {
  const table = new AddressTable();
  for (let index = 0; index < 30_000; index++) {
    const address = `user${index}@example.org`;
    table.add(address, { kind: "mailbox", primaries: [address] });
  }
  let asked = 0;
  const has = () => Boolean(++asked);
  expect(table.verify("user12345", has)).toEqual(["user12345@example.org"]);
  expect(table.verify("example", has)).toHaveLength(5);
  expect(asked).toBeLessThan(6000);
});

describe("memory", () => {
  it("follows lists within lists to their members, and loops to their end", () => {
    const principal = (name: string, kind: Principal["class"], memberOf: readonly string[]): Principal => ({
      ...{ name, class: kind, memberOf, emailList: [] },
      email: [`${name}@a.example`],
    });
    const nested = openMemoryDirectory(
      "nested",
      [
        principal("all", "list", ["staff"]),
        principal("staff", "list", ["all"]),
        principal("boss", "individual", ["all"]),
        principal("ann", "individual", ["staff"]),
      ],
      [],
    );
    expect(nested.recipient("all@a.example")).toEqual(list("boss@a.example", "ann@a.example"));
    expect(nested.recipient("staff@a.example")).toEqual(list("ann@a.example", "boss@a.example"));
  });

  const principal = (name: string, changes: Partial<Principal>): Principal => ({
    name,
    class: "individual",
    email: [],
    emailList: [],
    memberOf: [],
    ...changes,
  });
  const directory = openMemoryDirectory(
    "memory",
    [
      principal("a", { email: ["@a.example", "a@a.example", "both@a.example"], memberOf: ["team", "group"] }),
      principal("b", { email: ["b@a.example", "both@a.example"], emailList: ["other@b.example", "team@a.example"], memberOf: ["team"] }),
      principal("nowhere", { email: ["@n.example"], memberOf: ["team"] }),
      principal("team", { class: "list", email: ["team@a.example", "crew@a.example"] }),
      principal("empty", { class: "list", email: ["empty@a.example"] }),
      principal("group", { class: "group", email: ["group@a.example"] }),
    ],
    ["Bücher.example"],
  );
  it.each([
    ["both@a.example", mailbox("a@a.example", "b@a.example")],
    ["@a.example", mailbox("a@a.example")],
    ["@n.example", mailbox("@n.example")],
    ["team@a.example", list("a@a.example", "b@a.example")],
    ["crew@a.example", list("a@a.example", "b@a.example")],
    ["other@b.example", list("b@a.example")],
    ["empty@a.example", list()],
    ["group@a.example", mailbox("group@a.example")],
  ])("%s", (address, found) => {
    expect(directory.recipient(address)).toEqual(found);
  });

  it("shows at most five candidates and fifty members", () => {
    const many = Array.from({ length: 60 }, (_, index) =>
      principal(`u${index}`, { email: [`user${index}@a.example`], emailList: ["all@a.example"] }),
    );
    const large = openMemoryDirectory("large", many, []);
    expect(large.verify("user")).toHaveLength(5);
    expect(large.expand("all@a.example")).toHaveLength(50);
    expect(large.recipient("all@a.example")).toMatchObject({ members: { length: 60 } });
  });

  it("knows domains of lists and those that it is told", () => {
    expect(["b.example", "xn--bcher-kva.example", "c.example"].map((domain) => directory.isLocalDomain(domain))).toEqual([
      true,
      true,
      false,
    ]);
  });
});

it("mta: every address exists", () => {
  const directory = openMtaDirectory("mta");
  expect([directory.isLocalDomain("x.example"), directory.recipient("a@x.example")]).toEqual([true, mailbox("a@x.example")]);
});

const wildcard = "Write @example.org for a whole domain, and each subdomain by itself.";
const invisible = "It has an invisible character beside its local part: remove that.";
const correct = "Correct it: an address is such as john@example.org, and a whole domain @example.org.";
const quotes = "Remove the quotes around it.";

describe("what nobody can have as an address is left out with a warning", () => {
  test.each([
    ["john@example.org#boss", correct],
    ["john@example.org|x", correct],
    ["john@example.org/", correct],
    ["john@example.org'", correct],
    ["john@example..org", correct],
    ["john@-.example.org", correct],
    ["john@example-.org", correct],
    [`john@${"a".repeat(64)}.example`, correct],
    [`${"a".repeat(250)}@example.org`, correct],
    ["john@*.example.org", wildcard],
    ["john@.example.org", wildcard],
    ["@*.example.org", wildcard],
    ["*@*.example.org", wildcard],
    ["john\u200b@example.org", invisible],
  ])("addresses: %s", (line, fix) => {
    const { entries, warnings, errors } = parseTable("addresses", `a@v.example\n${line}\n`);
    expect([errors, warnings]).toEqual([[], [`2: "${line}" is nobody's address or domain, and matches nothing. ${fix}`]]);
    expect(entries).toEqual([{ kind: "mailbox", address: "a@v.example" }]);
  });

  test.each<[kind: Kind, key: string, line: string, fix: string]>([
    ["addresses", "john@example..org", "'john@example..org'", correct],
    ["addresses", "john\u200b@example.org", '"john\u200b@example.org"', invisible],
    ["virtual", "'john@example.org'", "'john@example.org' x@y.example", quotes],
    ["virtual", '"john@example.org"', '"john@example.org" x@y.example', quotes],
    ["virtual", "<john@example.org>", "<john@example.org> x@y.example", "Remove the brackets around it."],
    ["virtual", "john@example.org,", "john@example.org, x@y.example", 'Remove the "," at its end.'],
    ["virtual", "\u200bjohn@example.org", "\u200bjohn@example.org x@y.example", invisible],
    ["virtual", "john@example..org", "john@example..org x@y.example", correct],
    ["virtual", "*@example.org", "*@example.org x@y.example", wildcard],
    ["virtual", "+*@example.org", "+*@example.org x@y.example", correct],
    ["virtual", ".example.org", ".example.org anything", wildcard],
    ["mailboxes", "'john@example.org'", "'john@example.org' example.org/john/", quotes],
    ["mailboxes", "john@example.org;", "john@example.org; example.org/john/", 'Remove the ";" at its end.'],
    ["aliases", "john\u200b", "john\u200b: x", invisible],
    ["aliases", "*", "*: x", wildcard],
  ])("%s: %s", (kind, key, line, fix) => {
    const { warnings, errors } = parseTable(kind, line);
    expect([errors, warnings]).toEqual([[], [`1: "${key}" is nobody's address or domain, and matches nothing. ${fix}`]]);
  });
});

test.each([
  "example.org",
  "john",
  '"john@example.org',
  "john@example.org ann@example.org",
  "john@",
])("what is no address at all is an error: %s", (line) => {
  const { warnings, errors } = parseTable("addresses", `a@v.example\n${line}\n`);
  expect([errors, warnings]).toEqual([[`2: "${line}" is not an address. Write one address a line.`], []]);
});

function parseTable(kind: Kind, text: string) {
  const [errors, warnings]: [string[], string[]] = [[], []];
  const entries = tableParsers("l.example")[kind](text, (line, what, severity) => {
    (severity === "warning" ? warnings : errors).push(`${line}: ${what}`);
    return undefined;
  });
  return { entries, warnings, errors };
}
