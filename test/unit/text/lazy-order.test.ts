import fc from "fast-check";
import { expect, it } from "vitest";
import { inOrder } from "../../../src/text/lazy-order.ts";

const sorted = (texts: readonly string[]) => [...inOrder(texts)].flat().map((index) => texts[index]);

it.each([
  ["none", []],
  ["one", ["a"]],
  ["in order", Array.from({ length: 5000 }, (_, index) => String(index).padStart(4, "0"))],
  ["in reverse", Array.from({ length: 5000 }, (_, index) => String(9999 - index))],
  ["in no order", Array.from({ length: 5000 }, (_, index) => String((index * 7919) % 10_007))],
])("puts texts in their order: %s", (_, texts) => {
  expect(sorted(texts)).toEqual([...texts].sort());
});

it("puts any texts in their order", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string(), { maxLength: 2000 }), (texts) => {
      expect(sorted(texts)).toEqual([...texts].sort());
    }),
  );
});

it("sorts few of them for the first ones", () => {
  const steps = [...inOrder(Array.from({ length: 50_000 }, (_, index) => String((index * 7919) % 50_021)))];
  const first = steps.find(({ length }) => length > 0) ?? [];
  expect(first.length).toBeGreaterThan(0);
  expect(first.length).toBeLessThan(1000);
});
