import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { KeptTexts } from "../../../src/text/kept-texts.ts";

function find(kept: KeptTexts, key: string) {
  const at = kept.find(key);
  return at === undefined ? undefined : { text: kept.text(at), freshUntil: kept.freshUntil(at), staleUntil: kept.staleUntil(at) };
}

const times = (freshUntil: number, staleUntil = freshUntil) => ({ freshUntil, staleUntil });

describe("texts that are kept", () => {
  test.each([
    [2, 600],
    [5, 1000],
    [50, 3000],
    [50, 200_000],
  ])("of at most %i in %i octets, each is the last that was set, or gone", (records, octets) => {
    const key = fc.oneof(fc.integer({ min: 0, max: 60 }).map(String), fc.string({ unit: "grapheme", maxLength: 40 }));
    const text = fc.oneof(fc.constant(""), fc.string({ unit: "grapheme", maxLength: 200 }));
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ what: fc.constant("set" as const), key, text, time: fc.double({ noNaN: true }) }) },
      { weight: 3, arbitrary: fc.record({ what: fc.constant("get" as const), key }) },
      { weight: 1, arbitrary: fc.record({ what: fc.constant("delete" as const), key }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const kept = new KeptTexts(records, octets);
        const last = new Map<string, { text: string; freshUntil: number; staleUntil: number }>();
        for (const each of steps) {
          if (each.what === "set") {
            kept.set(each.key, each.text, times(each.time, 2 * each.time));
            last.set(each.key, { text: each.text, ...times(each.time, 2 * each.time) });
          } else if (each.what === "delete") {
            kept.delete(each.key);
            last.delete(each.key);
          }
          const found = find(kept, each.key);
          if (found !== undefined) expect(found).toEqual(last.get(each.key));
          expect(kept.octets).toBeLessThanOrEqual(octets);
        }
        const found = [...last.keys()].map((name) => [last.get(name), find(kept, name)]).filter(([, one]) => one !== undefined);
        expect(found.length).toBeLessThanOrEqual(records);
        for (const [one, other] of found) expect(other).toEqual(one);
      }),
      { numRuns: 80 },
    );
  });

  it("keep as many as they may, though they are set again and again", () => {
    const count = 3000;
    const kept = new KeptTexts(count, 512 * count);
    for (let round = 0; round < 5; round += 1) {
      for (let index = 0; index < count; index += 1)
        kept.set(`user${index}@example.org`, index % 10 === 0 ? `${round} ${index}` : "", times(round));
    }
    for (let index = 0; index < count; index += 1)
      expect(find(kept, `user${index}@example.org`)).toEqual({ text: index % 10 === 0 ? `4 ${index}` : "", ...times(4) });
  });

  it("take no more room when few are set again and again", () => {
    const kept = new KeptTexts(100_000, 51_200_000);
    for (let index = 0; index < 200_000; index += 1) kept.set(`user${index % 50}@example.org`, "alias", times(index));
    expect(kept.octets).toBeLessThan(20_000);
  });

  it("let go what nobody asks for before what is asked for", () => {
    const kept = new KeptTexts(1000, 512_000);
    kept.set("known", "text", times(1));
    for (let index = 0; index < 20_000; index += 1) {
      kept.set(`made-up ${index}`, "", times(1));
      if (index % 500 === 0) expect(find(kept, "known")).toBeDefined();
    }
    expect(find(kept, "made-up 19999")).toBeDefined();
    expect(find(kept, "made-up 1")).toBeUndefined();
  });

  it("let a new one in, though all that are there are asked for", () => {
    const kept = new KeptTexts(1000, 512_000);
    for (let index = 0; index < 1000; index += 1) kept.set(`${index}`, "", times(1));
    for (let index = 0; index < 1000; index += 1) find(kept, `${index}`);
    kept.set("new", "", times(1));
    expect(find(kept, "new")).toBeDefined();
  });
});
