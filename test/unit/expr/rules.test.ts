import { expect, test } from "vitest";
import { compileRules, type RulePart } from "../../../src/expr/compile.ts";
import type { RuleSetSource } from "../../../src/expr/expression.ts";
import type { Value } from "../../../src/expr/value.ts";
import { subject, vocabulary, world } from "../../support/expression-world.ts";

function compile(source: RuleSetSource) {
  const rules = compileRules(source, vocabulary, (part, error) => {
    throw new Error(`${JSON.stringify(part)}: ${error.message}`);
  });
  if (!rules) throw new Error("it has errors");
  return rules;
}

const customers = "key_get('customers', rcpt_domain)";

test.each<[title: string, source: RuleSetSource, value: Value]>([
  ["else alone", { rules: [], else: "25" }, 25],
  ["the first true if", { rules: ["0", "'x'", "1"].map((text, index) => ({ if: text, then: String(index) })), else: "9" }, 1],
  ["none true", { rules: [{ if: "is_tls", then: "1" }], else: "'no'" }, "no"],
  [
    "captures reach then",
    { rules: [{ if: "matches('^([^.]+)\\.([^.]+)@(.+)$', rcpt)", then: "$2 + '@' + $3" }], else: "false" },
    "doe@example.org",
  ],
  [
    "captures of a false matches are cleared in else",
    {
      rules: [
        { if: "matches('(j)', rcpt) && 0", then: "1" },
        { if: "matches('x(y)', rcpt)", then: "2" },
      ],
      else: "'<' + $1 + '>'",
    },
    "<>",
  ],
  ["captures of a false if reach else", { rules: [{ if: "matches('(j)', rcpt) && 0", then: "1" }], else: "$1" }, "j"],
  [
    "captures of one if reach the next",
    {
      rules: [
        { if: "matches('(j)', rcpt) && 0", then: "1" },
        { if: "$1 == 'j'", then: "'yes'" },
      ],
      else: "0",
    },
    "yes",
  ],
  ["an if that waits", { rules: [{ if: `matches('^(j)', rcpt) && ${customers}`, then: "$1" }], else: "0" }, "j"],
  [
    "rules after one that waits",
    {
      rules: [
        { if: `!${customers}`, then: "1" },
        { if: "is_tls", then: "2" },
        { if: `${customers} == 'gold'`, then: `'plan ' + ${customers}` },
      ],
      else: "3",
    },
    "plan gold",
  ],
  ["an else that waits", { rules: [{ if: "0", then: "1" }], else: customers }, "gold"],
])("%s", async (_, source, value) => {
  const rules = compile(source);
  expect(rules.evaluate(subject, world())).toStrictEqual(value);
  const late = rules.evaluate(subject, world(true));
  expect(late instanceof Promise).toBe(rules.waits);
  expect(await late).toStrictEqual(value);
  expect(await rules.evaluate(subject, world(true))).toStrictEqual(value);
});

test.each<[source: RuleSetSource, constant: Value | undefined]>([
  [{ rules: [], else: "25" }, 25],
  [{ rules: [{ if: "1 == 2", then: "'x'" }], else: "'y' + 'z'" }, "yz"],
  [{ rules: [{ if: "1", then: "'x'" }], else: "sender" }, undefined],
  [{ rules: [{ if: "sender", then: "1" }], else: "1" }, undefined],
  [{ rules: [{ if: "1", then: "$1" }], else: "1" }, undefined],
])("%j is constant: %j", (source, constant) => expect(compile(source).constant).toStrictEqual(constant));

test("each evaluation starts without captures", () => {
  const rules = compile({ rules: [{ if: "$1 == '' && matches('(j)', rcpt)", then: "'fresh'" }], else: "'stale'" });
  expect([rules.evaluate(subject, world()), rules.evaluate(subject, world())]).toEqual(["fresh", "fresh"]);
});

test("two evaluations under way have captures of their own", async () => {
  const rules = compile({ rules: [{ if: `matches('^(.)', rcpt) && ${customers}`, then: "$1" }], else: "0" });
  const answers = ["a@example.org", "b@example.org"].map((rcpt) => rules.evaluate({ ...subject, rcpt }, world(true)));
  expect(await Promise.all(answers)).toEqual(["a", "b"]);
});

test("what follows the selected rule is not evaluated", async () => {
  const rule = (name: string, by: number) => ({ if: `counter_incr('', 'if ${name}', ${by})`, then: `counter_incr('', 'then ${name}', 1)` });
  const ask = world(true);
  const rules = compile({ rules: [rule("a", 0), rule("b", 1), rule("c", 1)], else: "counter_get('', 'else')" });
  expect(await rules.evaluate(subject, ask)).toBe(1);
  expect(ask.asked).toEqual(["increment  if a 0", "increment  if b 1", "increment  then b 1"]);
});

test("every part's error is reported in one pass", () => {
  const reports: [RulePart, string, number][] = [];
  const rules = compileRules(
    {
      rules: [
        { if: "", then: "greylist" },
        { if: "is_tls", then: "1 +" },
        { if: "local_prot == 25", then: "" },
      ],
      else: "",
    },
    vocabulary,
    (part, error) => reports.push([part, error.message, error.offset]),
  );
  const empty = "the expression is empty. Write a value, such as false or ''.";
  expect(rules).toBeUndefined();
  expect(reports).toEqual([
    [{ part: "if", index: 0 }, empty, 0],
    [{ part: "then", index: 0 }, 'unknown variable "greylist". Text needs inner quotes: "\'greylist\'".', 0],
    [{ part: "then", index: 1 }, 'a value is missing after "+".', 3],
    [{ part: "if", index: 2 }, 'unknown variable "local_prot". Did you mean "local_port"?', 0],
    [{ part: "then", index: 2 }, empty, 0],
    [{ part: "else" }, empty, 0],
  ]);
});

test("the variables of all parts are reported", () => {
  const rules = compile({ rules: [{ if: "is_tls", then: "sender" }], else: "rcpt" });
  expect([...rules.variables].toSorted()).toEqual(["is_tls", "rcpt", "sender"]);
});
