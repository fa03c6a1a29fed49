import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { indexOf, lastIndexOf } from "../../../src/text/search.ts";
import { workOf } from "../../support/count-work.ts";
import { runs } from "../../support/runs.ts";

/** Few letters, so that much of a key is in it twice. */
const text = fc.string({ unit: fc.constantFrom("a", "b", "\ud83d"), maxLength: 200 });
const key = fc.oneof(
  text,
  fc.tuple(text, fc.nat(6)).map(([part, times]) => part.repeat(times)),
);

describe("it finds what the engine finds", () => {
  it("from the left and from the right", () => {
    fc.assert(
      fc.property(text, key, text, fc.nat(300), (before, wanted, after, place) => {
        for (const whole of [before + after, before + wanted + after, before + wanted + wanted]) {
          expect(indexOf(whole, wanted, place)).toBe(whole.indexOf(wanted, place));
          const end = Math.min(place, whole.length);
          expect(lastIndexOf(whole, wanted, end)).toBe(end < wanted.length ? -1 : whole.lastIndexOf(wanted, end - wanted.length));
        }
      }),
      { numRuns: runs(300) },
    );
  });
});

describe("its work is linear in both texts", () => {
  const a = "a".repeat(10_000);
  it.each<[name: string, key: string]>([
    ["it ends otherwise", `${a}b`],
    ["it begins otherwise", `b${a}`],
    ["its middle is otherwise", `${a}b${a}`],
  ])("%s", async (_, wanted) => {
    const whole = a.repeat(4);
    const length = whole.length + wanted.length;
    for (const find of [indexOf, lastIndexOf]) {
      const work = await workOf("/src/text/search.ts", () => find(whole, wanted));
      expect(work).toBeLessThan(12 * length);
      // The engine's own search would not be counted.
      expect(work).toBeGreaterThan(length);
    }
  });
});
