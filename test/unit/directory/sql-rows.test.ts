/** What the rows of a SQL directory mean: with the blanks of a CHAR, with nothing in them, and when there are too many of them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { TemporaryError, UnusableAnswer } from "../../../src/answer/temporary-error.ts";
import { openSqlDirectory } from "../../../src/directory/sql.ts";
import type { Directory } from "../../../src/stage/sources.ts";
import type { Database } from "../../../src/store/database.ts";
import { openStore } from "../../../src/store/open-store.ts";
import type { Queries } from "../../../src/store/store-settings.ts";
import { sqliteSettings } from "../../support/stores.ts";

const maxMembers = 50;
const of = (query: keyof Queries) => `SELECT value FROM said WHERE query = '${query}' AND key = $1`;
const queries: Queries = {
  recipients: of("recipients"),
  emails: of("emails"),
  senders: of("senders"),
  members: of("members"),
  expand: of("expand"),
  verify: of("verify"),
  domains: of("domains"),
};

let folder: string;
let database: Database;
let directory: Directory;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "postern-rows-"));
  database = openStore(sqliteSettings(join(folder, "said.sqlite")), { readOnly: false, onAvailability: () => {} });
  await database.run("CREATE TABLE said (query, key, value)");
  directory = openSqlDirectory("rows", database, queries, maxMembers);
});
afterAll(async () => {
  await database.close();
  await rm(folder, { recursive: true });
});
beforeEach(() => database.run("DELETE FROM said"));

type Said = readonly [query: keyof Queries, key: string, ...values: readonly (string | number | null)[]];

async function say(...rows: readonly Said[]): Promise<void> {
  const each = rows.flatMap(([query, key, ...values]) => values.map((value) => [query, key, value]));
  // As JSON, in which NULL can be written.
  await database.query("INSERT INTO said SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each($1)", [JSON.stringify(each)]);
}

const mailbox = (...primaries: string[]) => ({ kind: "mailbox", primaries });
const list = (...members: string[]) => ({ kind: "list", members });
const many = (count: number) => Array.from({ length: count }, (_, index) => `u${index}@x.example`);

const address = "john@old.example";
const whole = "@old.example";

describe("a recipient", () => {
  it.each<[what: string, rows: Said[], found: object | undefined]>([
    [
      "an account",
      [
        ["recipients", address, "j"],
        ["emails", "j", "john@new.example"],
      ],
      mailbox("john@new.example"),
    ],
    [
      "filled with blanks",
      [
        ["recipients", address, " j   "],
        ["emails", "j", " john@new.example  "],
      ],
      mailbox("john@new.example"),
    ],
    [
      "a number",
      [
        ["recipients", address, 7],
        ["emails", "7", "john@new.example"],
      ],
      mailbox("john@new.example"),
    ],
    [
      "a number beyond those of expressions",
      [
        // As JSON has it, and so SQLite.
        ["recipients", address, 2 ** 60],
        ["emails", "1152921504606847000", "john@new.example"],
        ["emails", String(Number.MAX_SAFE_INTEGER), "other@new.example"],
      ],
      mailbox("john@new.example"),
    ],
    [
      "a catch-all before its address",
      [
        ["recipients", address, "j"],
        ["emails", "j", " @x.example ", "a@x.example"],
      ],
      mailbox("a@x.example"),
    ],
    [
      "nothing, and an account",
      [
        ["recipients", address, null, "", "j"],
        ["emails", "j", null, "", "a@x.example"],
      ],
      mailbox("a@x.example"),
    ],
    [
      "an account without addresses",
      [
        ["recipients", address, "j"],
        ["emails", "j", null, " "],
      ],
      mailbox(address),
    ],
    ["no row", [["recipients", "other@old.example", "j"]], undefined],

    ["a whole domain", [["recipients", whole, "@new.example"]], { ...mailbox("john@new.example"), byDomain: true }],
    ["a whole domain, filled", [["recipients", whole, "@new.example   "]], { ...mailbox("john@new.example"), byDomain: true }],
    ["a whole domain, after a blank", [["recipients", whole, " @New.example"]], { ...mailbox("john@new.example"), byDomain: true }],
    [
      "a whole domain and an address",
      [["recipients", whole, "@new.example, arch@x.example"]],
      { ...mailbox("john@new.example", "arch@x.example"), byDomain: true },
    ],
    [
      "a whole domain and an address, as a list",
      [
        ["recipients", whole, "@new.example arch@x.example"],
        ["members", whole, "@new.example arch@x.example"],
      ],
      { ...list("john@new.example", "arch@x.example"), byDomain: true },
    ],
    ["moved by itself", [["recipients", address, "@new.example, arch@x.example "]], mailbox("john@new.example", "arch@x.example")],

    [
      "a list",
      [
        ["recipients", address, "a", "b"],
        ["members", address, " a@x.example ", "b@x.example, c@x.example"],
      ],
      list("a@x.example", "b@x.example", "c@x.example"),
    ],
    [
      "a list with empty rows",
      [
        ["recipients", address, "a"],
        ["members", address, null, "a@x.example", ""],
      ],
      list("a@x.example"),
    ],
    [
      "no list, by an aggregate",
      [
        ["recipients", address, "j"],
        ["emails", "j", "a@x.example"],
        ["members", address, null],
      ],
      mailbox("a@x.example"),
    ],
    [
      "a long list",
      [
        ["recipients", address, ...many(150)],
        ["members", address, ...many(maxMembers)],
      ],
      list(...many(maxMembers)),
    ],
    ["as many accounts as may be", [["recipients", address, ...many(100)]], mailbox(address)],
    ["one account by many rows", [["recipients", address, ...Array(150).fill("j")]], mailbox(address)],
    [
      "members who are named twice",
      [
        ["recipients", address, "a"],
        ["members", address, ...many(maxMembers), ...many(maxMembers)],
      ],
      list(...many(maxMembers)),
    ],
  ])("%s", async (_, rows, found) => {
    await say(...rows);
    expect(await directory.recipient(address)).toEqual(found);
  });

  it.each<[what: string, asked: string, rows: Said[], message: string]>([
    ["an account of NULL", address, [["recipients", address, null]], `query.recipients yields NULL or an empty text for ${address}`],
    ["an account of nothing", address, [["recipients", address, ""]], "yields NULL or an empty text"],
    ["an account of blanks", address, [["recipients", address, "  ", null]], "yields NULL or an empty text"],
    ["a quoted one of NULL", "a b@old.example", [["recipients", '"a b"@old.example', null]], "yields NULL or an empty text"],
    ["a catch-all of NULL", whole, [["recipients", whole, null]], `yields NULL or an empty text for ${whole}`],
    ["a domain of NULL", address, [["recipients", whole, null]], `yields NULL or an empty text for ${whole}`],
    ["too many accounts", address, [["recipients", address, ...many(101)]], "belongs to more than 100 accounts"],
    ["too many rows of one account", address, [["recipients", address, ...Array(10_001).fill("j")]], "belongs to more than 100 accounts"],
    [
      "too many rows of few members",
      address,
      [
        ["recipients", address, "a"],
        ["members", address, ...Array(2 * maxMembers + 1).fill("a@x.example")],
      ],
      `query.members yields more than ${2 * maxMembers} rows`,
    ],
    ...[
      "{j@x.example,k@x.example}",
      "{j@x.example}",
      '{"a b@x.example"}',
      '["j@x.example", "k@x.example"]',
      '"j@x.example"',
      "{}",
      "[]",
    ].map((row): [string, string, Said[], string] => [
      `members ${row}`,
      address,
      [
        ["recipients", address, "a"],
        ["members", address, row],
      ],
      `a table has ${row}, an array or JSON`,
    ]),
  ])("that cannot be told: %s", async (_, asked, rows, message) => {
    await say(...rows);
    const error = await Promise.resolve(directory.recipient(asked)).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(UnusableAnswer);
    expect(String(error)).toContain(message);
  });

  it("has more members than may be, whatever their number", async () => {
    await say(["recipients", address, "a"], ["members", address, ...many(400)]);
    expect(await directory.recipient(address)).toEqual(list(...many(2 * maxMembers + 1)));
  });
});

describe("any row", () => {
  it.each([["x"], [null], [""], [0]])("is a domain: %j", async (value) => {
    await say(["domains", "old.example", value]);
    expect(await directory.isLocalDomain("old.example")).toBe(true);
    expect(await directory.isLocalDomain("new.example")).toBe(false);
  });
});

describe("what is shown or owned", () => {
  it("is what rows have, without those that are empty", async () => {
    await say(["verify", "john", null, " john@x.example ", ""], ["expand", address, "", "a@x.example  "], ["expand", whole, null]);
    expect(await directory.verify("john")).toEqual(["john@x.example"]);
    expect(await directory.expand(address)).toEqual(["a@x.example"]);
    expect(await directory.expand(whole)).toBeUndefined();
    await say(["emails", "j", null, " john@x.example "], ["senders", "j", "", "@y.example "]);
    expect(await directory.account?.("j")).toEqual({ addresses: ["john@x.example"], senders: ["@y.example"] });
    await say(["emails", "none", null]);
    expect(await directory.account?.("none")).toBeUndefined();
  });

  it.each<[what: string, login: string, rows: Said[], found: object | undefined]>([
    ["as it was given", "JSmith", [["emails", "JSmith", "a@x.example"]], { addresses: ["a@x.example"], senders: [] }],
    [
      "as it was given, and not that of another",
      "JSmith",
      [
        ["emails", "JSmith", "a@x.example"],
        ["emails", "jsmith", "b@x.example"],
      ],
      { addresses: ["a@x.example"], senders: [] },
    ],
    [
      "then in lower case, each statement by itself",
      "JSmith",
      [
        ["emails", "jsmith", "a@x.example"],
        ["senders", "JSmith", "@y.example"],
      ],
      { addresses: ["a@x.example"], senders: ["@y.example"] },
    ],
    [
      "as an address, whose account is known",
      "John@Old.Example",
      [
        ["recipients", address, "JSmith"],
        ["senders", "JSmith", "@y.example"],
        ["senders", "jsmith", "@z.example"],
      ],
      { addresses: [], senders: ["@y.example"] },
    ],
    ["and is nobody's address by itself", "John@Old.Example", [["emails", "John@Old.Example", "John@Old.Example", address]], undefined],
    ["and is not there in other letters", "jsmith", [["emails", "JSmith", "a@x.example"]], undefined],
  ])("is of a login %s: %s", async (_, login, rows, found) => {
    await say(...rows);
    expect(await directory.account?.(login)).toEqual(found);
  });

  it("is of VRFY five addresses, of EXPN fifty", async () => {
    await say(["verify", "john", ...many(60)], ["expand", address, ...many(60)]);
    expect(await directory.verify("john")).toEqual(many(5));
    expect(await directory.expand(address)).toEqual(many(50));
  });

  it("cannot be told of an account with more than ten thousand addresses", async () => {
    await say(["emails", "j", ...many(10_001)], ["recipients", address, "j"]);
    await expect(Promise.resolve(directory.account?.("j"))).rejects.toThrow(TemporaryError);
    expect(await directory.recipient(address)).toEqual(mailbox("u0@x.example"));
  });
});
