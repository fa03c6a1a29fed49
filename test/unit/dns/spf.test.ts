/** SPF beyond the suite of RFC 7208: what goes wrong elsewhere, bounds, and what hostile records cost; and forward-confirmed names. */
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import type { DnsSource } from "../../../src/dns/dns.ts";
import { askReverseName } from "../../../src/dns/reverse-name.ts";
import { askSpf } from "../../../src/dns/spf.ts";
import type { SpfIdentity } from "../../../src/stage/sources.ts";
import { hostileText } from "../../support/hostile.ts";
import { isLong } from "../../support/runs.ts";

/** By type and name, such as `txt example.org`; nothing else exists. */
type Zone = Readonly<Record<string, readonly string[] | "fail">>;

function dnsOf(zone: Zone): DnsSource & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    query(name, type) {
      const question = `${type} ${name.toLowerCase()}`;
      asked.push(question);
      const answer = Object.hasOwn(zone, question) ? zone[question] : undefined;
      if (answer === "fail") throw new TemporaryError(`no answer for ${name}`);
      return answer;
    },
  };
}

const known = { client: "192.0.2.1", helo: "mx.example.org", sender: "john@example.org" };

async function resultOf(zone: Zone, identity: Partial<SpfIdentity> = {}): Promise<string> {
  return (await askSpf({ ...known, ...identity }, dnsOf(zone), () => 0)).result;
}

describe("spf", () => {
  it("counts no host of MX as void, whatever its family", async () => {
    const zone = {
      "txt example.org": ["v=spf1 mx mx:a.example mx:b.example ip6:2001:db8::1 -all"],
      "mx example.org": ["mx.example.org"],
      "mx a.example": ["mx.a.example"],
      "mx b.example": ["mx.b.example"],
      "ipv4 mx.example.org": ["192.0.2.9"],
    };
    expect(await resultOf(zone, { client: "2001:db8::1" })).toBe("pass");
  });

  it("counts void look-ups by the family of the client, and says which was one too many", async () => {
    const zone = {
      "txt example.org": ["v=spf1 a:a.example a:b.example a:c.example -all"],
      "ipv4 a.example": ["192.0.2.9"],
      "ipv4 b.example": ["192.0.2.9"],
      "ipv4 c.example": ["192.0.2.1"],
    };
    expect(await resultOf(zone)).toBe("pass");
    const { result, by } = await askSpf({ ...known, client: "2001:db8::1" }, dnsOf(zone), () => 0);
    expect([result, by]).toEqual(["permerror", expect.stringContaining("AAAA c.example")]);
  });

  it("counts no address of an MX host among the 10 look-ups", async () => {
    const hosts = Array.from({ length: 8 }, (_, number) => `mx${number}.example.org`);
    const zone = {
      "txt example.org": ["v=spf1 mx mx:example.org mx:example.org ip4:192.0.2.1 -all"],
      "mx example.org": hosts,
      ...Object.fromEntries(hosts.map((host) => [`ipv4 ${host}`, ["192.0.2.9"]])),
    };
    expect(await resultOf(zone)).toBe("pass");
  });

  it("stops at the 11th look-up and at the 11th host of an MX", async () => {
    const many = Array.from({ length: 11 }, (_, number) => `include:i${number}.example`).join(" ");
    const zone = Object.fromEntries(Array.from({ length: 11 }, (_, number) => [`txt i${number}.example`, ["v=spf1 ?all"]]));
    expect(await resultOf({ "txt example.org": [`v=spf1 ${many} +all`], ...zone })).toBe("permerror");
    const hosts = Array.from({ length: 11 }, (_, number) => `mx${number}.example.org`);
    expect(await resultOf({ "txt example.org": ["v=spf1 mx +all"], "mx example.org": hosts })).toBe("permerror");
  });

  it.each([
    "[192.0.2.1]",
    "[IPv6:2001:db8::1]",
    "192.0.2.1",
    "localhost",
    "-",
    "a..example",
    `${"a".repeat(64)}.example`,
    "x".repeat(255),
  ])("asks nothing about EHLO %s", async (helo) => {
    const dns = dnsOf({});
    expect(await askSpf({ ...known, helo, sender: "" }, dns, () => 0)).toMatchObject({ result: "none" });
    expect(dns.asked).toEqual([]);
  });

  it("is that of postmaster at the EHLO name for the null sender", async () => {
    const zone = { "txt mx.example.org": ["v=spf1 exists:%{l}.allowed.example -all"], "ipv4 postmaster.allowed.example": ["127.0.0.2"] };
    expect(await resultOf(zone, { sender: "" })).toBe("pass");
  });

  it("asks for the nibbles of an IPv6 address, in reverse, by A", async () => {
    const nibbles = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2";
    const zone = { "txt example.org": ["v=spf1 exists:%{ir}.allowed.example -all"], [`ipv4 ${nibbles}.allowed.example`]: ["127.0.0.2"] };
    expect(await resultOf(zone, { client: "2001:db8::1" })).toBe("pass");
  });

  it("means the included domain by %{d}", async () => {
    const zone = {
      "txt example.org": ["v=spf1 include:inner.example -all"],
      "txt inner.example": ["v=spf1 exists:yes.%{d} -all"],
      "ipv4 yes.inner.example": ["127.0.0.2"],
    };
    expect(await resultOf(zone)).toBe("pass");
  });

  it.each([
    "ra=postmaster",
    "rp=100 rr=all",
    "op=auth moo.cow-far_out=man:dog/cat",
    "accredit=",
  ])("passes over the modifier %s", async (text) => {
    expect(await resultOf({ "txt example.org": [`v=spf1 ip4:192.0.2.1 ${text} -all`] })).toBe("pass");
  });

  it("cannot tell what the DNS cannot tell", async () => {
    expect(await resultOf({ "txt example.org": "fail" })).toBe("temperror");
    expect(await resultOf({ "txt example.org": ["v=spf1 include:inner.example -all"], "txt inner.example": "fail" })).toBe("temperror");
    expect(await resultOf({ "txt example.org": ["v=spf1 a:inner.example ip4:192.0.2.1 -all"], "ipv4 inner.example": "fail" })).toBe(
      "temperror",
    );
  });

  it("asks nothing more after 5 s", async () => {
    let time = 0;
    const zone = { "txt example.org": ["v=spf1 include:example.org -all"] };
    const dns = dnsOf(zone);
    const slow: DnsSource = {
      query(name, type) {
        time += 2000;
        return dns.query(name, type);
      },
    };
    expect(await askSpf(known, slow, () => time)).toMatchObject({ result: "temperror", by: "no result within 5 s" });
    expect(dns.asked).toHaveLength(3);
  });

  it("asks for no explanation", async () => {
    const dns = dnsOf({ "txt example.org": ["v=spf1 -all exp=why.example.org"], "txt why.example.org": ["see %{i}"] });
    expect(await askSpf(known, dns, () => 0)).toEqual({ result: "fail", by: "-all", mechanism: "all" });
    expect(dns.asked).toEqual(["txt example.org"]);
  });

  it("does not refuse by a name that cannot be asked for", async () => {
    expect(await resultOf({ "txt example.org": ["v=spf1 exists:%{l}.%{d} -all"] }, { sender: "john+tag@example.org" })).toBe("permerror");
  });

  it("does not evaluate an endless record", async () => {
    expect(await resultOf({ "txt example.org": [`v=spf1 ${"ip4:192.0.2.2 ".repeat(1000)}-all`] })).toBe("permerror");
  });

  it("tells each question and what decided", async () => {
    const zone = { "txt example.org": ["v=spf1 include:inner.example -all"], "txt inner.example": ["v=spf1 ip4:192.0.2.0/24 -all"] };
    const heard: unknown[] = [];
    const answer = await askSpf(
      known,
      dnsOf(zone),
      () => 0,
      (...words) => heard.push(words),
    );
    expect(answer).toEqual({ result: "pass", by: "include:inner.example, by ip4:192.0.2.0/24 there", mechanism: "include" });
    expect(heard).toEqual([
      ["TXT example.org", ["v=spf1 include:inner.example -all"]],
      ["TXT inner.example", ["v=spf1 ip4:192.0.2.0/24 -all"]],
    ]);
  });
});

describe("hostile records", () => {
  const samples = [
    "v=spf1 mx a ptr include:a.example include:b.example redirect=c.example",
    "v=spf1 a:%{ir}.%{v}._spf.%{d2} exists:%{l1r+-}.%{o}.%{h} ?mx:%{d}/24//64 -all",
    "v=spf1 ptr:%{p} exists:%{S}.%{L}.example ip4:192.0.2.0/24 ip6:2001:db8::/32 ~all exp=%{d}",
    "v=spf1 +all",
    "v=spf1 redirect=%{d}",
  ];
  /** RFC 7208 4.6.4: the record, 10 terms, and for each of them 10 hosts. */
  const most = 1 + 10 + 10 * 10;

  test("cost a bounded number of questions and have one of the results", async () => {
    const answers = fc.record({
      records: fc.array(hostileText(samples), { minLength: 1, maxLength: 4 }),
      hosts: fc.array(fc.constantFrom("a.example", "b.example", "..", "", "x".repeat(300), "mx.example.org", "%{d}"), { maxLength: 20 }),
      addresses: fc.array(fc.constantFrom("192.0.2.9", "192.0.2.1", "2001:db8::1", "nonsense"), { maxLength: 3 }),
      client: fc.constantFrom("192.0.2.1", "2001:db8::1"),
      sender: fc.constantFrom(
        "john@example.org",
        "",
        "a%{d2147483648}b@example.org",
        '"a@b"@example.org',
        `${"x".repeat(400)}@example.org`,
      ),
    });
    await fc.assert(
      fc.asyncProperty(answers, async ({ records, hosts, addresses, client, sender }) => {
        let asked = 0;
        const dns: DnsSource = {
          query(name, type) {
            asked += 1;
            if (type === "txt") return [records[name.length % records.length] ?? ""];
            const found = type === "mx" || type === "ptr" ? hosts : addresses;
            return found.length === 0 ? undefined : found;
          },
        };
        const { result, by } = await askSpf({ client, helo: "mx.example.org", sender }, dns, () => 0);
        expect(["pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"]).toContain(result);
        expect(by.length).toBeLessThan(300);
        expect(asked).toBeLessThanOrEqual(most);
      }),
      { numRuns: isLong ? 10_000 : 500 },
    );
  });
});

describe("reverse names", () => {
  const ask = (zone: Zone, client = "192.0.2.1") => askReverseName(client, dnsOf(zone));

  it("are confirmed if one of them leads back, in any case", async () => {
    const zone = {
      "ptr 192.0.2.1": ["Other.example", "MX.Example.ORG"],
      "ipv4 other.example": ["192.0.2.9"],
      "ipv4 mx.example.org": ["192.0.2.1"],
    };
    expect(await ask(zone)).toEqual({ result: "pass", ptr: "mx.example.org" });
    const six = { "ptr 2001:db8::1": ["six.example.org"], "ipv6 six.example.org": ["2001:0db8:0::1"] };
    expect(await ask(six, "2001:db8::1")).toEqual({ result: "pass", ptr: "six.example.org" });
  });

  it("fail if none does, and are a permanent error if there is none", async () => {
    expect(await ask({ "ptr 192.0.2.1": ["mx.example.org"], "ipv4 mx.example.org": ["192.0.2.9"] })).toEqual({ result: "fail", ptr: "" });
    expect(await ask({ "ptr 192.0.2.1": ["mx.example.org"] })).toEqual({ result: "fail", ptr: "" });
    expect(await ask({ "ptr 192.0.2.1": ["not a name"] })).toEqual({ result: "fail", ptr: "" });
    expect(await ask({})).toEqual({ result: "permerror", ptr: "" });
  });

  it("cannot be told while one might", async () => {
    await expect(ask({ "ptr 192.0.2.1": "fail" })).rejects.toThrow(TemporaryError);
    const half = { "ptr 192.0.2.1": ["a.example", "b.example"], "ipv4 a.example": ["192.0.2.9"], "ipv4 b.example": "fail" as const };
    await expect(ask(half)).rejects.toThrow(TemporaryError);
    expect(await ask({ ...half, "ipv4 a.example": ["192.0.2.1"] })).toEqual({ result: "pass", ptr: "a.example" });
  });

  it.each<[what: string, names: number, leadsBack: number | undefined, result: string]>([
    ["all lead elsewhere", 10, undefined, "fail"],
    ["the tenth leads back", 10, 9, "pass"],
    ["the first of too many leads back", 50, 0, "pass"],
    ["nobody knows the eleventh", 11, 10, "permerror"],
    ["nobody knows forty", 50, undefined, "permerror"],
  ])("are asked about up to the tenth: %s", async (_, count, leadsBack, result) => {
    const names = Array.from({ length: count }, (__, number) => `n${number}.example`);
    const dns = dnsOf({ "ptr 192.0.2.1": names, ...(leadsBack !== undefined && { [`ipv4 n${leadsBack}.example`]: ["192.0.2.1"] }) });
    expect((await askReverseName("192.0.2.1", dns)).result).toBe(result);
    expect(dns.asked).toHaveLength(11);
  });
});
