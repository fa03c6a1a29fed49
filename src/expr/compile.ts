/** The way in: expressions and rule sets to what is evaluated. */
import { choose } from "../answer/code.ts";
import { compileCode, nothingUsed, type Used, type UsedStatement } from "./closures.ts";
import { folded, type ValueCode } from "./code.ts";
import { type Expression, ExpressionError, type RuleSetSource, type Vocabulary } from "./expression.ts";
import type { Pull } from "./pull.ts";
import { isTrue, type Value } from "./value.ts";

/** Throws an `ExpressionError`. */
export function compileExpression<S>(source: string, vocabulary: Vocabulary<S>): Expression<S> {
  const used = nothingUsed<S>();
  return expression(compileCode(source, vocabulary, used), used);
}

/** A part of a rule set; `index` is that of its rule. */
export type RulePart = { readonly part: "if" | "then"; readonly index: number } | { readonly part: "else" };

/** A part that compiles. */
export interface CompiledPart {
  readonly text: string;
  /** Its value, if that depends on no variable, capture or source. */
  readonly constant: Value | undefined;
  /** The SQL that is the same at every evaluation. */
  readonly statements: readonly UsedStatement[];
}

/**
 * The first true `if` selects its `then`, else `else`; all parts share the captures of one evaluation.
 * Reports what is wrong with every part, and is `undefined` if anything is.
 * `onPart`: called with each that compiles. `onWarning`: that of the vocabulary, with the part.
 */
export function compileRules<S>(
  source: RuleSetSource,
  vocabulary: Vocabulary<S>,
  report: (part: RulePart, error: ExpressionError) => void,
  onPart?: (part: RulePart, compiled: CompiledPart) => void,
  onWarning?: (part: RulePart, warning: ExpressionError) => void,
): Expression<S> | undefined {
  const used = nothingUsed<S>();
  const compile = (text: string, part: RulePart, pull?: Pull): ValueCode<S> | undefined => {
    try {
      const within = onWarning ? { ...vocabulary, onWarning: (warning: ExpressionError) => onWarning(part, warning) } : vocabulary;
      const code = compileCode(text, within, used, pull);
      onPart?.(part, { text, constant: code.constant, statements: used.statements.splice(0) });
      return code;
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      report(part, error);
      return undefined;
    }
  };
  const rules: { readonly condition: ValueCode<S>; readonly outcome: ValueCode<S> }[] = [];
  for (const [index, rule] of source.rules.entries()) {
    const condition = compile(rule.if, { part: "if", index }, pullBy(rule.then));
    const outcome = compile(rule.then, { part: "then", index });
    if (condition && outcome) rules.push({ condition, outcome });
  }
  const otherwise = compile(source.else, { part: "else" });
  if (!otherwise || rules.length < source.rules.length) return undefined;
  const parts = [...rules.flatMap(({ condition, outcome }) => [condition, outcome]), otherwise];
  return expression(folded(parts, choose(rules, isTrue, otherwise)), used);
}

/** What it does to the value of a rule set that a condition is true, by its outcome. */
function pullBy(outcome: string): Pull {
  const written = outcome.trim();
  return written === "true" ? 1 : written === "false" ? -1 : 0;
}

function expression<S>({ waits, constant, run }: ValueCode<S>, { variables, pulls, dnsLists, lists }: Used<S>): Expression<S> {
  return {
    ...{ waits, constant, variables, pulls, namesDnsLists: dnsLists.size > 0, lists: lists.size === 0 ? undefined : lists },
    evaluate: (subject, ask, onDoubt) => run({ subject, ask, match: undefined, onDoubt }),
  };
}
