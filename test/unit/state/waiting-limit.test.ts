/** How many greylist entries of a client may wait, and whom that concerns. */
import { beforeEach, expect, it } from "vitest";
import type { State } from "../../../src/stage/state.ts";
import { MemoryState } from "../../../src/state/memory.ts";
import { limitWaiting } from "../../../src/state/waiting-limit.ts";
import { greylistQuestion, start } from "../../support/state-question.ts";

const minute = 60_000;
const day = 1440 * minute;
const maxWaiting = 100;

let store: MemoryState;
let limited: State;
let full: string[];
beforeEach(() => {
  store = new MemoryState();
  full = [];
  limited = limitWaiting(store, (address) => full.push(address));
});

/** So many attempts, each of another sender, from `first` on; how many of them passed. */
function attempts(count: number, { at = 0, first = 0, address = "192.0.2.1", limit = maxWaiting } = {}): number {
  const answers = Array.from({ length: count }, (_, index) =>
    limited.greylist(
      greylistQuestion({ sender: `${first + index}`, now: start + at, maxWaiting: limit, autoWhitelist: { address, passes: undefined } }),
    ),
  );
  return answers.filter((answer) => "kind" in answer && answer.kind === "pass").length;
}

const waiting = async () => (await store.stats(start)).waiting;

it("a client that never comes again makes no more entries, and is named", async () => {
  attempts(1000);
  expect(await waiting()).toBe(maxWaiting);
  expect(full).toEqual(Array(1000 - maxWaiting).fill("192.0.2.1"));
});

it("whoever comes again passes, at the limit, too, and makes room", async () => {
  attempts(maxWaiting);
  expect(attempts(maxWaiting, { at: 10 * minute })).toBe(maxWaiting);
  attempts(1000, { at: 10 * minute, first: maxWaiting });
  expect(await waiting()).toBe(maxWaiting);
});

it("of a burst larger than the limit as many pass at each retry", () => {
  attempts(250);
  expect([10, 20, 30].map((minutes) => attempts(250, { at: minutes * minute }))).toEqual([100, 200, 250]);
});

it("a neighbour in the same network is not concerned", async () => {
  attempts(1000);
  attempts(maxWaiting, { first: 1000, address: "192.0.2.2" });
  expect(attempts(maxWaiting, { at: 10 * minute, first: 1000, address: "192.0.2.2" })).toBe(maxWaiting);
  expect(full).not.toContain("192.0.2.2");
});

it("entries that expired make room, little by little, and all of it after the retry window", async () => {
  attempts(maxWaiting);
  attempts(1000, { at: day, first: 1000 });
  expect(await waiting()).toBe(1.5 * maxWaiting);
  attempts(1000, { at: 3 * day, first: 2000 });
  expect(await waiting()).toBe(2.5 * maxWaiting);
});

it("a limit that is lower than it was refuses no longer than a retry window", async () => {
  attempts(50 * maxWaiting, { limit: 100 * maxWaiting });
  const waited = await waiting();
  attempts(1000, { first: 10_000 });
  expect(await waiting()).toBe(waited);
  attempts(1000, { at: day, first: 20_000 });
  expect(await waiting()).toBe(waited + maxWaiting / 2);
  attempts(1000, { at: 3 * day, first: 30_000 });
  expect(await waiting()).toBe(waited + 1.5 * maxWaiting);
});

it("a limit that is higher than it was makes room at once", async () => {
  attempts(1000);
  attempts(1000, { first: 1000, limit: 3 * maxWaiting });
  expect(await waiting()).toBe(3 * maxWaiting);
});

it("a clock that was ahead holds nothing up", async () => {
  attempts(maxWaiting, { at: 30 * day });
  attempts(1, { first: 1000 });
  attempts(1000, { at: 2 * day, first: 2000 });
  expect(await waiting()).toBe(2 * maxWaiting);
});

it("what a client has passed does not count in advance", async () => {
  attempts(10);
  attempts(10, { at: 10 * minute });
  attempts(1000, { at: 10 * minute, first: 1000 });
  expect(await waiting()).toBe(maxWaiting);
});
