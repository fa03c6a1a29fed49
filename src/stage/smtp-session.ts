/**
 * One SMTP session, from connect to close: which stage is asked, what was answered so far, and what that leaves for the next command. Every
 * front end and `postern explain` drive this one object; what they know themselves is bytes and the habits of their MTA.
 */
import { type Steps, waitFor } from "../answer/steps.ts";
import { canonicalLogin } from "../mail/address.ts";
import { detach } from "../text/octets.ts";
import { type AnsweredMail, type AnsweredQuestion, isAbout, isAnswered } from "./answered.ts";
import { maxEhloOctets, maxKeptRecipients } from "./bounds.ts";
import { decideConnect } from "./connect.ts";
import { decideEhlo } from "./ehlo.ts";
import { decideRcptParameters } from "./extensions.ts";
import { decideMail } from "./mail.ts";
import { decideRcpt } from "./rcpt.ts";
import { pass, refuse } from "./refuse.ts";
import { admitRecipient, beginTransaction, type ClientCertificate, openSession, type Peer, type Session } from "./session.ts";
import type { Credentials, MailCommand, RcptCommand, Terms } from "./smtp-command.ts";
import { checked, repeated, type StageName, type StageResult, said } from "./stage-result.ts";
import type { Verdict } from "./verdict.ts";
import { decideExpn, decideVrfy } from "./vrfy.ts";

/** What an object costs besides its texts. */
const entryOctets = 200;

/** What the recipients of all transactions under way may take together; none is accepted beyond it. */
export interface OctetBudget {
  readonly max: number;
  used: number;
}

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

export class SmtpSession {
  readonly session: Session;
  readonly #repeatsQuestions: boolean;
  readonly #budget: OctetBudget;
  readonly #peerOctets: number;
  #transactionOctets = 0;
  #stage: StageName = "connect";
  /** `message` undefined: it was the connection itself that was asked about. */
  #connect: { message: string | undefined; readonly verdict: Verdict } | undefined;
  #ehlo: (AnsweredQuestion & { readonly name: string }) | undefined;
  /** The last EHLO name that the EHLO stage let pass; `session.helo` may be one that it was not asked about. */
  #greeted = "";
  #mail: AnsweredMail | undefined;

  constructor(peer: Peer, { repeatsQuestions = false, budget = { max: Number.POSITIVE_INFINITY, used: 0 } }: SmtpSessionOptions = {}) {
    const { client, server } = peer;
    this.session = openSession({
      ...peer,
      client: { ...client, address: client.address && detach(client.address), name: detach(client.name) },
      server: { ...server, address: detach(server.address) },
    });
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
    const { login, helo, tlsVersion, tlsCipher, certificate } = this.session;
    const kept = [login, helo, tlsVersion, tlsCipher, ...Object.values(certificate), this.#ehlo?.name ?? ""];
    return this.#peerOctets + this.#transactionOctets + octetsOf(kept);
  }

  update({ tls, tlsVersion, tlsCipher, login: given, certificate }: Credentials): void {
    const { session } = this;
    const login = canonicalLogin(given);
    const isSameTls = session.tls === tls && session.tlsVersion === tlsVersion && session.tlsCipher === tlsCipher;
    if (isSameTls && session.login === login && isSame(session.certificate, certificate)) return;
    session.tls = tls;
    session.tlsVersion = detach(tlsVersion);
    session.tlsCipher = detach(tlsCipher);
    session.login = detach(login);
    const { subject, issuer, fingerprint } = certificate;
    session.certificate = { subject: detach(subject), issuer: detach(issuer), fingerprint: detach(fingerprint) };
    // A name that was refused to a stranger may be welcome now.
    if (this.#ehlo?.verdict.kind !== "pass") this.#ehlo = undefined;
  }

  /**
   * Throttles of connections. `message` undefined: this is the connection itself. Else it is asked about with a message, or (`""`)
   * before one: each new message counts then, since an MTA names messages and a client may use one port for all its connections.
   */
  *connect(message: string | undefined, { core }: Terms): Steps<StageResult> {
    const answered = this.#connect;
    if (answered !== undefined) {
      if (answered.message === "" && message !== undefined) answered.message = detach(message);
      const isSame = answered.message === undefined || message === undefined || message === "" || message === answered.message;
      if (isSame) return repeated("connect", answered.verdict);
    }
    this.#stage = "connect";
    const verdict = yield* waitFor(decideConnect(this.session, core, message || undefined));
    this.#connect = { message: message && detach(message), verdict };
    return said("connect", verdict);
  }

  *ehlo(name: string, message: string, terms: Terms): Steps<StageResult> {
    const { session } = this;
    const answered = this.#ehlo;
    // A source that could not tell is asked again with the next message, as far as messages are named.
    const isKnown = answered?.verdict.kind !== "defer" || (this.#repeatsQuestions && message !== "" && answered.message === message);
    if (answered?.name === name && isKnown) {
      this.#setHelo(answered.name, answered.verdict, terms);
      return repeated("ehlo", answered.verdict);
    }
    this.#stage = "ehlo";
    session.helo = this.#greeted;
    const verdict = yield* waitFor(decideEhlo(session, name, terms.core));
    const own = detach(name.slice(0, maxEhloOctets));
    if (verdict.kind === "pass") this.#greeted = own;
    this.#ehlo = { name: own, message: detach(message), verdict };
    this.#setHelo(own, verdict, terms);
    return said("ehlo", verdict);
  }

  #setHelo(name: string, verdict: Verdict, { isShadow }: Terms): void {
    this.session.helo = verdict.kind === "pass" || isShadow ? name : this.#greeted;
  }

  /** The name that the MTA has accepted, whether or not the EHLO stage was asked; `""`: it gives none. */
  acceptHelo(name: string): void {
    const helo = name === "" ? this.#greeted : name.slice(0, maxEhloOctets);
    if (this.session.helo !== helo) this.session.helo = detach(helo);
  }

  *mail(command: MailCommand, terms: Terms): Steps<StageResult> {
    const earlier = this.#repeatsQuestions ? this.#mail : undefined;
    if (earlier !== undefined && isAbout(earlier, command, this.session)) {
      if (earlier.message === "") earlier.message = detach(command.message);
      earlier.hasRcpt ||= command.isAtRcpt === true;
      return { ...earlier.result, isRepeat: true };
    }
    this.reset();
    this.#stage = "mail";
    const sender = detach(command.sender);
    const message = detach(command.message);
    const parameters = command.parameters.map(detach);
    const result = yield* this.#decideMail({ sender, parameters, message }, terms);
    if (result.verdict.reason === "too-long") {
      // Nothing of such a command is kept.
      if (terms.isShadow) beginTransaction(this.session, "");
      return result;
    }
    // An MTA that repeats its questions has let the sender through when it asks about recipients.
    if (result.verdict.kind === "pass" || terms.isShadow || this.#repeatsQuestions) {
      beginTransaction(this.session, result.sender ?? "", parameters);
    }
    const { helo, login, tls } = this.session;
    this.#mail = { message, sender, helo, login, tls, result, hasRcpt: command.isAtRcpt === true, recipients: new Map() };
    this.#charge(sender.length + octetsOf(parameters));
    return result;
  }

  *#decideMail({ sender, parameters, message }: MailCommand, terms: Terms): Steps<StageResult> {
    const { core, enforcesExtensions } = terms;
    const { verdict, ...decided } = yield* waitFor(
      decideMail(this.session, sender, core, { ...named(message), parameters, enforcesExtensions }),
    );
    return { ...said("mail", verdict), ...decided };
  }

  *rcpt(command: RcptCommand, terms: Terms): Steps<StageResult> {
    const { recipient, message, part = "all" } = command;
    const answers = this.#repeatsQuestions ? this.#mail?.recipients : undefined;
    const earlier = answers?.get(recipient);
    if (earlier !== undefined && isAnswered(earlier, part, message)) return repeated("rcpt", earlier.verdict);
    this.#stage = "rcpt";
    const { replies } = terms.core.settings.rcpt;
    if (this.#budget.used >= this.#budget.max) return said("rcpt", refuse(replies.tooManyRecipients, "too-many-recipients"));
    const own = detach(recipient);
    const result = yield* this.#decideRcpt({ ...command, recipient: own }, terms);
    const { verdict } = result;
    // A local address is not decided by the relay part: that it passed there says nothing.
    const isUndecided = part === "relay" && verdict.reason === "pass";
    if (answers !== undefined && answers.size < maxKeptRecipients && verdict.reason !== "too-long") {
      answers.set(own, { verdict, isUndecided });
      this.#charge(own.length);
    }
    return isUndecided ? { ...result, isRepeat: true } : result;
  }

  *#decideRcpt({ recipient, parameters, message, part = "all" }: RcptCommand, terms: Terms): Steps<StageResult> {
    const { session } = this;
    const { core, mergesRecipients: merges } = terms;
    let result = said("rcpt", pass("pass"));
    // Without MAIL the stage has something else to say.
    if (session.transaction !== undefined) {
      result = checked(result, yield* waitFor(decideRcptParameters(session, parameters, core, core.sources.now())), terms);
      if (result.verdict.kind !== "pass") return result;
    }
    const outcome = yield* waitFor(decideRcpt(session, recipient, core, { ...named(message), part, merges, parameters }));
    const { verdict, admission, countsAsError } = outcome;
    if (countsAsError) session.errors += 1;
    if (verdict.kind === "pass") this.#charge(recipient.length + octetsOf(parameters));
    if (admission === undefined || session.transaction === undefined) return { ...result, verdict };
    const { resolved, sender, header } = admission;
    if (merges) this.#charge(octetsOf(resolved));
    // Where the MTA delivers to each, nothing is compared with what others resolved to.
    admitRecipient(session.transaction, merges ? admission : { ...admission, resolved: [] });
    return { ...result, verdict, resolved, ...(sender !== undefined && { sender }), ...(header && { header }) };
  }

  /** The MTA has refused a recipient itself, which counts as an error of the client. */
  recipientRefused(): void {
    const { session } = this;
    if (!session.trusted && session.login === "") session.errors += 1;
  }

  *vrfy(text: string, { core }: Terms): Steps<StageResult> {
    this.#stage = "vrfy";
    const { verdict, addresses } = yield* waitFor(decideVrfy(this.session, text, core));
    return { ...said("vrfy", verdict), addresses };
  }

  *expn(text: string, { core }: Terms): Steps<StageResult> {
    this.#stage = "expn";
    const { verdict, addresses } = yield* waitFor(decideExpn(this.session, text, core));
    return { ...said("expn", verdict), addresses };
  }

  /** RSET, the end of a message, or that of the session. */
  reset(): void {
    this.session.transaction = undefined;
    this.#mail = undefined;
    this.#budget.used -= this.#transactionOctets;
    this.#transactionOctets = 0;
  }

  #charge(octets: number): void {
    this.#transactionOctets += entryOctets + octets;
    this.#budget.used += entryOctets + octets;
  }
}

function isSame(one: ClientCertificate, other: ClientCertificate): boolean {
  return one.subject === other.subject && one.issuer === other.issuer && one.fingerprint === other.fingerprint;
}

function named(message: string): { readonly message?: string } {
  return message === "" ? {} : { message };
}

function octetsOf(texts: readonly string[]): number {
  return texts.reduce((sum, { length }) => sum + length, 0);
}
