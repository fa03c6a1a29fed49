/** Settings of RCPT that are a number, and what they are when nobody can tell. */
import { type Answer, after } from "../answer/answer.ts";
import { asCount, asDuration } from "../expr/result.ts";
import type { Value } from "../expr/value.ts";
import type { Core } from "./core.ts";
import { evaluate } from "./evaluate.ts";
import { evaluateRefusal } from "./in-doubt.ts";
import { onTemporary } from "./refuse.ts";
import type { Rule, Settings } from "./stage-settings.ts";
import type { Scope } from "./vocabulary.ts";

interface NumberSetting {
  readonly key: string;
  readonly rule: (settings: Settings["rcpt"]) => Rule;
  readonly read: (value: Value) => number | undefined;
  /** Where the rule yields no such number. */
  readonly otherwise: number;
  /** Where a source cannot tell: a limit protects, and the mail is not at stake. */
  readonly unknown: number;
}

export const maxRecipients: NumberSetting = {
  key: "max-recipients",
  rule: (rcpt) => rcpt.maxRecipients,
  read: asCount,
  otherwise: 100,
  unknown: 100,
};

export const maxErrors: NumberSetting = {
  key: "errors.total",
  rule: ({ errors }) => errors.total,
  read: asCount,
  otherwise: 5,
  unknown: 5,
};

/** In milliseconds. */
export const errorWait: NumberSetting = {
  key: "errors.wait",
  rule: ({ errors }) => errors.wait,
  read: asDuration,
  otherwise: 0,
  unknown: 5000,
};

export function numberOf(setting: NumberSetting, scope: Scope, core: Core): Answer<number> {
  return onTemporary(ask, cannotTell, { setting, scope, core });
}

/** To be called before what reaches the number is refused for good: throws a `TemporaryError` where that might be greater, had all been told. */
export function mustReach({ key, rule, read, otherwise }: NumberSetting, reached: number, scope: Scope, core: Core): Answer<unknown> {
  return evaluateRefusal(key, rule(core.settings.rcpt), scope, core, false, (value) => reached >= (read(value) ?? otherwise));
}

interface Asked {
  readonly setting: NumberSetting;
  readonly scope: Scope;
  readonly core: Core;
}

function ask({ setting, scope, core }: Asked): Answer<number> {
  return after(evaluate(setting.key, setting.rule(core.settings.rcpt), scope, core), read, setting);
}

function read(value: Value, setting: NumberSetting): number {
  return setting.read(value) ?? setting.otherwise;
}

function cannotTell(_: unknown, { setting }: Asked): number {
  return setting.unknown;
}
