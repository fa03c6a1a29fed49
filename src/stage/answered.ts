/** What a session answered already, for an MTA that asks about one command several times. */
import type { ByRecipient } from "./by-recipient.ts";
import type { Session } from "./session.ts";
import type { MailCommand, RcptPart } from "./smtp-command.ts";
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
  /** By recipient as given; `undefined`: none yet. */
  recipients: ByRecipient<Verdict> | undefined;
}

/** Whether a question in this session is about the message of that MAIL. */
export function isAbout(mail: AnsweredMail, { sender, message, isAtRcpt }: MailCommand, { helo, login, tls }: Session): boolean {
  if (mail.sender !== sender || mail.helo !== helo || mail.login !== login || mail.tls !== tls) return false;
  if (mail.message !== "") return mail.message === message;
  // Where nothing names messages, MAIL again is a new one once recipients have come, or when the first one was deferred.
  if (mail.result.verdict.kind === "defer" && message === "" && mail.recipients === undefined) return false;
  return isAtRcpt === true || !mail.hasRcpt;
}

/** Where nothing names messages, a recipient that was deferred may come again in the next one. */
export function isAnswered(verdict: Verdict, part: RcptPart, message: string): boolean {
  return (!isUndecided(verdict) || part === "relay") && (message !== "" || verdict.kind !== "defer");
}

/** Only its relay part was asked about, which leaves local addresses to whoever asks about recipients: that it passed says nothing. */
export function isUndecided({ reason }: Verdict): boolean {
  return reason === "pass";
}
