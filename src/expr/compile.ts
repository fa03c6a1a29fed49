/** The way in: expressions and rule sets to what is evaluated. */
import type { Answer } from "../answer/answer.ts";
import { compileCode } from "./closures.ts";
import { type Code, folded, type Run } from "./code.ts";
import { ExpressionError } from "./error.ts";
import type { Expression, RuleSetSource, Vocabulary } from "./expression.ts";
import { isTrue, type Value } from "./value.ts";

/** Throws an `ExpressionError`. */
export function compileExpression<S>(source: string, vocabulary: Vocabulary<S>): Expression<S> {
  const variables = new Set<string>();
  return expression(compileCode(source, vocabulary, variables), variables);
}

/** A part of a rule set; `index` is that of its rule. */
export type RulePart = { readonly part: "if" | "then"; readonly index: number } | { readonly part: "else" };

interface Rule<S> {
  readonly condition: Code<S>;
  readonly outcome: Code<S>;
}

/**
 * The first true `if` selects its `then`, else `else`; all parts share the captures of one evaluation.
 * Reports what is wrong with every part, and is `undefined` if anything is.
 */
export function compileRules<S>(
  source: RuleSetSource,
  vocabulary: Vocabulary<S>,
  report: (part: RulePart, error: ExpressionError) => void,
): Expression<S> | undefined {
  const variables = new Set<string>();
  const compile = (text: string, part: RulePart): Code<S> | undefined => {
    try {
      return compileCode(text, vocabulary, variables);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      report(part, error);
      return undefined;
    }
  };
  const rules: Rule<S>[] = [];
  for (const [index, rule] of source.rules.entries()) {
    const condition = compile(rule.if, { part: "if", index });
    const outcome = compile(rule.then, { part: "then", index });
    if (condition && outcome) rules.push({ condition, outcome });
  }
  const otherwise = compile(source.else, { part: "else" });
  if (!otherwise || rules.length < source.rules.length) return undefined;
  const parts = [...rules.flatMap(({ condition, outcome }) => [condition, outcome]), otherwise];
  return expression(folded(parts, codeOf(rules, otherwise)), variables);
}

function expression<S>(code: Code<S>, variables: ReadonlySet<string>): Expression<S> {
  return {
    waits: code.waits,
    variables,
    constant: code.constant,
    evaluate: (subject, ask) => code.run({ subject, ask, match: undefined }),
  };
}

function codeOf<S>(rules: readonly Rule<S>[], otherwise: Code<S>): Code<S> {
  const runs = rules.flatMap(({ condition, outcome }) =>
    condition.waits || outcome.waits ? [] : [{ condition: condition.run, outcome: outcome.run }],
  );
  if (runs.length < rules.length || otherwise.waits) return { waits: true, run: (run) => select(rules, otherwise, run) };
  return {
    waits: false,
    run: (run) => {
      for (const { condition, outcome } of runs) if (isTrue(condition(run))) return outcome(run);
      return otherwise.run(run);
    },
  };
}

function select<S>(rules: readonly Rule<S>[], otherwise: Code<S>, run: Run<S>, from = 0): Answer<Value> {
  for (const [index, { condition, outcome }] of rules.entries().drop(from)) {
    const value = condition.run(run);
    if (value instanceof Promise) {
      return value.then((late) => (isTrue(late) ? outcome.run(run) : select(rules, otherwise, run, index + 1)));
    }
    if (isTrue(value)) return outcome.run(run);
  }
  return otherwise.run(run);
}
