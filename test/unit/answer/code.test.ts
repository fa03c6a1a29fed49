import { describe, expect, it } from "vitest";
import { all, always, askOf, type Branch, type Code, choose, map, until } from "../../../src/answer/code.ts";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";

/** A run is the list of the parts that were run, in order. */
type Run = number[];

const kinds = ["plain", "at hand", "late"] as const;

function part(value: number, kind: (typeof kinds)[number]): Code<Run, number> {
  const run = (run: Run) => {
    run.push(value);
    return value;
  };
  if (kind === "plain") return { waits: false, run };
  return { waits: true, run: (parts) => (kind === "late" ? Promise.resolve().then(() => run(parts)) : run(parts)) };
}

const mixtures = kinds.flatMap((first) => kinds.flatMap((second) => kinds.map((third) => [first, second, third] as const)));

describe.each(mixtures)("of parts that are %s, %s, %s", (...mixture) => {
  const parts = mixture.map((kind, index) => part(index + 1, kind));
  const waits = mixture.some((kind) => kind !== "plain");

  async function outcome<T>(code: Code<Run, T>, expected: readonly number[]): Promise<T> {
    const run: Run = [];
    const answer = code.run(run);
    expect(answer instanceof Promise).toBe(mixture.slice(0, expected.length).includes("late"));
    const value = await answer;
    expect(run).toEqual(expected);
    return value;
  }

  it("all are run in order", async () => {
    const sum = all(parts, (values) => values.join("+"));
    expect(sum.waits).toBe(waits);
    expect(await outcome(sum, [1, 2, 3])).toBe("1+2+3");
    expect(
      await outcome(
        map(sum, (text) => `${text}=6`),
        [1, 2, 3],
      ),
    ).toBe("1+2+3=6");
    const question = askOf(parts, true, "a source", ([one]) => one);
    expect(question.waits).toBe(true);
    expect(await outcome(question, [1, 2, 3])).toBe(1);
  });

  it.each([1, 2, 3, 4])("none is run after the one that settles it: %d", async (last) => {
    const code = until(parts, (value) => (value === last ? `the ${last}` : undefined), always("none"));
    expect(code.waits).toBe(waits);
    expect(await outcome(code, [1, 2, 3].slice(0, last))).toBe(last > 3 ? "none" : `the ${last}`);
  });

  it.each([1, 2, 3, 4])("the first that holds chooses: %d", async (last) => {
    const branches = parts.map((condition, index): Branch<Run, number, string> => ({ condition, outcome: always(`branch ${index + 1}`) }));
    const code = choose(branches, (value) => value === last, always("none"));
    expect(code.waits).toBe(waits);
    expect(await outcome(code, [1, 2, 3].slice(0, last))).toBe(last > 3 ? "none" : `branch ${last}`);
  });
});

const down = () => {
  throw new TemporaryError("down");
};

it.each<[title: string, failing: Code<Run, number>]>([
  ["at once", { waits: true, run: down }],
  ["late", { waits: true, run: async () => down() }],
])("what cannot tell %s ends the whole", async (_, failing) => {
  const parts = [part(1, "late"), failing, part(3, "plain")];
  for (const code of [all(parts, String), until(parts, () => undefined, always("none")), map(failing, String)]) {
    const run: Run = [];
    await expect((async () => code.run(run))()).rejects.toThrow(TemporaryError);
    expect(run).not.toContain(3);
  }
});

it("a source that waits though it was said not to is a bug", () => {
  const code = askOf<Run, number, number>([], false, "a lookup", async () => 1);
  expect(() => code.run([])).toThrow("a lookup waited though its source was said not to");
});
