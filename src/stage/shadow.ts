/** Shadow mode: refusals that are noted, logged and counted, and not carried out. */

import { type Answer, after } from "../answer/answer.ts";
import type { TemporaryError } from "../answer/temporary-error.ts";
import { formatReply } from "../mail/reply.ts";
import type { Core, Mode } from "./core.ts";
import { onTemporary } from "./refuse.ts";
import type { Terms } from "./smtp-command.ts";
import type { StageResult } from "./stage-result.ts";
import type { Refusal, Verdict } from "./verdict.ts";
import type { Scope } from "./vocabulary.ts";

/** The refusal by a rule of this mode; `undefined`: it is only noted in the session, and the stage goes on. */
export function carriedOut(refusal: Refusal, mode: Mode, { session }: Scope, core: Core): Refusal | undefined {
  if (mode === "enforce") return refusal;
  core.trace?.({ step: "shadow mode", asked: refusal.reason, answer: `would be ${formatReply(refusal.reply)}` });
  session.would = [...(session.would ?? []), refusal];
  return undefined;
}

/** A command at a stage that goes on after what it refuses. */
interface Passable<O> extends Scope {
  readonly core: Core;
  /** The first refusal, noted; `undefined`: none. */
  refused: O | undefined;
}

interface GoingOn<S, O> {
  /** Of the steps, those that say what becomes of the command: they are taken after a refusal, too. */
  readonly work: readonly ((state: S) => Answer<O | undefined>)[];
  readonly cannotTell: (cause: TemporaryError, state: S) => O;
  /** Of the refusals, those that end the stage all the same. */
  readonly isCarriedOut: (verdict: Verdict, state: S) => boolean;
}

/**
 * The steps of a stage that refuses nothing: the first refusal is noted, and from then on only work is done. So nothing is counted or
 * remembered that a refusal would have spared. The stage needs one more step, by which the command passes.
 */
export function goingOn<S extends Passable<O>, O extends { readonly verdict: Verdict }>(
  steps: readonly ((state: S) => Answer<O | undefined>)[],
  { work, cannotTell, isCarriedOut }: GoingOn<S, O>,
): readonly ((state: S) => Answer<O | undefined>)[] {
  const note = (outcome: O | undefined, state: S): O | undefined => {
    if (outcome === undefined || outcome.verdict.kind === "pass" || isCarriedOut(outcome.verdict, state)) return outcome;
    if (state.refused === undefined) carriedOut(outcome.verdict, "shadow", state, state.core);
    state.refused ??= outcome;
    return undefined;
  };
  return steps.map((step) => {
    const isWork = work.includes(step);
    return (state) => (state.refused !== undefined && !isWork ? undefined : after(onTemporary(step, cannotTell, state), note, state));
  });
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
