/**
 * The MAIL stage: EHLO must have come first; reverse name and SPF; who may send as the sender; `deny`; a script; the sender may be rewritten;
 * parameters of extensions; throttles by sender.
 */

import { type Answer, after } from "../answer/answer.ts";
import { type Steps, takeSteps } from "../answer/steps.ts";
import type { TemporaryError } from "../answer/temporary-error.ts";
import { asBoolean, asString } from "../expr/result.ts";
import type { Value } from "../expr/value.ts";
import { canonicalAddress, parseAddress } from "../mail/address.ts";
import { parseWrittenAddress } from "../mail/address-list.ts";
import { reply } from "../mail/reply.ts";
import { oversizedMail } from "./bounds.ts";
import type { Core } from "./core.ts";
import { askDenials } from "./deny.ts";
import { checkMailParameters } from "./extensions.ts";
import { evaluateRefusal, evaluateSender } from "./in-doubt.ts";
import { onTemporary, passed, refuse, unavailable } from "./refuse.ts";
import { runScript } from "./script.ts";
import { checkAllowed, checkOwner } from "./sender.ts";
import { forgetTemporary } from "./sender-auth.ts";
import { needsEhlo, verifyMail } from "./sender-verdict.ts";
import type { Scripted, Session } from "./session.ts";
import { goingOn } from "./shadow.ts";
import type { MailCommand, Terms } from "./smtp-command.ts";
import { askThrottles, type Throttled } from "./throttle.ts";
import type { MailOutcome, RefusedParameter, Verdict } from "./verdict.ts";
import type { Scope, UntoldStep } from "./vocabulary.ts";

export function decideMail(session: Session, command: MailCommand, terms: Terms): Answer<MailOutcome> {
  const oversized = oversizedMail(command.sender, command.parameters);
  if (oversized !== undefined) return { verdict: oversized, sender: "", mailFrom: "" };
  forgetTemporary(session);
  const given = canonicalAddress(command.sender);
  const mail: Mail = {
    session,
    helo: session.helo,
    sender: given,
    rcpt: "",
    mailFrom: given,
    untoldSender: undefined,
    core: terms.core,
    command,
    terms,
    observed: undefined,
    refused: undefined,
  };
  return onTemporary<Mail, MailOutcome>(decide, cannotTell, mail);
}

interface Mail extends Scope {
  readonly core: Core;
  readonly command: MailCommand;
  readonly terms: Terms;
  readonly mailFrom: string;
  /** As given, as a script changed it, rewritten. */
  sender: string;
  untoldSender: UntoldStep | undefined;
  observed: RefusedParameter | undefined;
  /** What is not carried out. */
  refused: MailOutcome | undefined;
}

const steps: Steps<Mail, MailOutcome> = [
  requireEhlo,
  askSenderAuth,
  askAllowed,
  askOwner,
  askDeny,
  askScript,
  rewrite,
  checkParameters,
  askThrottlesOfMail,
];

/** Of a stage that refuses nothing, so that the sender is rewritten all the same. */
const stepsInShadow: Steps<Mail, MailOutcome> = [
  ...goingOn<Mail, MailOutcome>(steps, { work: [askScript, rewrite], cannotTell, isCarriedOut: () => false }),
  (mail) => said(passed, mail),
];

function decide(mail: Mail): Answer<MailOutcome> {
  const { core, terms } = mail;
  // A listener in shadow mode changes no sender.
  const isPassed = core.settings.mail.mode === "shadow" && !terms.isShadow;
  return takeSteps(isPassed ? stepsInShadow : steps, mail, core.abort);
}

/** In shadow mode the session goes on, as it does where the MTA asks about recipients alone. */
function cannotTell(cause: TemporaryError, mail: Mail): MailOutcome {
  const { core, mailFrom } = mail;
  mail.untoldSender ??= { step: "session.mail", untold: { what: "session.mail", why: cause.message } };
  const { untoldSender } = mail;
  return { verdict: unavailable(core.settings.rcpt.replies.unavailable, cause), sender: mailFrom, mailFrom, untoldSender };
}

function said(verdict: Verdict, { sender, mailFrom, untoldSender, observed }: Mail): MailOutcome {
  return { verdict, sender, mailFrom, untoldSender, observed };
}

const noEhlo = refuse(reply(503, "5.5.1", "Polite people say EHLO first."), "no-ehlo");

function requireEhlo(mail: Mail): Answer<MailOutcome | undefined> {
  const { session, core } = mail;
  if (session.helo !== "" || session.trusted) return undefined;
  return after(evaluateRefusal("require", core.settings.ehlo.require, mail, core, true), refuseUngreeted, mail);
}

function refuseUngreeted(isRequired: Value, mail: Mail): Answer<MailOutcome | undefined> {
  if (asBoolean(isRequired)) return said(noEhlo, mail);
  return after(needsEhlo(mail, mail.core), (isNeeded) => (isNeeded ? said(noEhlo, mail) : undefined));
}

function askSenderAuth(mail: Mail): Answer<MailOutcome | undefined> {
  return after(verifyMail(mail, mail.core), refuseIf, mail);
}

function askAllowed(mail: Mail): Answer<MailOutcome | undefined> {
  return after(checkAllowed(mail, mail.core), refuseIf, mail);
}

function askOwner(mail: Mail): Answer<MailOutcome | undefined> {
  return after(checkOwner(mail, mail.core), refuseIf, mail);
}

function askDeny(mail: Mail): Answer<MailOutcome | undefined> {
  const { deny } = mail.core.settings.mail;
  return deny.length === 0 ? undefined : after(askDenials(deny, mail, mail.core), refuseIf, mail);
}

function refuseIf(refusal: Verdict | undefined, mail: Mail): MailOutcome | undefined {
  return refusal && said(refusal, mail);
}

function askScript(mail: Mail): Answer<MailOutcome | undefined> {
  const { core, command } = mail;
  if (core.settings.mail.script === undefined) return undefined;
  return after(runScript({ stage: "mail", scope: mail, mail: command.parameters }, core), heed, mail);
}

function heed({ refusal, sender, untoldSender }: Scripted, mail: Mail): MailOutcome | undefined {
  mail.sender = sender ?? mail.sender;
  mail.untoldSender = untoldSender;
  return refusal === undefined ? undefined : said(refusal, mail);
}

function rewrite(mail: Mail): Answer<undefined> {
  return after(evaluateSender("rewrite", mail.core.settings.mail.rewrite, mail, mail.core), setSender, mail);
}

function setSender(value: Value, mail: Mail): undefined {
  const rewritten = asString(value);
  // The empty string is the null sender; other text without a domain is no address.
  if (rewritten === "") mail.sender = "";
  else if (rewritten?.includes("@")) mail.sender = parseWrittenAddress(rewritten) ?? parseAddress(rewritten);
}

/** Before anything is counted: what is refused takes nothing. */
function checkParameters(mail: Mail): Answer<MailOutcome | undefined> {
  return after(checkMailParameters(mail, mail.command.parameters, mail.core), heedParameters, mail);
}

function heedParameters(refused: RefusedParameter | undefined, mail: Mail): MailOutcome | undefined {
  if (refused !== undefined && mail.terms.enforcesExtensions) return said(refused.verdict, mail);
  mail.observed = refused;
  return undefined;
}

function askThrottlesOfMail(mail: Mail): Answer<MailOutcome> {
  const { core, command } = mail;
  const throttles = core.settings.throttles.mail;
  if (throttles.length === 0) return said(passed, mail);
  return after(askThrottles(throttles, mail, { token: command.message || undefined }, core), heedThrottles, mail);
}

function heedThrottles({ refusal }: Throttled, mail: Mail): MailOutcome {
  return said(refusal ?? passed, mail);
}
