/** Verdicts that are not a pass, and the one place where "cannot tell" becomes a 4yz reply. */

import type { Answer } from "../answer/answer.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import { type Reply, reply } from "../mail/reply.ts";
import type { Reason, Refusal, Verdict } from "./verdict.ts";

const passes = new Map<Reason, Verdict>();

/** The same object for the same reason. */
export function pass(reason: Reason): Verdict {
  const known = passes.get(reason);
  if (known !== undefined) return known;
  const verdict: Verdict = { kind: "pass", reason };
  passes.set(reason, verdict);
  return verdict;
}

/** The usual one. */
export const passed = pass("pass");

export function refuse(answer: Reply, reason: Reason, delayMs = 0): Refusal {
  const kind = answer.code === 421 ? "disconnect" : answer.code >= 500 || answer.code < 400 ? "reject" : "defer";
  return { kind, reply: answer, reason, delayMs };
}

/** What `ask` answers; a `TemporaryError` yields what `cannotTell` makes of it. */
export function onTemporary<S, T>(ask: (state: S) => Answer<T>, cannotTell: CannotTell<S, T>, state: S): Answer<T> {
  return onAnswer(ask, asItIs, cannotTell, state);
}

function asItIs<T>(value: T): T {
  return value;
}

/** What `become` makes of that answer; a `TemporaryError` of `become` itself is thrown. */
export function onAnswer<S, T, U>(
  ask: (state: S) => Answer<T>,
  become: (value: T, state: S) => Answer<U>,
  cannotTell: CannotTell<S, U>,
  state: S,
): Answer<U> {
  let answer: Answer<T>;
  try {
    answer = ask(state);
  } catch (error) {
    return heed(error, cannotTell, state);
  }
  return answer instanceof Promise ? later(answer, become, cannotTell, state) : become(answer, state);
}

type CannotTell<S, T> = (cause: TemporaryError, state: S) => Answer<T>;

function later<S, T, U>(answer: Promise<T>, become: (value: T, state: S) => Answer<U>, cannotTell: CannotTell<S, U>, state: S): Promise<U> {
  return answer.then(
    (value) => become(value, state),
    (error: unknown) => heed(error, cannotTell, state),
  );
}

function heed<S, T>(error: unknown, cannotTell: CannotTell<S, T>, state: S): Answer<T> {
  if (error instanceof TemporaryError) return cannotTell(error, state);
  throw error;
}

export function unavailable(answer: Reply, cause: unknown): Refusal {
  return { kind: "defer", reply: answer, reason: "unavailable", delayMs: 0, cause };
}

/** Of refusals, those that decide nothing: asked again, another answer may come. */
const undecided: ReadonlySet<Reason> = new Set(["unavailable", "internal-error", "too-many-at-once"]);

export function isDecided({ reason }: Verdict): boolean {
  return !undecided.has(reason);
}

/** EHLO settings and lists have no reply of their own in the configuration. */
export const ehloUnavailable = reply(451, "4.4.3", "Unable to verify EHLO domain at this time.");

/** A bug: this request is deferred, and all others are served. */
export const internalError = {
  kind: "defer",
  reply: reply(451, "4.3.0", "Internal error, please try again later."),
  reason: "internal-error",
  delayMs: 0,
} as const satisfies Verdict;
