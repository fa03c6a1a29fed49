/** Parameters of MAIL and RCPT that belong to ESMTP extensions: refused where the extension is off, or the value is beyond its maximum. */

import { type Answer, after } from "../answer/answer.ts";
import { firstOutcome } from "../answer/steps.ts";
import { asBoolean, asConstant, asDuration } from "../expr/result.ts";
import type { Value } from "../expr/value.ts";
import { notifyValue } from "../mail/dsn.ts";
import { reply } from "../mail/reply.ts";
import { formatTime } from "../text/time.ts";
import type { Core } from "./core.ts";
import { evaluateRefusal } from "./in-doubt.ts";
import { type Parameter, type Parameters, parameterValue, split } from "./parameters.ts";
import { onTemporary, refuse, unavailable } from "./refuse.ts";
import type { Settings } from "./stage-settings.ts";
import type { Reason, RefusedParameter, Verdict } from "./verdict.ts";
import { priorityPolicies, type Scope } from "./vocabulary.ts";

/** The first that is refused; the sender of `scope` is as decided. What no extension here knows is left to the MTA. */
export function checkMailParameters(scope: Scope, parameters: Parameters, core: Core): Answer<RefusedParameter | undefined> {
  return check(scope, parameters, mailParameters, core);
}

export function checkRcptParameters(scope: Scope, parameters: Parameters, core: Core): Answer<RefusedParameter | undefined> {
  return check(scope, parameters, rcptParameters, core);
}

function check(scope: Scope, parameters: Parameters, checks: Checks, core: Core): Answer<RefusedParameter | undefined> {
  if (parameters.length === 0) return undefined;
  return firstOutcome(parameters, checkOne, { scope, parameters, checks, core }, core.abort);
}

interface CheckedCommand {
  readonly scope: Scope;
  readonly parameters: Parameters;
  readonly checks: Checks;
  readonly core: Core;
}

function checkOne(text: string, command: CheckedCommand): Answer<RefusedParameter | undefined> {
  const parameter = split(text);
  const known = command.checks.get(parameter.keyword);
  return known && onTemporary(judge, cannotTell, { command, parameter, check: known });
}

interface CheckedParameter {
  readonly command: CheckedCommand;
  readonly parameter: Parameter;
  readonly check: Check;
}

function cannotTell(cause: unknown, { command, parameter }: CheckedParameter): RefusedParameter {
  return { verdict: unavailable(command.core.settings.rcpt.replies.unavailable, cause), keyword: parameter.keyword };
}

function judge(given: CheckedParameter): Answer<RefusedParameter | undefined> {
  const { extension } = given.check;
  if (extension === undefined) return judgeValue(0, given);
  const { scope, core } = given.command;
  const { key, setting } = extensions[extension];
  // A value that no limit allows is refused whatever cannot be told.
  const refuses = (limit: Value) => judgeWithin(limit, given) !== undefined && judgeValue(Number.POSITIVE_INFINITY, given) === undefined;
  return after(evaluateRefusal(key, core.settings.extensions[setting], scope, core, false, refuses), judgeWithin, given);
}

function judgeWithin(limit: Value, given: CheckedParameter): RefusedParameter | undefined {
  const { extension } = given.check;
  if (extension === undefined || isOn(extension, limit)) return judgeValue(asDuration(limit) ?? 0, given);
  return { verdict: refused(`${extensions[extension].name} has been disabled.`, "extension-disabled"), keyword: given.parameter.keyword };
}

function judgeValue(maxMs: number, { command, parameter, check }: CheckedParameter): RefusedParameter | undefined {
  const problem = check.fault(parameter, maxMs, command);
  if (problem === undefined) return undefined;
  const { keyword } = parameter;
  return { verdict: refused(problem === invalid ? `Invalid parameter "${keyword}".` : problem, "invalid-parameter"), keyword };
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

interface Check {
  /** The one that must be on; `undefined`: it is always. */
  readonly extension: Extension | undefined;
  /** What is wrong with the value; `maxMs` is what a duration setting says. */
  readonly fault: (parameter: Parameter, maxMs: number, command: CheckedCommand) => string | undefined;
}

type Checks = ReadonlyMap<string, Check>;

/** A text of its own for what has none. */
const invalid = "invalid";

const validIf = (isValid: boolean) => (isValid ? undefined : invalid);

const size = /^\d{1,20}$/;
const xtext = /^[!-~]+$/;

const mailParameters: Checks = new Map<string, Check>([
  // RFC 1870. How much is too much is the MTA's.
  ["SIZE", { extension: undefined, fault: ({ value = "" }) => validIf(size.test(value)) }],
  ["REQUIRETLS", { extension: "requireTls", fault: ({ value }) => validIf(value === undefined) }],
  ["BY", { extension: "deliverBy", fault: checkBy }],
  ["HOLDFOR", { extension: "futureRelease", fault: checkHoldFor }],
  ["HOLDUNTIL", { extension: "futureRelease", fault: checkHoldUntil }],
  ["MT-PRIORITY", { extension: "mtPriority", fault: checkPriority }],
  ["ENVID", { extension: "dsn", fault: ({ value = "" }) => validIf(xtext.test(value)) }],
]);

// ORCPT alone is never refused: Postfix sends it to each server that offers DSN.
const rcptParameters: Checks = new Map<string, Check>([
  ["NOTIFY", { extension: "dsn", fault: ({ value = "" }) => validIf(notifyValue.test(value)) }],
]);

/** RFC 2852 section 4; a time that has passed may lead to a notification, not to a return. */
function checkBy({ value = "" }: Parameter, maxMs: number): string | undefined {
  const [, digits, mode = ""] = /^([+-]?\d{1,9});([NR])T?$/i.exec(value) ?? [];
  if (digits === undefined) return invalid;
  const seconds = Number(digits);
  const maxSeconds = Math.trunc(maxMs / 1000);
  const isMet = seconds <= maxSeconds && (seconds > 0 || mode.toUpperCase() === "N");
  return isMet ? undefined : `BY parameter exceeds maximum of ${maxSeconds} seconds.`;
}

const onlyOne = "Only one of HOLDFOR or HOLDUNTIL may be specified.";

/** RFC 4865 section 4 */
function checkHoldFor({ value = "" }: Parameter, maxMs: number, { parameters }: CheckedCommand): string | undefined {
  if (parameterValue("HOLDUNTIL", parameters) !== undefined) return onlyOne;
  if (!/^\d{1,9}$/.test(value) || Number(value) === 0) return invalid;
  const maxSeconds = Math.trunc(maxMs / 1000);
  return Number(value) > maxSeconds ? `Requested hold time exceeds maximum of ${maxSeconds} seconds.` : undefined;
}

function checkHoldUntil({ value = "" }: Parameter, maxMs: number, { parameters, core }: CheckedCommand): string | undefined {
  if (parameterValue("HOLDFOR", parameters) !== undefined) return onlyOne;
  const now = core.sources.now();
  const time = dateTime.test(value) && isDay(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(time)) return invalid;
  if (time <= now) return "HOLDUNTIL must be a date and time in the future.";
  return time > now + maxMs ? `Requested release time exceeds maximum of ${formatTime(Math.min(now + maxMs, maxTime))}.` : undefined;
}

/** RFC 3339 5.6 */
const dateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i;

/** `Date.parse` takes the 30th of February for a day in March. */
function isDay(value: string): boolean {
  const time = Date.parse(`${value.slice(0, 10)}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(value.slice(0, 10));
}

/** The last moment that a `Date` has. */
const maxTime = 8.64e15;

function checkPriority({ value = "" }: Parameter): string | undefined {
  const priority = /^-?\d$/.test(value) ? Number(value) : Number.NaN;
  return priority >= -6 && priority <= 5 ? undefined : "Invalid priority value.";
}
