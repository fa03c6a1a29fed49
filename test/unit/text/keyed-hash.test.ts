import { expect, test } from "vitest";
import { keyedHash, keyedHash64 } from "../../../src/text/keyed-hash.ts";

/** Texts that are all one to a hash that only multiplies and adds, whatever it multiplies by. */
function twins(count: number): string[] {
  return Array.from({ length: count }, (_, index) => index.toString(2).padStart(12, "0").replaceAll("0", "Aa").replaceAll("1", "BB"));
}

test.each([
  ["numbered", Array.from({ length: 4096 }, (_, index) => `user${index}@example.org`)],
  ["made to be one to a common hash", twins(4096)],
  ["of one character, ever longer", Array.from({ length: 1024 }, (_, index) => "x".repeat(index))],
  ["of units beyond ASCII", Array.from({ length: 4096 }, (_, index) => String.fromCharCode(0x400 + index))],
])("spreads texts that are %s", (_, texts) => {
  const places = new Map<number, number>();
  for (const text of texts) {
    const place = keyedHash(text) & (texts.length - 1);
    places.set(place, (places.get(place) ?? 0) + 1);
  }
  // Evenly thrown, some 63 % of the places are taken, and none by many.
  expect(places.size / texts.length).toBeGreaterThan(0.55);
  expect(Math.max(...places.values())).toBeLessThan(13);
});

test("is the same for the same text, whatever it was made of", () => {
  const text = ["john", "@example", ".org"].join("");
  expect(keyedHash(`${text} and more`.slice(0, text.length))).toBe(keyedHash(text));
});

test("makes two words of a text, of which each tells texts apart", () => {
  const words = new Int32Array(2);
  const hashes = Array.from({ length: 4096 }, (_, index) => {
    keyedHash64(`user${index}@example.org`, words);
    return [...words];
  });
  for (const word of [0, 1]) expect(new Set(hashes.map((each) => each[word])).size).toBeGreaterThan(4090);
  keyedHash64("user1@example.org", words);
  expect([...words]).toEqual(hashes[1]);
});
