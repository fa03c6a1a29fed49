/** What stages say, one after the other, of what a client did. */
import type { Steps } from "../answer/steps.ts";
import type { Header } from "./admission.ts";
import type { Terms } from "./smtp-command.ts";
import type { ParametersOutcome, Verdict } from "./verdict.ts";

export type StageName = "connect" | "ehlo" | "mail" | "rcpt" | "vrfy" | "expn";

/** What one stage said. */
export interface StageResult {
  readonly stage: StageName;
  readonly verdict: Verdict;
  /** It was said before: it counts, and is waited for, no second time. */
  readonly isRepeat: boolean;
  /** Where an accepted recipient goes. */
  readonly resolved: readonly string[];
  /** The sender from now on, where MAIL or an accepted recipient sets it; canonical. */
  readonly sender?: string;
  /** That the message is to get. */
  readonly header?: Header;
  /** A parameter that passed only because parameters of extensions are merely observed. */
  readonly observed?: ParametersOutcome;
  /** What VRFY and EXPN found. */
  readonly addresses?: readonly string[];
}

/**
 * Asks one stage after the other until one refuses; in shadow mode all are asked, since a refused name must not hide what would become
 * of the recipient. Refusals go into `refused` as they come. The result is that of the last stage.
 */
export function askInOrder(
  stages: readonly [Steps<StageResult>, ...Steps<StageResult>[]],
  terms: Terms,
  refused: StageResult[],
): Steps<StageResult>;
export function askInOrder(stages: Iterable<Steps<StageResult>>, terms: Terms, refused: StageResult[]): Steps<StageResult | undefined>;
export function* askInOrder(
  stages: Iterable<Steps<StageResult>>,
  { isShadow }: Terms,
  refused: StageResult[],
): Steps<StageResult | undefined> {
  let last: StageResult | undefined;
  for (const stage of stages) {
    last = yield* stage;
    if (last.verdict.kind === "pass") continue;
    refused.push(last);
    if (!isShadow) break;
  }
  return last;
}

export function said(stage: StageName, verdict: Verdict): StageResult {
  return { stage, verdict, isRepeat: false, resolved: [] };
}

export function repeated(stage: StageName, verdict: Verdict): StageResult {
  return { stage, verdict, isRepeat: true, resolved: [] };
}

/** `passed`, unless a parameter is refused. */
export function checked(passed: StageResult, outcome: ParametersOutcome, { enforcesExtensions }: Terms): StageResult {
  if (outcome.verdict.kind === "pass") return passed;
  return enforcesExtensions ? { ...passed, verdict: outcome.verdict } : { ...passed, observed: outcome };
}
