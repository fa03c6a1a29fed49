/** One MAIL or RCPT on its way through the stages: it may take only so long, and the MTA may give it up at any moment. */
import type { Answer } from "../../answer/answer.ts";
import { runSteps, type Steps } from "../../answer/steps.ts";
import { internalError, unavailable } from "../../stage/refuse.ts";
import type { Terms } from "../../stage/smtp-command.ts";
import type { SmtpSession } from "../../stage/smtp-session.ts";
import type { StageResult } from "../../stage/stage-result.ts";
import type { Verdict } from "../../stage/verdict.ts";
import type { Command } from "../../wire/milter/command.ts";
import { maxAnswerMs } from "../connection/deadline.ts";
import { type StartTimer, startTimer } from "../connection/delayed-replies.ts";

export type Envelope = Extract<Command, { kind: "mail" | "rcpt" }>;

export interface CommandRun {
  readonly command: Envelope;
  readonly smtp: SmtpSession;
  readonly terms: Terms;
  /** The MTA waits for the response. */
  readonly isAwaited: boolean;
  readonly startedAt: number;
  /** In shadow mode there may be several. */
  readonly refused: StageResult[];
  /** The MTA has given it up, or was answered already; nothing may come of it any more. */
  isAborted: boolean;
}

interface RunOptions<T> {
  /** What is answered when the stages came to this. */
  readonly conclude: (last: StageResult) => T;
  readonly onInternalError: (error: unknown) => void;
  readonly timer: StartTimer | undefined;
}

/** It does not reject. `undefined`: the command was aborted. */
export function runCommand<T>(run: CommandRun, steps: Steps<StageResult>, options: RunOptions<T>): Answer<T | undefined> {
  const answer = runSteps(guarded(run, unlessAborted(run, steps), options));
  return answer instanceof Promise && run.isAwaited ? inTime(run, answer, options) : answer;
}

function* guarded<T>(run: CommandRun, steps: Steps<StageResult>, { conclude, onInternalError }: RunOptions<T>): Steps<T | undefined> {
  try {
    return conclude(yield* steps);
  } catch (error) {
    if (error === aborted) return undefined;
    onInternalError(error);
    return run.isAborted ? undefined : conclude(refusedBy(run, internalError));
  }
}

/** The answer, or, when it takes too long, that there is none. */
function inTime<T>(
  run: CommandRun,
  answer: Promise<T | undefined>,
  { conclude, timer = startTimer }: RunOptions<T>,
): Promise<T | undefined> {
  return new Promise((resolve) => {
    const callOff = timer(maxAnswerMs, () => {
      if (run.isAborted) return;
      run.isAborted = true;
      const cause = new Error(`no verdict within ${maxAnswerMs / 1000} s`);
      resolve(conclude(refusedBy(run, unavailable(run.terms.core.settings.rcpt.replies.unavailable, cause))));
    });
    // It does not reject: all is caught.
    void answer.then((value) => {
      callOff();
      resolve(value);
    });
  });
}

/** The stage that is being asked comes to nothing but this. */
function refusedBy({ smtp, refused }: CommandRun, verdict: Verdict): StageResult {
  const result: StageResult = { stage: smtp.stage, verdict, resolved: [], isRepeat: false };
  refused.push(result);
  return result;
}

/** Thrown out of the steps of a command that was aborted. */
const aborted = Symbol("aborted");

/** The steps, as long as somebody waits for what they come to: those of an aborted command leave nothing behind. */
function* unlessAborted<T>(run: CommandRun, steps: Steps<T>): Steps<T> {
  let next = steps.next();
  while (!next.done) {
    let value: unknown;
    try {
      value = yield next.value;
    } catch (error) {
      if (run.isAborted) throw aborted;
      next = steps.throw(error);
      continue;
    }
    if (run.isAborted) throw aborted;
    next = steps.next(value);
  }
  return next.value;
}
