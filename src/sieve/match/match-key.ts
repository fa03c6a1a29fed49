/** Whether a value matches a key, by each match type that compares texts (RFC 5228 2.7.1, RFC 5231, the regex draft). */

import type { Answer } from "../../answer/answer.ts";
import { compilePattern, type Pattern, PatternError } from "../../text/pattern.ts";
import { indexOf } from "../../text/search.ts";
import { shorten } from "../../text/shorten.ts";
import type { ScriptContext, TextArgument } from "../compile/definition.ts";
import {
  checkStep,
  costOf,
  costOfPattern,
  giveWay,
  isTooLargeForAddresses,
  ScriptFault,
  type ScriptRun,
  spend,
  spendAtOnce,
} from "../run/script-run.ts";
import type { Comparator } from "./comparator.ts";
import type { Operator } from "./relational.ts";
import { matchWildcard, parseWildcard, type Wildcard } from "./wildcard.ts";

/** `folded` is the value as the comparator folds it. A match that has wildcards or groups sets the match variables. */
export type KeyMatch = (run: ScriptRun, value: string, folded: string) => boolean;

/** A value, or a key that is not known before. */
export function fold(run: ScriptRun, comparator: Comparator, text: string): string {
  spendAtOnce(run, costOf(text.length * comparator.work));
  return comparator.fold(text);
}

export function matchIs(keys: readonly TextArgument[], comparator: Comparator): AnyKeyMatch {
  const constants: string[] = [];
  const others: KeyMatch[] = [];
  for (const { constant, of } of keys) {
    if (constant !== undefined) constants.push(comparator.fold(constant));
    else others.push((run, _value, folded) => isSame(run, folded, fold(run, comparator, of(run))));
  }
  const among = isAmong(constants);
  return among ? anyOf([among, ...others]) : anyOf(others);
}

function isAmong(folded: readonly string[]): KeyMatch | undefined {
  const [only] = folded;
  if (only === undefined) return undefined;
  if (folded.length === 1) return (run, _value, text) => isSame(run, text, only);
  const keys = new Set(folded);
  return (_run, _value, text) => keys.has(text);
}

function isSame(run: ScriptRun, a: string, b: string): boolean {
  spend(run, costOf(b.length));
  return a === b;
}

export function matchContains({ constant, of }: TextArgument, comparator: Comparator): KeyMatch {
  if (constant === undefined) return (run, _value, folded) => contains(run, folded, fold(run, comparator, of(run)));
  const key = comparator.fold(constant);
  return (run, _value, folded) => contains(run, folded, key);
}

function contains(run: ScriptRun, folded: string, key: string): boolean {
  spend(run, costOf(folded.length + key.length));
  return indexOf(folded, key) >= 0;
}

export function matchValue({ constant, of }: TextArgument, comparator: Comparator, operator: (run: ScriptRun) => Operator): KeyMatch {
  const fixed = constant === undefined ? undefined : comparator.fold(constant);
  return (run, _value, folded) => {
    const key = fixed ?? fold(run, comparator, of(run));
    spend(run, costOf(folded.length + key.length));
    return operator(run)(comparator.order(folded, key));
  };
}

export function matchMatches({ constant, of }: TextArgument, comparator: Comparator): KeyMatch {
  const fixed = constant === undefined ? undefined : parseWildcard(constant, comparator.fold);
  return (run, value, folded) => {
    const found = matchCharged(run, fixed ?? parseCharged(run, comparator, of(run)), folded, value, comparator);
    if (found === undefined) return false;
    run.matches = found;
    return true;
  };
}

function parseCharged(run: ScriptRun, comparator: Comparator, pattern: string): Wildcard {
  spendAtOnce(run, costOf(pattern.length * comparator.work));
  spend(run, parseCost * costOf(pattern.length));
  return parseWildcard(pattern, comparator.fold);
}

/** Reading a character of a wildcard costs as much as comparing this many. */
const parseCost = 8;

function matchCharged(
  run: ScriptRun,
  wildcard: Wildcard,
  folded: string,
  value: string,
  { cutter }: Comparator,
): readonly string[] | undefined {
  spend(run, costOf(folded.length + wildcard.length));
  let looked = 0;
  let charged = 0;
  const work = (characters: number): void => {
    looked += characters;
    if (looked - charged < workStep) return;
    spend(run, costOf(looked - charged));
    checkStep(costOf(looked));
    charged = looked;
  };
  return matchWildcard(wildcard, folded, value, work, cutter(value));
}

/** Characters: a smaller portion would be charged nothing. */
const workStep = 4096;

/** `undefined`: an error was reported. */
export function matchRegex({ constant, of, offset }: TextArgument, comparator: Comparator, context: ScriptContext): KeyMatch | undefined {
  // The engine has no ASCII-only folding: letters beyond ASCII are folded, too.
  const flags = comparator.name === "i;octet" ? "" : "(?i)";
  if (constant === undefined) return (run, value) => matchPattern(run, compileCharged(run, flags, of(run)), value);
  try {
    const pattern = compilePattern(flags + constant);
    warnOfSize(pattern, offset, context);
    return (run, value) => matchPattern(run, pattern, value);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    context.error(offset, `bad regular expression: ${reasonOf(error, flags)}.`);
    return undefined;
  }
}

/** Who chooses how long a text is must not choose by it whether the script goes on. */
export function warnOfSize(pattern: Pattern, offset: number, { warn }: Pick<ScriptContext, "warn">): void {
  if (!isTooLargeForAddresses(pattern)) return;
  const why = "the regular expression is so large that a long address stops the script, and a client chooses how long its address is.";
  warn(offset, `${why} Split it into several tests, or put its words into a list (:list).`);
}

function matchPattern(run: ScriptRun, pattern: Pattern, value: string): boolean {
  spendAtOnce(run, costOfPattern(pattern, value));
  // To find that there is no match is far quicker than to find groups.
  if (!pattern.test(value)) return false;
  run.matches = pattern.captures(value);
  return true;
}

/** Instructions for each character of a pattern that is compiled while the script runs. */
const compileCost = 32;

function compileCharged(run: ScriptRun, flags: string, source: string): Pattern {
  spendAtOnce(run, compileCost * source.length);
  try {
    const pattern = compilePattern(flags + source);
    spend(run, pattern.size);
    return pattern;
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    const [reason = ""] = error.message.split(": `", 1);
    throw new ScriptFault(`bad regular expression "${shorten(source)}": ${reason}`, { cause: error });
  }
}

/** The engine quotes the pattern that it was given. */
function reasonOf({ message }: PatternError, flags: string): string {
  return message.replace(flags, "");
}

/** Whether a value matches one of the keys: many of them, and a long value, take long. */
export type AnyKeyMatch = (run: ScriptRun, value: string, folded: string) => Answer<boolean>;

/** In order, up to the first that matches. */
export function anyOf(matches: readonly KeyMatch[]): AnyKeyMatch {
  const [only] = matches;
  if (only && matches.length === 1) return only;
  const goOn = (from: number, run: ScriptRun, value: string, folded: string): Answer<boolean> => {
    for (let at = from; ; at++) {
      const match = matches[at];
      if (!match) return false;
      const turn = giveWay(run);
      if (turn) return turn.then(() => goOn(at, run, value, folded));
      spend(run, 1);
      if (match(run, value, folded)) return true;
    }
  };
  return (run, value, folded) => goOn(0, run, value, folded);
}
