/**
 * Refusals for good do not rest on what the DNS did not tell, or on what a list in a file misses while it may not be whole: the client comes
 * again, and they may tell then. Where a miss lets mail pass, as in a blocklist, lists are asked as ever. That an address is not found is a
 * refusal of the rules that might have found it.
 */

import { type Answer, after } from "../answer/answer.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import type { Doubt } from "../expr/expression.ts";
import type { Pull } from "../expr/pull.ts";
import { asBoolean } from "../expr/result.ts";
import type { Value } from "../expr/value.ts";
import { reply } from "../mail/reply.ts";
import type { Core } from "./core.ts";
import { evaluate } from "./evaluate.ts";
import { type AuthCheck, checksFor, untoldCheck } from "./sender-auth.ts";
import type { Rule, Settings } from "./stage-settings.ts";
import type { Refusal } from "./verdict.ts";
import type { Scope, UntoldStep, UntoldToRules } from "./vocabulary.ts";

/** What refuses might not, had the DNS been able to tell, or had the list been whole. */
export class InDoubt extends TemporaryError {
  override name = "InDoubt";
}

/**
 * As `evaluate`, where `refusing` leads to a refusal, or what `refuses`: such as too little, where false is nothing at all. Throws an
 * `InDoubt` as well.
 */
export function evaluateRefusal(
  step: string,
  rule: Rule,
  scope: Scope,
  core: Core,
  refusing: boolean,
  refuses?: (value: Value) => boolean,
): Answer<Value> {
  // By itself: what the other keeps for its functions is made for each call.
  return isUncertain(rule, scope) ? evaluateInDoubt(step, rule, scope, core, refusing, refuses) : evaluate(step, rule, scope, core);
}

function evaluateInDoubt(
  step: string,
  rule: Rule,
  scope: Scope,
  core: Core,
  refusing: boolean,
  refuses = (value: Value) => asBoolean(value) === refusing,
): Answer<Value> {
  return evaluateHeeding(step, rule, scope, core, refusing ? 1 : -1, (value, untoldNow) => {
    const untold = refuses(value) ? untoldNow() : undefined;
    if (untold === undefined) return value;
    throw inDoubt(step, untold, core);
  });
}

/** Whether its value may be another one than it would be, had all been told. */
function isUncertain(rule: Rule, scope: Scope): boolean {
  return asksLists(rule) || rule.checks !== undefined || untoldSenderOf(rule, scope) !== undefined;
}

function untoldSenderOf({ variables }: Rule, { untoldSender }: Scope): UntoldStep | undefined {
  return untoldSender !== undefined && (variables.has("sender") || variables.has("sender_domain")) ? untoldSender : undefined;
}

/** As `evaluate`, where the value leads to the sender: what the rule was not told is noted in the scope. */
export function evaluateSender(step: string, rule: Rule, scope: ScopeOfSender, core: Core): Answer<Value> {
  // By itself: what the other keeps for its functions is made for each call.
  return isUncertain(rule, scope) ? evaluateUncertainSender(step, rule, scope, core) : evaluate(step, rule, scope, core);
}

interface ScopeOfSender extends Scope {
  untoldSender: UntoldStep | undefined;
}

function evaluateUncertainSender(step: string, rule: Rule, scope: ScopeOfSender, core: Core): Answer<Value> {
  const notes: UntoldToRules = {};
  return after(evaluateNoting(step, rule, scope, core, notes), (value) => {
    scope.untoldSender ??= notes.first;
    return value;
  });
}

/** Where it is noted what those who look for a recipient are not told; `undefined`: none of them asks the DNS, and the sender is known. */
export function notesOf({ rcpt, domains }: Settings, untoldSender: UntoldStep | undefined): UntoldToRules | undefined {
  if (untoldSender !== undefined) return {};
  const { script, rewrite, directory, subAddressing, catchAll } = rcpt;
  const mayAsk =
    script !== undefined || domains.size > 0 || asksDns(rewrite) || asksDns(directory) || asksDns(subAddressing) || asksDns(catchAll);
  return mayAsk ? {} : undefined;
}

function asksDns(rule: boolean | Rule): boolean {
  return typeof rule === "object" && (rule.namesDnsLists === true || rule.checks !== undefined);
}

/** As `evaluate`, where the value leads to an address or to none: what the rule was not told is noted in the scope, for `mustBeTold`. */
export function evaluateFinding(step: string, rule: Rule, scope: Scope, core: Core): Answer<Value> {
  const { untold } = scope;
  const isNoted = untold !== undefined && (asksDns(rule) || untoldSenderOf(rule, scope) !== undefined);
  return isNoted ? evaluateNoting(step, rule, scope, core, untold, -1) : evaluate(step, rule, scope, core);
}

function evaluateNoting(step: string, rule: Rule, scope: Scope, core: Core, notes: UntoldToRules, certain?: Pull): Answer<Value> {
  return evaluateHeeding(step, rule, scope, core, certain, (value, untoldNow) => {
    const untold = untoldNow();
    if (untold !== undefined) notes.first ??= { step, untold };
    return value;
  });
}

/** Throws an `InDoubt` where something is noted. */
export function mustBeTold({ untold }: Scope, core: Core): void {
  if (untold?.first !== undefined) throw inDoubt(untold.first.step, untold.first.untold, core);
}

/** `certain`: one that could only do this to the value counts as listing nothing: it stops no mail, and what refuses nevertheless is certain. */
function evaluateHeeding(
  step: string,
  rule: Rule,
  scope: Scope,
  core: Core,
  certain: Pull | undefined,
  heed: (value: Value, untoldNow: () => Untold | undefined) => Value,
): Answer<Value> {
  let doubt: Doubt | undefined;
  const onDoubt = (each: Doubt) => {
    if (each.pull !== certain) doubt ??= each;
  };
  const untoldNow = () => untoldBy(doubt, rule.checks && checksThatPull(rule, certain), scope) ?? untoldSenderOf(rule, scope)?.untold;
  return after(evaluate(step, rule, scope, core, onDoubt), (value) => heed(value, untoldNow));
}

/** Those that might change what is certain. */
function checksThatPull({ variables, pulls }: Rule, certain: Pull | undefined): readonly AuthCheck[] | undefined {
  return checksFor([...variables].filter((name) => certain === undefined || pulls?.get(name) !== certain));
}

export function asksLists({ namesDnsLists, lists }: Rule): boolean {
  return namesDnsLists === true || lists !== undefined;
}

/** What could not tell. */
export interface Untold {
  readonly what: string;
  readonly why: string;
}

/** A list of which `doubt` was heard, or a check that a rule or script reads. */
export function untoldBy(doubt: Doubt | undefined, checks: readonly AuthCheck[] | undefined, scope: Scope): Untold | undefined {
  return doubt === undefined ? untoldCheck(checks ?? [], scope) : { what: doubt.what, why: doubt.cause.message };
}

/** To be made when it refuses. */
export function inDoubt(step: string, { what, why }: Untold, { trace }: Core): InDoubt {
  trace?.({ step, asked: what, answer: "it cannot tell, and might prevent this refusal: deferred" });
  return new InDoubt(`${step}: ${what} cannot tell, and might prevent this refusal: ${why}`);
}

/** The same refusal, for now only. */
export function forNow({ reply: { status, text } }: Refusal, cause: InDoubt): Refusal {
  return { kind: "defer", reply: reply(451, `4${status.slice(1)}`, text), reason: "unavailable", delayMs: 0, cause };
}
