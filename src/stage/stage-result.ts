/** What stages say, one after the other, of what a client did. */
import { type Answer, after } from "../answer/answer.ts";
import { firstOutcome, type Steps } from "../answer/steps.ts";
import type { Header } from "./admission.ts";
import { isShadowed } from "./shadow.ts";
import type { Terms } from "./smtp-command.ts";
import type { Refusal, RefusedParameter, Verdict } from "./verdict.ts";

export type StageName = "connect" | "ehlo" | "mail" | "rcpt" | "vrfy" | "expn";

/** What one stage said. */
export interface StageResult {
  readonly stage: StageName;
  readonly verdict: Verdict;
  /** A rule in shadow mode made it: it is only logged. Whether its stage or its listener is in that mode, `isShadowed` says. */
  readonly isShadow?: boolean;
  /** What rules in shadow mode would have refused it by, when they were asked. */
  readonly would?: readonly Refusal[] | undefined;
  /** It was said before: it counts, and is waited for, no second time. */
  readonly isRepeat: boolean;
  /** Where an accepted recipient goes. */
  readonly resolved: readonly string[];
  /** The sender from now on, where MAIL or an accepted recipient sets it; canonical. */
  readonly sender?: string | undefined;
  /** That the message is to get; where only one of them can be given, it is the first. */
  readonly headers?: readonly Header[];
  /** A parameter that passed only because parameters of extensions are merely observed. */
  readonly observed?: RefusedParameter | undefined;
  /** What VRFY and EXPN found. */
  readonly addresses?: readonly string[];
}

/** Stages that are asked one after the other. */
export interface Asking {
  readonly terms: Terms;
  /** What refused, or would have but for shadow mode, as it comes; `undefined`: nothing yet, which is the rule. */
  refused: StageResult[] | undefined;
  /** Of the last one that was asked. */
  last: StageResult | undefined;
}

/** `undefined`: there is nothing to ask it. */
export type AskStage<A> = (asking: A) => Answer<StageResult | undefined>;

/**
 * Asks one stage after the other until one refuses; in shadow mode all are asked, since a refused name must not hide what would become
 * of the recipient. The result is that of the last stage.
 */
export function askInOrder<A extends Asking>(stages: Steps<A, StageResult>, asking: A): Answer<StageResult>;
export function askInOrder<A extends Asking>(stages: readonly AskStage<A>[], asking: A): Answer<StageResult | undefined>;
export function askInOrder<A extends Asking>(stages: readonly AskStage<A>[], asking: A): Answer<StageResult | undefined> {
  return after(firstOutcome(stages, askStage, asking, asking.terms.core.abort), lastOf, asking);
}

function askStage<A extends Asking>(stage: AskStage<A>, asking: A): Answer<StageResult | undefined> {
  return after(stage(asking), take, asking);
}

function take(result: StageResult | undefined, asking: Asking): StageResult | undefined {
  if (result === undefined) return undefined;
  asking.last = result;
  if (result.would !== undefined) for (const verdict of result.would) noteRefusal(asking, { ...result, verdict, isShadow: true });
  if (result.verdict.kind === "pass") return undefined;
  noteRefusal(asking, result);
  return isShadowed(result, asking.terms) ? undefined : result;
}

export function noteRefusal(asking: Asking, result: StageResult): void {
  asking.refused ??= [];
  asking.refused.push(result);
}

function lastOf(_: unknown, { last }: Asking): StageResult | undefined {
  return last;
}

const none: readonly never[] = [];

export function said(stage: StageName, verdict: Verdict, sender?: string, observed?: RefusedParameter): StageResult {
  return { stage, verdict, isRepeat: false, resolved: none, sender, observed };
}

export function repeated(stage: StageName, verdict: Verdict): StageResult {
  return { stage, verdict, isRepeat: true, resolved: none };
}
