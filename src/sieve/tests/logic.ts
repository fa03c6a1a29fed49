/** `true`, `false`, `not`, `allof`, `anyof` (RFC 5228 section 5): tests of tests, which ask no more than they have to. */

import type { TestRecord } from "../compile/definition.ts";
import type { Test } from "../compile/script-code.ts";

export const trueTest: TestRecord = { name: "true", compile: () => constant(true) };

export const falseTest: TestRecord = { name: "false", compile: () => constant(false) };

export const notTest: TestRecord = {
  name: "not",
  tests: "one",
  compile({ tests: [test] }) {
    if (!test) return undefined;
    if (!test.waits) return { waits: false, run: (run) => !test.run(run), always: test.always === undefined ? undefined : !test.always };
    return {
      waits: true,
      *steps(run) {
        return !(yield* test.steps(run));
      },
    };
  },
};

export const allofTest: TestRecord = {
  name: "allof",
  tests: "list",
  settledBy: false,
  compile: ({ tests }) => until(false, tests),
};

export const anyofTest: TestRecord = {
  name: "anyof",
  tests: "list",
  settledBy: true,
  compile: ({ tests }) => until(true, tests),
};

function constant(truth: boolean): Test {
  return { waits: false, run: () => truth };
}

/** The first test that is `settling` is the outcome; if none is, it is the contrary. */
function until(settling: boolean, tests: readonly Test[]): Test {
  const runs = tests.flatMap((test) => (test.waits ? [] : [test.run]));
  if (runs.length < tests.length) {
    return {
      waits: true,
      *steps(run) {
        for (const test of tests) {
          const truth = test.waits ? yield* test.steps(run) : test.run(run);
          if (truth === settling) return settling;
        }
        return !settling;
      },
    };
  }
  return {
    waits: false,
    run: (run) => {
      for (const test of runs) if (test(run) === settling) return settling;
      return !settling;
    },
    always: alwaysOf(settling, tests),
  };
}

/** Settled by one test that always settles it, or by all of them never doing so. */
function alwaysOf(settling: boolean, tests: readonly Test[]): boolean | undefined {
  if (tests.some(({ always }) => always === settling)) return settling;
  return tests.length > 0 && tests.every(({ always }) => always === !settling) ? !settling : undefined;
}
