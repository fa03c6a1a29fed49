import fc from "fast-check";
import { expect, test } from "vitest";
import { detach, isLonger } from "../../../src/text/octets.ts";

test("whether a text is longer is asked of its octets", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 40 }), fc.nat(100), (text, octets) => {
      expect(isLonger(text, octets)).toBe(Buffer.byteLength(text) > octets);
    }),
  );
});

test("a copy says the same", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.constantFrom(1, 100, 1000), (text, times) => {
      const long = text.repeat(times);
      expect(detach(long)).toBe(long);
    }),
  );
});
