/**
 * What is compiled once and run often, and how parts become a whole. What never waits makes no promise; what may wait yields its
 * value at once, too, when all answers were at hand. `R` is what one run hands to every part.
 */
import type { Answer } from "./answer.ts";
import { atHand } from "./steps.ts";

/** `constant`: the value, where it is known when the code is made. */
export type Code<R, T> =
  | { readonly waits: false; readonly run: (run: R) => T; readonly constant?: T | undefined }
  | { readonly waits: true; readonly run: (run: R) => Answer<T>; readonly constant?: undefined };

export function always<R, T>(value: T): Code<R, T> {
  return { waits: false, run: () => value, constant: value };
}

/** `run` makes a promise only if one of the parts does. */
function whole<R, T>(parts: readonly Code<R, unknown>[], run: (run: R) => Answer<T>): Code<R, T> {
  return { waits: parts.some(({ waits }) => waits), run } as Code<R, T>;
}

/** With something done around it: `run` makes a promise only if that of `code` does. */
export function replaceRun<R, T>(code: Code<R, T>, run: (run: R) => Answer<T>): Code<R, T> {
  return { ...code, run } as Code<R, T>;
}

/** What `f` makes of the value. */
export function map<R, T, U>(code: Code<R, T>, f: (value: T, run: R) => U): Code<R, U> {
  const inner = code.run;
  const later = (value: Promise<T>, run: R) => value.then((late) => f(late, run));
  return whole([code], (run) => {
    const value = inner(run);
    return value instanceof Promise ? later(value, run) : f(value, run);
  });
}

/** What `f` makes of the values of all parts, from the left. */
export function all<R, T, U>(parts: readonly Code<R, T>[], f: (values: readonly T[], run: R) => U): Code<R, U> {
  return whole(parts, gathering(parts, f));
}

/** A question to a source that `waits` or not; `what` names it in the message of the bug that it waits all the same. */
export function ask<R, T>(waits: boolean, what: string, question: (run: R) => Answer<T>): Code<R, T> {
  return waits ? { waits, run: question } : { waits, run: (run) => atHand(question(run), what) };
}

/** As `ask`, with the values of all parts. */
export function askOf<R, T, U>(
  parts: readonly Code<R, T>[],
  waits: boolean,
  what: string,
  question: (values: readonly T[], run: R) => Answer<U>,
): Code<R, U> {
  if (waits) return { waits, run: gathering(parts, question) };
  return all(parts, (values, run) => atHand(question(values, run), what));
}

/** Going through them costs half of what going through the parts does. */
function runsOf<R, T>(parts: readonly Code<R, T>[]): readonly ((run: R) => Answer<T>)[] {
  return parts.map((part) => part.run);
}

function gathering<R, T, U>(parts: readonly Code<R, T>[], f: (values: readonly T[], run: R) => Answer<U>): (run: R) => Answer<U> {
  const runs = runsOf(parts);
  const goOn = (values: T[], run: R): Answer<U> => {
    for (;;) {
      const part = runs[values.length];
      if (!part) return f(values, run);
      const value = part(run);
      if (value instanceof Promise) return later(value, values, run);
      values.push(value);
    }
  };
  const later = (value: Promise<T>, values: T[], run: R) =>
    value.then((late) => {
      values.push(late);
      return goOn(values, run);
    });
  return (run) => goOn([], run);
}

/** The parts in order, up to the first of whose value `settle` makes an outcome; `otherwise`, if there is none. */
export function until<R, T, U>(
  parts: readonly Code<R, T>[],
  settle: (value: T, at: number, run: R) => Answer<U> | undefined,
  otherwise: Code<R, U>,
): Code<R, U> {
  const runs = runsOf(parts);
  const last = otherwise.run;
  const goOn = (from: number, run: R): Answer<U> => {
    for (let at = from; ; at++) {
      const part = runs[at];
      if (!part) return last(run);
      const value = part(run);
      const outcome = value instanceof Promise ? later(value, at, run) : settle(value, at, run);
      if (outcome !== undefined) return outcome;
    }
  };
  const later = (value: Promise<T>, at: number, run: R) => value.then((late) => settle(late, at, run) ?? goOn(at + 1, run));
  return whole([...parts, otherwise], (run) => goOn(0, run));
}

export interface Branch<R, C, T> {
  readonly condition: Code<R, C>;
  readonly outcome: Code<R, T>;
}

/** The first branch whose condition `holds` has the outcome, else `otherwise` has. */
export function choose<R, C, T>(branches: readonly Branch<R, C, T>[], holds: (condition: C) => boolean, otherwise: Code<R, T>): Code<R, T> {
  const conditions = branches.map(({ condition }) => condition);
  const outcomes = branches.map(({ outcome }) => outcome);
  const runs = runsOf(outcomes);
  const { run } = until(conditions, (value, at, run) => (holds(value) ? runs[at]?.(run) : undefined), otherwise);
  return whole([...conditions, ...outcomes, otherwise], run);
}
