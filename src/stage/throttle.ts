/** Throttles (`[[session.throttle]]`): how often something may happen in a period, asked at connect, MAIL and RCPT. */

import { type Steps, waitFor } from "../answer/steps.ts";
import { asBoolean } from "../expr/result.ts";
import { toText } from "../expr/value.ts";
import { networkOf } from "../mail/ip.ts";
import { keyText } from "./bounded-key.ts";
import type { Core } from "./core.ts";
import { evaluate } from "./evaluate.ts";
import { onTemporary, pass, refuse, unavailable } from "./refuse.ts";
import type { Throttle, ThrottleKey } from "./stage-settings.ts";
import type { ThrottleQuestion } from "./state.ts";
import type { Verdict } from "./verdict.ts";
import { type Scope, variablesOf } from "./vocabulary.ts";

/** What is counted. */
interface Event {
  /** Names it, the same on every node, so that a repeat counts no second time; `undefined`: nothing does. */
  readonly token: string | undefined;
  /** In place of `token` where a message counts once. */
  readonly message?: string | undefined;
  /** Counters that have counted the message already. */
  readonly counted?: ReadonlySet<string>;
}

interface Throttled {
  /** Absent: all allow it. */
  readonly refusal?: Verdict;
  /** What was taken, to be given back if the event is refused after all. */
  readonly taken: readonly ThrottleQuestion[];
}

const nothing: Throttled = { taken: [] };

/** In the order of the configuration; the first refusal ends it, and what was taken before is given back. */
export function* askThrottles(throttles: readonly Throttle[], scope: Scope, event: Event, core: Core): Steps<Throttled> {
  if (throttles.length === 0 || scope.session.trusted) return nothing;
  const taken: ThrottleQuestion[] = [];
  for (const throttle of throttles) {
    const verdict = yield* onTemporary(ask(throttle, scope, event, taken, core), (cause) =>
      throttle.onStoreFailure === "accept" ? pass("pass") : unavailable(core.settings.rcpt.replies.unavailable, cause),
    );
    if (verdict.kind === "pass") continue;
    yield* giveBack(taken, core);
    return { refusal: verdict, taken: [] };
  }
  return { taken };
}

/** What cannot be given back now is lost to the client for the rest of the period; it refuses nothing. */
export function* giveBack(taken: readonly ThrottleQuestion[], core: Core): Steps<void> {
  for (const question of taken) {
    yield* onTemporary(waitFor(core.sources.state.giveBack(question)), () => undefined);
  }
}

function* ask(throttle: Throttle, scope: Scope, event: Event, taken: ThrottleQuestion[], core: Core): Steps<Verdict> {
  const { title, key, count, periodMs, window, counts, ipv6Prefix } = throttle;
  if (!isOneSource(key, scope)) return pass("pass");
  if (!asBoolean(yield* evaluate(`throttle ${title}: match`, throttle.match, scope, core))) return pass("pass");

  const values = key.map((name) => keyValue(name, scope, ipv6Prefix));
  const counter = keyText(JSON.stringify([throttle.id, ...values]));
  const isOnce = counts === "messages" && event.counted !== undefined;
  if (isOnce && event.counted.has(counter)) return pass("pass");
  const token = isOnce ? event.message : event.token;
  const question: ThrottleQuestion = {
    ...{ key: counter, now: core.sources.now(), count, periodMs, window },
    token: token === undefined ? undefined : keyText(token),
  };
  const answer = yield* waitFor(core.sources.state.throttle(question));
  core.trace?.({
    step: `throttle ${title}`,
    asked: key.map((name, index) => `${name} = ${JSON.stringify(values[index])}`).join(", "),
    answer: `${answer.allowed ? "allowed" : "refused"}, ${answer.taken} of ${count} taken`,
  });
  if (!answer.allowed) return refuse(core.settings.rcpt.replies.rateLimit, "rate-limit");
  // What was taken when this was asked before, here or by another node, is not to be given back now.
  if (!answer.isRepeat) taken.push(question);
  return pass("pass");
}

/**
 * Whether what the key names can be one source: clients that the MTA does not know are not one, and no more are the senders of all
 * reports, whose address is the null sender, unless the key also says who sends them.
 */
function isOneSource(key: readonly ThrottleKey[], { session, sender }: Scope): boolean {
  if (key.includes("remote_ip") && session.client.address === undefined) return false;
  const isBySender = key.includes("sender") || key.includes("sender_domain");
  return !isBySender || sender !== "" || key.includes("remote_ip") || key.includes("authenticated_as");
}

/** Canonical, so that no spelling has a counter of its own. */
function keyValue(name: ThrottleKey, scope: Scope, ipv6Prefix: number): string {
  const value = toText(variablesOf.rcpt.get(name)?.(scope) ?? "");
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
