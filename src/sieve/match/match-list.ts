/** `:list`: whether a value is a key of one of the named lookups (RFC 6134). */

import { atHand, type Steps, waitFor } from "../../answer/steps.ts";
import { didYouMean } from "../../text/did-you-mean.ts";
import type { Context, GivenText } from "../compile/definition.ts";
import { costOf, type Run, spend } from "../compile/script-code.ts";

export type ListMatch =
  | { readonly waits: false; readonly of: (run: Run, value: string) => boolean }
  | { readonly waits: true; readonly steps: (run: Run, value: string) => Steps<boolean> };

/** `undefined`: an error was reported. */
export function matchList(names: readonly GivenText[], context: Context): ListMatch | undefined {
  const { lookups } = context.vocabulary.names;
  let waits = false;
  let isWrong = false;
  for (const { constant, offset } of names) {
    const named = constant === undefined ? undefined : lookups.get(constant);
    if (constant !== undefined && !named) {
      context.error(offset, `unknown list "${constant}".${didYouMean(constant, lookups.keys()) || ` Define it in [lookup.${constant}].`}`);
      isWrong = true;
    }
    waits ||= named ? named.waits : lookups.values().some((lookup) => lookup.waits);
  }
  if (isWrong) return undefined;
  const isList = (name: string) => lookups.has(name);
  if (!waits) return { waits: false, of: (run, value) => isInOne(run, value, names, isList) };
  return { waits: true, steps: (run, value) => findInOne(run, value, names, isList) };
}

function isInOne(run: Run, value: string, names: readonly GivenText[], isList: (name: string) => boolean): boolean {
  if (value === "") return false;
  for (const { of } of names) {
    if (atHand(ask(run, of(run), value, isList), "a lookup") !== undefined) return true;
  }
  return false;
}

function* findInOne(run: Run, value: string, names: readonly GivenText[], isList: (name: string) => boolean): Steps<boolean> {
  if (value === "") return false;
  for (const { of } of names) {
    if ((yield* waitFor(ask(run, of(run), value, isList))) !== undefined) return true;
  }
  return false;
}

/** A name that is made up while the script runs may be no list, and nothing is in it: a stranger may have had a hand in it. */
function ask(run: Run, name: string, value: string, isList: (name: string) => boolean) {
  spend(run, 1 + costOf(value.length));
  return isList(name) ? run.surroundings.ask.keyGet(name, value) : undefined;
}
