/** The test suite of openspf.org for RFC 7208, asked of a DNS server on loopback. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { type Dns, openDns } from "../../../src/dns/dns.ts";
import { askSpf } from "../../../src/dns/spf.ts";
import { canonicalAddress } from "../../../src/mail/address.ts";
import { canonicalIp } from "../../../src/mail/ip.ts";
import { type DnsEntry, type DnsRecord, DnsServer } from "../../support/dns-server.ts";

const notAsked = "the resolver of Node sends no name that has other characters than host names";

/** Where the result is another one than in the suite, and why. */
const departures: Readonly<Record<string, readonly [result: string, why: string]>> = {
  "a-colon-domain": ["permerror", notAsked],
  "a-colon-domain-ip4mapped": ["permerror", notAsked],
  "mx-colon-domain": ["permerror", notAsked],
  "mx-colon-domain-ip4mapped": ["permerror", notAsked],
  "macro-mania-in-domain": ["permerror", notAsked],
};

type Zone = Readonly<Record<string, readonly ("TIMEOUT" | Readonly<Record<string, string | readonly string[]>>)[]>>;

interface Scenario {
  readonly description: string;
  readonly tests: Readonly<
    Record<string, { readonly helo: string; readonly host: string; readonly mailfrom: string; readonly result: string | readonly string[] }>
  >;
  readonly zonedata: Zone;
}

const suite = parseAllDocuments(readFileSync(new URL("rfc7208/rfc7208-tests.yml", import.meta.url), "utf8")).map(
  (document) => document.toJS() as Scenario,
);

let server: DnsServer;
let dns: Dns;
beforeAll(async () => {
  server = await DnsServer.start({});
});
afterAll(() => server.stop());

it("is the whole suite", () => {
  expect(suite.flatMap(({ tests }) => Object.keys(tests))).toHaveLength(203);
  const names = suite.flatMap(({ tests }) => Object.keys(tests));
  expect(Object.keys(departures).filter((name) => !names.includes(name))).toEqual([]);
});

describe.each(suite)("$description", ({ tests, zonedata }) => {
  beforeAll(() => {
    server.entries = entriesOf(zonedata);
    dns = openDns({ resolvers: [server.address], timeoutMs: 10_000, entries: 100, positiveMs: 60_000, negativeMs: 60_000 }, () => 0);
  });
  afterAll(() => dns.close());

  it.each(Object.entries(tests))("%s", async (name, { helo, host, mailfrom, result }) => {
    const { result: found, by } = await askSpf({ client: canonicalIp(host) ?? "", helo, sender: canonicalAddress(mailfrom) }, dns, () => 0);
    const expected = departures[name]?.[0] ?? result;
    expect([expected].flat(), by).toContain(found);
  });
});

/** A timeout, which would be waited for, is a server that fails. Records of the type SPF count as TXT where there is no TXT. */
function entriesOf(zone: Zone): Map<string, DnsEntry> {
  const entries = new Map<string, DnsEntry>();
  for (const [name, given] of Object.entries(zone)) {
    const items = given.flatMap((item) => (item === "TIMEOUT" ? [] : Object.entries(item)));
    const isSpf = !items.some(([type]) => type === "TXT");
    const records = items.flatMap(([type, value]) => recordOf(isSpf && type === "SPF" ? "TXT" : type, value, zone));
    const types = new Set(records.map(({ type }) => type));
    if (!given.includes("TIMEOUT")) entries.set(name.toLowerCase(), records);
    else {
      entries.set(name.toLowerCase(), "fail");
      for (const type of types) entries.set(`${type} ${name.toLowerCase()}`, records);
    }
  }
  return entries;
}

function recordOf(type: string, value: string | readonly string[], zone: Zone): readonly DnsRecord[] {
  const texts = [value].flat();
  const [text = ""] = texts;
  switch (type) {
    case "A":
    case "AAAA":
      return [{ type, address: text }];
    case "MX":
      return [{ type, preference: Number(text), host: texts[1] ?? "" }];
    case "PTR":
      return [{ type, host: text }];
    case "TXT":
      // A record has at least one string.
      return value === "NONE"
        ? []
        : [{ type, chunks: texts.length === 0 ? [""] : texts.flatMap((chunk) => chunk.match(/.{1,255}/gs) ?? [""]) }];
    case "CNAME":
      // A resolver follows it.
      return [...entriesOf(Object.fromEntries(Object.entries(zone).filter(([name]) => name === text))).values()].flatMap((entry) =>
        typeof entry === "string" ? [] : entry,
      );
    default:
      return [];
  }
}
