// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how scripts name variables
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { runs } from "../../../support/runs.ts";
import { faultOf, matchesAfter, problemsOf, truthOf } from "../../../support/script-test.ts";

const subject = {
  environment: { helo_domain: "mail.Example.org", "tls.version": "", now: 5, "param.body": "ÄÖ" },
  lists: { blocked: ["mail.example.org"], empty: [""], other: ["x"] },
};

test.each<[written: string, truth: boolean]>([
  ['string "a" "a"', true],
  ['string :is "a" "A"', true],
  ['string :is :comparator "i;octet" "a" "A"', false],
  ['string :is "ä" "Ä"', false],
  ['string :is "" ""', true],
  ['string :is ["a", "b"] ["x", "B"]', true],
  ['string :is "b" ["a", "b"]', true],
  ['string :is "b" ["a", "x"]', false],
  ['string :is "b" ["a", "${1}b", "x"]', true],
  ['string :is "b" ["${1}a", "B"]', true],
  ['string :is "${env.helo_domain}" "MAIL.example.org"', true],
  ['string :is "mail.example.org" "${env.helo_domain}"', true],
  ['string :is :comparator "i;ascii-numeric" "007x" "7"', true],
  ['string :is :comparator "i;ascii-numeric" "x" "y"', true],
  ['string :is :comparator "i;ascii-numeric" "x" "7"', false],
  ['string :contains "abc" "BC"', true],
  ['string :contains "abc" "ac"', false],
  ['string :contains "abc" ""', true],
  ['string :contains "abc" ["x", "${env.now}", "c"]', true],
  ['string :contains "1525" "${env.now}"', true],
  ['string :contains :comparator "i;octet" "abc" "BC"', false],
  ['string :matches "${env.helo_domain}" "mail.*"', true],
  ['string :matches "${env.helo_domain}" "MAIL.*.ORG"', true],
  ['string :matches :comparator "i;octet" "${env.helo_domain}" "mail.e*"', false],
  ['string :matches "a*c" "a\\\\*c"', true],
  ['string :matches "abc" "a\\\\*c"', false],
  ['string :matches "a5c" "a${env.now}?"', true],
  ['string :regex "${env.helo_domain}" "^mail\\\\.[a-z]+\\\\.org$"', true],
  ['string :regex "abc" "^b"', false],
  ['string :regex "ABC" "b"', true],
  ['string :regex :comparator "i;octet" "ABC" "b"', false],
  ['string :regex "a5" "^.${env.now}$"', true],
  ['string :value "gt" "b" "a"', true],
  ['string :value "gt" "b" "B"', false],
  ['string :value "ge" "b" "B"', true],
  ['string :value "lt" "_" "a"', false],
  ['string :value "lt" :comparator "i;octet" "_" "a"', true],
  ['string :value "eq" "a" ["b", "A"]', true],
  ['string :value "ne" "a" ["a", "b"]', true],
  ['string :value "NE" "a" "a"', false],
  ['string :value "lt" :comparator "i;ascii-numeric" "9" "10"', true],
  ['string :value "lt" "9" "10"', false],
  ['string :value "le" :comparator "i;ascii-numeric" "many" "10"', false],
  ['string :value "gt" :comparator "i;ascii-numeric" "99999999999999999999" "99999999999999999998"', true],
  ['string :count "eq" ["a", "", "c"] "2"', true],
  ['string :count "eq" "${unset}" "0"', true],
  ['string :count "gt" ["a", "b"] ["5", "1"]', true],
  ['string :count "le" ["a", "b"] "${env.now}"', true],
  ['string :count "gt" ["a", "b"] "2"', false],
  ['string :list "${env.helo_domain}" "blocked"', true],
  ['string :list "${env.helo_domain}" "other"', false],
  ['string :list ["y", "X"] ["blocked", "other"]', true],
  ['string :list "${env.tls.version}" "empty"', false],
  ['string :list "x" "${unset}other"', true],
  ['string :list "x" "${unset}none"', false],
  ['string :list "x" ["${unset}none", "other"]', true],
])("%s is %j", async (written, truth) => {
  expect(await truthOf(written, subject)).toBe(truth);
  expect(await truthOf(written, { ...subject, late: true })).toBe(truth);
});

describe("match variables", () => {
  test.each<[written: string, matches: string[]]>([
    ['string :matches "Ken@Example.org" "*@*.org"', ["Ken@Example.org", "Ken", "Example"]],
    ['string :matches "abc" "a?c"', ["abc", "b", ""]],
    ['string :matches "abc" ["x*", "*c", "a*"]', ["abc", "ab", ""]],
    ['string :matches ["abc", "xyz"] ["x*", "y*"]', ["xyz", "yz", ""]],
    ['string :regex "Ken@Example.org" "([a-z]+)@(x)?"', ["Ken@", "Ken", ""]],
    ['string :regex "abc" ["(x)", "(b)"]', ["b", "b", ""]],
    // A test that fails, or that has no wildcards, leaves them alone.
    ['string :matches "abc" "x*"', ["old", "old", ""]],
    ['string :regex "abc" "(x)"', ["old", "old", ""]],
    ['string :is "abc" "abc"', ["old", "old", ""]],
    ['string :contains "abc" "b"', ["old", "old", ""]],
    ['string :list ["b", "x"] "other"', ["x", "", ""]],
    ['string :list "y" "other"', ["old", "old", ""]],
    ['not string :matches "abc" "a*"', ["abc", "bc", ""]],
    ['anyof (string :matches "one" "*", string :matches "two" "*")', ["one", "one", ""]],
    ['allof (string :matches "one" "*", string :matches "two" "*")', ["two", "two", ""]],
  ])("%s leaves %j", async (written, matches) => {
    expect(await matchesAfter(written, subject)).toEqual(matches);
  });
});

describe("several sources and keys", () => {
  const texts = fc.array(fc.string({ unit: fc.constantFrom("a", "B", "b", "1", "0", "_", "*", "?", "\\", '"', "ä") }), {
    minLength: 1,
    maxLength: 4,
  });
  const matchType = fc.constantFrom(":is", ":contains", ":matches", ':value "lt"', ':value "ge"', ':count "eq"');
  const comparator = fc.constantFrom("i;octet", "i;ascii-casemap", "i;ascii-numeric");
  const quoted = (text: string) => `"${text.replace(/[\\"]/g, "\\$&")}"`;
  const listed = (list: readonly string[]) => `[${list.map(quoted).join(", ")}]`;
  const isPossible = (type: string, name: string) => name !== "i;ascii-numeric" || ![":contains", ":matches"].includes(type);

  test("a key that is known at load is as good as one that is not", async () => {
    await fc.assert(
      fc.asyncProperty(matchType, comparator, texts, texts, async (type, name, sources, keys) => {
        fc.pre(isPossible(type, name));
        const [begin, computed] = [`string :comparator "${name}" ${type} ${listed(sources)}`, keys.map((key) => `\${unset}${key}`)];
        const truth = await truthOf(`${begin} ${listed(keys)}`);
        expect(await truthOf(`${begin} ${listed(computed)}`)).toBe(truth);
        expect(await truthOf(`${begin} ${listed([...keys.slice(1), computed[0] ?? ""])}`)).toBe(truth);
      }),
      { numRuns: runs(150) },
    );
  });

  test("one match of any source with any key is a match", async () => {
    await fc.assert(
      fc.asyncProperty(matchType, comparator, texts, texts, async (type, name, sources, keys) => {
        fc.pre(isPossible(type, name) && !type.startsWith(":count"));
        const each = sources.flatMap((source) =>
          keys.map((key) => `string :comparator "${name}" ${type} ${quoted(source)} ${quoted(key)}`),
        );
        const truth = await truthOf(`anyof (${each.join(", ")})`);
        expect(await truthOf(`string :comparator "${name}" ${type} ${listed(sources)} ${listed(keys)}`)).toBe(truth);
      }),
      { numRuns: runs(150) },
    );
  });
});

test.each<[written: string, message: string]>([
  ['string :comparator "i;octett" "a" "a"', '2:23: error: unknown comparator "i;octett". Did you mean "i;octet"?'],
  [
    'string :comparator "x" "a" "a"',
    '2:23: error: unknown comparator "x". Known are i;octet, i;ascii-casemap, i;unicode-casemap, i;ascii-numeric.',
  ],
  [
    'string :comparator "${env.now}" "a" "a"',
    "2:23: error: the comparator has to be known when the script is loaded. Write its name without variables.",
  ],
  [
    'string :matches :comparator "i;ascii-numeric" "1" "1"',
    '2:11: error: ":matches" matches parts of texts, and "i;ascii-numeric" compares numbers. Use ":is" or ":value", or another comparator.',
  ],
  ['string :value "=" "1" "1"', '2:18: error: unknown relational operator "=". Known are gt, ge, lt, le, eq, ne.'],
  ['string :regex "1" ["a", "("]', "2:28: error: bad regular expression: missing closing ): `(`."],
  ['string :list "1" "blokced"', '2:21: error: unknown list "blokced". Did you mean "blocked"?'],
  ['string :list "1" "customers"', '2:21: error: unknown list "customers". Define it in [lookup.customers].'],
  [
    'string :count "gt" "1" "many"',
    '2:27: warning: "many" is not a number, and counts as greater than any. Write the number to compare with.',
  ],
])("%s: %s", (written, message) => {
  expect(problemsOf(written, subject)).toEqual([message]);
});

test("all that is wrong with one test is reported at once", () => {
  expect(problemsOf('string :comparator "x" :value "=" "1" "1"')).toHaveLength(2);
  expect(problemsOf('string :comparator "x" :regex "1" ["(", ")"]')).toHaveLength(3);
  expect(problemsOf('string :comparator "x" :list "1" ["a", "b"]')).toHaveLength(3);
});

test.each<[written: string, fault: string]>([
  ['string :value "${env.helo_domain}" "1" "1"', 'unknown relational operator "mail.Example.org". Known are gt, ge, lt, le, eq, ne.'],
  ['string :count "${env.helo_domain}" "1" "1"', 'unknown relational operator "mail.Example.org". Known are gt, ge, lt, le, eq, ne.'],
  ['string :regex "1" "(${env.now}"', 'bad regular expression "(5": missing closing )'],
])("%s fails while it runs: %s", async (written, fault) => {
  expect(await faultOf(written, subject)).toBe(fault);
});

describe("long texts take instructions", () => {
  const long = "a".repeat(64_000);
  const keys = Array.from({ length: 300 }, (_, index) => `"${index}"`).join(", ");
  test.each<[written: string]>([
    ['string :is "${env.helo_domain}" "a"'],
    ['string :is "a" "${env.helo_domain}"'],
    ['string :contains "${env.helo_domain}" "b"'],
    ['string :matches "${env.helo_domain}" "*b*"'],
    ['string :matches "a" "${env.helo_domain}"'],
    ['string :regex "${env.helo_domain}" "b"'],
    ['string :value "gt" "${env.helo_domain}" "b"'],
    ['string :list "${env.helo_domain}" "other"'],
    [`string :contains "b" [${keys}]`],
  ])("%.60s", async (written) => {
    const charged = { ...subject, environment: { helo_domain: long } };
    expect(await faultOf(written, { ...charged, instructions: 200 })).toMatch(/instructions/);
    expect(await faultOf(written, { ...charged, instructions: 5_000_000 })).toBeUndefined();
  });

  test.each([
    ['string :regex "a" "${env.helo_domain}"'],
    ['string :regex "${env.helo_domain}" "(a|b){100}c"'],
    [`string :matches "\${env.helo_domain}" "*${"?".repeat(1000)}b*"`],
    ['string :comparator "i;unicode-casemap" "${env.helo_domain}${env.helo_domain}${env.helo_domain}" "b"'],
    ["eval \"matches('(a|b){100}c', env.helo_domain)\""],
  ])("but one test never holds up others: %.60s", async (written) => {
    const charged = { ...subject, environment: { helo_domain: long }, instructions: 5_000_000 };
    expect(await faultOf(written, charged)).toMatch(/other sessions would have to wait/);
  });
});
