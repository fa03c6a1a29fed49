import fc from "fast-check";
import { expect, it } from "vitest";
import { type HashedKey, hashedKey } from "../../../src/text/hashed-key.ts";
import { KeyedTable } from "../../../src/text/keyed-table.ts";

/** Many of them have the same hash, or a place in common. */
const key = fc.nat(200).map((number): HashedKey => {
  const text = `${number}`;
  return number % 3 === 0 ? { text, low: number % 2 === 0 ? 7 : -7, high: number % 5 } : hashedKey(text);
});

it("has the entries that a Map would have", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.option(fc.nat(), { freq: 2 })), { maxLength: 600 }), (steps) => {
      const table = new KeyedTable<number>();
      const map = new Map<string, number>();
      for (const [each, value] of steps) {
        if (value === null) {
          table.delete(each);
          map.delete(each.text);
        } else {
          table.set(each, value);
          map.set(each.text, value);
        }
        expect(table.size).toBe(map.size);
      }
      for (const [each] of steps) expect(table.get(each)).toBe(map.get(each.text));
      expect([...table.values()].sort()).toEqual([...map.values()].sort());
    }),
  );
});
