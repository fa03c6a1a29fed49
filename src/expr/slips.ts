/**
 * What compiles and is surely not meant: a variable in quotes, a text beside `||` that is compared with nothing, a variable compared with
 * what it never is, a pattern that matches whatever there is.
 */
import type { Pattern } from "../text/pattern.ts";
import { shorten } from "../text/shorten.ts";
import type { ValueCode } from "./code.ts";
import { ExpressionError, type Vocabulary } from "./expression.ts";
import type { ExpressionNode } from "./syntax.ts";
import { isArray, type Value } from "./value.ts";

type Literal = Extract<ExpressionNode, { kind: "literal" }>;
type Chain = Extract<ExpressionNode, { kind: "chain" }>;
type Call = Extract<ExpressionNode, { kind: "call" }>;

/** `operands`, compiled. */
type Parts<S> = readonly ValueCode<S>[];

/** `is_empty('authenticated_as')`; those of one word are words for other things, too. */
export function warnOfLiteral<S>({ value, offset }: Literal, { elsewhere, names, onWarning }: Vocabulary<S>): void {
  if (typeof value !== "string" || !value.includes("_") || !elsewhere?.has(value)) return;
  const { lookups, directories, dnsLists, stores } = names;
  if ([lookups, directories, dnsLists, stores].some((given) => given.has(value))) return;
  onWarning?.(new ExpressionError(`'${value}' in quotes is text, and not the variable. Remove the quotes.`, offset));
}

export function warnOfChain<S>(node: Chain, parts: Parts<S>, vocabulary: Vocabulary<S>): void {
  const operands = [node.head, ...node.links.map(({ operand }) => operand)];
  if (isEquation(node)) {
    if (operands.length === 2) warnOfComparison(operands, parts, vocabulary);
  } else if (node.links[0]?.operator === "||" || node.links[0]?.operator === "&&") warnOfTexts(operands, parts, vocabulary);
}

/** Of a list that is written out. */
export function warnOfContains<S>({ name, parameters }: Call, parts: Parts<S>, vocabulary: Vocabulary<S>): void {
  if (name !== "contains") return;
  const [list, variable] = parameters;
  const elements = parts[0]?.constant;
  if (list?.kind !== "array" || elements === undefined || !isArray(elements)) return;
  for (const [index, element] of list.elements.entries()) warnOfEquality(variable, elements[index], element.offset, vocabulary);
}

export function warnOfPattern<S>(pattern: Pattern, source: string, offset: number, { onWarning }: Vocabulary<S>): void {
  if (onWarning === undefined) return;
  const slip = slipInPattern(pattern, source);
  if (slip !== undefined) onWarning(new ExpressionError(slip, offset));
}

function slipInPattern(pattern: Pattern, source: string): string | undefined {
  const shown = `'${shorten(source)}'`;
  if (/[\b\f]/.test(source)) return 'holds a backspace or form feed. For the \\b or \\f of a regular expression write "\\\\b" or "\\\\f".';
  if (dotBetweenGroups.test(source))
    return `the bare dot between two groups without dots in ${shown} matches any character. Write \\. for a dot.`;
  // `dyn|dsl|`: that nothing is found in a text that it cannot mean is found in every text.
  if (pattern.captures(privateUse)[0] !== "") return undefined;
  return `${shown} matches every text, as it can match the empty text. Remove an empty alternative, or write + for *.`;
}

/** `([^.]+).([^.]+)`: nearly always meant as `\.`. */
const dotBetweenGroups = /\(\[\^[^\]]*\.[^\]]*\][+*]\??\)\.(?=\(\[\^[^\]]*\.[^\]]*\])/;

const privateUse = "\u{e000}";

export function isEquation({ links }: Chain): boolean {
  return links.every(({ operator }) => operator === "==" || operator === "!=");
}

function warnOfComparison<S>([left, right]: readonly ExpressionNode[], [leftCode, rightCode]: Parts<S>, vocabulary: Vocabulary<S>): void {
  warnOfEquality(left, rightCode?.constant, right?.offset, vocabulary);
  warnOfEquality(right, leftCode?.constant, left?.offset, vocabulary);
}

function warnOfEquality<S>(
  variable: ExpressionNode | undefined,
  constant: Value | undefined,
  offset = 0,
  { mistakenComparison, onWarning }: Vocabulary<S>,
): void {
  const problem = variable?.kind === "name" && constant !== undefined ? mistakenComparison?.(variable.name, constant) : undefined;
  if (problem !== undefined) onWarning?.(new ExpressionError(problem, offset));
}

/** `x == 'a' || 'b'` */
function warnOfTexts<S>(operands: readonly ExpressionNode[], parts: Parts<S>, { onWarning }: Vocabulary<S>): void {
  for (const [index, { offset }] of operands.entries()) {
    const constant = parts[index]?.constant;
    if (typeof constant !== "string" || constant === "") continue;
    const text = `'${shorten(constant)}'`;
    const [comparison] = operands.filter(isComparison);
    const mend = comparison ? `${comparison.head.name} ${comparison.links[0]?.operator} ${text}` : "true, or a whole comparison";
    onWarning?.(new ExpressionError(`${text} is compared with nothing here, and as a text it is always true. Write ${mend}.`, offset));
  }
}

function isComparison(node: ExpressionNode): node is Chain & { readonly head: { readonly kind: "name"; readonly name: string } } {
  return node.kind === "chain" && node.head.kind === "name" && isEquation(node);
}
