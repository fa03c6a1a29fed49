/** What a session answered already, for an MTA that asks about one command several times. */
import type { RcptPart } from "./rcpt.ts";
import type { Session } from "./session.ts";
import type { MailCommand } from "./smtp-command.ts";
import type { StageResult } from "./stage-result.ts";
import type { Verdict } from "./verdict.ts";

/** A verdict on a question that may be asked again, and the message that it was given for. */
export interface AnsweredQuestion {
  readonly message: string;
  readonly verdict: Verdict;
}

/** What MAIL was decided by, what came of it, and what was said of recipients since. */
export interface AnsweredMail {
  message: string;
  readonly sender: string;
  readonly helo: string;
  readonly login: string;
  readonly tls: boolean;
  readonly result: StageResult;
  /** A recipient was asked about. */
  hasRcpt: boolean;
  /** By recipient as given. */
  readonly recipients: Map<string, AnsweredRcpt>;
}

export interface AnsweredRcpt {
  readonly verdict: Verdict;
  /** Only its relay part was asked about, which leaves local addresses to whoever asks about recipients. */
  readonly isUndecided: boolean;
}

/** Whether a question in this session is about the message of that MAIL. */
export function isAbout(mail: AnsweredMail, { sender, message, isAtRcpt }: MailCommand, { helo, login, tls }: Session): boolean {
  if (mail.sender !== sender || mail.helo !== helo || mail.login !== login || mail.tls !== tls) return false;
  if (mail.message !== "") return mail.message === message;
  // Where nothing names messages, MAIL again is a new one once recipients have come, or when the first one was deferred.
  if (mail.result.verdict.kind === "defer" && message === "" && mail.recipients.size === 0) return false;
  return isAtRcpt === true || !mail.hasRcpt;
}

/** Where nothing names messages, a recipient that was deferred may come again in the next one. */
export function isAnswered({ verdict, isUndecided }: AnsweredRcpt, part: RcptPart, message: string): boolean {
  return (!isUndecided || part === "relay") && (message !== "" || verdict.kind !== "defer");
}
