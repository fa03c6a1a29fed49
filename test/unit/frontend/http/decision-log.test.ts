/** The decisions that are kept, for those who read on from where they were. */
import { expect, it } from "vitest";
import { DecisionLog } from "../../../../src/frontend/http/decision-log.ts";
import { aDecision } from "../../../support/http-place.ts";

function logOf(count: number, max = 10) {
  const log = new DecisionLog("a", () => 0, max);
  const add = (more: number) => {
    for (let left = more; left > 0; left -= 1) log.add(aDecision, undefined);
  };
  const page = (limit: number, since?: Readonly<Record<string, number>>) => {
    const { decisions, missed, mark } = log.last({}, limit, since);
    return { ids: decisions.map(({ id }) => id), missed, mark };
  };
  add(count);
  return { add, page };
}

it("gives each decision once", () => {
  const { add, page } = logOf(3);
  const { mark, ...first } = page(2);
  expect(first).toEqual({ ids: ["a1", "a2"], missed: 0 });
  expect(page(2, mark)).toEqual({ ids: [], missed: 0, mark });
  add(1);
  expect(page(2, mark)).toEqual({ ids: ["a3"], missed: 0, mark: { a: 4 } });
});

it("says how many are left out, and how many were dropped meanwhile", () => {
  const { add, page } = logOf(3);
  const { mark } = page(2);
  add(5);
  expect(page(2, mark)).toEqual({ ids: ["a6", "a7"], missed: 3, mark: { a: 8 } });
  add(10);
  expect(page(2, mark)).toEqual({ ids: ["a16", "a17"], missed: 13, mark: { a: 18 } });
});

it("shows all of a process that whoever reads does not know", () => {
  expect(logOf(3).page(5, { b: 7 })).toEqual({ ids: ["a0", "a1", "a2"], missed: 0, mark: { a: 3 } });
});
