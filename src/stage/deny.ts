/** Refusals of the administrator's own, the `deny` of a stage: the first whose rule is true answers. */

import { type Answer, after } from "../answer/answer.ts";
import { firstOutcome } from "../answer/steps.ts";
import type { TemporaryError } from "../answer/temporary-error.ts";
import { asBoolean } from "../expr/result.ts";
import { toText, type Value } from "../expr/value.ts";
import { type Reply, reply } from "../mail/reply.ts";
import type { Core } from "./core.ts";
import { evaluateRefusal, forNow, InDoubt } from "./in-doubt.ts";
import { onAnswer, refuse } from "./refuse.ts";
import { askChecks } from "./sender-auth.ts";
import { carriedOut } from "./shadow.ts";
import type { Denial, ReplyTemplate } from "./stage-settings.ts";
import type { Verdict } from "./verdict.ts";
import type { Scope } from "./vocabulary.ts";

/** `shown`: what variables in a reply are read from, where rules see something else. Throws a `TemporaryError` when a rule cannot tell. */
export function askDenials(denials: readonly Denial[], scope: Scope, core: Core, shown = scope): Answer<Verdict | undefined> {
  if (denials.length === 0) return undefined;
  const asked: Asked = { scope, shown, core, inDoubt: undefined };
  return after(firstOutcome(denials, askDenial, asked, core.abort), orInDoubt, asked);
}

interface Asked {
  readonly scope: Scope;
  readonly shown: Scope;
  readonly core: Core;
  /** The first refusal that would be one for good, were it certain: one after it may be. */
  inDoubt: Verdict | undefined;
}

interface AskedDenial {
  readonly denial: Denial;
  readonly asked: Asked;
}

function orInDoubt(verdict: Verdict | undefined, { inDoubt }: Asked): Verdict | undefined {
  return inDoubt === undefined || verdict?.kind === "reject" ? verdict : inDoubt;
}

function askDenial(denial: Denial, asked: Asked): Answer<Verdict | undefined> {
  return onAnswer(evaluateDenial, denyIf, denyForNow, { denial, asked });
}

function evaluateDenial({ denial, asked: { scope, core } }: AskedDenial): Answer<Value> {
  return evaluateRefusal(denial.title, denial.if, scope, core, true);
}

function denyIf(isDenied: Value, asked: AskedDenial): Answer<Verdict | undefined> {
  return asBoolean(isDenied) ? deny(asked) : undefined;
}

function denyForNow(cause: TemporaryError, asked: AskedDenial): Answer<Verdict | undefined> {
  if (cause instanceof InDoubt) return deny(asked, cause);
  throw cause;
}

function deny({ denial: { reply, mode }, asked }: AskedDenial, doubt?: InDoubt): Answer<Verdict | undefined> {
  const { scope, shown, core } = asked;
  const checked = reply.checks === undefined ? undefined : askChecks(reply.checks, shown, core);
  return after(checked, () => {
    const refusal = refuse(replyOf(reply, shown), "denied");
    if (doubt === undefined || refusal.kind !== "reject") return carriedOut(refusal, mode, scope, core);
    asked.inDoubt ??= carriedOut(forNow(refusal, doubt), mode, scope, core);
    return undefined;
  });
}

/** Of one variable in a reply, in characters. */
const maxShown = 100;

function replyOf({ code, status, parts }: ReplyTemplate, scope: Scope): Reply {
  return reply(code, status, parts.map((part) => (typeof part === "string" ? part : shownText(part(scope)))).join(""));
}

function shownText(value: Value): string {
  return toText(value).slice(0, maxShown);
}
