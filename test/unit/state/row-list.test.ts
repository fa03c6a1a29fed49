import fc from "fast-check";
import { expect, it } from "vitest";
import type { Columns } from "../../../src/state/sqlite/columns.ts";
import { RowList } from "../../../src/state/sqlite/row-list.ts";
import { type HashedKey, hashedKey } from "../../../src/text/hashed-key.ts";

const columns = fc.option(fc.tuple(fc.integer(), fc.integer(), fc.option(fc.integer()), fc.integer()), { freq: 5 });
/** Among them some with the same hash. */
const key = fc.nat(300).map((number): HashedKey => {
  const text = `g${number}`;
  return number % 4 === 0 ? { text, low: 7, high: number % 8 === 0 ? 1 : 0 } : hashedKey(text);
});

it("has the rows that a Map would have, in the order in which they came", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ weight: 9, arbitrary: fc.tuple(key, columns) }, fc.constant("last" as const)), { maxLength: 500 }),
      (steps) => {
        const list = new RowList();
        const map = new Map<string, Columns>();
        for (const step of steps) {
          if (step !== "last") {
            expect(list.put(...step)).toEqual(map.get(step[0].text));
            map.set(step[0].text, step[1]);
            expect(list.keys[list.find(step[0])]).toBe(step[0].text);
          } else if (list.size > 0) {
            map.delete([...map.keys()].at(-1) ?? "");
            list.removeLast();
          }
        }
        expect(list.keys).toEqual([...map.keys()]);
        expect(list.keys.map((_, row) => list.columns(row))).toEqual([...map.values()]);
        for (const step of steps) {
          if (step === "last") continue;
          const row = list.find(step[0]);
          expect(row < 0 ? undefined : list.columns(row)).toEqual(map.get(step[0].text));
        }
      },
    ),
  );
});

it("has the last column again where a row has fewer of them", () => {
  const list = new RowList();
  list.put(hashedKey("c"), [5]);
  list.put(hashedKey("a"), [5, 6, 7]);
  expect([list.columns(0), list.columns(1)]).toEqual([
    [5, 5, 5, 5],
    [5, 6, 7, 7],
  ]);
});
