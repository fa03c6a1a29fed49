/** Throttles (`[[session.throttle]]`): how often something may happen in a period, asked at connect, MAIL and RCPT. */

import { type Answer, after } from "../answer/answer.ts";
import { firstOutcome } from "../answer/steps.ts";
import { asBoolean } from "../expr/result.ts";
import { toText, type Value } from "../expr/value.ts";
import { networkOf } from "../mail/ip.ts";
import { keyText } from "./bounded-key.ts";
import type { Core } from "./core.ts";
import { evaluate } from "./evaluate.ts";
import { onTemporary, refuse, unavailable } from "./refuse.ts";
import { carriedOut } from "./shadow.ts";
import type { Throttle, ThrottleKey } from "./stage-settings.ts";
import type { State, ThrottleAnswer, ThrottleQuestion } from "./state.ts";
import type { Refusal, Verdict } from "./verdict.ts";
import { type Scope, variablesOf } from "./vocabulary.ts";

/** What is counted. */
interface Event {
  /** Names it, the same on every node, so that a repeat counts no second time; `undefined`: nothing does. */
  readonly token: string | undefined;
  /** In place of `token` where a message counts once. */
  readonly message?: string | undefined;
  /** Counters that have counted the message already. */
  readonly counted?: ReadonlySet<string> | undefined;
  /** Nothing is taken: whether the limit was reached by what was taken before. */
  readonly isOver?: true;
}

export interface Throttled {
  /** `undefined`: all allow it. */
  readonly refusal: Verdict | undefined;
  /** What was taken, to be given back if the event is refused after all. */
  readonly taken: readonly ThrottleQuestion[];
}

const nothing: Throttled = { refusal: undefined, taken: [] };

/** In the order of the configuration; the first refusal ends it, and what was taken before is given back. */
export function askThrottles(throttles: readonly Throttle[], scope: Scope, event: Event, core: Core): Answer<Throttled> {
  if (throttles.length === 0 || scope.session.trusted) return nothing;
  const asking: CountedEvent = { scope, event, core, taken: [] };
  return after(firstOutcome(throttles, askOne, asking, core.abort), conclude, asking);
}

/** What a throttle of errors says of a client that has made as many as it allows. */
export function askErrors(scope: Scope, core: Core): Answer<Verdict | undefined> {
  const { errors } = core.settings.throttles;
  if (errors.length === 0 || scope.session.trusted) return undefined;
  return firstOutcome(errors, askOne, { scope, event: beforeErrors, core, taken: [] }, core.abort);
}

const beforeErrors: Event = { token: undefined, isOver: true };

/** Each throttle of errors counts it, whatever the others say. */
export function countError(scope: Scope, token: string | undefined, core: Core): Answer<undefined> {
  const { errors } = core.settings.throttles;
  if (errors.length === 0 || scope.session.trusted) return undefined;
  return firstOutcome(errors, countByOne, { scope, event: { token }, core, taken: [] }, core.abort);
}

function countByOne(throttle: Throttle, counting: CountedEvent): Answer<undefined> {
  return after(onTemporary(match, cannotTell, { ...counting, throttle }), () => undefined);
}

/** The throttles of one event. */
interface CountedEvent {
  readonly scope: Scope;
  readonly event: Event;
  readonly core: Core;
  readonly taken: ThrottleQuestion[];
}

/** One of them. */
interface ThrottledEvent extends CountedEvent {
  readonly throttle: Throttle;
}

function askOne(throttle: Throttle, asking: CountedEvent): Answer<Verdict | undefined> {
  const one = { ...asking, throttle };
  const refusal = onTemporary(match, cannotTell, one);
  return throttle.mode === "enforce" ? refusal : after(refusal, note, one);
}

function note(refusal: Refusal | undefined, { throttle, scope, core }: ThrottledEvent): Verdict | undefined {
  return refusal && carriedOut(refusal, throttle.mode, scope, core);
}

function cannotTell(cause: unknown, { throttle, core }: ThrottledEvent): Refusal | undefined {
  return throttle.onStoreFailure === "accept" ? undefined : unavailable(core.settings.rcpt.replies.unavailable, cause);
}

function match(one: ThrottledEvent): Answer<Refusal | undefined> {
  const { throttle, scope, core } = one;
  if (!isOneSource(throttle.key, scope)) return undefined;
  return after(evaluate(`throttle ${throttle.title}: match`, throttle.match, scope, core), count, one);
}

function count(matches: Value, one: ThrottledEvent): Answer<Refusal | undefined> {
  if (!asBoolean(matches)) return undefined;
  const { throttle, scope, event, core } = one;
  const values = throttle.key.map((name) => keyValue(name, scope, throttle.ipv6Prefix));
  const counter = counterKey(throttle, values);
  const isOnce = throttle.counts === "messages" && event.counted !== undefined;
  if (isOnce && event.counted.has(counter)) return undefined;
  const token = isOnce ? event.message : event.token;
  const question: ThrottleQuestion = {
    ...{
      key: counter,
      now: core.sources.now(),
      count: event.isOver ? 0 : throttle.count,
      periodMs: throttle.periodMs,
      window: throttle.window,
    },
    token: token === undefined ? undefined : keyText(token),
  };
  return after(core.sources.state.throttle(question), (answer) => judge(answer, question, values, one));
}

/** The key of the counter of these values, each that of one of `throttle.key`. */
export function counterKey({ id }: Throttle, values: readonly string[]): string {
  return keyText(JSON.stringify([id, ...values]));
}

/** What the keys of all counters of a throttle begin with, and no others. */
export function counterPrefix({ id }: Throttle): string {
  return JSON.stringify([id]).slice(0, -1);
}

function judge(answer: ThrottleAnswer, question: ThrottleQuestion, values: readonly string[], one: ThrottledEvent): Refusal | undefined {
  const { throttle, event, core, taken } = one;
  const isAllowed = event.isOver ? answer.taken < throttle.count : answer.allowed;
  core.trace?.({
    step: `throttle ${throttle.title}`,
    asked: throttle.key.map((name, index) => `${name} = ${JSON.stringify(values[index])}`).join(", "),
    answer: `${isAllowed ? "allowed" : "refused"}, ${answer.taken} of ${throttle.count} taken`,
  });
  if (!isAllowed) core.onThrottled?.({ throttle, values, now: question.now });
  if (!isAllowed) return refuse(core.settings.rcpt.replies.rateLimit, "rate-limit");
  // What was taken when this was asked before, here or by another node, is not to be given back now.
  if (answer.allowed && !answer.isRepeat) taken.push(question);
  return undefined;
}

function conclude(refusal: Verdict | undefined, { taken, core }: CountedEvent): Answer<Throttled> {
  if (refusal === undefined) return { refusal, taken };
  return after(giveBack(taken, core), (): Throttled => ({ refusal, taken: [] }));
}

/** What cannot be given back now is lost to the client for the rest of the period; it refuses nothing. */
export function giveBack(taken: readonly ThrottleQuestion[], core: Core): Answer<undefined> {
  return firstOutcome(taken, giveOneBack, core.sources.state);
}

function giveOneBack(question: ThrottleQuestion, state: State): Answer<undefined> {
  return onTemporary<State, undefined>(
    () => after(state.giveBack(question), () => undefined),
    () => undefined,
    state,
  );
}

/** Of a key, those that say who sends. */
const identifying: ReadonlySet<ThrottleKey> = new Set(["remote_ip", "authenticated_as", "helo_domain", "sender", "sender_domain"]);

/**
 * Whether the values can be those of one source. An empty one is nobody's: clients without a login are not one login, nor are the senders of
 * all reports one sender.
 */
function isOneSource(key: readonly ThrottleKey[], scope: Scope): boolean {
  let isOfAll = true;
  for (const name of key) {
    if (!identifying.has(name)) continue;
    if (textOf(name, scope) !== "") return true;
    isOfAll = false;
  }
  return isOfAll;
}

function textOf(name: ThrottleKey, scope: Scope): string {
  return toText(variablesOf.rcpt.get(name)?.(scope) ?? "");
}

/** Canonical, so that no spelling has a counter of its own. */
function keyValue(name: ThrottleKey, scope: Scope, ipv6Prefix: number): string {
  const value = textOf(name, scope);
  switch (name) {
    case "remote_ip":
      return value.includes(":") ? networkOf(value, 32, ipv6Prefix) : value;
    case "helo_domain":
    case "sender":
    case "sender_domain":
    case "rcpt":
    case "rcpt_domain":
    case "authenticated_as":
    case "listener":
    case "local_ip":
      return value;
  }
}
