/** Settings evaluated against a scope; the stage reads the value as the type that it needs. */

import { type Steps, waitFor } from "../answer/steps.ts";
import type { Value } from "../expr/value.ts";
import type { Core } from "./core.ts";
import type { Rule } from "./stage-settings.ts";
import { type Scope, variablesOf } from "./vocabulary.ts";

/** Throws a `TemporaryError` when a source cannot tell. `step` is the key of the setting, for the trace. */
export function* evaluate(step: string, rule: Rule, scope: Scope, core: Core): Steps<Value> {
  const value = yield* waitFor(rule.evaluate(scope, core.sources.ask));
  // What depends on nothing is in the configuration for all to see.
  if (core.trace && rule.constant === undefined) {
    core.trace({ step, asked: namedValues(rule, scope), answer: JSON.stringify(value) });
  }
  return value;
}

function namedValues({ variables }: Rule, scope: Scope): string {
  return [...variables].map((name) => `${name} = ${JSON.stringify(variablesOf.address.get(name)?.(scope))}`).join(", ");
}
