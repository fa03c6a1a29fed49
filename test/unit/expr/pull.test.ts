/** What a listing does to the value of an expression, and that it does no other thing. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import type { Ask } from "../../../src/expr/ask.ts";
import { compileExpression, compileRules } from "../../../src/expr/compile.ts";
import type { Doubt, Expression, RuleSetSource } from "../../../src/expr/expression.ts";
import type { Pull } from "../../../src/expr/pull.ts";
import { isTrue, type Value } from "../../../src/expr/value.ts";
import { type Subject, subject, vocabulary, world } from "../../support/expression-world.ts";
import { runs } from "../../support/runs.ts";

const codes = ["127.0.0.4"];

/** Of the lists that are away, in the order of the first that an evaluation comes to. */
async function pullsOf(expression: Expression<Subject>, away: ReadonlySet<string>, listed: ReadonlySet<string>) {
  const doubts: Doubt[] = [];
  const ask = {
    ...world(),
    dnsList: ({ list }: { readonly list: string }) => {
      if (away.has(list)) throw new TemporaryError("away");
      return listed.has(list) ? codes : [];
    },
  };
  const value = isTrue(await expression.evaluate(subject, ask, (doubt) => doubts.push(doubt)));
  return { value, doubts };
}

const lists = ["zen", "abuse"] as const;
const subsets = [[], ["zen"], ["abuse"], ["zen", "abuse"]].map((each) => new Set(each));

async function expectPull(expression: Expression<Subject>, pull: Pull) {
  const none: ReadonlySet<string> = new Set();
  const seen: Pull[] = [];
  for (const listed of subsets) {
    for (const { what, pull } of (await pullsOf(expression, new Set(lists), none)).doubts) if (what === "DNS list zen") seen.push(pull);
    const without = await pullsOf(expression, none, new Set([...listed].filter((each) => each !== "zen")));
    const within = await pullsOf(expression, none, new Set([...listed, "zen"]));
    if (pull === 1) expect([without.value, within.value]).not.toEqual([true, false]);
    if (pull === -1) expect([without.value, within.value]).not.toEqual([false, true]);
  }
  expect(new Set(seen)).toEqual(new Set([pull]));
}

test.each<[source: string, pull: Pull]>([
  ["dns_listed('zen')", 1],
  ["dns_list('zen')", 1],
  ["!dns_listed('zen')", -1],
  ["!!dns_listed('zen')", 1],
  ["!dns_list('zen')", -1],
  ["local_port == 25 && !dns_listed('zen')", -1],
  ["!(dns_listed('abuse') || dns_listed('zen'))", -1],
  ["dns_listed('abuse') || local_port == 25 && dns_listed('zen')", 1],
  // Codes
  ["contains(dns_list('zen'), '127.0.0.4')", 1],
  ["!contains(dns_list('zen'), '127.0.0.4')", -1],
  ["contains_ignore_case(dns_list('zen'), '127.0.0.4')", 0],
  ["is_empty(dns_list('zen'))", -1],
  ["!is_empty(dns_list('zen'))", 1],
  ["is_empty(dns_listed('zen'))", 0],
  ["count(dns_list('zen'))", 1],
  ["count(dns_list('zen')) == 0", 0],
  ["count(dns_list('zen')) < 1", -1],
  ["count(dns_list('zen') + dns_list('abuse')) > 0", 0],
  ["contains(!dns_listed('zen'), '1')", 0],
  ["dns_list('zen')[0] == ''", 0],
  ["dns_list('zen') > 0", 0],
  ["[dns_listed('zen')]", 0],
  ["if_then(dns_listed('zen'), 0, 1)", 0],
  // Scores
  ["dns_listed('abuse') + dns_listed('zen') >= 2", 1],
  ["2 <= dns_listed('abuse') + dns_listed('zen')", 1],
  ["dns_listed('abuse') * 5 - dns_listed('zen') * 3 > 0", -1],
  ["dns_listed('abuse') * 5 - -dns_listed('zen') * 3 > 0", 1],
  ["dns_listed('zen') * -1 > -1", 0],
  ["2 * dns_listed('zen') * 2 > 3", 1],
  ["dns_listed('zen') * dns_listed('zen') > 0", 0],
  ["1 / dns_listed('zen') > 0", 0],
  ["(dns_listed('abuse') || dns_listed('zen')) + 1 > 1", 1],
  ["(dns_list('zen') || 1) > 0", 0],
  ["(dns_listed('zen') * 0.5 || 1) > 0", 0],
  ["local_port + dns_listed('zen') > 25", 0],
  ["'-1' + dns_listed('zen') > -11", 0],
  ["dns_listed('zen') - dns_list('abuse')", 0],
  ["dns_listed('zen') > dns_listed('abuse') > 0", 0],
  ["0 > -dns_listed('zen')", 1],
  // Whatever is not 0 is true
  ["dns_listed('zen') - 1", 0],
  ["-dns_listed('zen')", 0],
  // Either way
  ["dns_listed('zen') == 0", 0],
  ["dns_listed('zen') != dns_listed('abuse')", 0],
  ["dns_listed('zen') ^ dns_listed('abuse')", 0],
])("%s: %d", async (source, pull) => {
  await expectPull(compileExpression(source, vocabulary), pull);
});

test.each<[source: string, pull: Pull]>([
  ["key_exists('blocked-domain', sender)", 1],
  ["!key_exists('blocked-domain', sender)", -1],
  ["key_exists('blocked' + '-domain', sender) + 1 > 1", 1],
  ["key_get('blocked-domain', sender)", 1],
  ["key_get('blocked-domain', sender) == 'x'", 0],
  ["key_get('blocked-domain', sender) > 2", 0],
  ["(key_get('blocked-domain', sender) || 1) > 0", 0],
  ["(key_exists('blocked-domain', sender) || 1) > 0", 1],
  ["key_exists('blocked-domain', sender) - dns_list('abuse') > 0", 0],
  ["key_exists('blocked-domain', sender) - recipients > 0", 0],
  ["count([key_exists('blocked-domain', sender)])", 0],
])("what a list misses that may not be whole, %s: %d", (source, pull) => {
  const doubts: Doubt[] = [];
  const keyGet: Ask["keyGet"] = (list, _key, onMiss) => {
    onMiss?.(list, "being written");
    return undefined;
  };
  compileExpression(source, vocabulary).evaluate(subject, { ...world(), keyGet }, (doubt) => doubts.push(doubt));
  expect(doubts).toMatchObject([{ what: "list blocked-domain", pull, cause: { message: "being written" } }]);
});

const listed = "dns_listed('zen')";

test.each<[rules: RuleSetSource, pull: Pull]>([
  [{ rules: [], else: listed }, 1],
  [{ rules: [{ if: listed, then: "true" }], else: "false" }, 1],
  [{ rules: [{ if: listed, then: " false " }], else: "true" }, -1],
  [{ rules: [{ if: `!${listed}`, then: "true" }], else: "false" }, -1],
  [{ rules: [{ if: `!${listed}`, then: "false" }], else: "true" }, 1],
  [{ rules: [{ if: listed, then: "'text'" }], else: "false" }, 0],
  [{ rules: [{ if: "local_port == 26", then: "false" }], else: `!${listed}` }, -1],
  [{ rules: [{ if: "local_port == 25", then: `!${listed}` }], else: "true" }, -1],
])("%j: %d", async (rules, pull) => {
  const compiled = compileRules(rules, vocabulary, (_, error) => {
    throw error;
  });
  if (compiled) await expectPull(compiled, pull);
});

test.each<[source: string, pull: Pull]>([
  ["result == 'fail'", 1],
  ["'fail' == result", 1],
  ["result != 'pass'", -1],
  ["!(result == 'pass')", -1],
  ["result != 'fail' && local_port == 25", -1],
  ["result == 'fail' || result == 'softfail'", 1],
  ["(result == 'fail') * 2 + dns_listed('zen') > 1", 1],
  ["result == 'fail' || result != 'pass'", 0],
  ["result == 'temperror'", 0],
  ["result != ''", 0],
  ["result == 0", 0],
  ["result == sender", 0],
  ["result == 'fail' == 1", 0],
  ["contains(result, 'fail')", 0],
  ["result", 0],
])("what could not be told in %s: %d", (source, pull) => {
  expect(compileExpression(source, vocabularyOfResults).pulls?.get("result")).toBe(pull);
});

const vocabularyOfResults = {
  ...vocabulary,
  variables: new Map([...vocabulary.variables.keys(), "result"].map((name) => [name, (of: Subject) => of[name] ?? ""])),
};

/** What each source may say; the first is what it is taken to say when it cannot tell. */
const told: Readonly<Record<Source, readonly (Value | undefined)[]>> = {
  zen: [[], ["127.0.0.4"], ["127.0.0.2", "127.0.0.4"]],
  key: [undefined, 1, 0, -5, "x", "", "7"],
  result: ["temperror", "pass", "fail", ""],
};
type Source = "zen" | "key" | "result";
const sources: readonly Source[] = ["zen", "key", "result"];

interface Said extends Readonly<Record<Source, Value | undefined>> {
  readonly abuse: readonly string[];
}

/** `untold`: the source that cannot tell. */
function evaluated(expression: Expression<Subject>, said: Said, untold?: Source) {
  const pulls = new Set<Pull>();
  const dnsList: Ask["dnsList"] = ({ list }) => {
    if (list === "zen" && untold === "zen") throw new TemporaryError("away");
    return list === "zen" ? (said.zen as readonly string[]) : said.abuse;
  };
  const keyGet: Ask["keyGet"] = (list, _, onMiss) => {
    if (untold === "key") onMiss?.(list, "being written");
    return untold === "key" ? undefined : said.key;
  };
  if (untold === "result") pulls.add(expression.pulls?.get("result") ?? 1);
  const of = { ...subject, result: untold === "result" ? "temperror" : (said.result ?? "") };
  const value = expression.evaluate(of, { ...world(), dnsList, keyGet }, ({ pull }) => pulls.add(pull));
  if (value instanceof Promise) throw new Error("it waits");
  return { value: isTrue(value), pulls };
}

// biome-ignore format: one line a group
const leaves = [
  "dns_listed('zen')", "dns_list('zen')", "key_exists('blocked-domain', sender)", "key_get('blocked-domain', sender)",
  "result == 'fail'", "'pass' != result", "result", "dns_listed('abuse')", "dns_list('abuse')",
  "0", "1", "2", "0.5", "-1", "''", "'x'", "'1'", "'-5'", "'fail'", "'temperror'", "local_port", "recipients", "$1", "['127.0.0.4']",
];
const operators = ["&&", "||", "^", "==", "!=", ">", ">=", "<", "<=", "+", "-", "*", "/"];

const { anyExpression } = fc.letrec<{ anyExpression: string }>((tie) => {
  const inner = tie("anyExpression").map((text) => `(${text})`);
  return {
    anyExpression: fc.oneof(
      { maxDepth: 4, depthIdentifier: "expression" },
      fc.constantFrom(...leaves),
      fc.tuple(inner, fc.constantFrom(...operators), inner).map((parts) => parts.join(" ")),
      fc.tuple(inner, fc.constantFrom(...operators), inner).map((parts) => parts.join(" ")),
      fc.tuple(fc.constantFrom("!", "-", "count", "is_empty"), inner).map((parts) => parts.join("")),
      fc.tuple(inner, fc.constantFrom("'127.0.0.4'", "'fail'")).map((parameters) => `contains(${parameters.join(", ")})`),
    ),
  };
});

const anyRules = fc.record({
  rules: fc.array(fc.record({ if: anyExpression, then: fc.oneof(fc.constantFrom("true", "false", "'x'"), anyExpression) }), {
    maxLength: 2,
  }),
  else: fc.oneof(fc.constantFrom("true", "false"), anyExpression),
});

describe("whatever the expression is", () => {
  test.each(sources)("%s does no other thing than is said", (source) => {
    fc.assert(
      fc.property(
        anyRules,
        fc.record({
          ...{ zen: fc.constantFrom(...told.zen), key: fc.constantFrom(...told.key), result: fc.constantFrom(...told.result) },
          abuse: fc.constantFrom([], ["127.0.0.4"]),
        }),
        (rules, said) => {
          const expression = compileRules(rules, vocabularyOfResults, () => {});
          if (expression === undefined) return;
          const { value, pulls } = evaluated(expression, said, source);
          for (const now of told[source]) {
            if (now === told[source][0]) continue;
            const then = evaluated(expression, { ...said, [source]: now }).value;
            if (value && !pulls.has(0) && !pulls.has(-1) && pulls.size > 0) expect(then).toBe(true);
            if (!value && !pulls.has(0) && !pulls.has(1) && pulls.size > 0) expect(then).toBe(false);
          }
        },
      ),
      { numRuns: runs(800) },
    );
  });
});
