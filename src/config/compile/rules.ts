/** Rule sets compiled, each against the variables of its stage; what looks like a slip is reported. */
import { type CompiledPart, compileRules, type RulePart } from "../../expr/compile.ts";
import type { ExpressionError, RuleSetSource } from "../../expr/expression.ts";
import { asConstant, asCount, asDuration, asString } from "../../expr/result.ts";
import { parse } from "../../expr/syntax.ts";
import type { Value } from "../../expr/value.ts";
import { parseListedAddress, parseWrittenAddress } from "../../mail/address-list.ts";
import { checksFor } from "../../stage/sender-auth.ts";
import { strategies } from "../../stage/sender-verdict.ts";
import type { Rule } from "../../stage/stage-settings.ts";
import { listedOf, priorityPolicies, variablesOf } from "../../stage/vocabulary.ts";
import type { GivenNames } from "../check/names.ts";
import type { ProblemReport } from "../check/report.ts";
import type { StageRules } from "../schema/values.ts";
import { onlyExpression } from "../syntax/rule-set.ts";
import type { KeyPath } from "../syntax/tree.ts";
import { mistakenComparison } from "./comparison.ts";
import type { CompileContext } from "./context.ts";

export const priorities: ReadonlySet<string> = new Set(priorityPolicies);

const everyVariable: ReadonlySet<string> = new Set(Object.values(variablesOf).flatMap((variables) => [...variables.keys()]));

/** Stands for a rule set with an error: the configuration is not used then. */
const broken: Rule = { waits: false, variables: new Set(), constant: 0, evaluate: () => 0 };

/** What is asked of the outcomes of a rule set. */
export interface Outcomes {
  /** What is wrong with one that is always this text. */
  readonly literal?: (text: string) => string | undefined;
  /** How the stage reads them; one that depends on nothing is tried. */
  readonly type?: keyof typeof types;
  /** Words that mean themselves. */
  readonly constants?: ReadonlySet<string>;
  /** Names that it may be, in lower case: one without its inner quotes is recognised. */
  readonly names?: ReadonlySet<string>;
}

/** Whether a value means something as a setting of this type, and what to write instead when it does not. */
const types = {
  count: [(value) => (asCount(value) ?? 0) >= 1, "must be a whole number from 1. Write it, such as 100."],
  duration: [(value) => value === 0 || asDuration(value) !== undefined, "must be a duration such as 5s, or false for none."],
  text: [(value) => value === 0 || asString(value) !== undefined, `must be text or false. Text needs quotes inside the quotes: "'text'".`],
  priority: [
    (value) => value === 0 || asConstant(value, priorityPolicies) !== undefined,
    `must be one of ${priorityPolicies.join(", ")}, or false.`,
  ],
  strategy: [(value) => value === 0 || asConstant(value, strategies) !== undefined, `must be one of ${strategies.join(", ")}.`],
  address: [(value) => value === 0 || value === "" || isListed(value), "must be one address, such as 'info@example.org', or false."],
  subAddress: [
    (value) => isSwitched(value) || isListed(value),
    "must be one address, such as 'john@example.org', or true for the address without its tag, or false.",
  ],
  localPart: [
    (value) =>
      isSwitched(value) || isListed(value) || (typeof value === "string" && parseWrittenAddress(`${value}@example.org`) !== undefined),
    "must be a local part, such as 'john', or true for the one without its tag, or false.",
  ],
  catchAll: [
    (value) => isSwitched(value) || isListed(value) || (typeof value === "string" && /^@[^@\s]+$/.test(value)),
    "must be one address, such as 'info@example.org', or true for the account that holds @domain, or false.",
  ],
} as const satisfies Record<string, readonly [(value: Value) => boolean, string]>;

const numbers: ReadonlySet<keyof typeof types> = new Set(["count", "duration"]);
const switches: ReadonlySet<keyof typeof types> = new Set(["subAddress", "localPart", "catchAll"]);

/** True, false, or no address. */
function isSwitched(value: Value): boolean {
  return value === 0 || value === 1 || value === "";
}

function isListed(value: Value): boolean {
  return parseListedAddress(asString(value) ?? "")?.includes("@") === true;
}

/** As other programs have them. */
const truths: ReadonlyMap<string, string> = new Map([
  ["yes", "true"],
  ["on", "true"],
  ["no", "false"],
  ["off", "false"],
]);

function textAsTruth(text: string): string {
  const folded = text.toLowerCase();
  const meant = folded === "true" || folded === "false" ? folded : (truths.get(folded) ?? "true or false");
  return `'${text}' in inner quotes is text, which is always true. Write ${meant}.`;
}

/** A text alone, without escapes; its second group. */
export const literalText = /^\s*(['"])([^'"\\]*)\1\s*$/;

export class RuleCompiler {
  readonly #names: GivenNames;
  readonly #report: ProblemReport;

  constructor({ names, report }: CompileContext) {
    this.#names = names;
    this.#report = report;
  }

  compile(rules: StageRules, path: KeyPath, { literal, type, names, constants = priorities }: Outcomes = {}): Rule {
    const report = this.#report;
    const placeOf = (part: RulePart): KeyPath => [...path, ...rules.pathOf(part)];
    const vocabulary = {
      ...{ variables: variablesOf[rules.stage], elsewhere: everyVariable, listed: listedOf[rules.stage] },
      ...{ constants, names: this.#names },
      mistakenComparison: (variable: string, constant: Value) => mistakenComparison(variable, constant, this.#names.listeners),
    };
    for (const problem of rules.problems) report.error([...path, ...problem.path], problem.message);
    const onError = (part: RulePart, { message, offset }: ExpressionError) => {
      const bare = textOf(rules, part).trim();
      const truth = truths.get(bare.toLowerCase());
      if (truth !== undefined && (truth === "false" || type === undefined || switches.has(type)))
        report.error(placeOf(part), `"${bare}" is unknown. Write ${truth}.`);
      else if (names?.has(bare.toLowerCase()) === true) report.error(placeOf(part), `text needs inner quotes. Write "'${bare}'".`);
      else report.error(placeOf(part), /[.?!]$/.test(message) ? message : `${message}.`, offset);
    };
    const onPart = (part: RulePart, { text, constant, statements }: CompiledPart) => {
      const at = placeOf(part);
      for (const { store, sql, offset } of statements)
        this.#names.used.statements.push({ store, sql, isOfRule: true, problem: report.problemAt(at, offset) });
      const fixed = typeof constant === "string" ? constant : undefined;
      if (fixed && (part.part === "if" || type === undefined)) report.warning(at, textAsTruth(fixed));
      if (part.part === "if") return;
      const problem = fixed === undefined ? undefined : literal?.(fixed);
      if (problem !== undefined) report.error(at, problem);
      else if (type !== undefined) {
        const [isFit, fix] = types[type];
        if (constant !== undefined && !isFit(constant)) report.error(at, fix);
        else if (numbers.has(type) && isTruth(text))
          report.error(at, text.trim() === "true" ? fix : `is only ever true or false. It ${fix}`);
      }
      if (type === "duration" && /^\s*[1-9]\d*\s*$/.test(text)) {
        report.warning(at, `${text.trim()} without a unit is milliseconds. Write "${text.trim()}s" or "${text.trim()}ms".`);
      }
    };
    const rule = compileRules(rules, vocabulary, onError, onPart, (part, { message, offset }) =>
      report.warning(placeOf(part), message, offset),
    );
    if (rule === undefined) return broken;
    for (const name of rule.variables) this.#names.used.variables.add(name);
    const checks = checksFor(rule.variables);
    return checks === undefined ? rule : { ...rule, checks, waits: true };
  }

  /** A setting that is true or false, or rules that yield an address. */
  compileSwitch(rules: StageRules, path: KeyPath, type: keyof typeof types): boolean | Rule {
    const rule = this.compile(rules, path, { type });
    const only = onlyExpression(rules);
    return only === "true" || only === "false" ? only === "true" : rule;
  }
}

/** Whether it can be nothing else; `false` is a number as well, and `||` may yield its left side. */
function isTruth(text: string): boolean {
  const node = parse(text);
  if (node.kind === "unary") return node.operator === "!";
  if (node.kind === "chain") return node.links.every(({ operator }) => truthOperators.has(operator));
  return text.trim() === "true";
}

const truthOperators: ReadonlySet<string> = new Set(["&&", "^", "==", "!=", ">", ">=", "<", "<="]);

function textOf({ rules, else: otherwise }: RuleSetSource, part: RulePart): string {
  return part.part === "else" ? otherwise : (rules[part.index]?.[part.part] ?? "");
}
