import { expect, test } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { compileExpression, compileRules } from "../../../src/expr/compile.ts";
import type { Value } from "../../../src/expr/value.ts";
import { subject, vocabulary, world } from "../../support/expression-world.ts";

test.each<[source: string, value: Value, asked: string[]]>([
  ["is_local_domain(rcpt_domain)", 1, ["domain any example.org"]],
  ["is_local_domain('', rcpt_domain)", 1, ["domain  example.org"]],
  ["is_local_domain('*', sender_domain)", 0, ["domain * sender.example"]],
  ["is_local_domain('local', rcpt_domain)", 1, ["domain local example.org"]],
  ["is_local_address(rcpt)", 1, ["address any john.doe@example.org"]],
  ["is_local_address('accounts', sender)", 0, ["address accounts jane@sender.example"]],
  ["key_get('', 'color')", "blue", ["get  color"]],
  ["key_get('*', 'shape')", "", ["get * shape"]],
  ["key_get('customers', rcpt_domain)", "gold", ["get customers example.org"]],
  ["key_get(sender, 'x')", "", ["get jane@sender.example x"]],
  ["key_exists('blocked-domain', 'spam.example')", 1, ["get blocked-domain spam.example"]],
  ["key_exists('blocked-domain', sender_domain)", 0, ["get blocked-domain sender.example"]],
  ["[key_set('', 'a', [1, 2]), key_get('', 'a')]", [1, [1, 2]], ["set  a 1,2", "get  a"]],
  ["key_set('', 'a', 1, 60)", 1, ["set  a 1 for 60"]],
  ["key_set('*', 'a', 1, '1.5')", 1, ["set * a 1 for 1.5"]],
  ["key_set('', 'a', 1, 0) + key_set('', 'a', 1, -5) + key_set('', 'a', 1, 'x')", 3, ["set  a 1", "set  a 1", "set  a 1"]],
  ["counter_get('', 'n')", 0, ["count  n"]],
  [
    "[counter_incr('', 'n', 2), counter_incr('', 'n', '3.9'), counter_get('', 'n')]",
    [2, 5, 5],
    ["increment  n 2", "increment  n 3", "count  n"],
  ],
  [`sql_query('', 'SELECT []', [])`, "", ["sql  "]],
  [`sql_query('pg', 'SELECT [["a"]] WHERE ?', rcpt)`, "a", ["sql pg john.doe@example.org"]],
  [`sql_query('pg', 'SELECT [["a", 1]] WHERE $1 $2', [rcpt, 5])`, ["a", 1], ["sql pg john.doe@example.org,5"]],
  [`sql_query('*', 'SELECT [["a"], ["b"]]', [])`, [["a"], ["b"]], ["sql * "]],
  ["sql_query('', 'DELETE FROM t', [])", 3, ["sql  "]],
  ["dns_query(rcpt_domain, 'mx')", ["mx1.example.org", "mx2.example.org"], ["dns mx example.org"]],
  ["dns_query(rcpt_domain, 'MX')[0]", "mx1.example.org", ["dns mx example.org"]],
  ["dns_query(rcpt_domain, 'txt')", "v=spf1 -all", ["dns txt example.org"]],
  ["lines(dns_query('two.example', 'txt'))", ["a", "b"], ["dns txt two.example"]],
  ["is_empty(dns_query(sender_domain, 'mx'))", 1, ["dns mx sender.example"]],
  ["dns_query(rcpt_domain, 'm' + 'xx')", "", []],
  ["dns_exists(rcpt_domain, 'mx')", 1, ["dns mx example.org"]],
  ["dns_exists(sender_domain, 'mx')", 0, ["dns mx sender.example"]],
  ["dns_list('zen')", ["127.0.0.2", "127.0.0.4"], ["list zen 192.0.2.1"]],
  ["dns_listed('zen')", 1, ["list zen 192.0.2.1"]],
  ["dns_list('abuse')", [], ["list abuse 192.0.2.1"]],
  ["contains(dns_list('zen'), '127.0.0.4')", 1, ["list zen 192.0.2.1"]],
  // Nothing to ask about
  ["dns_listed('names')", 0, []],
  // All that it names at the same time, when it comes to one
  ["local_port == 26 && dns_listed('zen') || is_tls && dns_listed('abuse')", 0, []],
  [
    "dns_listed('names') || dns_listed('abuse') || dns_listed('zen')",
    1,
    ["list abuse 192.0.2.1 and zen 192.0.2.1", "list zen 192.0.2.1 and abuse 192.0.2.1"],
  ],
  // Short circuit
  ["0 && counter_incr('', 'n', 1)", 0, []],
  ["'x' || counter_incr('', 'n', 1)", "x", []],
  ["1 && counter_incr('', 'n', 1)", 1, ["increment  n 1"]],
  ["0 || counter_incr('', 'n', 1) || counter_incr('', 'm', 1)", 1, ["increment  n 1"]],
  ["counter_get('', 'n') && counter_incr('', 'n', 1) && 1", 0, ["count  n"]],
  ["key_get('', 'color') || counter_incr('', 'n', 1)", "blue", ["get  color"]],
  ["counter_incr('', 'n', 1) && 'x' && counter_get('', 'm')", 0, ["increment  n 1", "count  m"]],
  ["key_exists('blocked-domain', 'spam.example') || is_local_domain('local', rcpt_domain)", 1, ["get blocked-domain spam.example"]],
  // What waits within what does not
  ["1 + counter_incr('', 'n', 1) * 2 - counter_get('', 'n')", 2, ["increment  n 1", "count  n"]],
  ["'<' + key_get('', 'color') + '>'", "<blue>", ["get  color"]],
  ["split(key_get('', 'color'), 'u')[counter_incr('', 'n', 1)]", "e", ["get  color", "increment  n 1"]],
  ["if_then(0, counter_incr('', 'n', 1), key_get('', 'color'))", "blue", ["increment  n 1", "get  color"]],
  ["-counter_incr('', 'n', 1)", -1, ["increment  n 1"]],
  ["[matches('^(b)(.)', key_get('', 'color')), $2]", [1, "l"], ["get  color"]],
  ["matches('^(j)', rcpt) && is_local_domain(rcpt_domain) && $1 == 'j'", 1, ["domain any example.org"]],
])("%s", async (source, value, asked) => {
  const expression = compileExpression(source, vocabulary);

  const atHand = world();
  const now = expression.evaluate(subject, atHand);
  expect(now).toStrictEqual(value);
  expect(atHand.asked).toEqual(asked);

  const late = world(true);
  expect(await expression.evaluate(subject, late)).toStrictEqual(value);
  expect(late.asked).toEqual(asked);
});

test.each<[source: string, waits: boolean]>([
  ["1 + 1", false],
  ["matches('a', rcpt)", false],
  ["is_local_domain('local', rcpt_domain)", false],
  ["is_local_domain('accounts', rcpt_domain)", true],
  ["is_local_domain('', rcpt_domain)", true],
  ["is_local_domain(rcpt_domain)", true],
  ["is_local_address(sender, rcpt)", true],
  ["key_exists('blocked-domain', rcpt)", false],
  ["key_get('customers', rcpt)", true],
  ["key_get('', rcpt)", true],
  ["key_get('*', rcpt)", true],
  ["key_get(rcpt, rcpt)", true],
  ["key_set('', 'a', 1)", true],
  ["counter_get('', 'a')", true],
  ["sql_query('pg', 'SELECT 1', [])", true],
  ["0 && counter_get('', 'a')", true],
  ["dns_query(rcpt_domain, 'mx')", true],
  ["dns_exists(rcpt_domain, 'mx')", true],
  ["dns_listed('zen')", true],
  ["len(key_get('', 'a'))", true],
])("%s may wait: %s", (source, waits) => {
  const expression = compileExpression(source, vocabulary);
  expect(expression.waits).toBe(waits);
  if (!waits) expect(expression.evaluate(subject, world(true))).not.toBeInstanceOf(Promise);
});

test("the default directory waits only if some directory does", () => {
  const names = { ...vocabulary.names, directories: new Map([["local", { waits: false }]]) };
  expect(compileExpression("is_local_domain(rcpt_domain)", { ...vocabulary, names }).waits).toBe(false);
  expect(compileExpression("is_local_address('*', rcpt)", { ...vocabulary, names }).waits).toBe(false);
});

test("what is late makes a promise, what is at hand none", () => {
  const expression = compileExpression("key_get('customers', rcpt_domain) == 'gold'", vocabulary);
  expect(expression.evaluate(subject, world())).toBe(1);
  expect(expression.evaluate(subject, world(true))).toBeInstanceOf(Promise);
});

test("a source that cannot tell ends the evaluation", async () => {
  const expression = compileExpression("1 || key_get('', 'a') || 1 && key_get('', 'a') && 1", vocabulary);
  expect(expression.evaluate(subject, world())).toBe(1);
  const failing = compileExpression("1 && key_get('', 'a') && 1", vocabulary);
  const down = () => {
    throw new TemporaryError("down");
  };
  expect(() => failing.evaluate(subject, { ...world(), keyGet: down })).toThrow(TemporaryError);
  await expect(failing.evaluate(subject, { ...world(), keyGet: async () => down() })).rejects.toThrow(TemporaryError);
});

test("a source that waits though it was said not to is a bug", () => {
  const expression = compileExpression("key_exists('blocked-domain', rcpt)", vocabulary);
  expect(() => expression.evaluate(subject, { ...world(), keyGet: async () => 1 })).toThrow(/^key_exists waited/);
  expect(() => expression.evaluate(subject, { ...world(), keyGet: () => Promise.reject(new TemporaryError("down")) })).toThrow(/waited/);
});

test.each<[source: string, constant: Value | undefined]>([
  ["1 + 2 * 3", 7],
  ["if_then(0, 'a', ['b', 1])[1]", 1],
  ["'' && mixer || -1", 1],
  ["!mixer", 0],
  ["rcpt", undefined],
  ["0 && rcpt", undefined],
  ["$1", undefined],
  ["matches('a', 'a')", undefined],
  ["1 + key_exists('blocked-domain', 'a')", undefined],
  ["[1, counter_get('', 'a')]", undefined],
])("%s is constant: %j", (source, constant) => {
  const expression = compileExpression(source, { ...vocabulary, constants: new Set(["mixer"]) });
  expect(expression.constant).toStrictEqual(constant);
  if (constant !== undefined) expect(expression.evaluate(subject, world())).toStrictEqual(constant);
});

test("it says which variables it uses", () => {
  const { variables } = compileExpression("rcpt == 'sender' && len(sender_domain + rcpt) > local_port", vocabulary);
  expect([...variables].toSorted()).toEqual(["local_port", "rcpt", "sender_domain"]);
});

test.each([false, true])("a DNS list that cannot tell lists nothing (late: %s)", async (late) => {
  const { evaluate } = compileExpression("[count(dns_list('zen')), dns_listed('zen')]", vocabulary);
  expect(await evaluate({ ...subject, remote_ip: "192.0.2.99" }, world(late))).toEqual([0, 0]);
});

test("all lists of a rule set are asked together, and the expression says what it depends on", async () => {
  const rules = { rules: [{ if: "dns_listed('abuse')", then: "1" }], else: "dns_list('zen')" };
  const compiled = compileRules(rules, vocabulary, (_, error) => {
    throw error;
  });
  const asking = world();
  expect(await compiled?.evaluate(subject, asking)).toEqual(["127.0.0.2", "127.0.0.4"]);
  expect(asking.asked).toEqual(["list abuse 192.0.2.1 and zen 192.0.2.1", "list zen 192.0.2.1 and abuse 192.0.2.1"]);
  expect([...(compiled?.variables ?? [])]).toEqual(["remote_ip"]);
});
