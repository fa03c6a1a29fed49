/** Settings evaluated against a scope; the stage reads the value as the type that it needs. */

import { type Answer, after } from "../answer/answer.ts";
import type { OnDoubt } from "../expr/expression.ts";
import type { Value } from "../expr/value.ts";
import type { Core, Trace } from "./core.ts";
import { askChecks } from "./sender-auth.ts";
import type { Rule } from "./stage-settings.ts";
import { askOf } from "./traced-ask.ts";
import { type Scope, variablesOf } from "./vocabulary.ts";

/** Throws a `TemporaryError` when a source cannot tell; of a list `onDoubt` hears. `step` is the key of the setting, for the trace. */
export function evaluate(step: string, rule: Rule, scope: Scope, core: Core, onDoubt?: OnDoubt): Answer<Value> {
  // What depends on nothing is in the configuration for all to see.
  if (rule.constant !== undefined) return rule.constant;
  if (rule.checks === undefined) return evaluateNow(step, rule, scope, core, onDoubt);
  return after(askChecks(rule.checks, scope, core), () => evaluateNow(step, rule, scope, core, onDoubt));
}

function evaluateNow(step: string, rule: Rule, scope: Scope, core: Core, onDoubt: OnDoubt | undefined): Answer<Value> {
  const value = rule.evaluate(scope, askOf(core), onDoubt);
  return core.trace === undefined ? value : traced(step, value, namedValues(rule, scope), core.trace);
}

function traced(step: string, value: Answer<Value>, asked: string, trace: Trace): Answer<Value> {
  return after(value, (known) => {
    trace({ step, asked, answer: shown(known) });
    return known;
  });
}

function shown(value: Value): string {
  return typeof value === "object" && "constant" in value ? value.constant : JSON.stringify(value);
}

function namedValues({ variables }: Rule, scope: Scope): string {
  return [...variables].map((name) => `${name} = ${JSON.stringify(variablesOf.address.get(name)?.(scope))}`).join(", ");
}
