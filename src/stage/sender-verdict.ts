/** What becomes of a client and its sender by what the DNS says of them: the strategies of `[auth]`. */
import { type Answer, after } from "../answer/answer.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import type { Doubt, OnDoubt } from "../expr/expression.ts";
import { asConstant } from "../expr/result.ts";
import type { Value } from "../expr/value.ts";
import { type Reply, reply } from "../mail/reply.ts";
import type { Core } from "./core.ts";
import { evaluate } from "./evaluate.ts";
import { asksLists, inDoubt, untoldBy } from "./in-doubt.ts";
import { refuse } from "./refuse.ts";
import { type AuthCheck, askChecks, iprevOf, isAskedAbout, spfEhloOf, spfOf } from "./sender-auth.ts";
import type { AuthResult } from "./sources.ts";
import type { Rule, SenderAuthSettings } from "./stage-settings.ts";
import type { Reason, Verdict } from "./verdict.ts";
import type { Scope } from "./vocabulary.ts";

interface Verification {
  readonly check: AuthCheck;
  /** Of the setting, for the trace. */
  readonly key: string;
  readonly rule: (settings: SenderAuthSettings) => Rule | undefined;
  /** With, for the log, why. */
  readonly resultOf: (scope: Scope) => { readonly result: AuthResult; readonly by?: string } | undefined;
  readonly refusal: (status: string) => Reply;
  readonly temporary: Reply;
  readonly reason: Reason;
}

const spf = {
  refusal: (status: string) => reply(550, "5.7.23", `SPF validation failed, status: ${status}.`),
  temporary: reply(451, "4.7.24", "Temporary SPF validation error."),
};

const ehloVerifications: readonly Verification[] = [
  { ...spf, check: "spf-ehlo", key: "auth.spf.verify.ehlo", rule: ({ spfEhlo }) => spfEhlo, resultOf: spfEhloOf, reason: "spf-ehlo" },
];

const mailVerifications: readonly Verification[] = [
  {
    check: "iprev",
    key: "auth.iprev.verify",
    rule: ({ iprev }) => iprev,
    resultOf: ({ session }) => iprevOf(session),
    refusal: () => reply(550, "5.7.25", "Reverse DNS validation failed."),
    temporary: reply(451, "4.7.25", "Temporary error validating reverse DNS."),
    reason: "iprev",
  },
  { ...spf, check: "spf", key: "auth.spf.verify.mail-from", rule: ({ spfMail }) => spfMail, resultOf: spfOf, reason: "spf" },
];

export function verifyEhlo(scope: Scope, core: Core): Answer<Verdict | undefined> {
  return core.settings.senderAuth.spfEhlo === undefined ? undefined : verify(ehloVerifications, scope, core);
}

export function verifyMail(scope: Scope, core: Core): Answer<Verdict | undefined> {
  const { iprev, spfMail } = core.settings.senderAuth;
  return iprev === undefined && spfMail === undefined ? undefined : verify(mailVerifications, scope, core);
}

/** Whether SPF is to be verified, which needs an EHLO name. */
export function needsEhlo(scope: Scope, core: Core): Answer<boolean> {
  const { spfEhlo, spfMail } = core.settings.senderAuth;
  if ((spfEhlo === undefined && spfMail === undefined) || !isAskedAbout(scope.session)) return false;
  const verifications = [...ehloVerifications, ...mailVerifications].filter(({ check }) => check !== "iprev");
  return after(strategiesOf(verifications, scope, core), (strategies) => strategies.some((strategy) => strategy !== "disable"));
}

/** What is needed is asked for at once; the first refusal counts. */
function verify(verifications: readonly Verification[], scope: Scope, core: Core): Answer<Verdict | undefined> {
  if (!isAskedAbout(scope.session)) return undefined;
  const verifying: Verifying = { verifications, scope, core, strategies: disabled };
  return after(strategiesOf(verifications, scope, core, verifying), askNeeded, verifying);
}

interface Verifying {
  readonly verifications: readonly Verification[];
  readonly scope: Scope;
  readonly core: Core;
  /** Of each verification. */
  strategies: readonly Strategy[];
  /** Of what chose them. */
  doubts?: Map<Verification, Doubt>;
}

const disabled: readonly Strategy[] = [];

function askNeeded(strategies: readonly Strategy[], verifying: Verifying): Answer<Verdict | undefined> {
  const { verifications, scope, core } = verifying;
  verifying.strategies = strategies;
  const needed: AuthCheck[] = [];
  for (let at = 0; at < strategies.length; at += 1) {
    const check = verifications[at]?.check;
    if (check !== undefined && strategies[at] !== "disable") needed.push(check);
  }
  return after(askChecks(needed, scope, core), judgeAll, verifying);
}

function judgeAll(_: unknown, { verifications, scope, core, strategies, doubts }: Verifying): Verdict | undefined {
  // The first that is none for good: one after it may be.
  let forNow: Verdict | undefined;
  for (let at = 0; at < strategies.length; at += 1) {
    const [verification, strategy] = [verifications[at], strategies[at]];
    if (verification === undefined || strategy === undefined) continue;
    const verdict = judge(verification, strategy, scope);
    if (verdict === undefined) continue;
    const untold = untoldBy(doubts?.get(verification), verification.rule(core.settings.senderAuth)?.checks, scope);
    if (verdict.kind === "reject" && untold === undefined) return verdict;
    forNow ??= verdict.kind === "reject" && untold ? deferred(verification, inDoubt(verification.key, untold, core)) : verdict;
  }
  return forNow;
}

export const strategies = ["disable", "relaxed", "strict", "enforce"] as const;
type Strategy = (typeof strategies)[number];

function strategiesOf(
  verifications: readonly Verification[],
  scope: Scope,
  core: Core,
  verifying?: Verifying,
): Answer<readonly Strategy[]> {
  const values: Answer<Strategy>[] = [];
  let waits = false;
  for (const verification of verifications) {
    const strategy = verification.rule(core.settings.senderAuth);
    const onDoubt = verifying && strategy && asksLists(strategy) ? noting(verification, verifying) : undefined;
    const value = strategy === undefined ? "disable" : after(evaluate(verification.key, strategy, scope, core, onDoubt), asStrategy);
    waits ||= value instanceof Promise;
    values.push(value);
  }
  return waits ? Promise.all(values) : (values as Strategy[]);
}

function noting(verification: Verification, verifying: Verifying): OnDoubt {
  return (doubt) => {
    verifying.doubts ??= new Map();
    verifying.doubts.set(verification, doubt);
  };
}

/** False is `disable`. One that a rule computes, and that is none, refuses nobody. */
export function asStrategy(value: Value): Strategy {
  return value === 0 ? "disable" : (asConstant(value, strategies) ?? "relaxed");
}

const statuses: Readonly<Record<AuthResult, string>> = {
  pass: "Pass",
  fail: "Fail",
  softfail: "SoftFail",
  neutral: "Neutral",
  none: "None",
  temperror: "TempError",
  permerror: "PermError",
};

function judge({ resultOf, refusal, temporary, reason }: Verification, strategy: Strategy, scope: Scope): Verdict | undefined {
  const { result, by = "" } = resultOf(scope) ?? { result: "none" };
  if (strategy === "disable" || strategy === "relaxed" || result === "pass") return undefined;
  if (result === "temperror") return deferred({ temporary, reason }, new TemporaryError(by));
  return strategy === "strict" || result === "fail" ? refuse(refusal(statuses[result]), reason) : undefined;
}

function deferred({ temporary, reason }: Pick<Verification, "temporary" | "reason">, cause: TemporaryError): Verdict {
  return { kind: "defer", reply: temporary, reason, delayMs: 0, cause };
}
