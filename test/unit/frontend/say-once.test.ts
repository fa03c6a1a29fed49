import { expect, test } from "vitest";
import { maxOctets, SayOnce } from "../../../src/frontend/say-once.ts";

test("each thing may be said once, and seeing it again keeps it from being forgotten", () => {
  const once = new SayOnce();
  const things = ["", "a", "b", "\ud800 not well formed"];
  expect(things.map((what) => once.allows(what))).toEqual([true, true, true, true]);
  for (let other = 0; other < 20_000; other += 1) {
    once.allows(`other ${other}`);
    once.allows("a");
  }
  expect(once.allows("a")).toBe(false);
  expect(once.allows("b")).toBe(true);
});

test("with a time to live it may be said again after that", () => {
  let now = 0;
  const once = new SayOnce(1000, () => now);
  const at = (ms: number) => {
    now = ms;
    return once.allows("a");
  };
  expect([0, 999, 1000, 1999, 2000].map(at)).toEqual([true, false, true, false, true]);
});

test.each([
  ["short things", (index: number) => `${index}`],
  ["long things", (index: number) => `${index} ${"x".repeat(100_000)}`],
  ["things of three octets a character", (index: number) => `${index} ${"中".repeat(600)}`],
])("%s are bounded in octets", (_, what) => {
  const once = new SayOnce();
  for (let index = 0; index < 12_000; index += 1) once.allows(what(index));
  expect(once.octets).toBeLessThanOrEqual(maxOctets);
  expect(once.octets).toBeGreaterThan(maxOctets - 2000);
  expect(once.allows(what(11_999))).toBe(false);
});

test("what differs only near its end is the same", () => {
  const once = new SayOnce();
  const long = "x".repeat(1000);
  expect([once.allows(`${long}1`), once.allows(`${long}2`)]).toEqual([true, false]);
});
