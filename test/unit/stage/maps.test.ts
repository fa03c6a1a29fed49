/** What each map answers to the keys that MTAs send, the odd ones among them. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import type { Names } from "../../../src/expr/ask.ts";
import { reply } from "../../../src/mail/reply.ts";
import type { Core } from "../../../src/stage/core.ts";
import { askMap, isMap, type MapListener, mapNames } from "../../../src/stage/maps.ts";
import type { Directory } from "../../../src/stage/sources.ts";
import type { DomainSettings, Settings } from "../../../src/stage/stage-settings.ts";
import { type Changes, type RuleText, rule, settings } from "../../support/settings.ts";
import { directoryOf, type Entries, sourcesOf } from "../../support/sources.ts";

const entries: Entries = {
  "john@example.org": "john@example.org",
  "sales@example.org": ["john@example.org", "team@example.org", "x@elsewhere.example"],
  "team@example.org": ["jane@example.org", "john@example.org"],
  "jane@example.org": "jane@example.org",
  "j@example.org": "john@example.org",
  "mary+smith@example.org": "mary+smith@example.org",
  "mary@example.org": "mary@example.org",
  "söder@example.org": "söder@example.org",
  "a b@example.org": "a b@example.org",
  "x@1234@example.org": "x@1234@example.org",
  'a"b\\c@example.org': 'a"b\\c@example.org',
  "odd@example.org": ["a b@example.org", "söder@example.org", "root"],
  "broken@example.org": ["john@example.org", "no address@"],
  "loop1@example.org": ["loop2@example.org"],
  "loop2@example.org": ["loop1@example.org"],
  "into-loop@example.org": ["loop1@example.org", "jane@example.org"],
  "all@example.org": ["team@example.org", "everybody@example.org"],
  "everybody@example.org": ["all@example.org", "mary@example.org"],
  "self@example.org": ["self@example.org", "john@example.org"],
  "user@[192.0.2.1]": "user@[192.0.2.1]",
  "@catch.example": "john@example.org",
};

const own: DomainSettings = {
  name: "example.org",
  directory: undefined,
  subAddressing: undefined,
  catchAllAddress: undefined,
  allowRelaying: false,
};

const rewrite = rule([
  ["rcpt == 'old@example.org'", "'john@example.org'"],
  ["rcpt == 'forward@example.org'", "'john@elsewhere.example'"],
  ["rcpt == 'mary.smith@example.org'", "'mary+smith@example.org'"],
  "false",
]);

function coreOf({ ehlo, extensions, rcpt, sieve }: Changes = {}, directory: Directory = directoryOf(entries)): Core {
  return {
    settings: settings({
      ehlo: { blocklist: ["blocked-domain"], ...ehlo },
      ...(extensions === undefined ? undefined : { extensions }),
      ...(sieve === undefined ? undefined : { sieve }),
      rcpt: { rewrite, ...rcpt },
      domains: new Map([["alias.example", own]]),
    }),
    sources: sourcesOf([directory], {
      "blocked-domain": ["spammer.example"],
      access: [
        "john@a.example",
        "b.example",
        ".c.example",
        "post@",
        "q r@d.example",
        '""',
        "*",
        "192.0.2.1",
        "198.51",
        "2001:db8:1",
        "@e.example",
      ],
    }),
  };
}

const listener: MapListener = { name: "map", localPort: 25, isTrusted: (address) => address.startsWith("10.") };
const ask = async (map: string, key: string, core = coreOf()) => askMap(map, key, core, listener);

/** Keys that name nobody; an MTA sends them all the same. */
const odd = ["", '""', "@", "*", '""@catch.example', "@catch.example", "any@"];

/** Keys that no table can hold. */
const unfit = ["john@example.org\0x", "a\r\nb@catch.example", "\u{fffd} x@".repeat(3000), "x".repeat(1025), "ü".repeat(513)];

// Every text is an EHLO name, if a bad one.
const keyed = mapNames.filter((name) => name !== "helo").map((name) => (name === "lookup/NAME" ? "lookup/blocked-domain" : name));

describe.each(keyed)("%s", (map) => {
  test.each(odd)("%#: finds nothing for what is no key", async (key) => {
    expect(await ask(map, key)).toBeUndefined();
  });

  const isList = map === "access" || map.startsWith("lookup/");
  test.each(unfit)(`%#: a key that is no table's ${isList ? "cannot be told" : "is no mailbox"}`, async (key) => {
    if (isList) await expect(ask(map, key)).rejects.toThrow(TemporaryError);
    else expect(await ask(map, key)).toBeUndefined();
  });
});

describe("recipients", () => {
  test.each([
    ["John@example.org", "john@example.org"],
    ["john+x@example.org", "john+x@example.org"],
    ["JOHN@EXAMPLE.ORG.", "john@example.org"],
    ["john@alias.example", "john@alias.example"],
    ["old@example.org", "old@example.org"],
    ["forward@example.org", undefined],
    ["any@catch.example", "any@catch.example"],
    ["any@example.org", undefined],
    ["postmaster@example.org", "postmaster@example.org"],
    ["Postmaster", "postmaster"],
    ["root", undefined],
    ["x@elsewhere.example", undefined],
    ["postmaster@elsewhere.example", undefined],
    ["postmaster@mx.example.org", "postmaster@mx.example.org"],
    ["john@mx.example.org", undefined],
    ["example.org", undefined],
    ["söder@example.org", "söder@example.org"],
    ['"a b"@example.org', '"a b"@example.org'],
    ["a b@example.org", '"a b"@example.org'],
    ['"john"@example.org', "john@example.org"],
    ['"x@1234"@example.org', '"x@1234"@example.org'],
    ["x@1234@example.org", '"x@1234"@example.org'],
    ['"a\\"b\\\\c"@example.org', '"a\\"b\\\\c"@example.org'],
    ['a"b\\c@example.org', '"a\\"b\\\\c"@example.org'],
    ["user@[192.0.2.1]", "user@[192.0.2.1]"],
    ["user@[192.0.2.2]", undefined],
    ["user%elsewhere.example@catch.example", "user%elsewhere.example@catch.example"],
    [`${"x".repeat(300)}@catch.example`, undefined],
  ])("%s → %s", async (key, expected) => {
    expect(await ask("recipients", key)).toBe(expected);
  });
});

describe("domains", () => {
  test.each([
    ["Example.ORG", "example.org"],
    ["example.org.", "example.org"],
    ["alias.example", "alias.example"],
    ["sub.example.org", undefined],
    ["elsewhere.example", undefined],
    ["john@example.org", undefined],
    ["@example.org", undefined],
    ["[192.0.2.1]", "[192.0.2.1]"],
    ["[192.0.2.2]", undefined],
  ])("%s → %s", async (key, expected) => {
    expect(await ask("domains", key)).toBe(expected);
  });

  test("a directory to which every domain is local names none: the MTA would relay for all", async () => {
    const core = coreOf({}, { ...directoryOf({}), isLocalDomain: () => true, everything: true });
    expect(await ask("domains", "example.org", core)).toBeUndefined();
    expect(await ask("recipients", "any@example.org", core)).toBe("any@example.org");
    expect(await ask("aliases", "any@example.org", core)).toBeUndefined();
  });
});

describe("aliases", () => {
  test.each([
    ["john@example.org", undefined],
    ["john+x@example.org", "john@example.org"],
    ['"john+x"@example.org', "john@example.org"],
    ["old@example.org", "john@example.org"],
    ["forward@example.org", undefined],
    ["mary.smith@example.org", "mary+smith@example.org"],
    ["john@alias.example", "john@example.org"],
    ["any@catch.example", "john@example.org"],
    ["j@example.org", undefined],
    ["sales@example.org", "john@example.org,jane@example.org,x@elsewhere.example"],
    ["sales+x@example.org", "john@example.org,jane@example.org,x@elsewhere.example"],
    ["all@example.org", "jane@example.org,john@example.org,mary@example.org"],
    ["self@example.org", "self@example.org,john@example.org"],
    ["odd@example.org", '"a b"@example.org,söder@example.org,root'],
    ["x@elsewhere.example", undefined],
    ["nosuch@example.org", undefined],
    ["postmaster@example.org", undefined],
    ["postmaster", undefined],
    ["example.org", undefined],
  ])("%s → %s", async (key, expected) => {
    expect(await ask("aliases", key)).toBe(expected);
  });

  test.each<[string, NonNullable<Changes["rcpt"]>, string | undefined]>([
    ["john+x@example.org", { subAddressingDelivery: "keep" }, undefined],
    ["john+x@alias.example", { subAddressingDelivery: "keep" }, "john+x@example.org"],
    ["j@example.org", { aliases: "primary" }, "john@example.org"],
    ["j+x@example.org", { aliases: "primary" }, "john@example.org"],
    ["j+x@example.org", { subAddressing: false }, undefined],
  ])("%s by %o → %s", async (key, rcpt, expected) => {
    expect(await ask("aliases", key, coreOf({ rcpt }))).toBe(expected);
  });

  test.each([
    ["loop1@example.org", undefined, ["loop1@example.org"]],
    ["into-loop@example.org", "loop1@example.org,jane@example.org", ["loop1@example.org"]],
    ["all@example.org", "jane@example.org,john@example.org,mary@example.org", []],
  ])("%s: a loop stays as it is, and is told", async (key, expected, loops) => {
    const told: string[] = [];
    expect(await askMap("aliases", key, coreOf(), { ...listener, onLoop: (address) => told.push(address) })).toBe(expected);
    expect(told).toEqual(loops);
  });

  test("a result that is no address is no result", async () => {
    await expect(ask("aliases", "broken@example.org")).rejects.toThrow(/"no address@", which is not an address/);
  });

  test.each(["aliases", "recipients", "virtuser"])("a list that is too long is not told in part: %s", async (map) => {
    await expect(ask(map, "team@example.org", coreOf({ rcpt: { maxListMembers: 1 } }))).rejects.toThrow(TemporaryError);
  });

  const names = ["a", "b", "c", "d", "e", "f"].map((name) => `${name}@example.org`);
  const target = fc.constantFrom(...names, "x@elsewhere.example", "unknown@example.org", "any@catch.example", "a+t@example.org");
  const world = fc.dictionary(fc.constantFrom(...names), fc.oneof(target, fc.array(target, { minLength: 1, maxLength: 4 })));

  test("of what aliases are aliases again, nothing new comes", async () => {
    const property = fc.asyncProperty(world, fc.constantFrom<"keep" | "primary">("keep", "primary"), async (table, aliases) => {
      const core = coreOf({ rcpt: { aliases } }, directoryOf({ ...table, "@catch.example": "a@example.org" }));
      const ends = async (key: string) => (await ask("aliases", key, core))?.split(",") ?? [key];
      for (const name of names) {
        const once = await ends(name);
        const twice = (await Promise.all(once.map(ends))).flat();
        expect([...new Set(twice)].sort()).toEqual(once.toSorted());
      }
    });
    await fc.assert(property, { numRuns: 300 });
  });
});

describe("virtuser", () => {
  test.each([
    ["any@catch.example", "john@example.org"],
    ["john@example.org", undefined],
    ["@example.org", undefined],
  ])("%s → %s", async (key, expected) => {
    expect(await ask("virtuser", key)).toBe(expected);
  });

  test("a list has no place in it", async () => {
    await expect(ask("virtuser", "team@example.org")).rejects.toThrow(/2 addresses/);
  });
});

describe("ehlo-keywords, srv_features", () => {
  const extensions: Changes["extensions"] = {
    pipelining: rule("remote_ip != '192.0.2.7'"),
    chunking: rule("listener == 'map'"),
    dsn: rule("remote_ip == '2001:db8::1' || is_trusted"),
    vrfy: rule("local_port == 25"),
    expn: rule("is_trusted"),
    requireTls: rule("is_tls"),
  };

  test.each([
    ["192.0.2.7", "pipelining, dsn", "D P X"],
    ["192.0.2.8", "dsn", "D X"],
    ["2001:DB8:0::1", undefined, "X"],
    ["IPv6:2001:db8:0:0:0:0:0:1", undefined, "X"],
    ["10.1.1.1", undefined, undefined],
    ["unknown", undefined, undefined],
    ["192.0.2", undefined, undefined],
    ["mx.client.example", undefined, undefined],
  ])("%s → %s; %s", async (key, keywords, letters) => {
    const core = coreOf({ extensions });
    expect(await ask("ehlo-keywords", key, core)).toBe(keywords);
    for (const map of ["srv_features", "access"]) expect(await ask(map, `srv_features:${key}`, core)).toBe(letters);
    expect(await ask("srv_features", key, core)).toBe(letters);
    expect(await ask("access", key, core)).toBeUndefined();
  });

  test("by default strangers get no DSN and no VRFY", async () => {
    expect(await ask("ehlo-keywords", "192.0.2.1")).toBe("dsn, vrfy");
  });

  test("REQUIRETLS is switched off only for who would not have it over TLS either", async () => {
    expect(await ask("ehlo-keywords", "192.0.2.1", coreOf({ extensions: { ...extensions, requireTls: rule("false") } }))).toBe(
      "dsn, requiretls",
    );
  });

  test.each([
    "srv_features:",
    "srv_features:mx.example",
    "connect:192.0.2.1",
    "from:a@b.example",
    "to:john@example.org",
    "tls_clt:x",
  ])("access %s", async (key) => {
    expect(await ask("access", key)).toBeUndefined();
  });
});

describe("helo", () => {
  test.each([
    ["mx.client.example", undefined],
    ["", undefined],
    ["*", "550 5.5.0 Invalid EHLO domain."],
    ["localhost", "550 5.5.0 Invalid EHLO domain."],
    ["Spammer.example", "551 5.1.1 Sending domain 'spammer.example' has been blocklisted."],
    ["spammer.example..", "551 5.1.1 Sending domain 'spammer.example' has been blocklisted."],
    ["spammer.example\u0085", "551 5.1.1 Sending domain 'spammer.example' has been blocklisted."],
    ["x".repeat(2000), "550 5.5.0 Invalid EHLO domain."],
    [`${"x.".repeat(1000)}client.example`, "550 5.5.0 Invalid EHLO domain."],
  ])("%s → %s", async (key, expected) => {
    expect(await ask("helo", key)).toBe(expected);
  });

  test.each(["mx\u0085.client.example", "mx.client.example\u2028x.example"])("a name that no list can hold: %j", async (name) => {
    await expect(ask("helo", name)).rejects.toThrow(TemporaryError);
  });

  test("the port is that of the listener", async () => {
    expect(await askMap("helo", "localhost", coreOf(), { ...listener, localPort: 587 })).toBeUndefined();
  });

  const scriptReading = (item: string) => ({
    name: "e",
    statements: [],
    sets: new Set<never>(),
    reads: new Set([item]),
    doubts: new Set<string>(),
    keepsRefusals: true,
  });
  const refusal = { kind: "reject", reply: reply(550, "5.7.1", "not you") } as const;
  const scripts = (item: string) =>
    new Map([["e", { ...scriptReading(item), run: () => ({ action: refusal, changes: [] }) }]]) satisfies Settings["sieve"]["scripts"];
  const denied = { title: "deny", mode: "enforce", reply: { code: 550, status: "5.7.1", parts: ["no"] } } as const;

  describe.each<[string, boolean]>([
    ["helo_domain == 'localhost'", true],
    ["listener == 'map' && local_port == 25 && protocol == 'smtp'", true],
    ["!(is_tls || is_trusted)", false],
    ["remote_ip != '10.0.0.1'", false],
    ["is_empty(authenticated_as)", false],
    ["helo_domain == 'localhost' && iprev_result != 'pass'", false],
    ["!dns_listed('good')", false],
    ["!dns_listed('good-names')", true],
  ])("a rule that asks %s", (text, isAsked) => {
    const names: Names = {
      directories: new Map(),
      lookups: new Map(),
      stores: new Set(),
      dnsLists: new Map([
        ["good", "client"],
        ["good-names", "ehlo"],
      ]),
    };
    test.each<[string, NonNullable<Changes["ehlo"]>, string]>([
      ["reject-non-fqdn", { rejectNonFqdn: rule(text, "ehlo", names) }, "550 5.5.0 Invalid EHLO domain."],
      ["deny", { rejectNonFqdn: rule("false"), deny: [{ ...denied, if: rule(text, "ehlo", names) }] }, "550 5.7.1 no"],
      ["script", { rejectNonFqdn: rule("false"), script: rule([[text, "'e'"], "false"], "ehlo", names) }, "550 5.7.1 not you"],
    ])(`in %s is ${isAsked ? "" : "not "}asked`, async (_key, ehlo, refused) => {
      const core = coreOf({ ehlo, sieve: { scripts: scripts("helo_domain") } });
      const { sources } = core;
      const listing = { ...core, sources: { ...sources, ask: { ...sources.ask, dnsList: () => [] } } };
      expect(await ask("helo", "localhost", listing)).toBe(isAsked ? refused : undefined);
    });
  });

  test.each<[string, RuleText, boolean]>([
    ["helo_domain", "'e'", true],
    ["helo_domain", "'E' + ''", true],
    ["now", [["helo_domain == 'localhost'", "'e'"], "false"], true],
    ["remote_ip", "'e'", false],
    ["remote_ip", [["helo_domain == 'localhost'", "'e'"], "false"], false],
    ["iprev.ptr", "'E'", false],
    ["tls.version", "'e'", false],
  ])("a script that reads %s, by %j, runs: %s", async (item, text, runs) => {
    const core = coreOf({ ehlo: { rejectNonFqdn: rule("false"), script: rule(text, "ehlo") }, sieve: { scripts: scripts(item) } });
    expect(await ask("helo", "localhost", core)).toBe(runs ? "550 5.7.1 not you" : undefined);
  });

  test("a list that cannot tell", async () => {
    const core = coreOf();
    const down = () => Promise.reject(new TemporaryError("down"));
    const broken = { ...core, sources: { ...core.sources, lookup: () => ({ waits: true, get: down }) } };
    await expect(ask("helo", "mx.client.example", broken)).rejects.toThrow(TemporaryError);
  });
});

describe("lookup/NAME", () => {
  test.each([
    ["lookup/blocked-domain", "spammer.example", "1"],
    ["lookup/blocked-domain", "Spammer.EXAMPLE", "1"],
    ["lookup/blocked-domain", "other.example", undefined],
    ["lookup/access", "john@a.example", "1"],
    ["lookup/access", "John+tag@A.example", "1"],
    ["lookup/access", "jane@a.example", undefined],
    ["lookup/access", "any@b.example", "1"],
    ["lookup/access", "any@sub.b.example", undefined],
    ["lookup/access", "any@sub.c.example", "1"],
    ["lookup/access", "any@c.example", undefined],
    ["lookup/access", "post+tag@z.example", "1"],
    ["lookup/access", '"q r"@d.example', "1"],
    ["lookup/access", "q r@d.example", "1"],
    ["lookup/access", '""', "1"],
    ["lookup/access", "*", "1"],
    ["lookup/access", "192.0.2.1", "1"],
    ["lookup/access", "192.0.2.10", undefined],
    ["lookup/access", "198.51.100.7", "1"],
    ["lookup/access", "2001:db8:1::7", "1"],
    ["lookup/access", "2001:DB8:1:2:3:4:5:6", "1"],
    ["lookup/access", "2001:db8:10::7", undefined],
    ["lookup/access", "::1", undefined],
    ["lookup/access", "host.sub.c.example", "1"],
    ["lookup/access", "c.example", undefined],
    ["lookup/access", "@e.example", undefined],
    ["lookup/access", '""@e.example', undefined],
    ["lookup/access", "any@B.example..", "1"],
    ["lookup/access", "host.sub.c.example。", "1"],
    ["lookup/access", `${"x.".repeat(20)}c.example`, "1"],
    ["lookup/access", `any@${"x.".repeat(20)}c.example`, "1"],
    // What the whole of is no key is found by its domain, and by those above.
    ["lookup/access", `${"x".repeat(2000)}@b.example`, "1"],
    ["lookup/access", `${"ü".repeat(600)}@sub.c.example`, "1"],
    ["lookup/access", "a\u0085@b.example", "1"],
    ["lookup/access", "any@b.example\u0085", "1"],
    ["lookup/access", `any@${"x".repeat(2000)}.c.example`, "1"],
    ["lookup/access", `${"x.".repeat(600)}c.example`, "1"],
    ["lookup/nosuch", "x", undefined],
  ])("%s %s → %s", async (map, key, expected) => {
    expect(await ask(map, key)).toBe(expected);
  });
});

test.each(["recipients", "domains", "aliases", "virtuser"])("what cannot be told is not 'not found': %s", async (map) => {
  for (const waits of [true, false]) {
    const directory = Object.assign(directoryOf(entries, { waits }), { down: true });
    const key = map === "domains" ? "example.org" : "john@example.org";
    await expect((async () => ask(map, key, coreOf({}, directory)))()).rejects.toThrow(TemporaryError);
  }
});

test("maps by name", () => {
  const core = coreOf();
  expect(["aliases", "lookup/access", "lookup/nosuch", "mailertable", "", "lookup/"].map((name) => isMap(name, core))).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});
