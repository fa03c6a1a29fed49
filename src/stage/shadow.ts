/** Shadow mode: refusals that are noted, logged and counted, and not carried out. */

import { formatReply } from "../mail/reply.ts";
import type { Core, Mode } from "./core.ts";
import type { Terms } from "./smtp-command.ts";
import type { StageResult } from "./stage-result.ts";
import type { Refusal } from "./verdict.ts";
import type { Scope } from "./vocabulary.ts";

/** The refusal by a rule of this mode; `undefined`: it is only noted in the session, and the stage goes on. */
export function carriedOut(refusal: Refusal, mode: Mode, { session }: Scope, core: Core): Refusal | undefined {
  if (mode === "enforce") return refusal;
  core.trace?.({ step: "shadow mode", asked: refusal.reason, answer: `would be ${formatReply(refusal.reply)}` });
  session.would = [...(session.would ?? []), refusal];
  return undefined;
}

/** Whether a refusal of that stage is only logged, or that one result. */
export function isShadowed({ stage, isShadow }: Pick<StageResult, "stage" | "isShadow">, terms: Terms): boolean {
  return terms.isShadow || isShadow === true || modeOf(stage, terms.core) === "shadow";
}

function modeOf(stage: StageResult["stage"], { settings }: Core): Mode {
  switch (stage) {
    case "ehlo":
    case "mail":
    case "rcpt":
      return settings[stage].mode;
    case "connect":
    case "vrfy":
    case "expn":
      return "enforce";
  }
}
