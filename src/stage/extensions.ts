/** Parameters of MAIL and RCPT that belong to ESMTP extensions: refused where the extension is off, or the value is beyond its maximum. */

import type { Answer } from "../answer/answer.ts";
import { runSteps, type Steps } from "../answer/steps.ts";
import { asBoolean, asConstant, asDuration } from "../expr/result.ts";
import type { Value } from "../expr/value.ts";
import { reply } from "../mail/reply.ts";
import type { Core } from "./core.ts";
import { evaluate } from "./evaluate.ts";
import { type Parameter, split } from "./parameters.ts";
import { onTemporary, pass, refuse, unavailable } from "./refuse.ts";
import type { Session } from "./session.ts";
import type { Settings } from "./stage-settings.ts";
import type { ParametersOutcome, Reason, Verdict } from "./verdict.ts";
import { priorityPolicies, type Scope } from "./vocabulary.ts";

/** `now` in milliseconds since 1970. `sender` as decided. What no extension here knows is left to the MTA. */
export function decideMailParameters(
  session: Session,
  sender: string,
  parameters: readonly string[],
  core: Core,
  now: number,
): Answer<ParametersOutcome> {
  return decide({ session, helo: session.helo, sender, rcpt: "" }, parameters, mailParameters, core, now);
}

export function decideRcptParameters(session: Session, parameters: readonly string[], core: Core, now: number): Answer<ParametersOutcome> {
  const scope = { session, helo: session.helo, sender: session.transaction?.sender ?? "", rcpt: "" };
  return decide(scope, parameters, rcptParameters, core, now);
}

const passed: ParametersOutcome = { verdict: pass("pass"), keyword: "" };

function decide(scope: Scope, parameters: readonly string[], checks: Checks, core: Core, now: number): Answer<ParametersOutcome> {
  const known = parameters.map(split).filter(({ keyword }) => checks.has(keyword));
  return known.length === 0 ? passed : runSteps(all(scope, known, checks, core, now));
}

function* all(scope: Scope, known: readonly Parameter[], checks: Checks, core: Core, now: number): Steps<ParametersOutcome> {
  const keywords = new Set(known.map(({ keyword }) => keyword));
  for (const { keyword, value } of known) {
    const check = checks.get(keyword)?.({ value: value ?? "", isBare: value === undefined, keywords, now });
    if (check === undefined) continue;
    const verdict = yield* onTemporary(one(check, keyword, scope, core), (cause) =>
      unavailable(core.settings.rcpt.replies.unavailable, cause),
    );
    if (verdict.kind !== "pass") return { verdict, keyword };
  }
  return passed;
}

function* one({ extension, fault }: Check, keyword: string, scope: Scope, core: Core): Steps<Verdict> {
  let limit: Value = 1;
  if (extension !== undefined) {
    const { key, setting, name } = extensions[extension];
    limit = yield* evaluate(key, core.settings.extensions[setting], scope, core);
    if (!isOn(extension, limit)) return refused(`${name} has been disabled.`, "extension-disabled");
  }
  const problem = fault(asDuration(limit) ?? 0);
  if (problem === undefined) return pass("pass");
  return refused(problem === invalid ? `Invalid parameter "${keyword}".` : problem, "invalid-parameter");
}

function refused(text: string, reason: Reason): Verdict {
  return refuse(reply(501, "5.5.4", text), reason);
}

const extensions = {
  requireTls: { key: "requiretls", setting: "requireTls", name: "REQUIRETLS" },
  deliverBy: { key: "deliver-by", setting: "deliverBy", name: "DELIVERBY extension" },
  futureRelease: { key: "future-release", setting: "futureRelease", name: "FUTURERELEASE extension" },
  mtPriority: { key: "mt-priority", setting: "mtPriority", name: "MT-PRIORITY extension" },
  dsn: { key: "dsn", setting: "dsn", name: "DSN extension" },
} as const satisfies Record<string, { key: string; setting: keyof Settings["extensions"]; name: string }>;

type Extension = keyof typeof extensions;

function isOn(extension: Extension, value: Value): boolean {
  switch (extension) {
    case "requireTls":
    case "dsn":
      return asBoolean(value);
    case "deliverBy":
    case "futureRelease":
      return asDuration(value) !== undefined;
    case "mtPriority":
      return asConstant(value, priorityPolicies) !== undefined;
  }
}

interface Given {
  readonly value: string;
  readonly isBare: boolean;
  /** Of all parameters that are checked here. */
  readonly keywords: ReadonlySet<string>;
  readonly now: number;
}

interface Check {
  /** The one that must be on; `undefined`: it is always. */
  readonly extension: Extension | undefined;
  /** What is wrong with the value; `maxMs` is what a duration setting says. */
  readonly fault: (maxMs: number) => string | undefined;
}

type Checks = ReadonlyMap<string, (given: Given) => Check>;

/** A text of its own for what has none. */
const invalid = "invalid";

const validIf = (isValid: boolean) => (isValid ? undefined : invalid);

const mailParameters: Checks = new Map<string, (given: Given) => Check>([
  // RFC 1870. How much is too much is the MTA's.
  ["SIZE", ({ value }) => ({ extension: undefined, fault: () => validIf(/^\d{1,20}$/.test(value)) })],
  ["REQUIRETLS", ({ isBare }) => ({ extension: "requireTls", fault: () => validIf(isBare) })],
  ["BY", ({ value }) => ({ extension: "deliverBy", fault: (maxMs) => checkBy(value, maxMs) })],
  ["HOLDFOR", (given) => ({ extension: "futureRelease", fault: (maxMs) => checkHoldFor(given, maxMs) })],
  ["HOLDUNTIL", (given) => ({ extension: "futureRelease", fault: (maxMs) => checkHoldUntil(given, maxMs) })],
  ["MT-PRIORITY", ({ value }) => ({ extension: "mtPriority", fault: () => checkPriority(value) })],
  ["ENVID", ({ value }) => ({ extension: "dsn", fault: () => validIf(/^[!-~]+$/.test(value)) })],
]);

// ORCPT alone is never refused: Postfix sends it to each server that offers DSN.
const rcptParameters: Checks = new Map<string, (given: Given) => Check>([
  ["NOTIFY", ({ value }) => ({ extension: "dsn", fault: () => validIf(notify.test(value)) })],
]);

/** RFC 3461 4.1 */
const notify = /^(?:NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*)$/i;

/** RFC 2852 section 4; a time that has passed may lead to a notification, not to a return. */
function checkBy(value: string, maxMs: number): string | undefined {
  const [, digits, mode = ""] = /^([+-]?\d{1,9});([NR])T?$/i.exec(value) ?? [];
  if (digits === undefined) return invalid;
  const seconds = Number(digits);
  const maxSeconds = Math.trunc(maxMs / 1000);
  const isMet = seconds <= maxSeconds && (seconds > 0 || mode.toUpperCase() === "N");
  return isMet ? undefined : `BY parameter exceeds maximum of ${maxSeconds} seconds.`;
}

const onlyOne = "Only one of HOLDFOR or HOLDUNTIL may be specified.";

/** RFC 4865 section 4 */
function checkHoldFor({ value, keywords }: Given, maxMs: number): string | undefined {
  if (keywords.has("HOLDUNTIL")) return onlyOne;
  if (!/^\d{1,9}$/.test(value) || Number(value) === 0) return invalid;
  const maxSeconds = Math.trunc(maxMs / 1000);
  return Number(value) > maxSeconds ? `Requested hold time exceeds maximum of ${maxSeconds} seconds.` : undefined;
}

function checkHoldUntil({ value, keywords, now }: Given, maxMs: number): string | undefined {
  if (keywords.has("HOLDFOR")) return onlyOne;
  const time = dateTime.test(value) && isDay(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(time)) return invalid;
  if (time <= now) return "HOLDUNTIL must be a date and time in the future.";
  return time > now + maxMs ? `Requested release time exceeds maximum of ${formatTime(now + maxMs)}.` : undefined;
}

/** RFC 3339 5.6 */
const dateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i;

/** `Date.parse` takes the 30th of February for a day in March. */
function isDay(value: string): boolean {
  const time = Date.parse(`${value.slice(0, 10)}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(value.slice(0, 10));
}

const maxTime = 8.64e15;

function formatTime(ms: number): string {
  return new Date(Math.min(ms, maxTime)).toISOString().replace(/\.\d+Z$/, "Z");
}

function checkPriority(value: string): string | undefined {
  const priority = /^-?\d$/.test(value) ? Number(value) : Number.NaN;
  return priority >= -6 && priority <= 5 ? undefined : "Invalid priority value.";
}
