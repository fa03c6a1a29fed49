/** What comparing tests have in common: match type, comparator and keys, and how values are gone through (RFC 5228 2.7). */

import { always, until } from "../../answer/code.ts";
import type { Arguments, ScriptContext, TagArgument, TagRecord, TextArgument } from "../compile/definition.ts";
import type { TestCode } from "../compile/script-code.ts";
import { inTurns, type ScriptRun } from "../run/script-run.ts";
import { asciiNumeric, type Comparator, comparatorOf } from "./comparator.ts";
import { type AnyKeyMatch, anyOf, fold, type KeyMatch, matchContains, matchIs, matchMatches, matchRegex, matchValue } from "./match-key.ts";
import { matchLists } from "./match-list.ts";
import { operatorOf } from "./relational.ts";

/** A value that a test looks at. `undefined`: there is none. */
export type ValueSource = (run: ScriptRun) => string | undefined;

const group = "match-type";

export const matchTags: readonly TagRecord[] = [
  { name: "comparator", takes: "text" },
  { name: "is", group },
  { name: "contains", group },
  { name: "matches", group },
  { name: "regex", group, capability: "regex" },
  { name: "count", takes: "text", group, capability: "relational" },
  { name: "value", takes: "text", group, capability: "relational" },
  { name: "list", group, capability: "extlists" },
];

/** The name of its tag; without one it is `is`. */
export function matchTypeOf(args: Arguments): string {
  return args.inGroup(group)?.name ?? "is";
}

/** True while values are counted instead of compared. */
export function isCounted(args: Arguments): boolean {
  return matchTypeOf(args) === "count";
}

/** The sources one after the other, each with all keys. `undefined`: an error was reported. */
export function compileMatch(
  args: Arguments,
  context: ScriptContext,
  sources: readonly ValueSource[],
  keys: readonly TextArgument[],
): TestCode | undefined {
  const type = args.inGroup(group);
  if (type?.name === "list") {
    const test = matchLists(sources, keys, context);
    const tag = args.tag("comparator");
    if (!tag) return test;
    context.error(tag.offset, '":comparator" and ":list" exclude each other: the list decides what is equal. Remove one.');
    return undefined;
  }
  const comparator = comparatorOf(args, context);
  if (comparator && type && !comparator.hasParts && ["contains", "matches", "regex"].includes(type.name)) {
    const mend = `Use ":is" or ":value", or another comparator.`;
    context.error(type.offset, `":${type.name}" matches parts of texts, and "${comparator.name}" compares numbers. ${mend}`);
    return undefined;
  }
  if (type?.name === "count") {
    const match = countMatch(type, keys, context);
    return match && comparator && { waits: true, run: (run) => match(run, "", String(countOf(run, sources))) };
  }
  // Read whatever the comparator is, so that its own errors are reported in the same pass.
  const match = keyMatch(type, keys, comparator ?? asciiNumeric, context);
  return match && comparator && inTexts(match, sources, comparator);
}

function keyMatch(
  type: TagArgument | undefined,
  keys: readonly TextArgument[],
  comparator: Comparator,
  context: ScriptContext,
): AnyKeyMatch | undefined {
  switch (type?.name) {
    case "contains":
      return anyOf(keys.map((key) => matchContains(key, comparator)));
    case "matches":
      return anyOf(keys.map((key) => matchMatches(key, comparator)));
    case "regex":
      return all(keys.map((key) => matchRegex(key, comparator, context)));
    case "value": {
      const operator = operatorOf(type.text(), context);
      return operator && anyOf(keys.map((key) => matchValue(key, comparator, operator)));
    }
    default:
      return matchIs(keys, comparator);
  }
}

function all(matches: readonly (KeyMatch | undefined)[]): AnyKeyMatch | undefined {
  const compiled = matches.filter((match) => match !== undefined);
  return compiled.length === matches.length ? anyOf(compiled) : undefined;
}

/** Counts are compared as numbers, whatever the comparator is (RFC 5231 4.2). */
function countMatch(type: TagArgument, keys: readonly TextArgument[], context: ScriptContext): AnyKeyMatch | undefined {
  const operator = operatorOf(type.text(), context);
  for (const { constant, offset } of keys) {
    if (constant !== undefined && !/^[0-9]/.test(constant)) {
      context.warn(offset, `"${constant}" is not a number, and counts as greater than any. Write the number to compare with.`);
    }
  }
  return operator && anyOf(keys.map((key) => matchValue(key, asciiNumeric, operator)));
}

function countOf(run: ScriptRun, sources: readonly ValueSource[]): number {
  let count = 0;
  for (const source of sources) if (source(run) !== undefined) count++;
  return count;
}

function inTexts(match: AnyKeyMatch, sources: readonly ValueSource[], comparator: Comparator): TestCode {
  const inOne = (source: ValueSource) =>
    inTurns((run) => {
      const value = source(run);
      if (value === undefined) return false;
      return match(run, value, fold(run, comparator, value));
    });
  const [only] = sources;
  return only && sources.length === 1 ? inOne(only) : until(sources.map(inOne), (truth) => truth || undefined, always(false));
}
