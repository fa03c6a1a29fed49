import fc from "fast-check";
import { expect, test } from "vitest";
import { keyText } from "../../../src/stage/bounded-key.ts";
import { runs } from "../../support/runs.ts";

test.each([
  ["a@b.example", "a@b.example"],
  ["a\r\nb@b.example", "a b@b.example"],
  ["x".repeat(200), "x".repeat(200)],
  ["ü".repeat(100), "ü".repeat(100)],
])("%j stays", (text, key) => {
  expect(keyText(text)).toBe(key);
});

test("a key has at most 200 octets, is a key of its own, and stays as it is", () => {
  const text = fc.string({ unit: "grapheme", minLength: 60, maxLength: 300 });
  fc.assert(
    fc.property(text, text, (one, other) => {
      const key = keyText(one);
      expect(Buffer.byteLength(key)).toBeLessThanOrEqual(200);
      expect(keyText(key)).toBe(key);
      expect(keyText(`${one}${other}x`)).not.toBe(keyText(`${one}${other}y`));
    }),
    { numRuns: runs(200) },
  );
});
