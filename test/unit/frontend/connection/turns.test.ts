/** In which order the connections of a listener decide and send. */
import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { Turns } from "../../../../src/frontend/connection/turns.ts";

/** Notes what it is told, and has something to send after each request. */
function participant(name: string, turns: Turns, told: string[]) {
  const self = {
    resume() {
      told.push(`${name} decides`);
      turns.took();
      turns.flushLater(self);
    },
    flush: () => told.push(`${name} sends`),
  };
  return self;
}

test("what several connections reply in one turn leaves together at its end", async () => {
  const turns = new Turns();
  const told: string[] = [];
  const named = (name: string) => participant(name, turns, told);
  named("early").resume();
  for (const name of ["one", "other"]) turns.wait(named(name));
  await setImmediate();
  expect(told).toEqual(["early decides", "early sends", "one decides", "other decides", "one sends", "other sends"]);
});

test("those beyond the requests of one turn decide when the others have sent", async () => {
  const turns = new Turns();
  const told: string[] = [];
  for (let number = 0; number < 100; number += 1) turns.wait(participant(`${number}`, turns, told));
  await setImmediate();
  expect(told.filter((line) => line.endsWith("sends"))).toHaveLength(64);
  await setImmediate();
  expect(told.filter((line) => line.endsWith("sends"))).toHaveLength(100);
});
