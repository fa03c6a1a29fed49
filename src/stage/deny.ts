/** Refusals of the administrator's own, the `deny` of a stage: the first whose rule is true answers. */

import { type Answer, after } from "../answer/answer.ts";
import { firstOutcome } from "../answer/steps.ts";
import { asBoolean } from "../expr/result.ts";
import { toText, type Value } from "../expr/value.ts";
import { type Reply, reply } from "../mail/reply.ts";
import type { Core } from "./core.ts";
import { evaluate } from "./evaluate.ts";
import { refuse } from "./refuse.ts";
import { askChecks } from "./sender-auth.ts";
import { carriedOut } from "./shadow.ts";
import type { Denial, ReplyTemplate } from "./stage-settings.ts";
import type { Verdict } from "./verdict.ts";
import type { Scope } from "./vocabulary.ts";

/** `shown`: what variables in a reply are read from, where rules see something else. Throws a `TemporaryError` when a rule cannot tell. */
export function askDenials(denials: readonly Denial[], scope: Scope, core: Core, shown = scope): Answer<Verdict | undefined> {
  return denials.length === 0 ? undefined : firstOutcome(denials, askDenial, { scope, shown, core }, core.abort);
}

interface Asked {
  readonly scope: Scope;
  readonly shown: Scope;
  readonly core: Core;
}

function askDenial(denial: Denial, { scope, shown, core }: Asked): Answer<Verdict | undefined> {
  return after(evaluate(denial.title, denial.if, scope, core), (isDenied: Value) =>
    asBoolean(isDenied) ? deny(denial, scope, shown, core) : undefined,
  );
}

function deny({ reply, mode }: Denial, scope: Scope, shown: Scope, core: Core): Answer<Verdict | undefined> {
  const asked = reply.checks === undefined ? undefined : askChecks(reply.checks, shown, core);
  return after(asked, () => carriedOut(refuse(replyOf(reply, shown), "denied"), mode, scope, core));
}

/** Of one variable in a reply, in characters. */
const maxShown = 100;

function replyOf({ code, status, parts }: ReplyTemplate, scope: Scope): Reply {
  return reply(code, status, parts.map((part) => (typeof part === "string" ? part : shownText(part(scope)))).join(""));
}

function shownText(value: Value): string {
  return toText(value).slice(0, maxShown);
}
