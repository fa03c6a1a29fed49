import { describe, expect, test } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { formatReply } from "../../../src/mail/reply.ts";
import { admitRecipient, type Session } from "../../../src/stage/session.ts";
import type { RcptPart } from "../../../src/stage/smtp-command.ts";
import type { DomainSettings } from "../../../src/stage/stage-settings.ts";
import { session } from "../../support/session.ts";
import { type Changes, rule, settings } from "../../support/settings.ts";
import { directoryOf, type FakeDirectory, sourcesOf } from "../../support/sources.ts";
import { askRcpt } from "../../support/stages.ts";

const entries = {
  "john@example.org": "john@example.org",
  "john+work@example.org": "john+work@example.org",
  "jane@example.org": "jane@example.org",
  "j@example.org": "john@example.org",
  "doe@example.org": "doe@example.org",
  "info@example.org": "info@example.org",
  "john@home@example.org": "john@home@example.org",
  "sales@example.org": ["john@example.org", "jane@example.org"],
  "nobody@example.org": [],
  "@catch.example": "john@example.org",
  "bill@catch.example": "bill@catch.example",
} as const;

const ownDomain: DomainSettings = {
  name: "example.org",
  directory: undefined,
  subAddressing: undefined,
  catchAllAddress: undefined,
  allowRelaying: false,
};

/** Plays recipients as a front end would: what is accepted is entered, what counts is counted. */
async function play(
  open: Session,
  recipients: readonly string[],
  changes: Changes = {},
  directory = directoryOf(entries),
  { part = "all" as RcptPart, mergesRecipients = true } = {},
) {
  const core = { settings: settings(changes), sources: sourcesOf([directory]) };
  const answers: string[] = [];
  for (const recipient of recipients) {
    const { verdict, admission, countsAsError } = await askRcpt(open, recipient, core, { part }, { mergesRecipients });
    if (countsAsError) open.errors += 1;
    if (verdict.kind === "pass") {
      if (admission && open.transaction) admitRecipient(open.transaction, admission);
      answers.push(verdict.reason === "duplicate" ? "duplicate" : `${verdict.reason} ${admission?.resolved.join(" ") ?? ""}`.trim());
    } else answers.push(formatReply(verdict.reply));
  }
  return answers;
}

const stranger = () => session({ sender: "a@b.example" });
const one = async (recipient: string, changes: Changes = {}, directory?: FakeDirectory) =>
  (await play(stranger(), [recipient], changes, directory ?? directoryOf(entries)))[0];

const noMailbox = "550 5.1.2 Mailbox does not exist.";
const cannotTell = "451 4.4.3 Unable to verify address at this time.";
const noRelay = "550 5.1.2 Relay not allowed.";

describe.each([false, true])("with a directory that waits: %s", (waits) => {
  const directory = () => directoryOf(entries, { waits });
  test.each([
    ["john@example.org", "mailbox john@example.org"],
    ["John@EXAMPLE.org", "mailbox john@example.org"],
    ["john@example.org.", "mailbox john@example.org"],
    ["j@example.org", "alias j@example.org"],
    ["john+tag@example.org", "sub-address john@example.org"],
    ["john+tag+more@example.org", "sub-address john@example.org"],
    ["john+work@example.org", "mailbox john+work@example.org"],
    ["sales@example.org", "list john@example.org jane@example.org"],
    ["nobody@example.org", "list nobody@example.org"],
    ["any@catch.example", "catch-all john@example.org"],
    ["bill@catch.example", "mailbox bill@catch.example"],
    ["@catch.example", noMailbox],
    ["+tag@catch.example", "catch-all john@example.org"],
    ["any@example.org", noMailbox],
    ["any@elsewhere.example", noRelay],
    ["any@", noRelay],
    ["postmaster", "postmaster postmaster"],
    ["Postmaster@example.org", "postmaster postmaster@example.org"],
    ["postmaster@elsewhere.example", noRelay],
    ["a@b@example.org", noMailbox],
  ])("%s: %s", async (recipient, expected) => {
    expect(await one(recipient, {}, directory())).toBe(expected);
  });
});

describe("a rule that makes no address of one refuses nothing for good", () => {
  const noAddress = rule("rcpt + '>'");
  const beforeHyphen = rule([["matches('^(.*)-.*@(.*)$', rcpt)", "$1 + '@' + $2"], "false"]);
  test.each([
    ["rewrite", "john@example.org", { rewrite: noAddress }, cannotTell],
    ["rewrite", "john@example.org", { rewrite: rule("'@' + rcpt_domain") }, cannotTell],
    ["rewrite of what is none itself", "john@exa>mple.org", { rewrite: noAddress }, noRelay],
    ["sub-addressing", "any@example.org", { subAddressing: noAddress }, cannotTell],
    ["sub-addressing to a local part", "john-x@example.org", { subAddressing: rule("'john'") }, cannotTell],
    ["sub-addressing to a local part that is empty", "-x@example.org", { subAddressing: beforeHyphen }, noMailbox],
    ["sub-addressing, then a catch-all", "-x@catch.example", { subAddressing: beforeHyphen }, "catch-all john@example.org"],
    ["sub-addressing of what is no address itself", "john-x>@exa>mple.org", { subAddressing: rule("'john'") }, noRelay],
    ["sub-addressing of an address that is there", "john@example.org", { subAddressing: rule("'nobody'") }, "mailbox john@example.org"],
    ["sub-addressing to nothing", "john-x@example.org", { subAddressing: rule("''") }, noMailbox],
    ["catch-all", "any@example.org", { catchAll: noAddress }, cannotTell],
    ["a catch-all that is a local part", "any@example.org", { catchAll: rule("'in' + 'fo'") }, cannotTell],
    ["a catch-all that is nothing", "any@example.org", { catchAll: rule("''") }, noMailbox],
    ["a catch-all of the domain", "any@catch.example", { catchAll: rule("'@' + rcpt_domain") }, "catch-all john@example.org"],
  ] as const)("%s: %s", async (_setting, recipient, rcpt, expected) => {
    expect(await one(recipient, { rcpt })).toBe(expected);
  });
});

describe("a row of a whole domain is for what has none of its own, with or without its tag", () => {
  const known = directoryOf({ "ann@old.example": "ann@old.example", "@old.example": "boss@new.example" });
  const directory: FakeDirectory = {
    ...known,
    recipient: (address) =>
      known.recipient(address) ??
      (address.startsWith("@") ? undefined : { kind: "mailbox", primaries: [address.replace("old", "new")], byDomain: true }),
  };
  test.each([
    ["ann@old.example", {}, "mailbox ann@old.example"],
    ["ann+tag@old.example", {}, "sub-address ann@old.example"],
    ["ann+tag@old.example", { subAddressing: false }, "alias ann+tag@old.example"],
    ["bob@old.example", {}, "alias bob@old.example"],
    ["bob+tag@old.example", {}, "alias bob+tag@old.example"],
    ["bob+tag@old.example", { aliases: "primary" }, "alias bob+tag@new.example"],
  ] as const)("%s %o: %s", async (recipient, rcpt, expected) => {
    expect(await one(recipient, { rcpt }, directory)).toBe(expected);
  });
});

describe("sub-addressing", () => {
  const fullName = rule([["matches('^([^.]+)\\.([^.]+)@(.+)$', rcpt)", "$2 + '@' + $3"], "false"]);
  test.each([
    ["off", { subAddressing: false }, "john+tag@example.org", noMailbox],
    ["kept", { subAddressingDelivery: "keep" }, "john+tag@example.org", "sub-address john+tag@example.org"],
    ["a rule", { subAddressing: fullName }, "john.doe@example.org", "sub-address doe@example.org"],
    ["a rule that does not match", { subAddressing: fullName }, "jane@example.org", "mailbox jane@example.org"],
    ["a rule whose result is not there", { subAddressing: fullName }, "x.y@example.org", noMailbox],
  ] as const)("%s", async (_what, rcpt, recipient, expected) => {
    expect(await one(recipient, { rcpt })).toBe(expected);
  });
});

test.each([
  ["john+tag@example.org", "sub-address john@example.org"],
  ["john+tag@alias.example", "sub-address john@example.org"],
  ["j-tag@example.org", "sub-address j@example.org"],
  ["john+tag@other.example", noRelay],
  ["any@catch.example", "catch-all john@example.org"],
  ["any+tag@catch.example", "catch-all john@example.org"],
  ["any@closed.example", noMailbox],
])("rules that yield true are as the setting without rules would be: %s: %s", async (recipient, expected) => {
  const subAddressing = rule([["matches('^([^+-]+)-', rcpt)", "$1 + '@example.org'"], "rcpt_domain == 'example.org'"]);
  const catchAll = rule([["rcpt_domain == 'catch.example'", "true"], "false"]);
  const rcpt = { subAddressing, catchAll };
  const domains = new Map([["alias.example", { ...ownDomain, subAddressing: rule("rcpt != 'jane'") }]]);
  const directory = directoryOf({ ...entries, "@closed.example": "john@example.org" });
  expect(await one(recipient, { rcpt, domains }, directory)).toBe(expected);
});

describe("catch-all", () => {
  const info = rule([["matches('(.+)@(.+)$', rcpt)", "'info@' + $2"], "false"]);
  test.each([
    ["off", { catchAll: false }, "any@catch.example", noMailbox],
    ["a rule", { catchAll: info }, "any@example.org", "catch-all info@example.org"],
    ["a rule whose result is looked up once", { catchAll: info }, "any@catch.example", noMailbox],
  ] as const)("%s", async (_what, rcpt, recipient, expected) => {
    expect(await one(recipient, { rcpt })).toBe(expected);
  });
});

test.each([
  ["postmaster@[192.0.2.1]", "192.0.2.1", "postmaster postmaster@[192.0.2.1]"],
  ["Postmaster@[IPv6:2001:DB8::0:1]", "2001:db8::1", "postmaster postmaster@[ipv6:2001:db8::0:1]"],
  ["postmaster@[192.0.2.2]", "192.0.2.1", noRelay],
  ["postmaster@[192.0.2.1]", "", noRelay],
  ["postmaster@[]", "", noRelay],
  ["john@[192.0.2.1]", "192.0.2.1", noRelay],
  ["postmaster@mx.example.org", "192.0.2.1", "postmaster postmaster@mx.example.org"],
  ["Postmaster@MX.example.org.", "", "postmaster postmaster@mx.example.org"],
  ["john@mx.example.org", "192.0.2.1", noRelay],
  ["postmaster@mx2.example.org", "192.0.2.1", noRelay],
])("%s at a server with the address %j: %s", async (recipient, address, expected) => {
  const open: Session = { ...stranger(), server: { address, port: 25 } };
  expect(await play(open, [recipient])).toEqual([expected]);
});

test("an alias is delivered as given, or to the account's first address", async () => {
  expect(await one("j@example.org", { rcpt: { aliases: "primary" } })).toBe("alias john@example.org");
});

test.each([
  ["info@example.org", {}, "mailbox info@example.org"],
  ["info@example.org", { aliases: "primary" }, "mailbox bob@example.org info@example.org"],
  ["info+tag@example.org", { aliases: "primary" }, "sub-address bob@example.org info@example.org"],
  ["info+tag@example.org", { aliases: "primary", subAddressingDelivery: "keep" }, "sub-address bob@example.org info+tag@example.org"],
] as const)("an address that is the first of one account and belongs to another, too: %s %o: %s", async (recipient, rcpt, expected) => {
  const both = { kind: "mailbox", primaries: ["bob@example.org", "info@example.org"] } as const;
  const directory: FakeDirectory = {
    ...directoryOf({ "bob@example.org": "bob@example.org" }),
    recipient: (address) => (address === "info@example.org" ? both : undefined),
  };
  expect(await one(recipient, { rcpt }, directory)).toBe(expected);
});

/** What is written where the MTA has its aliases, and what the MTA, which leaves them to Postern, must be told. */
describe("a table of the MTA", () => {
  const table = () => ({
    ...directoryOf({
      "anna@example.org": "anna@example.org",
      "sales@example.org": "anna@example.org",
      "shop@example.org": "sales@example.org",
      "away@example.org": "anna@elsewhere.example",
      "all@example.org": ["shop@example.org", "away@example.org", "anna@example.org", "root@example.org"],
      "desk@example.org": ["desk@example.org", "shop@example.org"],
      "left@example.org": "right@example.org",
      "right@example.org": "left@example.org",
      "@catch.example": "shop@example.org",
      "tag@example.org": "shop+x@example.org",
    }),
    forwards: true,
  });
  test.each([
    ["anna@example.org", "mailbox anna@example.org"],
    ["sales@example.org", "alias anna@example.org"],
    ["shop@example.org", "alias anna@example.org"],
    ["shop+tag@example.org", "sub-address anna@example.org"],
    ["tag@example.org", "alias anna@example.org"],
    ["away@example.org", "alias anna@elsewhere.example"],
    ["all@example.org", "list anna@example.org anna@elsewhere.example root@example.org"],
    ["desk@example.org", "list desk@example.org anna@example.org"],
    ["left@example.org", "alias left@example.org"],
    ["any@catch.example", "catch-all anna@example.org"],
  ])("%s is followed to the end: %s", async (recipient, expected) => {
    expect(await one(recipient, { rcpt: { aliases: undefined } }, table())).toBe(expected);
    expect(await one(recipient, { rcpt: { aliases: "primary" } }, table())).toBe(expected);
  });

  /** Accounts with a list of their own, which no table has. */
  test.each([
    ["team@example.org", "alias bill@accounts.example anna@example.org"],
    ["tagged@example.org", "alias bill@accounts.example"],
    ["any@example.org", "alias catch@accounts.example"],
    ["both@example.org", "list bill@accounts.example anna@example.org"],
    ["round@example.org", "alias round@accounts.example"],
  ])("%s leads to the end through another directory: %s", async (recipient, expected) => {
    const aliases = directoryOf({
      "team@example.org": "list@accounts.example",
      "tagged@example.org": "bill+x@accounts.example",
      "any@example.org": "nobody@accounts.example",
      "both@example.org": ["list@accounts.example", "team@example.org", "bill@accounts.example"],
      "round@example.org": "round@accounts.example",
    });
    const accounts = directoryOf({
      "bill@accounts.example": "bill@accounts.example",
      "list@accounts.example": ["bill@accounts.example", "anna@example.org"],
      "round@accounts.example": "round@accounts.example",
      "@accounts.example": "catch@accounts.example",
    });
    const tables = { ...aliases, forwards: true };
    const domains = new Map([["accounts.example", { ...ownDomain, name: "accounts.example", directory: "others" }]]);
    const core = {
      settings: settings({ domains, rcpt: { aliases: undefined } }),
      sources: sourcesOf([tables, { ...accounts, name: "others" }]),
    };
    const { verdict, admission } = await askRcpt(stranger(), recipient, core);
    expect(`${verdict.kind === "pass" && verdict.reason} ${admission?.resolved.join(" ")}`).toBe(expected);
  });

  test.each([
    "spam@catch.example",
    "spam+tag@catch.example",
  ])("%s is refused by its own entry, whatever takes its domain", async (recipient) => {
    const directory = directoryOf(entries);
    const refusing: FakeDirectory = {
      ...directory,
      recipient: (address) => (address === "spam@catch.example" ? { kind: "nobody" } : directory.recipient(address)),
    };
    const domains = new Map([
      ["catch.example", { ...ownDomain, name: "catch.example", catchAllAddress: "john@example.org", allowRelaying: true }],
    ]);
    expect(await one(recipient, {}, refusing)).toBe(noMailbox);
    expect(await one(recipient, { domains }, refusing)).toBe(noMailbox);
  });

  test.each([
    ["sales@example.org", "alias sales@example.org"],
    ["all@example.org", "list shop@example.org away@example.org anna@example.org root@example.org"],
    ["any@catch.example", "catch-all shop@example.org"],
  ])("%s is left to the MTA when aliases are kept: %s", async (recipient, expected) => {
    expect(await one(recipient, { rcpt: { aliases: "keep" } }, table())).toBe(expected);
  });

  test("accounts keep their other addresses unless told", async () => {
    expect(await one("j@example.org", { rcpt: { aliases: undefined } })).toBe("alias j@example.org");
  });
});

test("rewriting comes before resolution, and only an address counts", async () => {
  const rewrite = rule([["rcpt_domain == 'old.example'", "email_part(rcpt, 'local') + '@example.org'"], "false"]);
  expect(await one("john@old.example", { rcpt: { rewrite } })).toBe("mailbox john@example.org");
  expect(await one("john@example.org", { rcpt: { rewrite: rule("'nonsense'") } })).toBe("mailbox john@example.org");
  expect(await one("any@example.org", { rcpt: { rewrite: rule("'<john@example.org>'") } })).toBe("mailbox john@example.org");
  expect(await one("any@example.org", { rcpt: { rewrite: rule("'John Doe <john@example.org>'") } })).toBe("mailbox john@example.org");
});

describe("relaying", () => {
  test("a login may, a stranger may not, a trusted client may", async () => {
    expect(await play(session({ sender: "a@b.example", login: "alice" }), ["x@elsewhere.example"])).toEqual([
      "relayed x@elsewhere.example",
    ]);
    expect(await play(session({ sender: "a@b.example", trusted: true }), ["x@elsewhere.example"])).toEqual(["trusted x@elsewhere.example"]);
  });

  test("without a directory every address is foreign", async () => {
    expect(await one("john@example.org", { rcpt: { directory: rule("false") } })).toBe(noRelay);
  });

  test("a computed directory that does not exist defers", async () => {
    expect(await one("john@example.org", { rcpt: { directory: rule("'no' + 'ne'") } })).toBe(
      "451 4.4.3 Unable to verify address at this time.",
    );
  });

  test("the relay part decides foreign domains only and enters nothing", async () => {
    const open = stranger();
    expect(await play(open, ["nobody-here@example.org", "x@elsewhere.example"], {}, directoryOf(entries), { part: "relay" })).toEqual([
      "pass",
      noRelay,
    ]);
    expect(open.transaction?.accepted).toBe(0);
    expect(open.errors).toBe(1);
  });
});

test("the MTA's own recipients pass as they are", async () => {
  const mta = { ...directoryOf({}, { name: "mta" }), everything: true };
  expect(await one("Any+x@elsewhere.example", {}, mta)).toBe("mta any+x@elsewhere.example");
});

describe("duplicates", () => {
  test("as given, and what resolves to the same mailbox", async () => {
    expect(await play(stranger(), ["john@example.org", "JOHN@example.org", "john+x@example.org", "john+x@example.org"])).toEqual([
      "mailbox john@example.org",
      "duplicate",
      "duplicate",
      "duplicate",
    ]);
  });

  test("where the MTA delivers to each, only an address as given is one, and each counts", async () => {
    const open = stranger();
    const given = ["john@example.org", "JOHN@example.org", "john+x@example.org", "a@catch.example", "b@catch.example"];
    expect(await play(open, given, { rcpt: { maxRecipients: rule("3") } }, directoryOf(entries), { mergesRecipients: false })).toEqual([
      "mailbox john@example.org",
      "duplicate",
      "sub-address john@example.org",
      "catch-all john@example.org",
      "452 4.5.3 Too many recipients.",
    ]);
    expect(open.transaction?.accepted).toBe(3);
  });

  test("a swap of two addresses is none", async () => {
    const rewrite = rule([
      ["rcpt == 'john@example.org'", "'jane@example.org'"],
      ["rcpt == 'jane@example.org'", "'john@example.org'"],
      "false",
    ]);
    expect(await play(stranger(), ["john@example.org", "jane@example.org"], { rcpt: { rewrite } })).toEqual([
      "mailbox jane@example.org",
      "mailbox john@example.org",
    ]);
  });

  test("a U-label and its A-label are one domain", async () => {
    const directory = directoryOf({ "user@xn--stra6-oqa.de": "user@xn--stra6-oqa.de" });
    expect(await play(stranger(), ["user@straß6.de", "user@xn--stra6-oqa.de"], {}, directory)).toEqual([
      "mailbox user@xn--stra6-oqa.de",
      "duplicate",
    ]);
  });

  test("never count against the limit; a list counts as one", async () => {
    const changes = { rcpt: { maxRecipients: rule("2") } };
    expect(
      await play(
        stranger(),
        ["sales@example.org", "john@example.org", "doe@example.org", "info@example.org", "doe+x@example.org", "any@example.org"],
        changes,
      ),
    ).toEqual([
      "list john@example.org jane@example.org",
      "duplicate",
      "mailbox doe@example.org",
      "452 4.5.3 Too many recipients.",
      "duplicate",
      "452 4.5.3 Too many recipients.",
    ]);
  });
});

describe("errors", () => {
  const changes = { rcpt: { errors: { total: rule("3"), wait: rule("2s") } } };
  const bad = ["x@example.org", "y@elsewhere.example", "z@example.org", "z@example.org"];

  test("the last one allowed ends the session", async () => {
    const tooMany = "421 4.3.0 Too many errors, disconnecting.";
    expect(await play(stranger(), bad, changes)).toEqual([noMailbox, noRelay, tooMany, tooMany]);
  });

  test.each([{ login: "alice" }, { trusted: true }])("%o is neither delayed nor disconnected", async (facts) => {
    expect(await play(session({ sender: "", ...facts }), ["x@example.org", "y@example.org", "z@example.org"], changes)).toEqual([
      noMailbox,
      noMailbox,
      noMailbox,
    ]);
  });

  test("wait holds the reply back", async () => {
    const core = { settings: settings(changes), sources: sourcesOf([directoryOf(entries)]) };
    expect((await askRcpt(stranger(), "x@example.org", core)).verdict).toMatchObject({ kind: "reject", delayMs: 2000 });
    expect((await askRcpt(session({ sender: "", login: "alice" }), "x@example.org", core)).verdict).toMatchObject({ delayMs: 0 });
  });
});

describe("when it cannot tell", () => {
  const deferred = "451 4.4.3 Unable to verify address at this time.";
  const down = (waits: boolean) => Object.assign(directoryOf(entries, { waits }), { down: true });

  test.each([false, true])("a directory that is down defers, uncounted and at once (waits: %s)", async (waits) => {
    const open = stranger();
    expect(await play(open, ["john@example.org", "x@elsewhere.example"], {}, down(waits))).toEqual([deferred, deferred]);
    expect(open.errors).toBe(0);
  });

  test("a relay rule that cannot tell defers too", async () => {
    const relay = {
      waits: false,
      variables: new Set<string>(),
      constant: undefined,
      evaluate: () => {
        throw new TemporaryError("down");
      },
    };
    expect(await one("x@elsewhere.example", { rcpt: { relay } })).toBe(deferred);
  });

  test("a list beyond the limit is deferred whole", async () => {
    expect(await one("sales@example.org", { rcpt: { maxListMembers: 1 } })).toBe(deferred);
  });
});

test("RCPT before MAIL", async () => {
  expect(await play(session(), ["john@example.org"])).toEqual(["503 5.5.1 MAIL is required first."]);
});

describe("Domain objects", () => {
  const domain = (changes: Partial<DomainSettings>): Changes => {
    const own: DomainSettings = { ...ownDomain, ...changes };
    return {
      domains: new Map([
        ["example.org", own],
        ["alias.example", own],
      ]),
    };
  };
  const wholeAddress = rule([["matches('^([^-]+)-.*$', rcpt)", "$1 + '@' + rcpt_domain"], "false"]);
  const localPart = rule([["matches('^([^-]+)-.*$', rcpt)", "$1"], "false"]);
  const whole = "rcpt_domain == 'example.org' && recipients == [rcpt + '@' + rcpt_domain] && address == rcpt && email == rcpt";
  const ofDomain = rule([[`${whole} && matches('^([^-]+)-.*$', rcpt)`, "$1"], "false"]);
  test.each([
    ["an alias of the domain", {}, "john@alias.example", "mailbox john@example.org"],
    ["unknown in a registered domain", {}, "any@alias.example", noMailbox],
    ["catch-all address, not resolved again", { catchAllAddress: "all@other.example" }, "any@example.org", "catch-all all@other.example"],
    ["sub-addressing off", { subAddressing: false }, "john+x@example.org", noMailbox],
    ["sub-addressing by local part", { subAddressing: localPart }, "john-x@alias.example", "sub-address john@example.org"],
    ["sub-addressing by local part and domain", { subAddressing: ofDomain }, "john-x@example.org", "sub-address john@example.org"],
    ["sub-addressing by local part and main domain", { subAddressing: ofDomain }, "john-x@alias.example", "sub-address john@example.org"],
    ["sub-addressing by whole address", { subAddressing: wholeAddress }, "john-x@alias.example", "sub-address john@example.org"],
    ["an address elsewhere", { subAddressing: rule("'john@catch.example'") }, "any-x@example.org", noMailbox],
    ["a local part with an @", { subAddressing: localPart }, "john@home-x@example.org", "sub-address john@home@example.org"],
    ["a whole address with two", { subAddressing: wholeAddress }, "john@home-x@alias.example", "sub-address john@home@example.org"],
    ["no address", { subAddressing: rule("rcpt + '\u0001'") }, "any@example.org", cannotTell],
    ["sub-addressing to no local part", { subAddressing: rule("'@' + rcpt_domain") }, "-x@example.org", noMailbox],
    ["relaying of unknown mailboxes", { allowRelaying: true }, "any@alias.example", "relayed any@example.org"],
  ] as const)("%s", async (_what, own, recipient, expected) => {
    expect(await one(recipient, domain(own))).toBe(expected);
  });

  test("the directory of a domain", async () => {
    const second = directoryOf({ "only@second.example": "only@second.example" }, { name: "second" });
    const own: DomainSettings = {
      name: "second.example",
      directory: "second",
      subAddressing: undefined,
      catchAllAddress: undefined,
      allowRelaying: false,
    };
    const core = {
      settings: settings({ domains: new Map([["second.example", own]]) }),
      sources: sourcesOf([directoryOf(entries), second]),
    };
    const outcome = await askRcpt(stranger(), "only@second.example", core);
    expect(outcome.admission?.resolved).toEqual(["only@second.example"]);
  });
});

test("the full address is asked first, and nothing after it is found", async () => {
  const directory = directoryOf(entries);
  await one("john+work@example.org", {}, directory);
  expect(directory.asked).toEqual(["example.org", "john+work@example.org"]);
});

test("a directory that does not wait is answered without a promise", () => {
  expect(askRcpt(stranger(), "john@example.org", { settings: settings(), sources: sourcesOf([directoryOf(entries)]) })).not.toBeInstanceOf(
    Promise,
  );
});
