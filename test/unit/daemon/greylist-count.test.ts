import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { GreylistCount } from "../../../src/daemon/greylist-count.ts";
import { nothingCounted } from "../../../src/state/counts.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** Each count takes `seconds`, and finds one entry more. */
function counted(seconds: () => number) {
  let counts = 0;
  const stats = async () => {
    const waiting = ++counts;
    await new Promise((resolve) => setTimeout(resolve, seconds() * 1000));
    if (waiting === 3) throw new TemporaryError("down");
    return { ...nothingCounted, waiting, oldest: undefined, bytes: 0 };
  };
  const count = new GreylistCount({ stats }, Date.now);
  /** What is told after so many seconds, and after how many it is. */
  return async (after: number) => {
    await vi.advanceTimersByTimeAsync(after * 1000);
    const asked = Date.now();
    const told = count.entries().then((entries) => `${entries?.waiting} in ${(Date.now() - asked) / 1000} s`);
    await vi.advanceTimersByTimeAsync(10_000);
    return told;
  };
}

it("counts again a minute after it has counted", async () => {
  const ask = counted(() => 1);
  expect([await ask(0), await ask(0), await ask(30), await ask(30), await ask(60), await ask(60)]).toEqual([
    ...["1 in 1 s", "1 in 0 s", "1 in 0 s", "2 in 1 s"],
    // The store is down; that, too, is asked again a minute later.
    ...["undefined in 1 s", "4 in 1 s"],
  ]);
});

it("has the count before while one takes long, and begins no other", async () => {
  let seconds = 100;
  const ask = counted(() => seconds);
  expect([await ask(0), await ask(0), await ask(80)]).toEqual(["undefined in 2 s", "undefined in 2 s", "1 in 0 s"]);
  seconds = 300;
  expect([await ask(60), await ask(60), await ask(60), await ask(180)]).toEqual(["1 in 2 s", "1 in 2 s", "1 in 2 s", "2 in 0 s"]);
});
