/** What expressions are compiled to. */

import { all, always, type Code, until } from "../answer/code.ts";
import type { Pattern } from "../text/pattern.ts";
import type { Ask } from "./ask.ts";
import type { OnDoubt } from "./expression.ts";
import { flag, isTrue, type Value } from "./value.ts";

/** One evaluation. */
export interface Evaluation<S> {
  readonly subject: S;
  readonly ask: Ask;
  /** The latest `matches`: the captures are taken from it when they are read. One that was false has no captures. */
  match: { readonly pattern: Pattern; readonly text: string; groups?: readonly string[] } | undefined;
  readonly onDoubt: OnDoubt | undefined;
}

/** It is constant if it depends on no variable, capture or source. */
export type ValueCode<S> = Code<Evaluation<S>, Value>;

/** What is made of constants alone is one. */
export function folded<S>(parts: readonly ValueCode<S>[], code: ValueCode<S>): ValueCode<S> {
  if (code.waits || parts.some(({ constant }) => constant === undefined)) return code;
  // No constant looks at the evaluation.
  return always(code.run({} as Evaluation<S>));
}

/** All parts in order, then `f` of their values; the usual one or two that never wait need no array. */
export function apply<S>(parts: readonly ValueCode<S>[], f: (...values: Value[]) => Value): ValueCode<S> {
  const [first, second, third] = parts;
  if (!first || first.waits || second?.waits || third) return all(parts, (values) => f(...values));
  if (!second) return { waits: false, run: (run) => f(first.run(run)) };
  return { waits: false, run: (run) => f(first.run(run), second.run(run)) };
}

/** `&&` stops at the first false value and yields it, `||` at the first true one; a value that did not stop it becomes 0 or 1. */
export function shortCircuit<S>(parts: readonly ValueCode<S>[], stop: boolean): ValueCode<S> {
  const [left, right] = parts;
  if (left && right && parts.length === 2 && !left.waits && !right.waits) {
    return {
      waits: false,
      run: (run) => {
        const value = left.run(run);
        return isTrue(value) === stop ? value : flag(isTrue(right.run(run)));
      },
    };
  }
  const outcome = flag(stop);
  const settle = (value: Value, at: number) => (isTrue(value) !== stop ? undefined : at === 0 ? value : outcome);
  return until(parts, settle, always(flag(!stop)));
}
