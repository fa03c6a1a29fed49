import fc from "fast-check";
import { expect, test } from "vitest";
import { asciiNumeric } from "../../../../src/sieve/match/comparator.ts";
import { runs } from "../../../support/runs.ts";

test("i;ascii-numeric orders the numbers that texts begin with, all else after them", () => {
  const text = fc.oneof(fc.stringMatching(/^0{0,3}[0-9]{1,30}[a-z]{0,3}$/), fc.constantFrom("", "a1", "-1", " 1", "٣"));
  const numberOf = (value: string) => {
    const digits = /^[0-9]+/.exec(value)?.[0];
    return digits === undefined ? 10n ** 40n : BigInt(digits);
  };
  fc.assert(
    fc.property(text, text, (a, b) => {
      const [first, second] = [numberOf(a), numberOf(b)];
      const [left, right] = [asciiNumeric.fold(a), asciiNumeric.fold(b)];
      expect(Math.sign(asciiNumeric.order(left, right))).toBe(first < second ? -1 : Number(first > second));
      expect(left === right).toBe(first === second);
    }),
    { numRuns: runs(500) },
  );
});
