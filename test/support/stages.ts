/** The stages MAIL and RCPT by themselves; of the command and the terms a test says what matters to it. */
import type { Answer } from "../../src/answer/answer.ts";
import type { Core } from "../../src/stage/core.ts";
import { decideMail } from "../../src/stage/mail.ts";
import { decideRcpt } from "../../src/stage/rcpt.ts";
import type { Session } from "../../src/stage/session.ts";
import type { MailCommand, RcptCommand, Terms } from "../../src/stage/smtp-command.ts";
import type { MailOutcome, RcptOutcome } from "../../src/stage/verdict.ts";

const usual = { isShadow: false, enforcesExtensions: false, mergesRecipients: false };

export function askMail(
  session: Session,
  sender: string,
  core: Core,
  command: Partial<MailCommand> = {},
  terms: Partial<Terms> = {},
): Answer<MailOutcome> {
  return decideMail(session, { sender, parameters: [], message: "", ...command }, { core, ...usual, ...terms });
}

export function askRcpt(
  session: Session,
  recipient: string,
  core: Core,
  command: Partial<RcptCommand> = {},
  terms: Partial<Terms> = {},
): Answer<RcptOutcome> {
  return decideRcpt(session, { recipient, parameters: [], message: "", ...command }, { core, ...usual, ...terms });
}
