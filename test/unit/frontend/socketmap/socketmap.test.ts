/** Requests as MTAs send them, replies as they read them, and what is logged. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Notice } from "../../../../src/frontend/notice.ts";
import { answerSocketmap, type MapLookup } from "../../../../src/frontend/socketmap/socketmap.ts";
import type { Core } from "../../../../src/stage/core.ts";
import { maxReplyOctets, SocketmapDecoder } from "../../../../src/wire/socketmap.ts";
import { cut, decodeAll } from "../../../support/portions.ts";
import { type Changes, rule, settings } from "../../../support/settings.ts";
import { directoryOf, sourcesOf } from "../../../support/sources.ts";

const many = Array.from({ length: 4000 }, (_, index) => `${"member".repeat(5)}${index}@example.org`);

const entries = {
  "john@example.org": "john@example.org",
  "info@example.org": ["john@example.org", "jane@elsewhere.example"],
  "loop1@example.org": ["loop2@example.org"],
  "loop2@example.org": ["loop1@example.org"],
  "many@example.org": many,
  "@catch.example": "john@example.org",
};

function world({ changes = {}, waits = false }: { changes?: Changes; waits?: boolean } = {}) {
  const directory = directoryOf(entries, { waits });
  const lookups: MapLookup[] = [];
  const notices: Notice[] = [];
  const self = {
    directory,
    lookups,
    notices,
    mode: "enforce" as "enforce" | "shadow",
    localPort: undefined as number | undefined,
    now: 0,
    core: {
      settings: settings({ ...changes, rcpt: { rewrite: rule("rcpt == 'bug' + '@example.org'"), ...changes.rcpt } }),
      sources: sourcesOf([directory], { vip: ["john@example.org"], text: [] }),
    } as Core,
  };
  const answer = answerSocketmap({
    listener: "map",
    core: () => self.core,
    mode: () => self.mode,
    isTrusted: (address) => address.startsWith("10."),
    localPort: () => self.localPort,
    onLookup: (lookup) => lookups.push(lookup),
    onNotice: (notice) => notices.push(notice),
    now: () => self.now++,
  });
  /** Bytes in, in these portions; all replies out, in order. */
  const talk = async (portions: readonly Buffer[]) => {
    const { values, error } = decodeAll(new SocketmapDecoder(), portions);
    const replies: string[] = [];
    for (const request of values) {
      const { text, delayMs } = await answer(request);
      expect(delayMs).toBe(0);
      replies.push(text);
    }
    return { replies, error };
  };
  return Object.assign(self, { talk, ask: async (text: string) => (await talk([Buffer.from(netstring(text))])).replies.join("") });
}

const netstring = (text: string) => `${Buffer.byteLength(text)}:${text},`;

describe("replies", () => {
  it.each([
    ["recipients John@Example.org", "OK john@example.org"],
    ["recipients nosuch@example.org", "NOTFOUND "],
    ['recipients "john"@example.org', "OK john@example.org"],
    ["recipients any@catch.example", "OK any@catch.example"],
    ["recipients @catch.example", "NOTFOUND "],
    ["recipients ", "NOTFOUND "],
    ["recipients  john@example.org", "NOTFOUND "],
    ["domains Example.ORG", "OK example.org"],
    ["aliases john+tag@example.org", "OK john@example.org"],
    ["aliases info@example.org", "OK john@example.org,jane@elsewhere.example"],
    ["aliases john@example.org", "NOTFOUND "],
    ["aliases example.org", "NOTFOUND "],
    ['aliases ""', "NOTFOUND "],
    ["aliases *", "NOTFOUND "],
    ["ehlo-keywords 203.0.113.9", "OK dsn, vrfy"],
    ["helo localhost", "OK 550 5.5.0 Invalid EHLO domain."],
    ["helo mx.client.example", "NOTFOUND "],
    ["srv_features 203.0.113.9", "OK D X"],
    ["access srv_features:203.0.113.9", "OK D X"],
    ["access to:nosuch@example.org", "NOTFOUND "],
    ["virtuser any@catch.example", "OK john@example.org"],
    ["lookup/vip john@example.org", "OK 1"],
    ["lookup/vip jane@example.org", "NOTFOUND "],
    ["virtual john@example.org", "PERM there is no such map"],
    ["lookup/nosuch john@example.org", "PERM there is no such map"],
    ["john@example.org", "PERM there is no such map"],
    ["", "PERM there is no such map"],
  ])("%s → %s", async (request, reply) => {
    for (const waits of [false, true]) expect(await world({ waits }).ask(request)).toBe(netstring(reply));
  });

  it.each([1000, 5000, 20_000, 200_000])("a key of %i blanks and letters is in no table", async (length) => {
    for (const map of ["aliases", "recipients", "domains"]) {
      expect(await world().ask(`${map} ${"x ".repeat(length / 2)}`)).toBe("9:NOTFOUND ,");
    }
  });

  it.each(["lookup/vip", "access"])("a key that no list can hold is not one that is not listed: %s", async (map) => {
    for (const key of ["x ".repeat(2500), "x ".repeat(100_000), "ü".repeat(513), "a\0b", "jane@example.org\u0085x", "\u2028"]) {
      expect(await world().ask(`${map} ${key}`)).toBe("20:TEMP cannot tell now,");
    }
  });

  it("in order, however the requests come", async () => {
    const requests = ["domains example.org", "nosuch x", `aliases ${"x".repeat(11_000)}`, "recipients john@example.org", "aliases "];
    const expected = ["14:OK example.org,", "25:PERM there is no such map,", "9:NOTFOUND ,", "19:OK john@example.org,", "9:NOTFOUND ,"];
    const bytes = Buffer.from(requests.map(netstring).join(""));
    const property = fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 20 }), fc.boolean(), async (places, waits) => {
      expect(await world({ waits }).talk(cut(bytes, places))).toEqual({ replies: expected, error: undefined });
    });
    await fc.assert(property, { numRuns: 50 });
  });

  it("one to each request, whatever it says", async () => {
    const { talk } = world();
    const map = fc.constantFrom(
      "aliases",
      "recipients",
      "domains",
      "ehlo-keywords",
      "helo",
      "srv_features",
      "access",
      "virtuser",
      "lookup/vip",
    );
    const property = fc.asyncProperty(map, fc.uint8Array({ maxLength: 60 }), fc.string({ unit: "grapheme" }), async (name, bytes, text) => {
      const requests = [Buffer.concat([Buffer.from(`${name} `), bytes]), bytes, Buffer.from(`${name} ${text}@catch.example`)];
      const isOdd = (request: Uint8Array = Buffer.of()) =>
        /^(?:helo|access|lookup).*[\p{Cc}\u2028\u2029]/su.test(Buffer.from(request).toString());
      const framed = requests.map((each) => Buffer.concat([Buffer.from(`${each.length}:`), each, Buffer.from(",")]));
      const { replies } = await talk(framed);
      expect(replies).toHaveLength(3);
      for (const [index, reply] of replies.entries()) {
        const isTemporary = reply === "20:TEMP cannot tell now," && isOdd(requests[index]);
        if (!isTemporary) expect(reply).toMatch(/^\d+:(OK [^\p{Cc}]+|NOTFOUND |PERM [^\p{Cc}]+),$/u);
      }
    });
    await fc.assert(property);
  });

  it("a broken frame ends the conversation after what came before it", async () => {
    const { replies, error } = await world().talk([Buffer.from("17:domains example.org;19:domains example.org,")]);
    expect([replies, error !== undefined]).toEqual([[], true]);
    expect((await world().talk([Buffer.from("019:domains example.org,")])).replies).toEqual(["14:OK example.org,"]);
  });
});

describe("what cannot be answered", () => {
  it.each([
    "aliases john@example.org",
    "recipients john@example.org",
    "domains example.org",
    "virtuser john@example.org",
  ])("%s is never not found", async (request) => {
    for (const waits of [false, true]) {
      const self = world({ waits });
      self.directory.down = true;
      expect(await self.ask(request)).toBe("20:TEMP cannot tell now,");
      expect(await self.ask(request)).toBe("20:TEMP cannot tell now,");
      expect(self.notices).toMatchObject([{ kind: "map-unavailable", listener: "map", error: { message: "down" } }]);
      expect(self.lookups).toMatchObject([{ answer: "temporary" }, { answer: "temporary" }]);
    }
  });

  it("a result that is too long for a reply", async () => {
    const self = world();
    expect(many.join(",").length).toBeGreaterThan(maxReplyOctets);
    expect(await self.ask("aliases many@example.org")).toBe("20:TEMP cannot tell now,");
    expect(self.notices).toMatchObject([{ kind: "map-unavailable", key: "many@example.org", error: { message: /100000 bytes/ } }]);
  });

  it("a bug is reported as one, and as nothing else", async () => {
    const self = world();
    const bug = new Error("a bug");
    self.core = {
      ...self.core,
      sources: {
        ...self.core.sources,
        directory() {
          throw bug;
        },
      },
    };
    expect(await self.ask("recipients john@example.org")).toBe("19:TEMP internal error,");
    expect(self.notices).toEqual([{ kind: "internal-error", listener: "map", error: bug }]);
  });
});

describe("the log", () => {
  it("has each lookup", async () => {
    const self = world();
    await self.ask("aliases John+x@example.org");
    await self.ask("aliases john@example.org");
    await self.ask("nosuch \u0007");
    const [event, listener] = ["lookup", "map"];
    expect(self.lookups).toEqual([
      { event, listener, map: "aliases", key: "John+x@example.org", answer: "found", value: "john@example.org", ms: 1 },
      { event, listener, map: "aliases", key: "john@example.org", answer: "notFound", value: "", ms: 1 },
      { event, listener, map: "nosuch", key: " ", answer: "permanent", value: "there is no such map", ms: 1 },
    ]);
  });

  it("logs an unknown map and a loop once", async () => {
    const self = world();
    for (const request of ["virtual a", "virtual b", "mailertable a", "aliases loop1@example.org", "aliases loop1@example.org"]) {
      await self.ask(request);
    }
    expect(self.notices).toEqual([
      { kind: "unknown-map", listener: "map", map: "virtual" },
      { kind: "unknown-map", listener: "map", map: "mailertable" },
      { kind: "alias-loop", listener: "map", address: "loop1@example.org" },
    ]);
  });
});

describe("the listener", () => {
  it("in shadow mode changes nothing, and answers facts as they are", async () => {
    const self = world();
    self.mode = "shadow";
    const replies: string[] = [];
    for (const request of ["aliases john+x@example.org", "helo localhost", "ehlo-keywords 203.0.113.9", "srv_features 203.0.113.9"]) {
      replies.push(await self.ask(request));
    }
    expect(new Set(replies)).toEqual(new Set(["9:NOTFOUND ,"]));
    expect(self.lookups.map(({ answer, would }) => [answer, would])).toEqual([
      ["notFound", "john@example.org"],
      ["notFound", "550 5.5.0 Invalid EHLO domain."],
      ["notFound", "dsn, vrfy"],
      ["notFound", "D X"],
    ]);
    expect(await self.ask("recipients john@example.org")).toBe("19:OK john@example.org,");
    expect(await self.ask("lookup/vip john@example.org")).toBe("4:OK 1,");
    self.directory.down = true;
    expect(await self.ask("aliases john@example.org")).toBe("9:NOTFOUND ,");
    expect(await self.ask("recipients john@example.org")).toBe("20:TEMP cannot tell now,");
    expect(self.notices).toMatchObject([{ map: "aliases" }, { map: "recipients" }]);
  });

  it("gives rules its port, its name and its trusted networks", async () => {
    const self = world({ changes: { extensions: { dsn: rule("is_trusted || listener == 'other'") } } });
    expect(await self.ask("ehlo-keywords 10.0.0.1")).toBe("7:OK vrfy,");
    self.localPort = 587;
    expect(await self.ask("helo localhost")).toBe("9:NOTFOUND ,");
  });
});
