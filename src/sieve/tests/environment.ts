/** `environment`: items of the session (RFC 5183). */

import { always, until } from "../../answer/code.ts";
import { toText } from "../../expr/value.ts";
import { didYouMean } from "../../text/did-you-mean.ts";
import type { Arguments, ScriptContext, TestRecord, TextArgument } from "../compile/definition.ts";
import type { TestCode } from "../compile/script-code.ts";
import { compileMatch, isCounted, matchTags, matchTypeOf, type ValueSource } from "../match/match-type.ts";
import type { ScriptRun } from "../run/script-run.ts";

export const environmentTest: TestRecord = {
  name: "environment",
  capability: "environment",
  tags: matchTags,
  positions: [
    { name: "item", type: "text" },
    { name: "key list", type: "texts" },
  ],
  compile(args, context) {
    warnOfKeys(args, context);
    const item = itemOf(args.text(0), context, !(context.leadsToRefusal && isOneOfKnown(args)));
    // An empty item counts as none.
    const source: ValueSource = isCounted(args) ? (run) => textOf(item(run), run) || undefined : (run) => textOf(item(run), run);
    const match = compileMatch(args, context, [source], args.texts(1));
    // A test of an unknown item is false, even one that its count is 0, and no error (RFC 5183 section 4).
    const isKnown: TestCode = { waits: false, run: (run) => context.vocabulary.environment.has(item(run)) };
    return match && until([isKnown, match], (truth) => (truth ? undefined : false), always(true));
  },
};

function warnOfKeys(args: Arguments, context: ScriptContext): void {
  const item = args.text(0).constant?.toLowerCase();
  if (item === undefined || matchTypeOf(args) !== "is") return;
  for (const { constant, offset } of args.texts(1)) {
    const problem = constant === undefined ? undefined : context.vocabulary.mistakenItem?.(item, constant);
    if (problem !== undefined) context.warn(offset, problem);
  }
}

/** The item is none of them where nobody can tell it. */
function isOneOfKnown(args: Arguments): boolean {
  const isKnown = ({ constant = "" }: TextArgument) => constant !== "" && constant.toLowerCase() !== "temperror";
  return matchTypeOf(args) === "is" && args.tag("comparator") === undefined && args.texts(1).every(isKnown);
}

function itemOf({ constant, of, offset }: TextArgument, context: ScriptContext, mayPrevent: boolean): (run: ScriptRun) => string {
  const items = context.vocabulary.environment;
  if (constant === undefined) {
    // It may be any of them.
    for (const item of items) context.readsItem(item);
    return (run) => of(run).toLowerCase();
  }
  const item = constant.toLowerCase();
  if (items.has(item)) context.readsItem(item, mayPrevent);
  else {
    const mend = didYouMean(constant, items) || ` Known are ${[...items].join(", ")}.`;
    context.warn(offset, `unknown environment item "${constant}": the test is always false.${mend}`);
  }
  return () => item;
}

function textOf(item: string, { surroundings }: ScriptRun): string | undefined {
  const value = surroundings.environment(item);
  return value === undefined ? undefined : toText(value);
}
