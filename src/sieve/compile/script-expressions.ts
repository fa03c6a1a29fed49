/** The product's expressions within scripts (vnd.stalwart.expressions): what they may name, where their errors are, what they cost. */

import { ask, type Code } from "../../answer/code.ts";
import { type DnsListSubject, dnsListSubjects, type Names } from "../../expr/ask.ts";
import { compileExpression } from "../../expr/compile.ts";
import { type Expression, ExpressionError, type Vocabulary } from "../../expr/expression.ts";
import { isArray, toText, type Value } from "../../expr/value.ts";
import type { Pattern } from "../../text/pattern.ts";
import { warnOfSize } from "../match/match-key.ts";
import { costOf, costOfPattern, giveWay, type ScriptRun, spend, spendAtOnce } from "../run/script-run.ts";
import type { ScriptVocabulary } from "../script.ts";
import { placeWithin } from "../syntax/syntax-tree.ts";
import type { ScriptContext, TextArgument } from "./definition.ts";
import { doubtsOf } from "./refusals.ts";
import { scriptFunctions } from "./script-functions.ts";
import { cutAt, type ScopeVariables } from "./script-variables.ts";

/** Instructions: a script must not ask in a loop for ever. */
export const costOfAsking = 100;

/** A script may run at any stage: what is not known yet is not asked about. */
const listed = new Map(
  dnsListSubjects.map((of): [DnsListSubject, (run: ScriptRun) => string] => [of, (run) => run.surroundings.listed(of)]),
);

/** Without the functions of scripts, which need the place of each statement. Names of variables are in lower case. */
export function scriptVocabulary(
  variables: ScopeVariables,
  names: Names,
  mistakenComparison: ScriptVocabulary["mistakenComparison"],
): Vocabulary<ScriptRun> {
  const read = (name: string) => variables.get(name.toLowerCase());
  return {
    variables: {
      get(name) {
        const variable = read(name);
        return variable && ((run) => charged(run, variable(run)));
      },
      has: (name) => read(name) !== undefined,
      keys: () => variables.keys(),
    },
    // As in the server that these scripts come from, a counter or score may begin as set "n" "0".
    mayHoldNumber: (name) => !name.includes(".") || name.toLowerCase().startsWith("global."),
    ...(mistakenComparison && {
      mistakenComparison: (name: string, constant: Value) => mistakenComparison(name.toLowerCase(), constant),
    }),
    listed,
    captures(run) {
      spend(run, costOf(run.matches[0]?.length ?? 0));
      return run.matches;
    },
    onMatch: (run, pattern, text) => spendAtOnce(run, costOfPattern(pattern, text)),
    onAsk: (run) => spend(run, costOfAsking),
    onStep: (run, value, work) => {
      spend(run, costOf(sizeOf(value, elementWork) + work));
      return giveWay(run);
    },
    names,
  };
}

/** `undefined`: an error was reported. */
export function compileIn(text: TextArgument, context: ScriptContext): Code<ScriptRun, Value> | undefined {
  const functions = scriptFunctions((store, sql) => context.statement(store, sql, text.offset));
  const source = bare(text, context);
  const onPattern = (pattern: Pattern, offset: number) =>
    warnOfSize(pattern, placeWithin(context.source, text.written, text.offset, offset), context);
  const onWarning = ({ message, offset }: ExpressionError) =>
    context.warn(placeWithin(context.source, text.written, text.offset, offset), message);
  try {
    const expression = compileExpression(source, { ...context.expressions, functions, onPattern, onWarning });
    noteItems(expression, context);
    const { waits, evaluate } = expression;
    const doubts = doubtsOf(context);
    const cost = costOf(source.length);
    return ask(waits, "an expression", (run: ScriptRun) => {
      spend(run, cost);
      return evaluate(run, run.surroundings.ask, doubts(run));
    });
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    context.error(placeWithin(context.source, text.written, text.offset, error.offset), error.message);
    return undefined;
  }
}

function noteItems({ variables, pulls }: Expression<ScriptRun>, context: ScriptContext): void {
  for (const name of variables) {
    const [, item] = /^env\.(.*)$/i.exec(name) ?? [];
    if (item !== undefined) context.readsItem(item.toLowerCase(), !context.leadsToRefusal || pulls?.get(name) !== 1);
  }
}

/** A text, or what its braces hold; a quote that is never closed takes the rest, so that this is one pass. */
const quotedOrBraced = /'(?:[^'\\]|\\.)*'?|"(?:[^"\\]|\\.)*"?|\$\{([^{}\s'"]+)\}/gs;

/** `${name}` and `${1}` as scripts write them become `name` and `$1`, at the same place. */
function bare(text: TextArgument, context: ScriptContext): string {
  return text.written.replace(quotedOrBraced, (whole: string, name: string | undefined, offset: number) => {
    if (name !== undefined) return /^\d+$/.test(name) ? `$${name}  ` : `  ${name} `;
    const found = /\$\{[A-Za-z_][\w.]*\}/.exec(whole);
    if (found) {
      const [inQuotes] = found;
      const mend = `Write ${inQuotes.slice(2, -1)} without quotes, and join texts with +.`;
      context.warn(
        placeWithin(context.source, text.written, text.offset, offset + found.index),
        `"${inQuotes}" within the quotes of an expression stays as it is. ${mend}`,
      );
    }
    return whole;
  });
}

function charged(run: ScriptRun, value: Value): Value {
  spend(run, costOf(sizeOf(value, elementWork)));
  return value;
}

/** An element of an array is as much work as so many characters. */
const elementWork = 16;

/** In characters; an element of an array counts as so many more. */
function sizeOf(value: Value, perElement: number): number {
  if (typeof value === "string") return value.length;
  if (!isArray(value)) return 1;
  let size = 0;
  for (const element of value) size += perElement + sizeOf(element, perElement);
  return size;
}

const maxNesting = 10;

/** As much of it as has `room`, of which an element of an array takes one more: arrays that hold arrays would otherwise grow without end. */
export function cutValue(value: Value, room: number, nesting = 0): Value {
  if (typeof value === "string") return cutAt(value, room);
  if (!isArray(value)) return value;
  if (nesting === maxNesting) return "";
  const kept: Value[] = [];
  let left = room;
  for (const element of value) {
    left -= 1;
    if (left <= 0) break;
    const cut = cutValue(element, left, nesting + 1);
    left -= sizeOf(cut, 1);
    kept.push(cut);
  }
  return kept;
}

/** For the trace. */
export function setAnswer(run: ScriptRun, value: Value): void {
  if (run.surroundings.trace) run.answer = isArray(value) ? JSON.stringify(value) : toText(value);
}
