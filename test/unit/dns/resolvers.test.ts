import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { type Dns, type DnsOptions, openDns } from "../../../src/dns/dns.ts";
import type { SystemResolver } from "../../../src/dns/resolvers.ts";
import { type DnsEntry, DnsServer } from "../../support/dns-server.ts";

const name = "example.org";
const txt = (text: string): DnsEntry => [{ type: "TXT", chunks: [text] }];

const servers: DnsServer[] = [];
beforeAll(async () => {
  for (let number = 0; number < 3; number += 1) servers.push(await DnsServer.start({}));
});
afterAll(() => Promise.all(servers.map((server) => server.stop())));
beforeEach(() => {
  for (const server of servers) server.asked.length = 0;
});

const opened: Dns[] = [];
function open(resolvers: readonly string[], options: DnsOptions = {}, timeoutMs = 10_000): Dns {
  const dns = openDns({ resolvers, timeoutMs, entries: 0, positiveMs: 60_000, negativeMs: 5000 }, () => 0, options);
  opened.push(dns);
  return dns;
}
afterEach(() => {
  for (const dns of opened.splice(0)) dns.close();
});

/** What each of them answers to everything; their addresses. */
function answering(...entries: readonly DnsEntry[]): string[] {
  return entries.map((entry, number) => {
    const server = servers[number];
    if (server === undefined) throw new Error("there are not so many");
    server.entries = new Map([[name, entry]]);
    return server.address;
  });
}

const asked = () => servers.map((server) => server.asked.length);

describe("one that cannot tell", () => {
  const cannotTell = ["fail", "refuse", "unknown", "format", "garbage"] as const;

  it.each(cannotTell)("that says %s is followed by the next", async (says) => {
    expect(await open(answering(says, txt("second"))).query(name, "txt")).toEqual(["second"]);
    expect(await open(answering(says, says, txt("third"))).query(name, "txt")).toEqual(["third"]);
    expect(await open(answering(says, "noname")).query(name, "txt")).toBe(undefined);
    expect(await open(answering(says, [])).query(name, "mx")).toBe(undefined);
  });

  it.each(["fail", "refuse", "unknown", "format"] as const)("has the last word when all say %s", async (says) => {
    await expect(open(answering(says, says, says)).query(name, "txt")).rejects.toThrow(TemporaryError);
    for (const questions of asked()) expect(questions).toBeGreaterThan(0);
    servers[0]?.asked.splice(0);
    await expect(open(answering(says)).query(name, "txt")).rejects.toThrow(TemporaryError);
    expect(servers[0]?.asked).toEqual([`TXT ${name}`]);
  });

  it("is not followed by one that is silent alone, but by the one after that, too", async () => {
    expect(await open(answering("refuse", "silence", txt("third")), {}, 4000).query(name, "txt")).toEqual(["third"]);
  });

  it("is heard where all others are silent, before the deadline", async () => {
    await expect(open(answering("refuse", "silence"), {}, 4000).query(name, "txt")).rejects.toThrow("EREFUSED");
  });

  it("of one half of an answer is followed for that half", async () => {
    const addresses = answering([], [{ type: "AAAA", address: "2001:db8::1" }]);
    servers[0]?.entries.set(`A ${name}`, [{ type: "A", address: "192.0.2.1" }]);
    servers[0]?.entries.set(`AAAA ${name}`, "fail");
    expect(await open(addresses).query(name, "ip")).toEqual(["192.0.2.1", "2001:db8::1"]);
  });

  it("is the only one that is asked where the first can tell", async () => {
    expect(await open(answering(txt("first"), txt("second"))).query(name, "txt")).toEqual(["first"]);
    expect(await open(answering("noname", txt("second"))).query(name, "txt")).toBe(undefined);
    expect(asked()).toEqual([2, 0, 0]);
  });

  it("asks nobody any more when it is closed", async () => {
    const dns = open(answering("silence", txt("second")));
    const answer = expect(dns.query(name, "txt")).rejects.toThrow(TemporaryError);
    dns.close();
    await answer;
    expect(servers[1]?.asked).toEqual([]);
  });
});

describe("those of the system", () => {
  let addresses: string[] = [];
  const system: SystemResolver = (options) => {
    const resolver = new Resolver(options);
    resolver.setServers(addresses);
    return resolver;
  };

  it("are those that it has now", async () => {
    const [first = "", second = ""] = answering(txt("first"), txt("second"));
    addresses = [first];
    const dns = open([], { system });
    expect(await dns.query(name, "txt")).toEqual(["first"]);
    addresses = [second];
    await dns.refresh();
    expect(await dns.query(name, "txt")).toEqual(["second"]);
    addresses = [first, second];
    await dns.refresh();
    expect(await dns.query(name, "txt")).toEqual(["first"]);
  });

  it.each(["silence", "refuse"] as const)("are asked what those before them have not answered: %s", async (says) => {
    const [first = "", second = ""] = answering(says, txt("second"));
    addresses = [first];
    const dns = open([], { system });
    const answer = dns.query(name, "txt");
    addresses = [second];
    await dns.refresh();
    expect(await answer).toEqual(["second"]);
  });

  it("change nothing while they stay, nor where the configuration has its own", async () => {
    const [first = "", second = ""] = answering(txt("first"), txt("second"));
    addresses = [first];
    const before = open([], { system });
    const own = open([first], { system });
    await before.refresh();
    addresses = [second];
    await own.refresh();
    expect(await own.query(name, "txt")).toEqual(["first"]);
    expect(await before.query(name, "txt")).toEqual(["first"]);
  });
});

it("no port that is closed keeps others from being asked", async () => {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const closed = `127.0.0.1:${socket.address().port}`;
  socket.close();
  const [first = ""] = answering(txt("first"));
  expect(await open([closed, first]).query(name, "txt")).toEqual(["first"]);
  await expect(open([closed]).query(name, "txt")).rejects.toThrow(TemporaryError);
});

describe("an outage", () => {
  const names = ["a.example", "b.example", "c.example"];

  it("is reported when they cannot tell of the root either, and ends with an answer", async () => {
    answering("refuse", "refuse");
    const news: [string, boolean, string][] = [];
    const changed = () => new Promise<void>((resolve) => waiting.push(resolve));
    const waiting: (() => void)[] = [];
    const dns = open([servers[0]?.address ?? "", servers[1]?.address ?? ""], {
      onAvailability(source, up, cause) {
        news.push([source, up, cause instanceof Error ? cause.message : ""]);
        waiting.shift()?.();
      },
    });
    for (const server of servers) server.entries = new Map([...names, ""].map((each) => [each, "refuse"]));
    const down = changed();
    for (const each of names) await expect(dns.query(each, "txt")).rejects.toThrow(TemporaryError);
    await down;
    const addresses = `${servers[0]?.address} or ${servers[1]?.address}`;
    expect(news).toEqual([["DNS resolvers", false, `no answer from ${addresses}, not even about the root: EREFUSED`]]);
    await dns.query("d.example", "txt");
    expect(news[1]).toEqual(["DNS resolvers", true, ""]);
  });
});

it("says of each what it answers", async () => {
  const dns = open(answering([], []));
  servers[1]?.entries.set("", "refuse");
  const [first, second] = dns.connections;
  expect(first?.name).toBe(`DNS resolver ${servers[0]?.address}`);
  expect(await first?.connect()).toContain("has no answer for the root");
  expect(await second?.connect()).toContain("EREFUSED");
  servers[1]?.entries.set("", "silence");
  const [silent] = open([servers[1]?.address ?? ""], {}, 40).connections;
  await expect(silent?.connect()).rejects.toThrow("no answer in 40 ms");
});
