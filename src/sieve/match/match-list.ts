/** `:list`: whether a value is a key of one of the named lookups (RFC 6134); one that is becomes `${0}` (section 2.2). */

import { after } from "../../answer/answer.ts";
import { always, ask, until } from "../../answer/code.ts";
import { missesOf } from "../../expr/expression.ts";
import { didYouMean } from "../../text/did-you-mean.ts";
import { suggestTable } from "../../text/table-name.ts";
import type { ScriptContext, TextArgument } from "../compile/definition.ts";
import { doubtsOf } from "../compile/refusals.ts";
import type { TestCode } from "../compile/script-code.ts";
import { costOf, type ScriptRun, spend } from "../run/script-run.ts";
import type { ValueSource } from "./match-type.ts";

/** Each source with all lists. `undefined`: an error was reported. */
export function matchLists(sources: readonly ValueSource[], names: readonly TextArgument[], context: ScriptContext): TestCode | undefined {
  const { lookups } = context.vocabulary.names;
  let waits = false;
  let isWrong = false;
  for (const { constant, offset } of names) {
    const named = constant === undefined ? undefined : lookups.get(constant);
    if (constant !== undefined && !named) {
      context.error(
        offset,
        `unknown list "${constant}".${didYouMean(constant, lookups.keys()) || suggestTable(constant, ["lookup"], (table) => `Define it in ${table}.`)}`,
      );
      isWrong = true;
    }
    waits ||= named ? named.waits : lookups.values().some((lookup) => lookup.waits);
  }
  if (isWrong) return undefined;
  const doubts = doubtsOf(context);
  const isIn = ({ of }: TextArgument) =>
    ask(waits, "a lookup", ({ run, value }: Question) => {
      const name = of(run);
      const { surroundings } = run;
      spend(run, 1 + costOf(value.length));
      // A client may have had a hand in a name that is put together while the script runs: one that is not a list holds nothing.
      return lookups.has(name) && after(surroundings.ask.keyGet(name, value, missesOf(doubts(run), 1)), (found) => found !== undefined);
    });
  const matched = (truth: boolean, _at: number, { run, value }: Question) => {
    if (!truth) return undefined;
    run.matches = [value];
    return true;
  };
  const isInOne = until(names.map(isIn), matched, always(false));
  const isListed = (source: ValueSource): TestCode =>
    ask(waits, "a lookup", (run) => {
      const value = source(run);
      return value === undefined || value === "" ? false : isInOne.run({ run, value });
    });
  return until(sources.map(isListed), (truth) => truth || undefined, always(false));
}

interface Question {
  readonly run: ScriptRun;
  readonly value: string;
}
