import { describe, expect, it } from "vitest";
import { Availability } from "../../../src/answer/availability.ts";
import { ResolverHealth } from "../../../src/dns/resolver-health.ts";

/** `a` to `z`: nobody can tell of that name; `o`: there is an answer; `r`: it is a second later. `root` is what the root is answered. */
const stories: readonly (readonly [story: string, root: string, reports: readonly string[]])[] = [
  ["ab", "no", []],
  ["abo", "no", []],
  ["aaaaaa", "no", []],
  ["aboabo", "no", []],
  ["abc", "no", ["down"]],
  ["abcdefg", "no", ["down"]],
  ["abcabc", "yes", []],
  ["abcrrr", "no", ["down"]],
  ["abco", "no", ["down", "up"]],
  ["abcoabc", "no", ["down", "up", "down"]],
  // Nobody asks any more, and the root has an answer again.
  ["abcr", "no yes", ["down", "up"]],
  ["abcrr", "no no yes", ["down", "up"]],
  ["abcrr", "yes", []],
];

describe("resolvers", () => {
  it.each(stories)("%s, where the root is answered: %s", async (story, root, expected) => {
    const answers = root.split(" ");
    const reports: string[] = [];
    const availability = new Availability("DNS resolvers", (_, up) => reports.push(up ? "up" : "down"));
    const askRoot = async () => {
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer === "no") throw new Error("no answer");
    };
    const health = new ResolverHealth(askRoot, availability);
    for (const step of story) {
      if (step === "o") health.answered();
      else if (step === "r") health.refresh();
      else health.failed(`${step}.example`);
      await settled();
    }
    expect(reports).toEqual(expected);
  });

  it("are not down by what was asked before an answer, nor when they are closed", async () => {
    for (const end of ["answered", "close"] as const) {
      const reports: boolean[] = [];
      const { promise, reject } = Promise.withResolvers<void>();
      const health = new ResolverHealth(() => promise, new Availability("DNS resolvers", (_, up) => reports.push(up)));
      for (const name of ["a", "b", "c"]) health.failed(name);
      health[end]();
      reject(new Error("no answer"));
      await settled();
      expect(reports).toEqual([]);
    }
  });
});

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
