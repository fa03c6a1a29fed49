/** Trees to code: resolves names, checks parameters and decides what may wait. */

import { type Answer, after } from "../answer/answer.ts";
import { all, always, ask, askOf, map } from "../answer/code.ts";
import { firstOutcome } from "../answer/steps.ts";
import { compilePattern, type Pattern, PatternError } from "../text/pattern.ts";
import { apply, type Evaluation, folded, shortCircuit, type ValueCode } from "./code.ts";
import { askDnsList, dnsListFunctions, type NamedDnsList, unknownDnsList, variableOfSubject } from "./dns-list-functions.ts";
import { ExpressionError, missesOf, type Vocabulary } from "./expression.ts";
import type { AskFunction, ParameterProblem, PureFunction } from "./function.ts";
import { askFunctions, pureFunctions } from "./functions.ts";
import { isFunction, matchesFunction, unknownFunction, unknownName, withHyphenHint } from "./names.ts";
import { elementAt, operators, unaryOperators } from "./operator.ts";
import { type Pull, pullsIn } from "./pull.ts";
import { isEquation, warnOfChain, warnOfContains, warnOfLiteral, warnOfPattern } from "./slips.ts";
import { type ExpressionNode, parse } from "./syntax.ts";
import type { BinaryOperator } from "./token.ts";
import { flag, parseNumber, toText, type Value } from "./value.ts";

type Unary = Extract<ExpressionNode, { kind: "unary" }>;
type Chain = Extract<ExpressionNode, { kind: "chain" }>;
type OnStep<S> = NonNullable<Vocabulary<S>["onStep"]>;
type Call = Extract<ExpressionNode, { kind: "call" }>;
type Name = Extract<ExpressionNode, { kind: "name" }>;

/** What an expression, or all parts of a rule set, are found to use. */
export interface Used<S> {
  /** Their names. */
  readonly variables: Set<string>;
  /** By their names; 0 where one use pulls another way than the others. */
  readonly pulls: Map<string, Pull>;
  /** By name. */
  readonly dnsLists: Map<string, NamedDnsList<S>>;
  /** Names of look-ups. */
  readonly lists: Set<string>;
  readonly statements: UsedStatement[];
}

export interface UsedStatement {
  readonly store: string;
  readonly sql: string;
  /** Into the source of the expression. */
  readonly offset: number;
}

/** What compiling one expression needs to know and finds out. */
interface ExpressionContext<S> {
  readonly source: string;
  readonly vocabulary: Vocabulary<S>;
  readonly used: Used<S>;
  /** By the call that asks a list. */
  readonly pulls: ReadonlyMap<ExpressionNode, Pull>;
}

export function nothingUsed<S>(): Used<S> {
  return { variables: new Set(), pulls: new Map(), dnsLists: new Map(), lists: new Set(), statements: [] };
}

/** Adds to `used`. `pull`: that of its value. Throws an `ExpressionError`. */
export function compileCode<S>(source: string, vocabulary: Vocabulary<S>, used: Used<S>, pull: Pull = 1): ValueCode<S> {
  const node = parseWithHints(source, vocabulary);
  return compileOperand(node, { source, vocabulary, used, pulls: pullsIn(node, pull) });
}

function parseWithHints<S>(source: string, vocabulary: Vocabulary<S>): ExpressionNode {
  try {
    return parse(source);
  } catch (error) {
    throw error instanceof ExpressionError ? withHyphenHint(error, source, vocabulary) : error;
  }
}

function compileNode<S>(node: ExpressionNode, context: ExpressionContext<S>): ValueCode<S> {
  switch (node.kind) {
    case "literal":
      warnOfLiteral(node, context.vocabulary);
      return always(node.value);
    case "capture":
      return compileCapture(node.index, context);
    case "name":
      return compileName(node, context);
    case "call":
      return compileCall(node, context);
    case "array":
      return stepped(
        compileFolded(node.elements, context, (parts) => all(parts, (values) => values)),
        context,
      );
    case "unary":
      return compileUnary(node, context);
    case "index":
      return stepped(
        compileFolded([node.of, ...node.indexes], context, (parts) => all(parts, ([of = "", ...indexes]) => indexes.reduce(elementAt, of))),
        context,
      );
    case "chain":
      return compileChain(node, context);
  }
}

/** As a part of an operation, and not handed to a function as it is. */
function compileOperand<S>(node: ExpressionNode, context: ExpressionContext<S>): ValueCode<S> {
  const code = compileNode(node, context);
  return node.kind === "name" && context.vocabulary.mayHoldNumber?.(node.name) ? map(code, numberInText) : code;
}

function numberInText(value: Value): Value {
  const number = typeof value === "string" ? parseNumber(value) : undefined;
  return number !== undefined && toText(number) === value ? number : value;
}

function compileUnary<S>({ operator, operand }: Unary, context: ExpressionContext<S>): ValueCode<S> {
  const parts = [compileOperand(operand, context)];
  return stepped(folded(parts, apply(parts, unaryOperators[operator])), context);
}

function compileChain<S>(node: Chain, context: ExpressionContext<S>): ValueCode<S> {
  // Two texts are equal if they are the same, also two numbers.
  const compile = isEquation(node) ? compileNode<S> : compileOperand<S>;
  const parts = [node.head, ...node.links.map(({ operand }) => operand)].map((operand) => compile(operand, context));
  const code = folded(parts, chain(node, parts));
  warnOfChain(node, parts, context.vocabulary);
  const { onStep } = context.vocabulary;
  if (!onStep || code.constant !== undefined || isShortCircuit(node)) return code;
  return node.links.length === 1 ? stepped(code, context) : steppedChain(node, parts, onStep);
}

/** With what the vocabulary does after each step, unless the value is known. */
function stepped<S>(code: ValueCode<S>, { vocabulary: { onStep } }: ExpressionContext<S>): ValueCode<S> {
  if (!onStep || code.constant !== undefined) return code;
  const { run: inner } = code;
  const take = (value: Value, { subject }: Evaluation<S>) => onStep(subject, value, 0)?.then(() => value) ?? value;
  return { waits: true, run: (run) => after(inner(run), take, run) };
}

/** A long chain is many steps. */
function steppedChain<S>({ links }: Chain, parts: readonly ValueCode<S>[], onStep: OnStep<S>): ValueCode<S> {
  const steps = links.map(({ operator }, index) => ({ operate: eagerOperator(operator), operand: parts[index + 1] ?? always("") }));
  const operateOn = (right: Value, chain: RunningChain<S>) => {
    chain.value = chain.operate(chain.value, right);
    return onStep(chain.run.subject, chain.value, 0)?.then(() => undefined);
  };
  const takeStep = ({ operate, operand }: (typeof steps)[number], chain: RunningChain<S>) => {
    chain.operate = operate;
    return after(operand.run(chain.run), operateOn, chain);
  };
  const goOn = (head: Value, run: Evaluation<S>): Answer<Value> => {
    const chain: RunningChain<S> = { run, value: head, operate: (value) => value };
    return after(firstOutcome(steps, takeStep, chain), reached, chain);
  };
  return { waits: true, run: (run) => after(parts[0]?.run(run) ?? "", goOn, run) };
}

interface RunningChain<S> {
  readonly run: Evaluation<S>;
  /** Of the links so far. */
  value: Value;
  /** Of the link whose operand is under way. */
  operate: (left: Value, right: Value) => Value;
}

function reached<S>(_: unknown, { value }: RunningChain<S>): Value {
  return value;
}

function compileAll<S>(nodes: readonly ExpressionNode[], context: ExpressionContext<S>): ValueCode<S>[] {
  return nodes.map((node) => compileNode(node, context));
}

function compileFolded<S>(
  nodes: readonly ExpressionNode[],
  context: ExpressionContext<S>,
  join: (parts: readonly ValueCode<S>[]) => ValueCode<S>,
): ValueCode<S> {
  const parts = compileAll(nodes, context);
  return folded(parts, join(parts));
}

function compileCapture<S>(index: number, { vocabulary: { captures } }: ExpressionContext<S>): ValueCode<S> {
  return {
    waits: false,
    run: ({ match, subject }) => {
      if (!match) return captures?.(subject)[index] ?? "";
      match.groups ??= match.pattern.captures(match.text);
      return match.groups[index] ?? "";
    },
  };
}

function compileName<S>(node: Name, { source, vocabulary, used, pulls }: ExpressionContext<S>): ValueCode<S> {
  const { name, offset } = node;
  // A variable of a script may be called as a function is: only parentheses make a call.
  const variable = vocabulary.variables.get(name);
  if (variable) {
    const pull = pulls.get(node) ?? 0;
    used.pulls.set(name, (used.pulls.get(name) ?? pull) === pull ? pull : 0);
    used.variables.add(name);
    return { waits: false, run: ({ subject }) => variable(subject) };
  }
  if (!isFunction(name, vocabulary) && vocabulary.constants?.has(name)) return always({ constant: name });
  throw unknownName(name, offset, source, vocabulary);
}

/** Each of these two has a level of its own, so that a chain of it has no other. */
function isShortCircuit({ links }: Chain): boolean {
  return links.some(({ operator }) => operator === "&&" || operator === "||");
}

function eagerOperator(operator: BinaryOperator): (left: Value, right: Value) => Value {
  if (operator === "&&" || operator === "||") throw new Error(`${operator} does not always evaluate both sides`);
  return operators[operator];
}

function chain<S>(node: Chain, parts: readonly ValueCode<S>[]): ValueCode<S> {
  if (isShortCircuit(node)) return shortCircuit(parts, node.links[0]?.operator === "||");
  const eager = node.links.map(({ operator }) => eagerOperator(operator));
  const [only] = eager;
  if (only && eager.length === 1) return apply(parts, only);
  return all(parts, ([first = "", ...others]) => others.reduce((left, right, index) => eager[index]?.(left, right) ?? left, first));
}

function compileCall<S>(call: Call, context: ExpressionContext<S>): ValueCode<S> {
  if (call.name === matchesFunction) return compileMatches(call, context);
  if (dnsListFunctions.has(call.name)) return compileDnsList(call, context);
  const own = context.vocabulary.functions?.get(call.name);
  if (own) return "evaluate" in own ? compilePure(own, call, context) : compileAsking(own, call, context);
  const pure = pureFunctions.get(call.name);
  if (pure) return compilePure(pure, call, context);
  const asking = askFunctions.get(call.name);
  if (asking) return compileAsking(asking, call, context);
  throw unknownFunction(call.name, call.offset, context.source, context.vocabulary);
}

function compilePure<S>({ arity, evaluate, check, work }: PureFunction, call: Call, context: ExpressionContext<S>): ValueCode<S> {
  checkArity(call, [arity]);
  const { onStep } = context.vocabulary;
  const code = compileFolded(call.parameters, context, (parts) => {
    const wrong = check?.(parts.map(({ constant }) => constant));
    if (wrong) reportProblem(wrong, call, context);
    warnOfContains(call, parts, context.vocabulary);
    return work && onStep && parts.some(({ constant }) => constant === undefined)
      ? askOf(parts, true, call.name, (values, run) => after(onStep(run.subject, "", work(...values)), () => evaluate(...values)))
      : apply(parts, evaluate);
  });
  return stepped(code, context);
}

function compileAsking<S>(record: AskFunction, call: Call, context: ExpressionContext<S>): ValueCode<S> {
  checkArity(call, record.arities);
  const literals = call.parameters.map((node) => (node.kind === "literal" && typeof node.value === "string" ? node.value : undefined));
  const counts = call.parameters.map((node) => (node.kind === "array" ? node.elements.length : node.kind === "literal" ? 1 : undefined));
  const inspection = record.inspect(literals, context.vocabulary.names, counts);
  if ("problem" in inspection) throw parameterError(inspection, call);
  const { waits, statement, lists = [], warning } = inspection;
  if (warning) reportProblem(warning, call, context);
  for (const list of lists) context.used.lists.add(list);
  if (statement !== undefined) {
    const { store, sql, parameter } = statement;
    context.used.statements.push({ store, sql, offset: call.parameters[parameter]?.offset ?? call.offset });
  }
  const { onAsk } = context.vocabulary;
  const pull = context.pulls.get(call);
  const code = askOf(compileAll(call.parameters, context), waits, call.name, (values, run: Evaluation<S>) => {
    onAsk?.(run.subject);
    return record.ask(run.ask, values, pull === undefined ? undefined : missesOf(run.onDoubt, pull), run.onDoubt);
  });
  return stepped(code, context);
}

/** Which list it is must be known, since all lists of a rule are asked at the same time. */
function compileDnsList<S>(call: Call, context: ExpressionContext<S>): ValueCode<S> {
  checkArity(call, [1]);
  const { used, vocabulary } = context;
  const [first] = call.parameters;
  const offset = first?.offset ?? call.offset;
  if (first?.kind !== "literal" || typeof first.value !== "string")
    throw new ExpressionError(`the parameter of ${call.name} is the name of a DNS list itself. Write it in quotes.`, offset);
  const list = first.value;
  const of = vocabulary.names.dnsLists.get(list);
  if (of === undefined) throw new ExpressionError(unknownDnsList(list, vocabulary.names), offset);
  const about = vocabulary.listed?.get(of);
  if (about === undefined) throw new ExpressionError(`the DNS list "${list}" has of = "${of}", which is not known at this stage.`, offset);
  vocabulary.names.onDnsList?.(list);
  const named = { list, about };
  used.variables.add(variableOfSubject[of]);
  used.dnsLists.set(list, named);
  const become = dnsListFunctions.get(call.name) ?? ((codes) => codes);
  const pull = context.pulls.get(call) ?? 0;
  const code = ask(true, call.name, (run: Evaluation<S>) => {
    vocabulary.onAsk?.(run.subject);
    return after(askDnsList(run, named, used.dnsLists.values(), pull), become);
  });
  return stepped(code, context);
}

function compileMatches<S>(call: Call, context: ExpressionContext<S>): ValueCode<S> {
  checkArity(call, [2]);
  const [first, second] = call.parameters;
  if (first?.kind !== "literal" || typeof first.value !== "string" || !second) {
    throw new ExpressionError(
      "the first parameter of matches is the regular expression itself. Write it in quotes.",
      first?.offset ?? call.offset,
    );
  }
  const pattern = patternOf(first.value, first.offset);
  const { onPattern, onMatch } = context.vocabulary;
  onPattern?.(pattern, first.offset);
  warnOfLiteral(first, context.vocabulary);
  warnOfPattern(pattern, first.value, first.offset, context.vocabulary);
  const code = map(compileNode(second, context), (value, run: Evaluation<S>) => {
    const text = toText(value);
    onMatch?.(run.subject, pattern, text);
    const found = pattern.test(text);
    run.match = found ? { pattern, text } : { pattern, text, groups: [] };
    return flag(found);
  });
  return stepped(code, context);
}

function patternOf(source: string, offset: number): Pattern {
  try {
    return compilePattern(source);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new ExpressionError(`bad regular expression: ${error.message}.`, offset);
  }
}

/** Throws unless the call has an answer all the same; a parameter that is put together was never checked. */
function reportProblem<S>(problem: ParameterProblem, call: Call, { vocabulary }: ExpressionContext<S>): void {
  const error = parameterError(problem, call);
  if (problem.isWarning !== true && call.parameters[problem.parameter]?.kind === "literal") throw error;
  vocabulary.onWarning?.(error);
}

function parameterError({ problem, parameter }: ParameterProblem, { parameters, offset }: Call): ExpressionError {
  return new ExpressionError(problem, parameters[parameter]?.offset ?? offset);
}

function checkArity({ name, parameters, offset }: Call, arities: readonly number[]): void {
  if (arities.includes(parameters.length)) return;
  const plural = arities.at(-1) === 1 ? "parameter" : "parameters";
  throw new ExpressionError(`${name} takes ${arities.join(" or ")} ${plural}, not ${parameters.length}.`, offset);
}
