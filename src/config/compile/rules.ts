/** Rule sets of the document compiled, each against the variables of its stage; what looks like a slip is told. */
import type { Names } from "../../expr/ask.ts";
import { compileExpression, compileRules, type RulePart } from "../../expr/compile.ts";
import type { RuleSetSource } from "../../expr/expression.ts";
import { asCount, asDuration, asString } from "../../expr/result.ts";
import type { Value } from "../../expr/value.ts";
import type { Rule } from "../../stage/stage-settings.ts";
import { priorityPolicies, variablesOf } from "../../stage/vocabulary.ts";
import type { Report } from "../check/report.ts";
import { formatRules, readRules, type WrittenRules } from "../syntax/rule-set.ts";
import type { Path } from "../syntax/tree.ts";

export type Stage = keyof typeof variablesOf;

export const priorities: ReadonlySet<string> = new Set(priorityPolicies);

const everyVariable: ReadonlySet<string> = new Set(Object.values(variablesOf).flatMap((variables) => [...variables.keys()]));

/** Stands for a rule set with an error: the configuration is not used then. */
const broken: Rule = { waits: false, variables: new Set(), constant: 0, evaluate: () => 0 };

interface Compiled {
  readonly rule: Rule;
  /** In the form of TOML. */
  readonly written: unknown;
  readonly source: RuleSetSource;
}

/** What is asked of the outcomes of a rule set. */
export interface Outcomes {
  /** What is wrong with one that is literal text. */
  readonly literal?: (text: string) => string | undefined;
  /** How the stage reads them; one that depends on nothing is tried. */
  readonly type?: keyof typeof types;
  /** Names that it may be, in lower case: one that stands without its inner quotes is known for what it is. */
  readonly names?: ReadonlySet<string>;
}

/** Whether a value means something as a setting of this type, and what to write instead when it does not. */
const types = {
  count: [(value) => (asCount(value) ?? 0) >= 1, "must be a whole number from 1. Write it, such as 100."],
  duration: [(value) => value === 0 || asDuration(value) !== undefined, "must be a duration such as 5s, or false for none."],
  text: [(value) => value === 0 || asString(value) !== undefined, `must be text or false. Text needs quotes inside the quotes: "'text'".`],
  address: [
    (value) => value === 0 || value === "" || asString(value)?.includes("@") === true,
    "must be an address, with an @, or false. It would never take effect.",
  ],
} as const satisfies Record<string, readonly [(value: Value) => boolean, string]>;

/** A text alone, without escapes; its second group. */
export const literalText = /^\s*(['"])([^'"\\]*)\1\s*$/;

export class Rules {
  readonly #names: Names;
  readonly #report: Report;

  constructor(names: Names, report: Report) {
    this.#names = names;
    this.#report = report;
  }

  compile(data: unknown, path: Path, stage: Stage, { literal, type, names }: Outcomes = {}): Compiled {
    const read = readRules(data, path, this.#report);
    const vocabulary = { variables: variablesOf[stage], elsewhere: everyVariable, constants: priorities, names: this.#names };
    const rule = compileRules(read.source, vocabulary, (part, { message, offset }) => {
      const bare = textOf(read.source, part).trim();
      if (names?.has(bare.toLowerCase()) === true) this.#report.error(read.pathOf(part), `text needs inner quotes. Write "'${bare}'".`);
      else this.#report.error(read.pathOf(part), /[.?!]$/.test(message) ? message : `${message}.`, offset);
    });
    for (const [part, text] of partsOf(read.source)) {
      this.#lint(read, part, text);
      if (part.part === "if") continue;
      const quoted = literalText.exec(text)?.[2];
      const problem = quoted === undefined ? undefined : literal?.(quoted);
      if (problem !== undefined) this.#report.error(read.pathOf(part), problem);
      else if (type !== undefined && rule !== undefined) this.#try(read.pathOf(part), compileExpression(text, vocabulary), type);
      if (type === "duration" && /^\s*[1-9]\d*\s*$/.test(text)) {
        this.#report.warning(
          read.pathOf(part),
          `${text.trim()} without a unit is milliseconds. Write "${text.trim()}s" or "${text.trim()}ms".`,
        );
      }
    }
    return { rule: rule ?? broken, written: formatRules(read.source), source: read.source };
  }

  /** A setting that is true or false, or rules that yield an address. */
  compileSwitch(data: unknown, path: Path, stage: Stage): { readonly value: boolean | Rule; readonly written: unknown } {
    if (typeof data === "number" || (typeof data === "string" && !/^\s*(true|false)\s*$/.test(data))) {
      this.#report.error(
        path,
        "one expression alone does not say when it holds. Write true, false, or rules: [{ if = …, then = … }, { else = false }].",
      );
      return { value: false, written: false };
    }
    const { rule, written, source } = this.compile(data, path, stage);
    const only = source.rules.length === 0 ? source.else.trim() : "";
    if (only === "true" || only === "false") return { value: only === "true", written };
    return { value: rule, written: Array.isArray(written) ? written : [{ else: written }] };
  }

  #try(path: Path, { constant }: Pick<Rule, "constant">, type: keyof typeof types): void {
    const [isFit, mend] = types[type];
    if (constant !== undefined && !isFit(constant)) this.#report.error(path, mend);
  }

  #lint(read: WrittenRules, part: RulePart, text: string): void {
    if (/[\b\f]/.test(text)) {
      this.#report.warning(
        read.pathOf(part),
        'holds a backspace or form feed. For the \\b or \\f of a regular expression write "\\\\b" or "\\\\f".',
      );
    }
    for (const [, pattern = ""] of text.matchAll(/\bmatches\s*\(\s*((['"])(?:\\.|(?!\2)[^\\])*\2)/g)) {
      if (!dotBetweenGroups.test(pattern)) continue;
      this.#report.warning(
        read.pathOf(part),
        `the bare dot between two groups without dots in ${pattern} takes any character. Write \\. for a dot.`,
      );
    }
  }
}

/** `([^.]+).([^.]+)`: nearly always meant as `\.`. */
const dotBetweenGroups = /\(\[\^[^\]]*\.[^\]]*\][+*]\??\)\.(?=\(\[\^[^\]]*\.[^\]]*\])/;

function textOf({ rules, else: otherwise }: RuleSetSource, part: RulePart): string {
  return part.part === "else" ? otherwise : (rules[part.index]?.[part.part] ?? "");
}

function* partsOf({ rules, else: otherwise }: RuleSetSource): Generator<readonly [RulePart, string]> {
  for (const [index, rule] of rules.entries()) {
    yield [{ part: "if", index }, rule.if];
    yield [{ part: "then", index }, rule.then];
  }
  yield [{ part: "else" }, otherwise];
}
