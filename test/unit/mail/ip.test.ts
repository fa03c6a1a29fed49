import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalIp, ipVersion, isIpInCidr, isNetwork, networkOf, networks, reverseName } from "../../../src/mail/ip.ts";
import { runs } from "../../support/runs.ts";

test.each([
  ["192.0.2.1", "192.0.2.1"],
  ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["2001:0db8:85a3::8a2e:0370:7334", "2001:db8:85a3::8a2e:370:7334"],
  ["::", "::"],
  ["IPv6:2001:db8::1", "2001:db8::1"],
  ["ipV6:::1", "::1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["IPv6:::FFFF:c000:201", "192.0.2.1"],
  ["::192.0.2.1", "::c000:201"],
  ["64:ff9b::192.0.2.1", "64:ff9b::c000:201"],
  ["fe80::1%eth0", "fe80::1"],
  ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
])("canonicalIp %s", (text, canonical) => {
  expect(canonicalIp(text)).toBe(canonical);
});

test("an IPv4 address has one form, whether or not it is mapped", () => {
  const number = fc.constantFrom("0", "1", "25", "99", "100", "199", "249", "255", "256", "01", "000", "", "1e1", "0x1", " 1", "1\n");
  fc.assert(
    fc.property(fc.array(number, { minLength: 3, maxLength: 5 }), (numbers) => {
      const text = numbers.join(".");
      expect(canonicalIp(text)).toBe(canonicalIp(`::ffff:${text}`));
    }),
  );
});

test.each([
  "",
  "unknown",
  "192.0.2",
  "192.0.2.01",
  "192.0.2.256",
  "192.0.2.1.1",
  "0x7f.0.0.1",
  "2130706433",
  " 192.0.2.1",
  "192.0.2.1 ",
  "192.0.2.1\n",
  "192.0.2.1/32",
  "[::1]",
  "1::2::3",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "12345::",
  "::g",
  "::ffff:192.0.2.01",
  "::192.0.2",
  `::${"0".repeat(100)}1`,
])("%j is no address", (text) => {
  expect(canonicalIp(text)).toBeUndefined();
});

test.each([
  ["192.0.2.1", 4],
  ["::1", 6],
  ["::ffff:192.0.2.1", 6],
  ["IPv6:::1", undefined],
  ["fe80::1%eth0", undefined],
  ["mx.example.org", undefined],
])("ipVersion %s is %s", (text, version) => {
  expect(ipVersion(text)).toBe(version);
});

test.each([
  ["192.0.2.1", "1.2.0.192"],
  ["::ffff:192.0.2.1", "1.2.0.192"],
  ["2001:db8::567:89ab", "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"],
  ["192.0.2", undefined],
])("reverseName %s", (text, name) => {
  expect(reverseName(text)).toBe(name);
});

test.each([
  ["192.0.2.77", "192.0.2.0/24", true],
  ["192.0.2.77", "192.0.2.1/24", true],
  ["192.0.3.77", "192.0.2.0/24", false],
  ["192.0.2.1", "192.0.2.1", true],
  ["192.0.2.2", "192.0.2.1", false],
  ["192.0.2.1", "192.0.2.1/32", true],
  ["10.1.2.3", "10.0.0.0/8", true],
  ["10.1.2.3", "10.0.0.0/7", false],
  ["10.1.2.3", "0.0.0.0/0", false],
  ["10.1.2.3", "10.0.0.0/33", false],
  ["10.1.2.3", "10.0.0.0/08", false],
  ["10.1.2.3", "10/8", false],
  ["10.1.2.3", "10.0.0.0/", false],
  ["::ffff:192.0.2.1", "192.0.2.0/24", true],
  ["192.0.2.1", "::ffff:192.0.2.0/120", true],
  ["192.0.3.1", "::ffff:192.0.2.0/120", false],
  ["192.0.2.1", "::/8", false],
  ["2001:db8:1::1", "2001:db8::/32", true],
  ["2001:db9::1", "2001:db8::/32", false],
  ["2001:db8::1", "2000::/7", false],
  ["2001:db8::1", "2001:DB8::1", true],
  ["2001:db8::1", "2001:db8::/129", false],
  ["mx.example.org", "192.0.2.0/24", false],
])("isIpInCidr %s in %s: %s", (ip, cidr, expected) => {
  expect(isIpInCidr(ip, cidr)).toBe(expected);
});

test("networks hold addresses of both versions", () => {
  const trusted = networks(["127.0.0.0/8", "::1", "2001:db8::/32"]);
  expect(["127.9.9.9", "::1", "::ffff:127.0.0.1", "2001:db8::5"].filter(trusted)).toHaveLength(4);
  expect(["192.0.2.1", "::2", "", "unknown"].filter(trusted)).toEqual([]);
});

test("a network of everything holds one version", () => {
  expect(["192.0.2.1", "2001:db8::1"].filter(networks(["0.0.0.0/0"]))).toEqual(["192.0.2.1"]);
  expect(["192.0.2.1", "2001:db8::1"].filter(networks(["::/0"]))).toEqual(["2001:db8::1"]);
});

test("an IPv4 address is in the same networks, whether or not it is mapped", () => {
  const address = fc.oneof(fc.ipV4(), fc.constantFrom("0.0.0.0", "127.255.255.255", "128.0.0.0", "255.255.255.255"));
  fc.assert(
    fc.property(address, address, fc.nat(32), (ip, base, prefix) => {
      const mapped = `::ffff:${ip}`;
      const isIn = networks(["2001:db8::/32", `${base}/${prefix}`]);
      expect(isIn(ip)).toBe(isIn(mapped));
      expect(isIn(ip)).toBe(networkOf(ip, prefix, 64) === networkOf(base, prefix, 64));
      expect(networkOf(ip, prefix, 64)).toBe(networkOf(mapped, prefix, 64));
    }),
    { numRuns: runs(500) },
  );
});

test("no networks hold nothing", () => {
  expect(networks([])("127.0.0.1")).toBe(false);
});

test.each(["10.0.0.0/33", "localhost", "10.0.0/8", "::1/129", "", "10.0.0.0/-1", "10.0.0.0/8 "])("%j is no network", (text) => {
  expect(isNetwork(text)).toBe(false);
  expect(() => networks([text])).toThrow(RangeError);
});
