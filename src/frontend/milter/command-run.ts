/** One MAIL or RCPT on its way through the stages: it may take only so long, and the MTA may give it up at any moment. */
import type { Answer } from "../../answer/answer.ts";
import { internalError, unavailable } from "../../stage/refuse.ts";
import type { SmtpSession } from "../../stage/smtp-session.ts";
import { type Asking, type StageResult, said } from "../../stage/stage-result.ts";
import type { Verdict } from "../../stage/verdict.ts";
import type { Command } from "../../wire/milter/command.ts";
import { maxAnswerMs } from "../connection/deadline.ts";
import { type StartTimer, startTimer } from "../connection/delayed-replies.ts";

export type Envelope = Extract<Command, { kind: "mail" | "rcpt" }>;

/** In shadow mode several stages may refuse. */
export interface CommandRun extends Asking {
  readonly command: Envelope;
  readonly smtp: SmtpSession;
  /** The MTA waits for the response. */
  readonly isAwaited: boolean;
  readonly startedAt: number;
  /** The MTA has given it up, or was answered already. It is that of `terms.core`, too. */
  readonly abort: { isAborted: boolean };
}

interface RunOptions<T> {
  /** What is answered when the stages came to this. */
  readonly conclude: (last: StageResult) => T;
  readonly onInternalError: (error: unknown) => void;
  readonly timer: StartTimer | undefined;
}

/** It does not reject. `undefined`: the command was aborted. */
export function runCommand<T>(run: CommandRun, ask: () => Answer<StageResult>, options: RunOptions<T>): Answer<T | undefined> {
  try {
    const last = ask();
    if (!(last instanceof Promise)) return options.conclude(last);
    const answer = concludeLater(run, last, options);
    return run.isAwaited ? inTime(run, answer, options) : answer;
  } catch (error) {
    return fail(run, error, options);
  }
}

async function concludeLater<T>(run: CommandRun, last: Promise<StageResult>, options: RunOptions<T>): Promise<T | undefined> {
  try {
    const result = await last;
    return run.abort.isAborted ? undefined : options.conclude(result);
  } catch (error) {
    return run.abort.isAborted ? undefined : fail(run, error, options);
  }
}

function fail<T>(run: CommandRun, error: unknown, { conclude, onInternalError }: RunOptions<T>): T {
  onInternalError(error);
  return conclude(refusedBy(run, internalError));
}

/** The answer, or, when it takes too long, that there is none. */
function inTime<T>(
  run: CommandRun,
  answer: Promise<T | undefined>,
  { conclude, timer = startTimer }: RunOptions<T>,
): Promise<T | undefined> {
  return new Promise((resolve) => {
    const callOff = timer(maxAnswerMs, () => {
      if (run.abort.isAborted) return;
      run.abort.isAborted = true;
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
  const result = said(smtp.stage, verdict);
  refused.push(result);
  return result;
}
