import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCodes } from "../../../src/dns/list-codes.ts";

describe("codes of DNS lists", () => {
  it.each<[pattern: string, has: string[], hasNot: string[]]>([
    ["127.0.0.2", ["127.0.0.2"], ["127.0.0.3", "127.0.0.20", "0.127.0.2", "", "127.0.0.2."]],
    ["127.0.0.2-127.0.0.11", ["127.0.0.2", "127.0.0.7", "127.0.0.11"], ["127.0.0.1", "127.0.0.12", "127.0.1.3"]],
    ["127.0.0.2 - 127.0.1.1", ["127.0.0.255", "127.0.1.0"], ["127.0.1.2"]],
    ["127.0.0.0/30", ["127.0.0.0", "127.0.0.3"], ["127.0.0.4"]],
    ["127.255.255.0/24", ["127.255.255.254"], ["127.255.254.254"]],
    ["127.0.[0..255].[1..3]", ["127.0.0.1", "127.0.15.3", "127.0.255.2"], ["127.0.0.255", "127.0.3.0", "127.1.0.1"]],
    ["127.0.0.[4;10..12]", ["127.0.0.4", "127.0.0.11"], ["127.0.0.5", "127.0.0.9", "127.0.0.13"]],
  ])("%s", (pattern, has, hasNot) => {
    const codes = parseCodes(pattern);
    expect(has.filter((code) => codes?.has(code) !== true)).toEqual([]);
    expect(hasNot.filter((code) => codes?.has(code) !== false)).toEqual([]);
  });

  it.each([
    "",
    "127",
    "127.0.0.256",
    "127.0.0.02",
    "2-11",
    "127.0.0.11-127.0.0.2",
    "127.0.0.2-127.0.0.3-127.0.0.4",
    "127.0.0.0/33",
    "127.0.0.0/",
    "127.0.0.0/24/8",
    "::1",
    "::/0",
    "127.0.[0..255]",
    "127.0.0.[3..1]",
    "127.0.0.[256]",
    "127.0.0.[]",
    "127.0.0.[1;]",
    "127.0.0.[1..]",
    "[127.0.0.1]",
    "127.0.0.1[2]",
    "x".repeat(100_000),
  ])("%j is none", (pattern) => {
    expect(parseCodes(pattern)).toBe(undefined);
  });

  it("holds only what lies between its least and its greatest, and all of it if it is a range", () => {
    const octet = fc.integer({ min: 0, max: 255 });
    const code = fc.tuple(octet, octet, octet, octet);
    const ranges = fc.tuple(octet, octet).map(([a, b]) => `[${Math.min(a, b)}..${Math.max(a, b)}]`);
    const patterns = fc.oneof(
      code.map((octets) => octets.join(".")),
      fc.tuple(code, fc.integer({ min: 0, max: 32 })).map(([octets, prefix]) => `${octets.join(".")}/${prefix}`),
      fc.tuple(octet, ranges, octet, ranges).map((octets) => octets.join(".")),
    );
    fc.assert(
      fc.property(patterns, code, (text, octets) => {
        const codes = parseCodes(text);
        if (codes === undefined) throw new Error(text);
        const number = octets.reduce((sum, each) => sum * 256 + each, 0);
        const isBetween = codes.first <= number && number <= codes.last;
        const isIn = codes.has(octets.join("."));
        expect(isIn && !isBetween).toBe(false);
        if (codes.isRange) expect(isIn).toBe(isBetween);
      }),
    );
  });
});
