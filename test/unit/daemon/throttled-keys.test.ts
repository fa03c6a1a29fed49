/** When a key at the limit of a throttle is reported, and when that it is over. */
import { expect, test } from "vitest";
import { refusalOf, ThrottledKeys } from "../../../src/daemon/throttled-keys.ts";
import type { Throttle } from "../../../src/stage/stage-settings.ts";
import { rule } from "../../support/settings.ts";

const minute = 60_000;
const hour = 60 * minute;

function throttle(window: Throttle["window"], periodMs = hour): Throttle {
  return {
    ...{ id: `${window} ${periodMs}`, name: "mail", title: "1/1h", match: rule("true"), key: ["sender"], ipv6Prefix: 64, count: 1 },
    ...{ periodMs, window, mode: "enforce", counts: "recipients", onStoreFailure: "accept" },
  };
}

test.each<[what: string, throttle: Throttle, refusedAt: readonly number[], overAt: number]>([
  ["the period ends", throttle("fixed"), [0, 59 * minute - 1], hour],
  ["nothing was refused for a period", throttle("sliding"), [0, 59 * minute], hour + 59 * minute],
  ["nothing was refused for a minute, where a period is shorter", throttle("fixed", 1000), [0, 30_000], 90_000],
])("one report at first, and one when %s", (_, one, refusedAt, overAt) => {
  const keys = new ThrottledKeys();
  const reports = refusedAt.map((now) => keys.refused(refusalOf({ throttle: one, values: ["a", "b\n"], now })) !== undefined);
  expect(reports).toEqual([true, false]);
  expect(keys.over(overAt - 1)).toEqual([]);
  expect(keys.over(overAt)).toMatchObject([{ throttle: { id: one.id, title: "1/1h" }, refused: 2 }]);
  expect(keys.over(overAt)).toEqual([]);
  expect(keys.refused(refusalOf({ throttle: one, values: ["a", "b\n"], now: overAt }))).toMatchObject({ refused: 1 });
});

test("many keys are not followed one by one", () => {
  const keys = new ThrottledKeys();
  const one = throttle("fixed");
  const reports = Array.from({ length: 1000 }, (_, index) => keys.refused(refusalOf({ throttle: one, values: [`${index}`], now: 0 })));
  expect(reports.filter((report) => report === "full")).toHaveLength(900);
  expect(keys.over(hour)).toHaveLength(100);
});
