/** An answer comes once: in time, or not at all. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { PendingAnswer } from "../../../src/store/pending-answer.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

it("is what comes first, and ends the deadline", async () => {
  const onDeadline = vi.fn(() => new Error("late"));
  const [given, failed] = [new PendingAnswer<number>(1000, onDeadline), new PendingAnswer<number>(1000, onDeadline)];
  given.resolve(1);
  given.reject(new Error("no"));
  failed.reject(new Error("no"));
  failed.resolve(1);
  expect(await given.promise).toBe(1);
  await expect(failed.promise).rejects.toThrow("no");
  vi.advanceTimersByTime(1000);
  expect(onDeadline).not.toHaveBeenCalled();
});

it("fails at the deadline, and what comes later is nobody's", async () => {
  const answer = new PendingAnswer<number>(1000, () => new Error("late"));
  vi.advanceTimersByTime(999);
  expect(answer.isSettled).toBe(false);
  vi.advanceTimersByTime(1);
  expect(answer.isSettled).toBe(true);
  answer.resolve(1);
  await expect(answer.promise).rejects.toThrow("late");
});
