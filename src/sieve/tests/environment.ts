/** `environment`: items of the session (RFC 5183). */

import { toText } from "../../expr/value.ts";
import { didYouMean } from "../../text/did-you-mean.ts";
import type { ScriptContext, TestRecord, TextArgument } from "../compile/definition.ts";
import { compileMatch, matchTags, type ValueSource } from "../match/match-type.ts";
import type { ScriptRun } from "../run/script-run.ts";

export const environmentTest: TestRecord = {
  name: "environment",
  capability: "environment",
  tags: matchTags,
  positions: [
    { name: "item", type: "text" },
    { name: "key list", type: "texts" },
  ],
  compile: (args, context) => compileMatch(args, context, [sourceOf(args.text(0), context)], args.texts(1)),
};

/** An unknown item has no value; RFC 5183 section 4 forbids to treat it as an error. */
function sourceOf({ constant, of, offset }: TextArgument, context: ScriptContext): ValueSource {
  const items = context.vocabulary.environment;
  if (constant === undefined) return (run) => itemText(of(run).toLowerCase(), run);
  const item = constant.toLowerCase();
  if (!items.has(item)) {
    const mend = didYouMean(constant, items) || ` Known are ${[...items].join(", ")}.`;
    context.warn(offset, `unknown environment item "${constant}": the test is always false.${mend}`);
  }
  return (run) => itemText(item, run);
}

function itemText(item: string, { surroundings }: ScriptRun): string | undefined {
  const value = surroundings.environment(item);
  return value === undefined ? undefined : toText(value);
}
