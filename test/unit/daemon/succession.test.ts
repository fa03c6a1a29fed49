/** What a reload leaves open, and for how long. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Succession } from "../../../src/daemon/succession.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function start() {
  const closed: string[] = [];
  return {
    closed,
    succession: new Succession<string>(async (one) => {
      closed.push(one);
    }),
  };
}

it("serves by the next one when it is prepared, and closes each previous one half a minute later", async () => {
  const { closed, succession } = start();
  await succession.change("first");
  let during: string | undefined;
  await succession.change("second", async () => {
    during = succession.current;
  });
  expect([during, succession.current]).toEqual(["first", "second"]);
  await vi.advanceTimersByTimeAsync(20_000);
  await succession.change("third");
  await vi.advanceTimersByTimeAsync(9_999);
  expect(closed).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(closed).toEqual(["first"]);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(closed).toEqual(["first", "second"]);
  expect(succession.current).toBe("third");
});

it("closes what could not be prepared, and leaves all as it was", async () => {
  const { closed, succession } = start();
  await succession.change("first");
  const failing = succession.change("second", () => Promise.reject(new Error("no")));
  await expect(failing).rejects.toThrow("no");
  await vi.advanceTimersByTimeAsync(60_000);
  expect([succession.current, closed]).toEqual(["first", ["second"]]);
});

it("closes each once in the end", async () => {
  const { closed, succession } = start();
  for (const one of ["first", "second", "third"]) await succession.change(one);
  await succession.close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(closed.toSorted()).toEqual(["first", "second", "third"]);
});

it("has nothing to close when the first one failed", async () => {
  const { closed, succession } = start();
  await expect(succession.change("first", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  await succession.close();
  expect(closed).toEqual(["first"]);
  expect(() => succession.current).toThrow("nothing serves yet");
});
