import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { listName, testPoints } from "../../../src/dns/list-name.ts";
import { ipVersion } from "../../../src/mail/ip.ts";

describe("what a list of addresses is asked for", () => {
  it.each([
    ["192.0.2.1", "1.2.0.192.zen.example"],
    ["::ffff:192.0.2.1", "1.2.0.192.zen.example"],
    ["2001:db8:1:2:3:4:567:89ab", "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.zen.example"],
    ["", undefined],
    ["unknown", undefined],
  ])("%j: %s", (address, name) => {
    expect(listName("client", address, "zen.example")).toBe(name);
  });

  it("an IPv6 address has 32 nibbles, of which the last is asked first, however it is written", () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    const groups = fc.tuple(fc.integer({ min: 1, max: 0xffff }), ...Array.from({ length: 7 }, () => group));
    fc.assert(
      fc.property(groups, fc.boolean(), (written, isUpper) => {
        const short = written.map((each) => each.toString(16)).join(":");
        const address = isUpper ? short.toUpperCase() : short;
        expect(ipVersion(address)).toBe(6);
        const nibbles = listName("client", address, "z")?.replace(/\.z$/, "").split(".") ?? [];
        expect(nibbles.length).toBe(32);
        expect(nibbles.toReversed().join("")).toBe(written.map((each) => each.toString(16).padStart(4, "0")).join(""));
      }),
    );
  });
});

describe("what a list of domains is asked for", () => {
  it.each([
    ["spammer.example", "spammer.example.dbl.example"],
    ["xn--bcher-kva.example", "xn--bcher-kva.example.dbl.example"],
    ["a_b.example", "a_b.example.dbl.example"],
  ])("%s: %s", (domain, name) => {
    for (const of of ["ehlo", "sender", "client-name"] as const) expect(listName(of, domain, "dbl.example")).toBe(name);
  });

  it.each([
    "[192.0.2.1]",
    "192.0.2.1",
    "192.0.2",
    "4.0",
    "[ipv6:2001:db8::1]",
    "2001:db8::1",
    "localhost",
    "",
    "a..b",
    "a b.example",
    `${"a.".repeat(125)}example`,
  ])("never for %s", (domain) => {
    expect(listName("ehlo", domain, "dbl.example")).toBe(undefined);
  });
});

it("the test points are those of RFC 5782", () => {
  const names = (of: "client" | "sender") => testPoints(of).map(({ name, isListed }) => `${name} ${isListed}`);
  const ipv6 = "1.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0";
  expect(names("client")).toEqual(["2.0.0.127 true", "1.0.0.127 false", `${ipv6} false`]);
  // A v4-compatible address keeps its form.
  expect(`${ipv6}.z`).toBe(listName("client", "::1:ffff:7f00:1", "z")?.replace("f.f.f.f.1.0.0.0", "f.f.f.f.0.0.0.0"));
  expect(names("sender")).toEqual(["test true", "invalid false"]);
});
