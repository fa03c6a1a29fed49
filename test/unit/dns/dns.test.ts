import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { parseConfiguration } from "../../../src/config/load.ts";
import { openCore } from "../../../src/daemon/open-core.ts";
import { type Dns, type DnsSettings, openDns } from "../../../src/dns/dns.ts";
import type { DnsType } from "../../../src/expr/ask.ts";
import { DnsServer } from "../../support/dns-server.ts";
import { sourcesOf } from "../../support/sources.ts";

const long = "a".repeat(63);

let server: DnsServer;
beforeAll(async () => {
  server = await DnsServer.start({
    "example.org": [
      { type: "A", address: "192.0.2.1", ttl: 20 },
      { type: "A", address: "192.0.2.2", ttl: 10 },
      { type: "AAAA", address: "2001:0db8:0000:0000:0000:0000:0000:0001" },
      { type: "MX", preference: 20, host: "b.example.org" },
      { type: "MX", preference: 10, host: "z.example.org" },
      { type: "MX", preference: 10, host: "A.example.org" },
      { type: "TXT", chunks: ["v=spf1 ", "-all"] },
      { type: "TXT", chunks: ["second"] },
    ],
    "v4.example": [{ type: "A", address: "192.0.2.3" }],
    "no-mail.example": [{ type: "MX", preference: 0, host: "." }],
    "empty.example": [],
    "xn--bcher-kva.example": [{ type: "A", address: "192.0.2.4" }],
    "AAAA half.example": "fail",
    "A half.example": [{ type: "A", address: "192.0.2.5" }],
    "AAAA neither.example": "fail",
    "A neither.example": [],
    "1.2.0.192.in-addr.arpa": [{ type: "PTR", host: "mx.example.org." }],
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": [{ type: "PTR", host: "six.example.org" }],
    "fail.example": "fail",
    "refuse.example": "refuse",
    "silence.example": "silence",
    "garbage.example": "garbage",
  });
});
afterAll(() => server.stop());
beforeEach(() => {
  server.asked.length = 0;
});

describe("[dns]", () => {
  it("says whom rules and scripts ask, also where nothing is written", async () => {
    const text = `dns = { resolvers = ["${server.address}"], timeout = "3s", cache = { entries = 5, ttl = { positive = "1h" } } }`;
    const { configuration, problems } = parseConfiguration(text, "postern.toml", () => "", { serves: false });
    if (configuration === undefined) throw new Error(JSON.stringify(problems));
    expect(configuration.dns).toEqual({
      resolvers: [server.address],
      timeoutMs: 3000,
      entries: 5,
      positiveMs: 3_600_000,
      negativeMs: 60_000,
    });
    for (const readOnly of [false, true]) {
      const leaseState = () => ({ state: sourcesOf([]).state, release: async () => {} });
      const { core, close } = openCore(configuration, { now: () => 0, clock: () => 0, leaseState, onAvailability: () => {}, readOnly });
      expect(await core.sources.ask.dnsQuery("v4.example", "ip")).toEqual(["192.0.2.3"]);
      await close();
    }
  });
});

let time = 0;
const opened: Dns[] = [];
function open(changes: Partial<DnsSettings> = {}): Dns {
  const settings = { resolvers: [server.address], timeoutMs: 10_000, entries: 100, positiveMs: 60_000, negativeMs: 5000 };
  const dns = openDns({ ...settings, ...changes }, () => time);
  opened.push(dns);
  return dns;
}
// One that was left without an answer would ask again in the middle of another test.
afterEach(() => {
  for (const dns of opened.splice(0)) dns.close();
});

describe("dns", () => {
  it.each<[name: string, type: DnsType, records: string[] | undefined]>([
    ["example.org", "ipv4", ["192.0.2.1", "192.0.2.2"]],
    ["EXAMPLE.org.", "ipv4", ["192.0.2.1", "192.0.2.2"]],
    ["example.org", "ipv6", ["2001:db8::1"]],
    ["example.org", "ip", ["192.0.2.1", "192.0.2.2", "2001:db8::1"]],
    ["v4.example", "ip", ["192.0.2.3"]],
    ["half.example", "ip", ["192.0.2.5"]],
    ["example.org", "mx", ["A.example.org", "z.example.org", "b.example.org"]],
    ["no-mail.example", "mx", undefined],
    ["example.org", "txt", ["v=spf1 -all", "second"]],
    ["192.0.2.1", "ptr", ["mx.example.org"]],
    ["::ffff:192.0.2.1", "ptr", ["mx.example.org"]],
    ["2001:db8::1", "ptr", ["six.example.org"]],
    ["bücher.example", "ipv4", ["192.0.2.4"]],
    ["empty.example", "ipv4", undefined],
    ["empty.example", "ip", undefined],
    ["absent.example", "mx", undefined],
    ["192.0.2.9", "ptr", undefined],
  ])("%s has %s %j", async (name, type, records) => {
    expect(await open().query(name, type)).toEqual(records);
  });

  it.each<[name: string, type: DnsType]>([
    ["", "ipv4"],
    [".", "mx"],
    ["a..example", "txt"],
    [".example", "ipv6"],
    ["a b.example", "ip"],
    ["a\0.example", "ip"],
    ["a\\.example", "ip"],
    ["a\n.example", "mx"],
    [`${long}a.example`, "ipv4"],
    [`${long}.${long}.${long}.${long}`, "ipv4"],
    ["ü".repeat(300), "ipv4"],
    ["x".repeat(1_000_000), "txt"],
    ["\ud800.example", "ip"],
    ["example.org", "ptr"],
    ["192.0.2.1.", "ptr"],
    ["1.2.0.192.in-addr.arpa", "ptr"],
  ])("nobody is asked for %j (%s)", (name, type) => {
    expect(open().query(name, type)).toBe(undefined);
    expect(server.asked).toEqual([]);
  });

  it.each<[name: string, type: DnsType]>([
    ["fail.example", "ipv4"],
    ["fail.example", "txt"],
    ["refuse.example", "mx"],
    ["neither.example", "ip"],
  ])("cannot tell about %s (%s)", async (name, type) => {
    await expect(open().query(name, type)).rejects.toThrow(TemporaryError);
  });

  it.each(["silence.example", "garbage.example"])("%s ends at the deadline", async (name) => {
    const answers = await Promise.allSettled([open({ timeoutMs: 40 }).query(name, "ip"), open({ timeoutMs: 40 }).query(name, "mx")]);
    for (const answer of answers) expect(answer).toMatchObject({ status: "rejected", reason: expect.any(TemporaryError) });
  });

  it("asks equal questions once, and answers from the cache without a promise", async () => {
    const dns = open();
    const answers = await Promise.all([dns.query("example.org", "mx"), dns.query("Example.ORG.", "mx"), dns.query("example.org", "mx")]);
    expect(new Set(answers).size).toBe(1);
    expect(dns.query("example.org", "mx")).toEqual(answers[0]);
    expect(server.asked).toEqual(["MX example.org"]);
  });

  it("keeps addresses for their TTL, other records and negative answers for as long as configured", async () => {
    const dns = open();
    const ask = async (name: string, type: DnsType) => {
      server.asked.length = 0;
      await dns.query(name, type);
      return server.asked.length;
    };
    const start = time;
    for (const [after, name, type, questions] of [
      [0, "example.org", "ipv4", 1],
      [9999, "example.org", "ipv4", 0],
      [10_000, "example.org", "ipv4", 1],
      [0, "example.org", "txt", 1],
      [59_999, "example.org", "txt", 0],
      [60_000, "example.org", "txt", 1],
      [0, "absent.example", "mx", 1],
      [4999, "absent.example", "mx", 0],
      [5000, "absent.example", "mx", 1],
      [5000, "half.example", "ip", 2],
      [5000, "half.example", "ip", 2],
    ] as const) {
      time = start + after;
      expect([after, name, await ask(name, type)]).toEqual([after, name, questions]);
      // The half of an answer is not kept.
      expect(time < dns.freshUntil(name, type)).toBe(name !== "half.example");
      if (questions > 0 && after > 0) time = start;
    }
  });

  it("what does not exist pushes out nothing that does", async () => {
    const dns = open({ entries: 2 });
    await dns.query("v4.example", "ipv4");
    for (let number = 0; number < 10; number += 1) await dns.query(`made-up-${number}.example`, "ipv4");
    server.asked.length = 0;
    expect(dns.query("v4.example", "ipv4")).toEqual(["192.0.2.3"]);
    expect(server.asked).toEqual([]);
  });

  it("keeps no failure", async () => {
    const dns = open();
    await expect(dns.query("fail.example", "txt")).rejects.toThrow(TemporaryError);
    server.entries.set("fail.example", [{ type: "TXT", chunks: ["well again"] }]);
    expect(await dns.query("fail.example", "txt")).toEqual(["well again"]);
    server.entries.set("fail.example", "fail");
  });

  it("bounds its cache and the questions under way", async () => {
    const dns = open({ entries: 2 });
    for (const name of ["a.example", "b.example", "c.example"]) await dns.query(name, "txt");
    server.asked.length = 0;
    await dns.query("c.example", "txt");
    await dns.query("a.example", "txt");
    expect(server.asked).toEqual(["TXT a.example"]);

    const long = open({ entries: 3 });
    for (const name of ["long-1.example", "long-2.example", "long-3.example"]) {
      server.entries.set(name, [{ type: "TXT", chunks: Array.from({ length: 6 }, () => "x".repeat(200)) }]);
      await long.query(name, "txt");
    }
    server.asked.length = 0;
    await long.query("long-3.example", "txt");
    await long.query("long-1.example", "txt");
    expect(server.asked).toEqual(["TXT long-1.example"]);

    const busy = open();
    const questions = Array.from({ length: 1000 }, async (_, n) => busy.query(`n${n}.example`, "txt"));
    expect(() => busy.query("one-more.example", "txt")).toThrow(TemporaryError);
    busy.close();
    await Promise.allSettled(questions);
    const next = expect(busy.query("one-more.example", "txt")).rejects.toThrow(TemporaryError);
    busy.close();
    await next;
  });

  it("fails what is under way when it is closed", async () => {
    const dns = open();
    const answer = expect(dns.query("silence.example", "txt")).rejects.toThrow(TemporaryError);
    dns.close();
    await answer;
  });
});
