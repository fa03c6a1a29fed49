/** One MAIL or RCPT on its way through the stages: it may take only so long, and the MTA may give it up at any moment. */
import type { Steps } from "../../answer/steps.ts";
import { internalError, isDecided, unavailable } from "../../stage/refuse.ts";
import { isShadowed } from "../../stage/shadow.ts";
import type { SmtpSession } from "../../stage/smtp-session.ts";
import { type Asking, noteRefusal, type StageName, type StageResult, said } from "../../stage/stage-result.ts";
import type { Verdict } from "../../stage/verdict.ts";
import type { Command } from "../../wire/milter/command.ts";
import { maxUnawaitedMs } from "../connection/deadline.ts";
import { type StartTimer, startTimer } from "../connection/delayed-replies.ts";

export type Envelope = Extract<Command, { kind: "mail" | "rcpt" }>;

/** In shadow mode several stages may refuse. */
export interface CommandRun extends Asking {
  readonly command: Envelope;
  readonly smtp: SmtpSession;
  /** The name of the last HELO; `""`: there was none. */
  readonly helo: string;
  /** The MTA waits for the response. */
  readonly isAwaited: boolean;
  readonly startedAt: number;
  /** The MTA has given it up, or was answered already. It is that of `terms.core`, too. */
  readonly abort: { isAborted: boolean };
}

export const mailStages: Steps<CommandRun, StageResult> = [
  // A refusal at CONNECT would reach the clients of Sendmail without its text, so connections are asked about here.
  ({ smtp, terms }) => smtp.connect(undefined, terms),
  ({ smtp, helo, terms }) => (helo === "" ? undefined : smtp.ehlo(helo, "", terms)),
  ({ smtp, command: { path, parameters }, terms }) => smtp.mail({ sender: path.address, parameters, message: "" }, terms),
];

export const rcptStages: Steps<CommandRun, StageResult> = [
  ({ smtp, command: { path, parameters }, terms }) => smtp.rcpt({ recipient: path.address, parameters, message: "" }, terms),
];

/** A refusal that is not carried out. */
export function isOnlyLogged({ terms }: CommandRun, result: StageResult): boolean {
  return isShadowed(result, terms) || (terms.takesRecipients === true && isDecided(result.verdict));
}

/** What becomes of a command whose stages had to wait. */
interface Conclusions<T> {
  /** The stages came to this. */
  readonly decided: (last: StageResult) => T;
  /** They did not come to an end, and this is answered instead. */
  readonly refused: (last: StageResult) => T;
  readonly onInternalError: (error: unknown) => void;
  readonly timer: StartTimer | undefined;
  readonly maxMs: number;
}

/** It does not reject. `undefined`: the command was aborted. */
export function concludeLater<T>(run: CommandRun, last: Promise<StageResult>, conclusions: Conclusions<T>): Promise<T | undefined> {
  return inTime(run, conclude(run, last, conclusions), conclusions);
}

/** The stage that is being asked fails by a mistake of ours. */
export function failed(run: CommandRun): StageResult {
  return refusedBy(run, run.smtp.stage, internalError);
}

/** It is not asked about any more: those before it took all the time that there was. */
export function tooLate(run: CommandRun): StageResult {
  return refusedBy(run, run.command.kind, noVerdict(run, maxUnawaitedMs));
}

async function conclude<T>(run: CommandRun, last: Promise<StageResult>, conclusions: Conclusions<T>): Promise<T | undefined> {
  try {
    const result = await last;
    return run.abort.isAborted ? undefined : conclusions.decided(result);
  } catch (error) {
    if (run.abort.isAborted) return undefined;
    conclusions.onInternalError(error);
    return conclusions.refused(failed(run));
  }
}

/** The answer, or, when it takes too long, that there is none. */
function inTime<T>(
  run: CommandRun,
  answer: Promise<T | undefined>,
  { refused, timer = startTimer, maxMs }: Conclusions<T>,
): Promise<T | undefined> {
  return new Promise((resolve) => {
    const callOff = timer(maxMs, () => {
      if (run.abort.isAborted) return;
      run.abort.isAborted = true;
      resolve(refused(refusedBy(run, run.smtp.stage, noVerdict(run, maxMs))));
    });
    // It does not reject: all is caught.
    void answer.then((value) => {
      callOff();
      resolve(value);
    });
  });
}

function noVerdict(run: CommandRun, ms: number): Verdict {
  const cause = new Error(`no verdict within ${Math.ceil(ms / 1000)} s`);
  return unavailable(run.terms.core.settings.rcpt.replies.unavailable, cause);
}

/** The stage comes to nothing but this. */
function refusedBy(run: CommandRun, stage: StageName, verdict: Verdict): StageResult {
  const result = said(stage, verdict);
  noteRefusal(run, result);
  return result;
}
