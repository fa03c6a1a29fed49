/** Questions to a state store, as the default configuration asks them. */
import type { GreylistQuestion, ThrottleQuestion } from "../../src/stage/state.ts";

const minute = 60_000;
const day = 1440 * minute;
/** Not a multiple of any period. */
export const start = 1_700_000_000_123;

export function greylistQuestion(changes: Partial<GreylistQuestion> = {}): GreylistQuestion {
  return {
    client: "192.0.2.0/24",
    sender: "a@example.org",
    recipient: "b@example.net",
    now: start,
    delayMs: 5 * minute,
    retryWindowMs: 2 * day,
    lifetimeMs: 35 * day,
    autoWhitelist: { address: "192.0.2.1", passes: undefined },
    maxWaiting: 10_000,
    ...changes,
  };
}

export function throttleQuestion(changes: Partial<ThrottleQuestion> = {}): ThrottleQuestion {
  return { key: "k", now: start, count: 2, periodMs: 60 * minute, window: "fixed", token: undefined, ...changes };
}
