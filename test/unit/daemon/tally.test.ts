/** What several workers have counted is reported by one process, as if it had decided all. */
import { expect, test } from "vitest";
import { createLogger } from "../../../src/daemon/log.ts";
import { LoggedTally, type SentTally, WorkerTally } from "../../../src/daemon/tally.ts";
import type { Throttle } from "../../../src/stage/stage-settings.ts";
import { aDecision } from "../../support/http-place.ts";
import { rule } from "../../support/settings.ts";

const hour = 3_600_000;

const throttle: Throttle = {
  ...{ id: "1", name: "mail", title: "5/1h", match: rule("true"), key: ["sender"], ipv6Prefix: 64, count: 5 },
  ...{ periodMs: hour, window: "fixed", mode: "enforce", counts: "recipients", onStoreFailure: "accept" },
};

function place() {
  const lines: string[] = [];
  const write = (json: string) => {
    const { event, decisions, counts, key, refused, msg } = JSON.parse(json);
    lines.push([event, decisions, counts && JSON.stringify(counts), key, refused, msg].filter((each) => each !== undefined).join(" "));
  };
  const reporting = new LoggedTally(createLogger({ level: "info", fields: {}, write, clock: Date.now }));
  const sent: SentTally[] = [];
  // What goes from process to process is data.
  const worker = () =>
    new WorkerTally((tally) => {
      sent.push(tally);
      reporting.add(JSON.parse(JSON.stringify(tally)));
    });
  return { lines, sent, reporting, worker };
}

test("a key that reaches its limit at several workers is one line, and one when that is over", () => {
  const { lines, sent, reporting, worker } = place();
  const [first, second] = [worker(), worker()];
  const now = 10 * hour;
  for (const tally of [first, first, second]) tally.throttled({ throttle, values: ["a@b.example"], now });
  for (const tally of [first, second, first]) tally.tick();
  expect(sent).toHaveLength(2);
  expect(lines).toEqual([expect.stringMatching(/^throttle a@b\.example reached its limit, 5\/1h/)]);
  reporting.tick(11 * hour);
  expect(lines[1]).toBe("throttle a@b.example 3 no longer at its limit, 5/1h");
});

test("the summary of an hour is of all workers", () => {
  const { lines, reporting, worker } = place();
  const tallies = [worker(), worker()];
  for (const tally of tallies) tally.decided(aDecision);
  tallies[0]?.decided({ ...aDecision, verdict: "pass", reason: "mailbox" });
  for (const tally of tallies) tally.tick();
  reporting.tick(Date.now() + hour);
  expect(lines).toEqual(['summary 3 {"reject unknown-mailbox":2,"pass mailbox":1} 3 decisions']);
});

test("a flood of keys is bounded on its way, and reported as one", () => {
  const { lines, sent, worker } = place();
  const flooded = worker();
  for (let number = 0; number < 10_000; number++) flooded.throttled({ throttle, values: [`${number}@b.example`], now: 0 });
  flooded.tick();
  expect(sent[0]?.refusals).toHaveLength(101);
  expect(lines).toHaveLength(101);
  expect(lines[100]).toMatch(/^throttle many keys are at their limit/);
});
