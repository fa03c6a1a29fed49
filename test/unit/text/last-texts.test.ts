/** The last texts are as they were given, as many as there is room for, and none of those before. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { LastTexts } from "../../../src/text/last-texts.ts";
import { runs } from "../../support/runs.ts";

const text = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 40 }),
  fc.constantFrom("x", "ü", "用", "\u{1f600}", "x".repeat(99)),
);
const wellFormed = text.map((one) => one.toWellFormed());

const keptOf = (texts: LastTexts) => Array.from({ length: texts.next - texts.first }, (_, index) => texts.text(texts.first + index));
const octetsOf = (texts: readonly string[]) => texts.reduce((sum, one) => sum + Buffer.byteLength(one), 0);

test("whatever they are", () => {
  fc.assert(
    fc.property(
      fc.array(wellFormed, { maxLength: 60 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 400 }),
      (all, max, room) => {
        const texts = new LastTexts(max, room);
        all.forEach((one, index) => {
          texts.add(one);
          const added = all.slice(0, index + 1);
          expect(texts.next).toBe(added.length);
          const kept = keptOf(texts);
          expect(kept).toEqual(added.slice(added.length - kept.length));
          expect(kept.length).toBeLessThanOrEqual(max);
          expect(octetsOf(kept)).toBeLessThanOrEqual(room);
          expect(kept.length).toBeGreaterThanOrEqual(Buffer.byteLength(one) <= room ? 1 : 0);
        });
      },
    ),
    { numRuns: runs(300) },
  );
});

test("as many as the bound says, where there is room for each in one piece", () => {
  fc.assert(
    fc.property(fc.array(wellFormed, { maxLength: 60 }), fc.integer({ min: 1, max: 20 }), (all, max) => {
      const texts = new LastTexts(max, 2 * 120 * (max + 1));
      for (const one of all) texts.add(one);
      expect(keptOf(texts)).toEqual(all.slice(-max));
    }),
    { numRuns: runs(300) },
  );
});

test("the ring grows while there are fewer than wanted", () => {
  const texts = new LastTexts(40, 4_000_000);
  const all = Array.from({ length: 100 }, (_, number) => `${number}${"x".repeat(90_000 - number)}`);
  for (const one of all) {
    texts.add(one);
    expect(texts.next - texts.first).toBe(Math.min(40, texts.next));
  }
  expect(keptOf(texts)).toEqual(all.slice(-40));
});

test("one goes when another needs its octets", () => {
  const texts = new LastTexts(10, 10);
  for (const one of ["aaaa", "bbbb", "cc"]) texts.add(one);
  expect(keptOf(texts)).toEqual(["aaaa", "bbbb", "cc"]);
  texts.add("ddd");
  expect(keptOf(texts)).toEqual(["bbbb", "cc", "ddd"]);
  texts.add("e".repeat(10));
  expect(keptOf(texts)).toEqual(["e".repeat(10)]);
  texts.add("f".repeat(11));
  expect(keptOf(texts)).toEqual([]);
  texts.add("g");
  expect(keptOf(texts)).toEqual(["g"]);
});
