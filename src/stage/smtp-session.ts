/**
 * One SMTP session, from connect to close: which stage is asked, what was answered so far, and what that leaves for the next command. Every
 * front end and `postern explain` drive this one object; what they know themselves is bytes and the habits of their MTA.
 */
import { type Answer, after } from "../answer/answer.ts";
import { throwIfAborted } from "../answer/steps.ts";
import { canonicalLogin } from "../mail/address.ts";
import { reply } from "../mail/reply.ts";
import { detach } from "../text/octets.ts";
import { type AnsweredMail, type AnsweredQuestion, isAbout, isAnswered, isUndecided } from "./answered.ts";
import { maxEhloOctets, maxKeptRecipients } from "./bounds.ts";
import { ByRecipient } from "./by-recipient.ts";
import { decideConnect } from "./connect.ts";
import { decideEhlo } from "./ehlo.ts";
import { decideMail } from "./mail.ts";
import { decideRcpt } from "./rcpt.ts";
import { passed, refuse } from "./refuse.ts";
import { authOctets } from "./sender-auth.ts";
import { admitRecipient, beginTransaction, type ClientCertificate, isStranger, openSession, type Peer, type Session } from "./session.ts";
import { isShadowed } from "./shadow.ts";
import type { Credentials, EhloCommand, MailCommand, RcptCommand, Terms } from "./smtp-command.ts";
import { repeated, type StageName, type StageResult, said } from "./stage-result.ts";
import type { MailOutcome, RcptOutcome, Verdict, VrfyOutcome } from "./verdict.ts";
import { decideExpn, decideVrfy } from "./vrfy.ts";

/** What an object costs besides its texts. */
const entryOctets = 200;

/** Most names pass. */
const ehloPassed = said("ehlo", passed);

/** What the recipients of all transactions under way may take together; none is accepted beyond it. */
export interface OctetBudget {
  readonly max: number;
  /** What those of one of them may take. */
  readonly maxEach: number;
  used: number;
}

const tooManyAtOnce = refuse(reply(452, "4.3.1", "Too many recipients at once, please try again later."), "too-many-at-once");

export interface SmtpSessionOptions {
  /** Shared by the sessions of a listener. Default: whoever keeps the session sees to `octets`. */
  readonly budget?: OctetBudget;
  /**
   * The MTA asks about a command as often as its lists name the service, says with each question how far the session is, and goes on
   * with whatever it let through. So the same question gets the same answer. Default: each command is asked about once, and a
   * command that comes again is a new one.
   */
  readonly repeatsQuestions?: boolean;
}

/** Texts are kept as they are given: whoever reads them from something longer sees to it that they do not keep that. */
export class SmtpSession {
  readonly session: Session;
  readonly #repeatsQuestions: boolean;
  readonly #budget: OctetBudget | undefined;
  readonly #peerOctets: number;
  #transactionOctets = 0;
  #stage: StageName = "connect";
  /** `message` undefined: it was the connection itself that was asked about. */
  #connect: { message: string | undefined; readonly verdict: Verdict } | undefined;
  #ehlo: (AnsweredQuestion & { readonly name: string }) | undefined;
  /** The last EHLO name that the EHLO stage let pass; `session.helo` may be one that it was not asked about. */
  #greeted = "";
  #mail: AnsweredMail | undefined;

  constructor(peer: Peer, { repeatsQuestions = false, budget }: SmtpSessionOptions = {}) {
    const { client, server } = peer;
    this.session = openSession(peer);
    this.#repeatsQuestions = repeatsQuestions;
    this.#budget = budget;
    this.#peerOctets = entryOctets + client.name.length + server.address.length;
  }

  /** The stage that is being asked, or was last. */
  get stage(): StageName {
    return this.#stage;
  }

  /** What is remembered, roughly. */
  get octets(): number {
    const { login, givenLogin, helo, tlsVersion, tlsCipher, certificate } = this.session;
    const { subject, issuer, fingerprint } = certificate;
    const logins = givenLogin === login ? login.length : login.length + givenLogin.length;
    const credentials = logins + tlsVersion.length + tlsCipher.length + subject.length + issuer.length + fingerprint.length;
    return (
      this.#peerOctets + this.#transactionOctets + credentials + helo.length + (this.#ehlo?.name.length ?? 0) + authOctets(this.session)
    );
  }

  update({ tls, tlsVersion, tlsCipher, login: given, certificate }: Credentials): void {
    const { session } = this;
    const isSameTls = session.tls === tls && session.tlsVersion === tlsVersion && session.tlsCipher === tlsCipher;
    if (isSameTls && session.givenLogin === given && isSame(session.certificate, certificate)) return;
    session.tls = tls;
    session.tlsVersion = tlsVersion;
    session.tlsCipher = tlsCipher;
    session.login = canonicalLogin(given);
    session.givenLogin = given;
    session.certificate = certificate;
    // A name that was refused to a stranger may be welcome now.
    if (this.#ehlo?.verdict.kind !== "pass") this.#ehlo = undefined;
  }

  /**
   * Throttles of connections. `message` undefined: this is the connection itself. Else it is asked about with a message, or (`""`)
   * before one: each new message counts then, since an MTA names messages and a client may use one port for all its connections.
   */
  connect(message: string | undefined, terms: Terms): Answer<StageResult> {
    const answered = this.#connect;
    if (answered !== undefined) {
      if (answered.message === "" && message !== undefined) answered.message = message;
      const isSame = answered.message === undefined || message === undefined || message === "" || message === answered.message;
      if (isSame) return repeated("connect", answered.verdict);
    }
    this.#begin("connect");
    return after(decideConnect(this.session, terms.core, message || undefined), (verdict) => {
      throwIfAborted(terms.core.abort);
      this.#connect = { message, verdict };
      return this.#noted(said("connect", verdict));
    });
  }

  ehlo(name: string, message: string, terms: Terms): Answer<StageResult> {
    const answered = this.#ehlo;
    // A source that could not tell is asked again with the next message, as far as messages are named.
    const isKnown = answered?.verdict.kind !== "defer" || (this.#repeatsQuestions && message !== "" && answered.message === message);
    if (answered?.name === name && isKnown) {
      this.#setHelo(answered.name, answered.verdict, terms);
      return repeated("ehlo", answered.verdict);
    }
    this.#begin("ehlo");
    this.session.helo = this.#greeted;
    return after(decideEhlo(this.session, name, terms.core), SmtpSession.#takeEhlo, this, { name: boundedName(name), message }, terms);
  }

  static #takeEhlo(verdict: Verdict, smtp: SmtpSession, { name, message }: EhloCommand, terms: Terms): StageResult {
    throwIfAborted(terms.core.abort);
    if (verdict.kind === "pass") smtp.#greeted = name;
    smtp.#ehlo = { name, message: verdict.kind === "defer" ? message : "", verdict };
    smtp.#setHelo(name, verdict, terms);
    return smtp.#noted(verdict === passed ? ehloPassed : said("ehlo", verdict));
  }

  #setHelo(name: string, verdict: Verdict, terms: Terms): void {
    this.session.helo = verdict.kind === "pass" || isShadowed({ stage: "ehlo" }, terms) ? name : this.#greeted;
  }

  /** The name that the MTA has accepted, whether or not the EHLO stage was asked; `""`: it gives none. */
  acceptHelo(name: string): void {
    this.session.helo = name === "" ? this.#greeted : boundedName(name);
  }

  mail(command: MailCommand, terms: Terms): Answer<StageResult> {
    const earlier = this.#repeatsQuestions ? this.#mail : undefined;
    if (earlier !== undefined && isAbout(earlier, command, this.session)) {
      if (earlier.message === "") earlier.message = command.message;
      earlier.hasRcpt ||= command.isAtRcpt === true;
      return { ...earlier.result, would: undefined, isRepeat: true };
    }
    this.reset();
    this.#begin("mail");
    const outcome = decideMail(this.session, command, terms);
    return after(outcome, SmtpSession.#takeMail, this, command, terms);
  }

  static #takeMail(outcome: MailOutcome, smtp: SmtpSession, command: MailCommand, terms: Terms): StageResult {
    const { message, sender, parameters, isAtRcpt } = command;
    throwIfAborted(terms.core.abort);
    const { session } = smtp;
    const { verdict, sender: decided, mailFrom, untoldSender, observed } = outcome;
    const result = smtp.#noted(said("mail", verdict, decided, observed));
    const goesOn = verdict.kind === "pass" || isShadowed(result, terms);
    if (verdict.reason === "too-long") {
      // Nothing of such a command is kept.
      if (goesOn) beginTransaction(session, "");
      return result;
    }
    // An MTA that repeats its questions has let the sender through when it asks about recipients.
    if (goesOn || smtp.#repeatsQuestions) beginTransaction(session, decided, parameters, mailFrom, untoldSender);
    const { helo, login, tls } = session;
    smtp.#mail = { message, sender, helo, login, tls, result, hasRcpt: isAtRcpt === true, recipients: undefined };
    smtp.#charge(sender.length + octetsOf(parameters));
    return result;
  }

  rcpt(command: RcptCommand, terms: Terms): Answer<StageResult> {
    const { recipient, message, part = "all" } = command;
    const earlier = this.#repeatsQuestions ? this.#mail?.recipients?.get(recipient) : undefined;
    if (earlier !== undefined && isAnswered(earlier, part, message)) return repeated("rcpt", earlier);
    this.#begin("rcpt");
    const beyond = this.#budget && this.#beyond(this.#budget, terms);
    if (beyond !== undefined) return said("rcpt", beyond);
    const outcome = decideRcpt(this.session, command, terms);
    return after(outcome, SmtpSession.#takeRcpt, this, command, terms);
  }

  /** A message whose recipients cannot be refused may have as many as there is room for at all. */
  #beyond({ max, maxEach, used }: OctetBudget, { core, takesRecipients }: Terms): Verdict | undefined {
    const isFull = this.#transactionOctets >= maxEach && takesRecipients !== true;
    if (isFull) return refuse(core.settings.rcpt.replies.tooManyRecipients, "too-many-recipients");
    return used >= max ? tooManyAtOnce : undefined;
  }

  static #takeRcpt(outcome: RcptOutcome, smtp: SmtpSession, command: RcptCommand, terms: Terms): StageResult {
    throwIfAborted(terms.core.abort);
    const { recipient } = command;
    const { session } = smtp;
    const { verdict, admission, countsAsError, observed } = outcome;
    if (countsAsError) session.errors += 1;
    if (smtp.#repeatsQuestions) smtp.#keepAnswer(recipient, verdict);
    const isRepeat = isUndecided(verdict);
    if (admission === undefined || session.transaction === undefined) return smtp.#noted({ ...said("rcpt", verdict), isRepeat, observed });
    const { resolved, sender, headers } = admission;
    smtp.#charge(recipient.length + (terms.mergesRecipients ? octetsOf(resolved) : 0));
    admitRecipient(session.transaction, admission, terms.mergesRecipients);
    return smtp.#noted({ stage: "rcpt", verdict, isRepeat, resolved, sender, headers, observed });
  }

  #keepAnswer(recipient: string, verdict: Verdict): void {
    const mail = this.#mail;
    if (mail === undefined || verdict.reason === "too-long") return;
    mail.recipients ??= new ByRecipient();
    if (mail.recipients.size >= maxKeptRecipients) return;
    if (!mail.recipients.has(recipient)) this.#charge(recipient.length);
    mail.recipients.set(recipient, verdict);
  }

  /** The MTA has refused a recipient itself, by a mistake of the client. */
  recipientRefused(): void {
    if (isStranger(this.session)) this.session.errors += 1;
  }

  vrfy(text: string, { core }: Terms): Answer<StageResult> {
    this.#begin("vrfy");
    return after(decideVrfy(this.session, text, core), listed, "vrfy");
  }

  expn(text: string, { core }: Terms): Answer<StageResult> {
    this.#begin("expn");
    return after(decideExpn(this.session, text, core), listed, "expn");
  }

  /** RSET, the end of a message, or that of the session. */
  reset(): void {
    this.session.transaction = undefined;
    this.#mail = undefined;
    if (this.#budget !== undefined) this.#budget.used -= this.#transactionOctets;
    this.#transactionOctets = 0;
  }

  /** Whether a further recipient may be kept. */
  hasRoom(terms: Terms): boolean {
    return this.#budget === undefined || this.#beyond(this.#budget, terms) === undefined;
  }

  /** The front end has kept these texts, until the transaction is over. */
  keeps(texts: readonly string[]): void {
    this.#charge(octetsOf(texts));
  }

  #begin(stage: StageName): void {
    this.#stage = stage;
    this.session.would = undefined;
  }

  /** With what rules in shadow mode noted. */
  #noted(result: StageResult): StageResult {
    const { would } = this.session;
    return would === undefined ? result : { ...result, would };
  }

  #charge(octets: number): void {
    this.#transactionOctets += entryOctets + octets;
    if (this.#budget !== undefined) this.#budget.used += entryOctets + octets;
  }
}

/** A part of a longer one would keep all of it alive. */
function boundedName(name: string): string {
  return name.length > maxEhloOctets ? detach(name.slice(0, maxEhloOctets)) : name;
}

function isSame(one: ClientCertificate, other: ClientCertificate): boolean {
  return one.subject === other.subject && one.issuer === other.issuer && one.fingerprint === other.fingerprint;
}

function listed({ verdict, addresses }: VrfyOutcome, stage: "vrfy" | "expn"): StageResult {
  return { ...said(stage, verdict), addresses };
}

function octetsOf(texts: readonly string[]): number {
  let sum = 0;
  // By number: that makes no iterator.
  for (let index = 0; index < texts.length; index += 1) sum += texts[index]?.length ?? 0;
  return sum;
}
