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
        const start = value.length;
        const end = start + name.length;
        const octets = Buffer.from(value + name + value, "latin1");
        if (value.length % 2 === 1 && octets.toString("latin1", start, end) === name) table.addPart(octets, start, end, value);
        else table.add(name, value);
        if (!map.has(name)) map.set(name, value);
      }
      for (const name of [...map.keys(), ...others]) expect(table.get(name)).toBe(map.get(name));
      const withWord = (all: Iterable<readonly [string, string]>) =>
        new Map([...all].filter((each) => each.some((text) => text.includes(word))));
      expect(withWord(table.search(word, 200))).toEqual(withWord(map));
    }),
  );
});

it.each([0, 100, 9000, 100_000])("a table of many keys, of which %d were expected, is split and answers as before", (expected) => {
  const table = new KeyTable(expected);
  const keys = Array.from({ length: 20_000 }, (_, index) => `user${index}@example.org`);
  for (const [index, key] of keys.entries()) table.add(key, `${index % 3000}`);
  expect(keys.every((key, index) => table.get(key) === `${index % 3000}`)).toBe(true);
  expect(table.has("user20000@example.org")).toBe(false);
  expect(new Map(table.search("", 20_000))).toEqual(new Map(keys.map((key, index) => [key, `${index % 3000}`])));
});

it.each([255, 256, 32_763, 32_764, 65_535, 65_536, 200_000])("keys and texts of %d characters are kept, in Latin-1 or not", (length) => {
  const table = new KeyTable();
  const texts = ["x", "ÿ", "Ā"].flatMap((letter) => [letter, letter.repeat(length), `a${letter.repeat(length)}`]);
  for (const text of texts) table.add(text, text);
  table.add("last", "x".repeat(length));
  for (const text of texts) expect(table.get(text) === text).toBe(true);
  expect(table.get("last")).toHaveLength(length);
  expect(table.has("x".repeat(length + 2))).toBe(false);
  expect([...table.search("Ā", 100)].map(([key]) => key.length).sort()).toEqual([1, length, length + 1].sort());
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
