// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how scripts name variables
import { expect, test } from "vitest";
import { problemsOf, truthOf } from "../../../support/script-test.ts";

/** A fault tells that a test was asked. */
const fault = 'currentdate "${unset}" "1"';
const known = 'string :list "x" "known"';
const unknown = 'string :list "y" "known"';

test.each<[written: string, truth: boolean]>([
  ["true", true],
  ["false", false],
  ["not true", false],
  ["not not true", true],
  [`not ${known}`, false],
  [`not ${unknown}`, true],
  ["allof (true, true)", true],
  ["allof (true, false)", false],
  [`allof (${known}, ${known}, true)`, true],
  [`allof (true, ${known}, false)`, false],
  [`allof (${unknown}, ${fault})`, false],
  [`allof (false, ${fault})`, false],
  ["anyof (false, false)", false],
  ["anyof (false, true)", true],
  [`anyof (${unknown}, false, ${known})`, true],
  [`anyof (${unknown}, ${unknown})`, false],
  [`anyof (${known}, ${fault})`, true],
  [`anyof (true, ${fault})`, true],
  [`anyof (allof (true, not ${unknown}), ${fault})`, true],
])("%s is %j", async (written, truth) => {
  expect(await truthOf(written, { lists: { known: ["x"] } })).toBe(truth);
  expect(await truthOf(written, { lists: { known: ["x"] }, late: true })).toBe(truth);
});

test.each<[written: string, problems: number]>([
  ['allof (ihave "none", nosuchtest)', 0],
  ['anyof (not ihave "none", nosuchtest)', 0],
  ['not anyof (ihave "variables", nosuchtest)', 0],
  ['allof (anyof (ihave "none", not ihave "variables"), nosuchtest)', 0],
  ['allof (ihave "variables", nosuchtest)', 1],
  ['allof (nosuchtest, ihave "none")', 1],
  ['anyof (ihave "none", nosuchtest)', 1],
  ["allof (false, nosuchtest)", 1],
])("%s has %i problems", (written, problems) => {
  expect(problemsOf(written)).toHaveLength(problems);
});
