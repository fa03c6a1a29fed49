/** DNS lists from the configuration to the reply, against a DNS server on loopback; the configuration and the pieces of their page. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { renderConfiguration } from "../../../src/config/docs/print.ts";
import { parseConfiguration } from "../../../src/config/load.ts";
import { type OpenCore, openCore } from "../../../src/daemon/open-core.ts";
import { play } from "../../../src/frontend/explain/play.ts";
import { MemoryState } from "../../../src/state/memory.ts";
import { read, substitute } from "../../support/contrib.ts";
import { DnsServer } from "../../support/dns-server.ts";

const page = read("contrib/dns-lists/README.md");
const example = read("contrib/dns-lists/postern.toml");

let server: DnsServer;
beforeAll(async () => {
  server = await DnsServer.start({});
});
afterAll(() => server.stop());

const codes = (...addresses: string[]) => addresses.map((address) => ({ type: "A", address }) as const);

beforeEach(() => {
  server.asked.length = 0;
  server.entries.clear();
  for (const zone of ["zen.spamhaus.org", "list.dnswl.org"]) server.entries.set(`2.0.0.127.${zone}`, codes("127.0.0.2"));
  server.entries.set("test.dbl.spamhaus.org", codes("127.0.1.2"));
});

const news: string[] = [];
const counted: string[] = [];
let opened: OpenCore | undefined;
afterEach(async () => {
  news.length = 0;
  counted.length = 0;
  await opened?.close();
});

function open(text: string): OpenCore {
  const { configuration, problems } = parseConfiguration(text, "postern.toml", () => "");
  if (configuration === undefined) throw new Error(JSON.stringify(problems));
  opened = openCore(configuration, {
    ...{ now: () => performance.now(), clock: Date.now, onAvailability: () => {} },
    leaseState: () => ({ state: new MemoryState(), release: async () => {} }),
    onListed: (list, result) => counted.push(`${list} ${result}`),
    onDnsList: (list, up, cause) =>
      news.push(`${list} ${up} ${cause instanceof Error ? `${cause.stack} ${JSON.stringify(cause.cause)}` : ""}`),
  });
  return opened;
}

async function explained({ core, configuration }: OpenCore, address: string, sender = "a@client.example", auth = "") {
  const [listener] = configuration.listeners;
  if (listener === undefined) throw new Error("no listener");
  return play({ client: { address }, helo: "mx.client.example", sender, auth, recipients: ["john@example.org"] }, listener, core);
}

const ofPage = () => open(substitute(example, [`"127.0.0.1"]`, `"${server.address}"]`], [`mode = "shadow"`, `mode = "enforce"`]));

describe("the configuration of the page", () => {
  it("refuses clients and senders that are listed, but for a client that another list knows to be good", async () => {
    server.entries.set("9.113.0.203.zen.spamhaus.org", codes("127.0.0.4"));
    server.entries.set("10.113.0.203.zen.spamhaus.org", codes("127.0.0.10"));
    server.entries.set("10.113.0.203.list.dnswl.org", codes("127.0.5.2"));
    server.entries.set("spammer.example.dbl.spamhaus.org", codes("127.0.1.4"));
    const core = ofPage();
    const reply = async (...client: [string, string?, string?]) =>
      (await explained(core, ...client)).find(({ stage }) => stage === "mail")?.reply;
    expect(await reply("203.0.113.9")).toBe("554 5.7.1 203.0.113.9 is listed, see https://check.spamhaus.org/");
    expect(await reply("203.0.113.10")).toBe(null);
    expect(await reply("203.0.113.11", "a@spammer.example")).toBe("554 5.7.1 spammer.example is listed, see https://check.spamhaus.org/");
    server.asked.length = 0;
    expect(await reply("203.0.113.12", "a@spammer.example", "john")).toBe(null);
    expect(await reply("127.0.0.1", "a@spammer.example")).toBe(null);
    expect(server.asked).toEqual([]);
  });

  it.each([
    ["refuse"],
    ["fail"],
    [codes("127.0.0.255")],
    [codes("127.255.255.254")],
  ] as const)("defers who is listed while it cannot tell whether the client is good (%j), and nobody else", async (entry) => {
    server.entries.set("9.113.0.203.zen.spamhaus.org", codes("127.0.0.4"));
    for (const host of ["9", "11"]) server.entries.set(`${host}.113.0.203.list.dnswl.org`, entry);
    const core = ofPage();
    const reply = async (client: string) => (await explained(core, client)).find(({ stage }) => stage === "mail")?.reply;
    expect(await reply("203.0.113.9")).toBe("451 4.7.1 203.0.113.9 is listed, see https://check.spamhaus.org/");
    expect(await reply("203.0.113.11")).toBe(null);
  });

  it("explain shows which list was asked, and what it said", async () => {
    server.entries.set("9.113.0.203.zen.spamhaus.org", codes("127.0.0.4", "127.0.0.2"));
    server.entries.set("9.113.0.203.list.dnswl.org", "refuse");
    const steps = await explained(ofPage(), "203.0.113.9");
    const trace = steps.flatMap((step) => step.trace).filter(({ step }) => step.startsWith("DNS list"));
    expect(trace.map(({ step, asked, answer }) => `${step}: ${asked}: ${answer}`)).toEqual([
      "DNS list zen: 203.0.113.9: 127.0.0.4, 127.0.0.2",
      "DNS list dnswl: 203.0.113.9: cannot tell: it gives no answer: EREFUSED",
      // A later refusal may be certain.
      "DNS list dbl: client.example: not listed",
    ]);
  });

  it.each(page.match(/(?:^ {4}\[.*\n(?: {4}.*\n)*)/gm)?.map((piece) => piece.replace(/^ {4}/gm, "")) ?? [])("takes %s", (piece) => {
    const merged = piece.startsWith("[dns]") ? example : `${example}${piece}`;
    // A piece with a list alone has no rule that names it.
    const { problems } = parseConfiguration(merged, "postern.toml", () => "");
    expect(problems.filter(({ message }) => !message.startsWith("is never asked"))).toEqual([]);
    if (piece.startsWith("[dns]")) expect(example).toContain(piece.trim());
  });

  it("its script compiles", () => {
    const script = /^ {4}require.*\n(?: {4}.*\n)+/m.exec(page)?.[0] ?? "";
    const text = `${example}[session.ehlo]\nscript = "'taken'"\n[sieve.trusted.scripts.taken]\ncontents = '''\n${script}'''`;
    expect(parseConfiguration(text, "postern.toml", () => "").problems).toEqual([]);
  });
});

const key = "k3yk3yk3yk3yk3yk3yk3yk3yk3";
const keyed = () => `
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:1"]
[directory.mta]
type = "mta"
[dns]
resolvers = ["${server.address}"]
cache = { entries = 1000 }
[dns-list.zen]
zone = "${key}.zen.example"
of = "client"
listed = ["127.0.0.2-127.0.0.11"]
[session.mail]
deny = [{ if = "dns_listed('zen') || count(dns_list('zen')) > 0" }]
`;

it("each answer that a rule gets is counted, at hand or not, and what cannot be told apart", async () => {
  server.entries.set(`2.0.0.127.${key}.zen.example`, codes("127.0.0.2"));
  server.entries.set(`9.113.0.203.${key}.zen.example`, codes("127.0.0.4"));
  server.entries.set(`10.113.0.203.${key}.zen.example`, codes("127.255.255.254"));
  const { core } = open(keyed());
  const ask = async (about: string) => core.sources.ask.dnsList({ list: "zen", about }, () => []);
  for (const about of ["203.0.113.9", "203.0.113.9", "203.0.113.8"]) await ask(about);
  await expect(ask("203.0.113.10")).rejects.toThrow();
  expect(counted).toEqual(["zen listed", "zen listed", "zen not-listed", "zen unavailable"]);
});

it.each([
  ["fail"],
  ["refuse"],
  ["garbage"],
  [codes("127.255.255.254")],
  [codes("192.0.2.80")],
  [codes("127.0.0.2")],
  ["noname"],
] as const)("a key in the zone is in no reply, trace or message (%j)", async (entry) => {
  server.entries.set(`2.0.0.127.${key}.zen.example`, entry);
  server.entries.set(`1.0.0.127.${key}.zen.example`, entry);
  server.entries.set(`9.113.0.203.${key}.zen.example`, entry);
  const core = open(keyed().replace("[dns]", '[dns]\ntimeout = "200ms"').replace("[session", 'timeout = "100ms"\n[session'));
  const steps = await explained(core, "203.0.113.9");
  expect(steps.find(({ stage }) => stage === "mail")?.reply).toBe(null);
  for (const text of [JSON.stringify(steps), news.join(), renderConfiguration(core.configuration)]) expect(text).not.toContain(key);
});

it("ten thousand sessions of fifty clients at once ask no more than fifty questions", async () => {
  const { core } = open(keyed().replace("[dns]", '[dns]\ntimeout = "1m"').replace("[session", 'timeout = "1m"\n[session'));
  const about = (index: number) => `198.51.100.${index % 50}`;
  const answers = Array.from({ length: 10_000 }, async (_, index) =>
    core.sources.ask.dnsList({ list: "zen", about: about(index) }, () => []),
  );
  expect((await Promise.all(answers)).flat()).toEqual([]);
  const asked = server.asked.filter((question) => question.includes(".100.51.198."));
  expect(new Set(asked).size).toBe(50);
  // On a busy machine the resolver may send one again.
  expect(asked.length).toBeLessThanOrEqual(4 * 50);
  expect(core.sources.ask.dnsList({ list: "zen", about: about(7) }, () => [])).toEqual([]);
});

it("lists of one rule are asked at the same time, and one that is at hand asks no other", async () => {
  const second = `[dns-list.second]\nzone = "second.example"\nof = "client"\nlisted = ["127.0.0.2"]\n`;
  const { core } = open(keyed() + second);
  const others = () => [{ list: "second", about: "203.0.113.9" }];
  const question = { list: "zen", about: "203.0.113.9" };
  await core.sources.ask.dnsList({ list: "second", about: "203.0.113.1" }, () => []);
  const answer = core.sources.ask.dnsList(question, others);
  await expect.poll(() => server.asked).toContain("A 9.113.0.203.second.example");
  await answer;
  server.asked.length = 0;
  const none = () => {
    throw new Error("asked");
  };
  expect(core.sources.ask.dnsList(question, none)).toEqual([]);
});
