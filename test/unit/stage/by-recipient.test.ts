import { array, assert, constantFrom, integer, property, tuple } from "fast-check";
import { expect, test } from "vitest";
import { ByRecipient } from "../../../src/stage/by-recipient.ts";

test("it holds what a Map would, in the same order", () => {
  const recipient = constantFrom("", "a@example.org", "b@example.org", "c@example.org");
  assert(
    property(array(tuple(recipient, integer())), (entries) => {
      const known = new ByRecipient<number>();
      const map = new Map<string, number>();
      for (const [name, value] of entries) {
        known.set(name, value);
        map.set(name, value);
      }
      expect([known.size, known.recipients()]).toEqual([map.size, [...map.keys()]]);
      for (const name of ["", "a@example.org", "b@example.org", "c@example.org"]) {
        expect([known.has(name), known.get(name)]).toEqual([map.has(name), map.get(name)]);
      }
    }),
  );
});
