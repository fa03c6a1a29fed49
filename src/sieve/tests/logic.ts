/** `true`, `false`, `not`, `allof`, `anyof` (RFC 5228 section 5): tests of tests, which ask no more than they have to. */

import { always, map, until } from "../../answer/code.ts";
import type { TestRecord } from "../compile/definition.ts";
import { type TestCode, withConstant } from "../compile/script-code.ts";

// Not constant: what they make unreachable is checked all the same.
export const trueTest: TestRecord = { name: "true", compile: () => ({ waits: false, run: () => true }) };
export const falseTest: TestRecord = { name: "false", compile: () => ({ waits: false, run: () => false }) };

export const notTest: TestRecord = {
  name: "not",
  tests: "one",
  compile: ({ tests: [test] }) =>
    test &&
    withConstant(
      map(test, (truth) => !truth),
      test.constant === undefined ? undefined : !test.constant,
    ),
};

export const allofTest = junction("allof", false);
export const anyofTest = junction("anyof", true);

/** The first test that is `settling` is the outcome; if none is, it is the contrary. */
function junction(name: string, settling: boolean): TestRecord {
  return {
    name,
    tests: "list",
    settledBy: settling,
    compile({ tests }) {
      const test = until(tests, (truth) => (truth === settling ? settling : undefined), always(!settling));
      return withConstant(test, constantOf(settling, tests));
    },
  };
}

/** Settled by one test that always settles it, or by all of them never doing so. */
function constantOf(settling: boolean, tests: readonly TestCode[]): boolean | undefined {
  if (tests.some(({ constant }) => constant === settling)) return settling;
  return tests.length > 0 && tests.every(({ constant }) => constant === !settling) ? !settling : undefined;
}
