/** Whatever a parser is given, it comes to a value or to the error that it documents, with work that grows as the text does. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { workOf } from "../support/count-work.ts";
import { hostileText, pumped } from "../support/hostile.ts";
import { runs } from "../support/runs.ts";
import { parsers } from "./parsers.ts";

describe.each(Object.entries(parsers))("%s", (_, { folder, parse, samples, error, share = 400 }) => {
  test("is a value or the documented error", () => {
    const parsed = (text: string) => {
      try {
        return { value: parse(text) };
      } catch (thrown) {
        if (error === undefined || !(thrown instanceof error)) throw thrown;
        return { error: thrown.message };
      }
    };
    fc.assert(
      fc.property(hostileText(samples), (text) => {
        parsed(text);
      }),
      { numRuns: runs(share) },
    );
  });

  test("takes work in proportion to its length", async () => {
    const quiet = (text: string) => {
      try {
        parse(text);
      } catch {
        // That it is the documented error is said above.
      }
    };
    for (const pump of fc.sample(pumped(samples), runs(2))) {
      const [less, more] = [pump(200), pump(1600)];
      const work = await workOf(folder, () => quiet(less));
      // A square would be 64 times as much. V8 loses a few counts when it throws away code.
      expect(await workOf(folder, () => quiet(more)), less.slice(0, 300)).toBeLessThan(16 * work + 5000);
    }
  });
});
