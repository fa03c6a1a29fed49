import { expect, test } from "vitest";
import type { Answer } from "../../../src/answer/answer.ts";
import { firstOutcome, type Steps, takeSteps } from "../../../src/answer/steps.ts";

interface Walk {
  readonly taken: string[];
}

type Step = (walk: Walk) => Answer<string | undefined>;

/** A step that says that it was taken, and then answers; with `waits` after a while. */
const step =
  (name: string, outcome?: string, waits = false): Step =>
  ({ taken }) => {
    taken.push(name);
    return waits ? Promise.resolve(outcome) : outcome;
  };

const last = ({ taken }: Walk) => {
  taken.push("last");
  return "otherwise";
};

test.each<[string, boolean, readonly Step[], string, string]>([
  ["up to the first outcome", false, [step("a"), step("b", "found"), step("c")], "found", "a b"],
  ["to the last, if there is none", false, [step("a"), step("b")], "otherwise", "a b last"],
  ["one after the other when they wait", true, [step("a", undefined, true), step("b"), step("c", "found", true)], "found", "a b c"],
  ["at hand, waiting, at hand", true, [step("a"), step("b", undefined, true), step("c")], "otherwise", "a b c last"],
])("steps are taken %s", async (_, waits, given, outcome, taken) => {
  const walk: Walk = { taken: [] };
  const steps: Steps<Walk, string> = [...given, last];
  const answer = takeSteps(steps, walk);
  expect(answer instanceof Promise).toBe(waits);
  expect([await answer, walk.taken.join(" ")]).toEqual([outcome, taken]);
});

test("an outcome is one whatever its value", () => {
  expect(firstOutcome([0, 1], (item) => item === 0, undefined)).toBe(true);
  expect(firstOutcome([0, 1], (item) => item !== 0 && undefined, undefined)).toBe(false);
});

test("what a step throws, now or later, comes of the whole", async () => {
  const fails = () => {
    throw new Error("bug");
  };
  expect(() => takeSteps([step("a"), fails], { taken: [] })).toThrow("bug");
  await expect(takeSteps([step("a", undefined, true), fails], { taken: [] })).rejects.toThrow("bug");
  await expect(takeSteps([() => Promise.reject(new Error("late")), last], { taken: [] })).rejects.toThrow("late");
});

test("no step is taken after an abort, whatever came of the one that waited", async () => {
  for (const outcome of [undefined, "found"]) {
    const abort = { isAborted: false };
    const walk: Walk = { taken: [] };
    const answer = takeSteps<Walk, string>([step("a"), step("b", outcome, true), last], walk, abort);
    abort.isAborted = true;
    await expect(answer).rejects.toThrow("aborted");
    expect(walk.taken).toEqual(["a", "b"]);
  }
});

test("as many as there are may wait", async () => {
  const items = Array.from({ length: 100_000 }, (_, index) => index);
  expect(await firstOutcome(items, async (item) => (item === 99_999 ? "end" : undefined), undefined)).toBe("end");
});
