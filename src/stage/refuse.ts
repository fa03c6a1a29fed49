/** Verdicts that are not a pass, and the one place where "cannot tell" becomes a 4yz reply. */

import type { Steps } from "../answer/steps.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import { type Reply, reply } from "../mail/reply.ts";
import type { Reason, Verdict } from "./verdict.ts";

export function pass(reason: Reason): Verdict {
  return { kind: "pass", reason };
}

export function refuse(answer: Reply, reason: Reason, delayMs = 0): Verdict {
  const kind = answer.code === 421 ? "disconnect" : answer.code >= 500 || answer.code < 400 ? "reject" : "defer";
  return { kind, reply: answer, reason, delayMs };
}

/** Runs the steps; a `TemporaryError` among them yields what `cannotTell` makes of it. */
export function* onTemporary<T>(steps: Steps<T>, cannotTell: (cause: TemporaryError) => T): Steps<T> {
  try {
    return yield* steps;
  } catch (error) {
    if (error instanceof TemporaryError) return cannotTell(error);
    throw error;
  }
}

export function unavailable(answer: Reply, cause: unknown): Verdict {
  return { kind: "defer", reply: answer, reason: "unavailable", delayMs: 0, cause };
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
