import fc from "fast-check";
import { expect, it } from "vitest";
import { type Begun, UnderWay } from "../../../src/answer/under-way.ts";

it("is what has begun and has not ended", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(20)), { maxLength: 200 }), (steps) => {
      const underWay = new UnderWay<number>();
      const begun: Begun<number>[] = [];
      for (const [number, ends] of steps.entries()) {
        if (ends === null || begun.length === 0) begun.push(underWay.begin(number));
        else for (const ended of begun.splice(ends % begun.length, 1)) underWay.end(ended);
        expect(underWay.size).toBe(begun.length);
        expect([...underWay.values].sort()).toEqual(begun.map(({ value }) => value).sort());
      }
    }),
  );
});
