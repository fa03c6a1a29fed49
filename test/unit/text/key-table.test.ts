import fc from "fast-check";
import { expect, it } from "vitest";
import { KeyTable } from "../../../src/text/key-table.ts";
import { octetsAllocated } from "../../support/allocated.ts";

it("a table of keys answers as a Map does", () => {
  const key = fc.oneof(fc.string({ maxLength: 4 }), fc.string({ unit: "binary", maxLength: 3 }));
  fc.assert(
    fc.property(fc.array(fc.tuple(key, key), { maxLength: 200 }), fc.array(key), key, (entries, others, word) => {
      const table = new KeyTable();
      const map = new Map<string, string>();
      for (const [name, value] of entries) {
        table.add(name, value);
        if (!map.has(name)) map.set(name, value);
      }
      for (const name of [...map.keys(), ...others]) expect(table.get(name)).toBe(map.get(name));
      const withWord = (all: Iterable<readonly [string, string]>) =>
        new Map([...all].filter((each) => each.some((text) => text.includes(word))));
      expect(withWord(table.search(word, 200))).toEqual(withWord(map));
    }),
  );
});

it("a table of many keys is split, and answers as before", () => {
  const table = new KeyTable();
  const keys = Array.from({ length: 20_000 }, (_, index) => `user${index}@example.org`);
  for (const [index, key] of keys.entries()) table.add(key, `${index % 3000}`);
  expect(keys.every((key, index) => table.get(key) === `${index % 3000}`)).toBe(true);
  expect(table.has("user20000@example.org")).toBe(false);
  expect(new Map(table.search("", 20_000))).toEqual(new Map(keys.map((key, index) => [key, `${index % 3000}`])));
});

it("a table is searched without making a string of each key", () => {
  const table = new KeyTable();
  for (let index = 0; index < 50_000; index++) table.add(`user${index}@example.org`, "");
  const search = (word: string, most = 50_000) => [...table.search(word, most)].map(([key]) => key);
  expect(search("49999@")).toEqual(["user49999@example.org"]);
  expect(search("nobody")).toEqual([]);
  expect(octetsAllocated(() => search("nobody"))).toBeLessThan(500_000);
  expect(search("user", 1000).length).toBeLessThan(1500);
});
