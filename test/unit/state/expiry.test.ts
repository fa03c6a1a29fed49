import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { startExpiry } from "../../../src/state/expiry.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it("goes in rounds of steps, a failed one ended, until it is stopped", async () => {
  let steps: string[] = [];
  let round: (boolean | Error)[] = [];
  const expire = async (now: number, limit: number) => {
    steps.push(`${now} ${limit > 0}`);
    const goesOn = round.shift() ?? false;
    if (goesOn instanceof Error) throw goesOn;
    return goesOn;
  };
  /** The steps that `minutes` bring. */
  const after = async (minutes: number) => {
    await vi.advanceTimersByTimeAsync(minutes * 60_000);
    return steps.splice(0);
  };
  round = [true, true, false];
  const expiry = startExpiry({ expire }, () => 5);
  expect(await after(1)).toEqual(["5 true", "5 true", "5 true"]);
  round = [true, new TemporaryError("down"), true];
  expect(await after(5)).toHaveLength(2);
  expect(await after(5)).toHaveLength(2);
  expiry.stop();
  expect(await after(60)).toEqual([]);
  steps = [];
});
