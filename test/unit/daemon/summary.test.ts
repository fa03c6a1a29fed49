/** Once an hour it says what was decided meanwhile, and nothing if nothing was. */
import { expect, test } from "vitest";
import { Summary, summedAs } from "../../../src/daemon/summary.ts";

const hour = 3_600_000;

test("once an hour, with the most frequent first", () => {
  const summary = new Summary(0);
  summary.count(summedAs({ verdict: "pass", would: "reject", reason: "spf" }), 1);
  for (let count = 0; count < 3; count++) summary.count(summedAs({ verdict: "pass", reason: "mailbox" }), 1);
  for (let count = 0; count < 2; count++) summary.count(summedAs({ verdict: "reject", reason: "unknown-mailbox" }), 1);
  expect(summary.due(hour - 1)).toBeUndefined();
  const summed = summary.due(hour);
  expect(summed).toEqual({ since: 0, decisions: 6, counts: { "pass mailbox": 3, "reject unknown-mailbox": 2, "would-reject spf": 1 } });
  expect(Object.keys(summed?.counts ?? {})).toEqual(["pass mailbox", "reject unknown-mailbox", "would-reject spf"]);

  expect(summary.due(2 * hour)).toBeUndefined();
  summary.count(summedAs({ verdict: "pass", reason: "list" }), 1);
  expect(summary.due(3 * hour - 1)).toBeUndefined();
  expect(summary.due(3 * hour)).toEqual({ since: 2 * hour, decisions: 1, counts: { "pass list": 1 } });
});

test("a clock that is set back makes it no later", () => {
  const summary = new Summary(10 * hour);
  summary.count(summedAs({ verdict: "pass", reason: "list" }), 1);
  expect(summary.due(9 * hour)).toMatchObject({ decisions: 1 });
});
