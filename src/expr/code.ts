/** Closures that a tree is compiled to, and how they are put together so that only those wait that must. */

import type { Answer } from "../answer/answer.ts";
import type { Pattern } from "../text/pattern.ts";
import type { Ask } from "./ask.ts";
import { flag, isTrue, type Value } from "./value.ts";

/** One evaluation. */
export interface Run<S> {
  readonly subject: S;
  readonly ask: Ask;
  /** The latest `matches`: the captures are taken from it when they are read. One that was false has none. */
  match: { readonly pattern: Pattern; readonly text: string; groups?: readonly string[] } | undefined;
}

/**
 * What never waits never makes a promise; what may wait returns a value, too, when the answer was at hand. `constant` is the
 * value of what depends on no variable, capture or source.
 */
export type Code<S> =
  | { readonly waits: false; readonly run: (run: Run<S>) => Value; readonly constant?: Value }
  | { readonly waits: true; readonly run: (run: Run<S>) => Answer<Value>; readonly constant?: undefined };

export function constantCode<S>(value: Value): Code<S> {
  return { waits: false, run: () => value, constant: value };
}

/** What is made of constants alone is one. */
export function folded<S>(parts: readonly Code<S>[], code: Code<S>): Code<S> {
  if (code.waits || parts.some(({ constant }) => constant === undefined)) return code;
  // No constant looks at the run.
  return constantCode(code.run({} as Run<S>));
}

/** All parts from the left, then `f` of their values. */
export function apply<S>(parts: readonly Code<S>[], f: (...values: Value[]) => Value): Code<S> {
  const runs = parts.flatMap((part) => (part.waits ? [] : [part.run]));
  if (runs.length < parts.length) return { waits: true, run: (run) => gather(parts, run, (values) => f(...values)) };
  const [first, second] = runs;
  if (first && second && runs.length === 2) return { waits: false, run: (run) => f(first(run), second(run)) };
  if (first && runs.length === 1) return { waits: false, run: (run) => f(first(run)) };
  return { waits: false, run: (run) => f(...runs.map((part) => part(run))) };
}

/** As `apply`, for any number of parts. */
export function applyToAll<S>(parts: readonly Code<S>[], f: (values: readonly Value[]) => Value): Code<S> {
  const runs = parts.flatMap((part) => (part.waits ? [] : [part.run]));
  if (runs.length < parts.length) return { waits: true, run: (run) => gather(parts, run, f) };
  return { waits: false, run: (run) => f(runs.map((part) => part(run))) };
}

/** Evaluates the parts one after the other, without a promise as long as answers are at hand. */
export function gather<S>(
  parts: readonly Code<S>[],
  run: Run<S>,
  finish: (values: readonly Value[]) => Answer<Value>,
  values: Value[] = [],
): Answer<Value> {
  for (const part of values.length === 0 ? parts : parts.slice(values.length)) {
    const value = part.run(run);
    if (value instanceof Promise) {
      return value.then((late) => {
        values.push(late);
        return gather(parts, run, finish, values);
      });
    }
    values.push(value);
  }
  return finish(values);
}

/** `&&` stops at the first false value and yields it, `||` at the first true one; a value that did not stop it becomes 0 or 1. */
export function shortCircuit<S>(parts: readonly Code<S>[], stop: boolean): Code<S> {
  const runs = parts.flatMap((part) => (part.waits ? [] : [part.run]));
  if (runs.length < parts.length) return { waits: true, run: (run) => decide(parts, run, stop) };
  const run = (run: Run<S>): Value => {
    let value: Value = flag(!stop);
    for (const [index, part] of runs.entries()) {
      const next = part(run);
      value = index === 0 ? next : flag(isTrue(next));
      if (isTrue(value) === stop) return value;
    }
    return value;
  };
  const [left, right] = runs;
  if (!left || !right || runs.length > 2) return { waits: false, run };
  return {
    waits: false,
    run: (run) => {
      const value = left(run);
      return isTrue(value) === stop ? value : flag(isTrue(right(run)));
    },
  };
}

function decide<S>(parts: readonly Code<S>[], run: Run<S>, stop: boolean, from = 0): Answer<Value> {
  let value: Value = flag(!stop);
  for (let index = from; index < parts.length; index++) {
    const next = parts[index]?.run(run) ?? "";
    const settled = (late: Value): Value => (index === 0 ? late : flag(isTrue(late)));
    if (next instanceof Promise) {
      return next.then((late) => {
        const known = settled(late);
        return isTrue(known) === stop || index === parts.length - 1 ? known : decide(parts, run, stop, index + 1);
      });
    }
    value = settled(next);
    if (isTrue(value) === stop) return value;
  }
  return value;
}
