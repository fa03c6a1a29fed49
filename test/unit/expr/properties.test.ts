import fc from "fast-check";
import { expect, test } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { compileExpression } from "../../../src/expr/compile.ts";
import { ExpressionError } from "../../../src/expr/expression.ts";
import { asBoolean, asConstant, asCount, asDuration, asString } from "../../../src/expr/result.ts";
import { maxTextLength, toText, type Value } from "../../../src/expr/value.ts";
import { subject, vocabulary, world } from "../../support/expression-world.ts";
import { runs } from "../../support/runs.ts";

const numRuns = runs(400);

// biome-ignore format: one line a group
const words = [
  "rcpt", "sender_domain", "recipients", "local_port", "mixer", "authenticated-as", "helo_domain", "$0", "$1", "$x",
  "1", "0", "9007199254740991", "99999999999999999999", "0.5", "1.2.3.4", "5m", "true", "'a'", '"b"', "''", "'\\d+'", "'", '"', "'\\",
  "is_empty", "matches", "matches('(.)(.*)', ", "key_get('', ", "is_local_domain(", "split", "if_then", "hash", "substring(",
  "(", ")", "[", "]", ",", "!", "-", "+", "*", "/", "=", "==", "=>", "=<", "!=", "<", ">", "&&", "|", "^", " ", "\t", "\n", "}", ":", "é", "\u{1f600}", "\ud800",
];

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
  fc.array(fc.constantFrom(...words), { maxLength: 30 }).map((pieces) => pieces.join("")),
  fc.array(fc.constantFrom(...words), { maxLength: 30 }).map((pieces) => pieces.join(" ")),
);

test("any text compiles, or is an ExpressionError within the text", () => {
  fc.assert(
    fc.property(anyText, (source) => {
      try {
        compileExpression(source, vocabulary);
      } catch (error) {
        expect(error).toBeInstanceOf(ExpressionError);
        if (!(error instanceof ExpressionError)) return;
        expect(error.offset).toBeGreaterThanOrEqual(0);
        expect(error.offset).toBeLessThanOrEqual(source.length);
        expect(error.message).not.toBe("");
      }
    }),
    { numRuns },
  );
});

test("any pattern compiles, or is an ExpressionError", () => {
  const pieces = [
    "\\d",
    "\\W",
    "\\Q",
    "\\E",
    "\\",
    "[",
    "]",
    "[:alpha:]",
    "^",
    "-",
    "(",
    ")",
    "(?i)",
    "*",
    "+?",
    "{2,3}",
    "|",
    "$",
    ".",
    "a",
    "ä",
    "\u{1f600}",
  ];
  const pattern = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(pattern, fc.string({ unit: "grapheme" }), (source, rcpt) => {
      try {
        const expression = compileExpression(`matches("${source}", rcpt) && $0 == ''`, vocabulary);
        expect([0, 1]).toContain(expression.evaluate({ ...subject, rcpt }, world()));
      } catch (error) {
        expect(error).toBeInstanceOf(ExpressionError);
      }
    }),
    { numRuns },
  );
});

/** How a call begins, and how many parameters are to follow. */
// biome-ignore format: a long list of short pairs
const calls: readonly [opening: string, parameters: number][] = [
  ["count(", 1], ["sort(", 2], ["dedup(", 1], ["winnow(", 1], ["is_intersect(", 2], ["is_email(", 1], ["is_empty(", 1],
  ["is_number(", 1], ["is_ip_addr(", 1], ["is_ip_in_cidr(rcpt, rcpt + ", 1], ["ip_reverse_name(", 1], ["trim(", 1], ["to_uppercase(", 1],
  ["is_lowercase(", 1], ["len(", 1], ["count_chars(", 1], ["contains(", 2], ["contains_ignore_case(", 2], ["eq_ignore_case(", 2],
  ["starts_with(", 2], ["substring(", 3], ["strip_prefix(", 2], ["split(", 2], ["rsplit(", 2], ["split_n(", 3], ["split_once(", 2],
  ["rsplit_once(", 2], ["split_words(", 1], ["lines(", 1], ["if_then(", 3], ["key_get('', ", 1], ["key_set('', ", 2],
  ["counter_incr('', ", 2], ["is_local_domain(", 1], ["is_local_address('*', ", 1],
];

const { wellFormed } = fc.letrec<{ wellFormed: string }>((tie) => {
  const inner = tie("wellFormed");
  const list = fc.array(inner, { minLength: 0, maxLength: 3 }).map((parts) => parts.join(", "));
  return {
    wellFormed: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.constantFrom(
        "0",
        "1",
        "9007199254740991",
        "0.000001",
        "''",
        "'a'",
        "'1.2.3.4'",
        "'a,b'",
        "rcpt",
        "recipients",
        "local_port",
        "mixer",
        "$0",
        "$1",
        "5m",
      ),
      fc
        .tuple(inner, fc.constantFrom("+", "-", "*", "/", "==", "!=", "<", ">=", "^", "&&", "||"), inner)
        .map(([left, operator, right]) => `(${left}) ${operator} (${right})`),
      fc.tuple(fc.constantFrom("!", "-"), inner).map(([operator, operand]) => `${operator}(${operand})`),
      fc.tuple(inner, inner).map(([of, index]) => `(${of})[${index}]`),
      list.map((elements) => `[${elements}]`),
      inner.map((value) => `matches('^(.)(.*)$', ${value})`),
      fc.tuple(fc.constantFrom(...calls), inner, inner, inner).map(
        ([[opening, count], ...parameters]) =>
          `${opening}${parameters
            .map((text) => `(${text})`)
            .slice(0, count)
            .join(", ")})`,
      ),
    ),
  };
});

test("a well-formed expression yields a value, at once or later the same, whatever is asked", async () => {
  await fc.assert(
    fc.asyncProperty(wellFormed, fc.string({ unit: "grapheme" }), async (source, rcpt) => {
      const expression = compileExpression(source, vocabulary);
      const of = { ...subject, rcpt };
      const value = await expression.evaluate(of, world());
      expect(await expression.evaluate(of, world(true))).toStrictEqual(value);
      expectReadable(value);
    }),
    { numRuns },
  );
});

test("sources that cannot tell make nothing but a TemporaryError", async () => {
  const down = () => Promise.reject(new TemporaryError("down"));
  const ask = { ...world(), isLocalDomain: down, isLocalAddress: down, keyGet: down, keySet: down, counterIncr: down };
  await fc.assert(
    fc.asyncProperty(wellFormed, async (source) => {
      const expression = compileExpression(source, vocabulary);
      try {
        expectReadable(await expression.evaluate(subject, ask));
      } catch (error) {
        expect(expression.waits).toBe(true);
        expect(error).toBeInstanceOf(TemporaryError);
      }
    }),
    { numRuns },
  );
});

/** Numbers are in range and every setting can read the value. */
function expectReadable(value: Value): void {
  if (typeof value === "number") expect(Math.abs(value)).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
  expect(toText(value).length).toBeLessThanOrEqual(maxTextLength);
  expect(typeof asBoolean(value)).toBe("boolean");
  expect(asString(value) ?? "").toBeTypeOf("string");
  expect(asDuration(value) ?? 1).toBeGreaterThan(0);
  expect(asCount(value) ?? 0).toBeGreaterThanOrEqual(0);
  expect(asConstant(value, ["mixer"]) ?? "mixer").toBe("mixer");
}
