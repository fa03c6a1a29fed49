/**
 * The milter front end: the conversation of one connection, commands in and responses out, through the same stages as any other.
 * Nothing is refused at CONNECT or HELO, whose verdicts an MTA keeps for the whole session: a name is checked at MAIL.
 */
import { performance } from "node:perf_hooks";
import { type Answer, after } from "../../answer/answer.ts";
import { type Steps, throwIfAborted } from "../../answer/steps.ts";
import { canonicalAddress } from "../../mail/address.ts";
import type { Path } from "../../mail/path.ts";
import type { Header } from "../../stage/admission.ts";
import type { Core } from "../../stage/core.ts";
import { internalError } from "../../stage/refuse.ts";
import { type OctetBudget, SmtpSession } from "../../stage/smtp-session.ts";
import { askInOrder, type StageResult } from "../../stage/stage-result.ts";
import type { Verdict } from "../../stage/verdict.ts";
import { type Command, CommandDecoder, expectsReply } from "../../wire/milter/command.ts";
import { Macros } from "../../wire/milter/macros.ts";
import { encodeOptions, mayModify, maySkip, type Negotiation, negotiate } from "../../wire/milter/options.ts";
import { encodeBodyResponse, encodeEndOfMessage, encodeResponse, type Modification } from "../../wire/milter/response.ts";
import { ProtocolError } from "../../wire/protocol-error.ts";
import { maxAnswerMs } from "../connection/deadline.ts";
import type { DelayedReplies, StartTimer } from "../connection/delayed-replies.ts";
import type { Protocol, TimedReply } from "../connection/protocol.ts";
import { type EventSink, reportDecision } from "../decision.ts";
import { type CommandRun, type Envelope, runCommand } from "./command-run.ts";
import { credentialsIn, isLocalSubmission, isRefusedByMta, peerOfConnect } from "./milter-client.ts";
import { MilterReport } from "./milter-report.ts";
import { type MilterSettings, requirementsOf } from "./negotiation.ts";
import { type Accepted, changeOfSender, changesOfRecipients } from "./recipient-changes.ts";

export interface MilterOptions extends EventSink {
  /** The name of the listener. */
  readonly listener: string;
  /** Asked for each command, as are the other functions: a reload changes what they answer. */
  readonly core: () => Core;
  readonly settings: () => MilterSettings;
  /** Whether an address is in trusted-networks. */
  readonly isTrusted: (address: string) => boolean;
  /** `local-port` of the listener. */
  readonly localPort: () => number | undefined;
  /** Milliseconds; it never goes back. */
  readonly now?: () => number;
  readonly timer?: StartTimer;
}

export type MilterReply = TimedReply<Buffer>;

/** A function that begins the conversation of a new connection. */
export function openMilter(options: MilterOptions): () => MilterConversation {
  const report = new MilterReport(options.listener, options);
  const budget: OctetBudget = { max: maxRecipientOctets, used: 0 };
  return () => new MilterConversation(options, report, budget);
}

/** The protocol of one connection, for the listener. */
export function milterProtocol(conversation: MilterConversation, delayed: DelayedReplies): Protocol<Command> {
  return {
    decoder: new CommandDecoder(),
    answer: (command) => conversation.receive(command),
    revokes: (command) => conversation.revokes(command),
    isIdle: () => conversation.isIdle,
    isUnopened: () => conversation.isUnopened,
    onClose: () => conversation.close(),
    delayed,
  };
}

/** Of the recipients of all messages under way at a listener. A list of 10,000 members takes some 400,000. */
const maxRecipientOctets = 64 * 1024 * 1024;

const goOn = encodeResponse({ kind: "continue" });

/** From a MAIL that passed to the end of the message. */
interface Message {
  readonly sender: Path;
  /** Recipients and the sender may be changed at its end. A reload changes nothing about a message that is under way. */
  readonly isRewritten: boolean;
  /** By spelling. */
  readonly recipients: Map<string, Accepted>;
  /** That the message is to get. */
  header: Header | undefined;
}

export class MilterConversation {
  readonly #options: MilterOptions;
  readonly #report: MilterReport;
  readonly #budget: OctetBudget;
  readonly #now: () => number;
  readonly #macros = new Macros();
  /** Holds for the connection, whatever the configuration becomes. */
  #negotiated: Negotiation | undefined;
  #mayChange = false;
  #smtp: SmtpSession | undefined;
  /** The name of the last HELO; `""` before. */
  #helo = "";
  #message: Message | undefined;
  /** The refusal of a MAIL whose reply the MTA did not wait for; each RCPT gets it. */
  #refusedMail: { readonly sender: Path; readonly result: StageResult } | undefined;
  #run: CommandRun | undefined;

  constructor(options: MilterOptions, report: MilterReport, budget: OctetBudget) {
    this.#options = options;
    this.#report = report;
    this.#budget = budget;
    this.#now = options.now ?? (() => performance.now());
  }

  /** No message is under way. */
  get isIdle(): boolean {
    return this.#message === undefined;
  }

  /** Nothing is negotiated yet, which an MTA does at once. */
  get isUnopened(): boolean {
    return this.#negotiated === undefined;
  }

  /** Whether the MTA has given up on the command that is being answered (`Protocol.revokes`). */
  revokes(command: Command | undefined): boolean {
    if (this.#run?.isAwaited === false) return false;
    return command === undefined || command.kind === "abort" || command.kind === "quit" || command.kind === "quitNewConnection";
  }

  /** It never rejects, and throws nothing but a `ProtocolError`. */
  receive(command: Command): Answer<MilterReply | undefined> {
    if (this.#negotiated === undefined) {
      if (command.kind !== "offer") throw new ProtocolError("a command before the offer");
      return this.#negotiate(command.offer);
    }
    switch (command.kind) {
      case "offer":
        throw new ProtocolError("a second offer");
      case "macros":
        this.#macros.set(command.stage, command.macros);
        return undefined;
      case "connect":
        this.#begin(command);
        return this.#continue("connect");
      case "helo":
        this.#opened();
        this.#helo = command.name;
        return this.#continue("helo");
      case "mail":
      case "rcpt":
        return this.#envelope(command);
      case "body":
        return this.#skip();
      case "data":
      case "header":
      case "endOfHeader":
      case "unknown":
        return this.#continue(command.kind);
      case "endOfMessage":
        return this.#finishMessage();
      case "abort":
        this.#endMessage();
        return undefined;
      case "quit":
      case "quitNewConnection":
        this.close();
        this.#macros.endSession();
        return undefined;
    }
  }

  /** The SMTP session is over. */
  close(): void {
    this.#endMessage();
    this.#smtp = undefined;
    this.#helo = "";
  }

  #negotiate(offer: Negotiation): MilterReply {
    const requirements = requirementsOf(this.#options.core(), this.#options.settings());
    const negotiated = negotiate(offer, requirements);
    this.#negotiated = negotiated;
    // Where one of these is missing, a change would deliver twice, or to nobody.
    this.#mayChange = mayModify("deleteRecipient", negotiated) && mayModify("addRecipient", negotiated);
    if (requirements.modifications.includes("deleteRecipient") && !this.#mayChange) this.#report.changesNotOffered();
    return { text: encodeOptions(negotiated), delayMs: 0 };
  }

  #begin(command: Extract<Command, { kind: "connect" }>): void {
    this.close();
    const { listener, isTrusted, localPort } = this.#options;
    const peer = peerOfConnect(command, this.#macros, { listener, isTrusted, localPort: localPort() });
    this.#smtp = new SmtpSession(peer, { budget: this.#budget });
  }

  #opened(): SmtpSession {
    if (this.#smtp === undefined) throw new ProtocolError("a command before CONNECT");
    return this.#smtp;
  }

  #envelope(command: Envelope): Answer<MilterReply | undefined> {
    const smtp = this.#opened();
    const { kind, path } = command;
    const isAwaited = this.#isAwaited(kind);
    if (kind === "rcpt" && isRefusedByMta(this.#macros, path)) {
      smtp.recipientRefused();
      return isAwaited ? { text: goOn, delayMs: 0 } : undefined;
    }
    const { mode, extensions } = this.#options.settings();
    const abort = { isAborted: false };
    const run: CommandRun = {
      ...{ command, smtp, isAwaited, startedAt: this.#now(), refused: [], last: undefined, abort },
      terms: {
        core: { ...this.#options.core(), abort },
        // An MTA that does not even wait at RCPT never hears of a refusal.
        isShadow: mode === "shadow" || !this.#isAwaited("rcpt"),
        enforcesExtensions: extensions === "enforce",
        mergesRecipients: kind === "rcpt" && this.#message?.isRewritten === true,
      },
    };
    this.#run = run;
    return runCommand(run, () => (kind === "mail" ? this.#mail(run) : this.#rcpt(run)), {
      conclude: (last) => this.#conclude(run, last),
      onInternalError: (error) => this.#report.internalError(error),
      timer: this.#options.timer,
    });
  }

  #mail(run: CommandRun): Answer<StageResult> {
    const { command, smtp, terms, isAwaited, abort } = run;
    const { path, parameters } = command;
    this.#message = undefined;
    smtp.reset();
    smtp.update(credentialsIn(this.#macros));
    const stages: Steps<CommandRun, StageResult> = [
      // A refusal at CONNECT would reach the clients of Sendmail without its text, so connections are asked about here.
      () => smtp.connect(undefined, terms),
      () => (this.#helo === "" ? undefined : smtp.ehlo(this.#helo, "", terms)),
      () => smtp.mail({ sender: path.address, parameters, message: "" }, terms),
    ];
    return after(askInOrder(stages, run), (last) => {
      throwIfAborted(abort);
      // An MTA that does not wait for this hears of it with each recipient.
      this.#refusedMail = isAwaited || terms.isShadow || last.verdict.kind === "pass" ? undefined : { sender: path, result: last };
      if (smtp.session.transaction !== undefined) {
        const { mode, rewrite } = this.#options.settings();
        const isRewritten = rewrite && this.#mayChange && mode === "enforce";
        this.#message = { sender: path, isRewritten, recipients: new Map(), header: undefined };
      }
      return last;
    });
  }

  #rcpt(run: CommandRun): Answer<StageResult> {
    const { command, smtp, terms, refused, abort } = run;
    const { path, parameters } = command;
    const message = this.#message;
    if (this.#refusedMail !== undefined) {
      refused.push(this.#refusedMail.result);
      return this.#refusedMail.result;
    }
    const stages: Steps<CommandRun, StageResult> = [() => smtp.rcpt({ recipient: path.address, parameters, message: "" }, terms)];
    return after(askInOrder(stages, run), (result) => {
      throwIfAborted(abort);
      if (message === undefined || result.verdict.kind !== "pass") return result;
      message.header ??= result.header;
      // Removing a recipient removes it as often as it was given.
      if (!message.recipients.has(path.withoutRoute)) {
        const resolved = smtp.session.transaction?.given?.get(canonicalAddress(path.address)) ?? [];
        message.recipients.set(path.withoutRoute, { path, parameters, resolved });
      }
      return result;
    });
  }

  #conclude(run: CommandRun, last: StageResult): MilterReply | undefined {
    const { refused, startedAt, isAwaited } = run;
    if (last.observed !== undefined) this.#report.observed(last.observed.keyword, last.observed.verdict);
    for (const result of refused.length === 0 ? [last] : refused) this.#log(run, result);
    if (!isAwaited) return undefined;
    const { verdict } = last;
    if (verdict.kind === "pass" || isOnlyLogged(run, verdict)) return { text: goOn, delayMs: 0 };
    const leftMs = maxAnswerMs - (this.#now() - startedAt);
    const delayMs = Math.max(0, Math.min(verdict.delayMs, leftMs));
    return { text: encodeResponse({ kind: "reply", reply: verdict.reply }), delayMs };
  }

  #log(run: CommandRun, { stage, verdict, resolved }: StageResult): void {
    const { command, smtp, startedAt } = run;
    const { session } = smtp;
    const isRcpt = command.kind === "rcpt";
    reportDecision(this.#options, {
      listener: this.#options.listener,
      ...{ session, stage, verdict, resolved, isShadow: isOnlyLogged(run, verdict), helo: this.#helo },
      sender: (isRcpt ? (this.#message ?? this.#refusedMail)?.sender : command.path)?.address ?? "",
      recipient: isRcpt ? command.path.address : "",
      instance: this.#macros.get("i") ?? "",
      ms: this.#now() - startedAt,
    });
  }

  #finishMessage(): MilterReply {
    const { mode } = this.#options.settings();
    const message = this.#message;
    const sender = this.#smtp?.session.transaction?.sender;
    this.#endMessage();
    try {
      const isChanged = message !== undefined && sender !== undefined && mode === "enforce";
      const modifications: readonly Modification[] = isChanged
        ? [
            ...(message.isRewritten ? this.#changes(message, sender) : []),
            ...(message.header !== undefined && this.#can("addHeader") ? [{ kind: "addHeader", ...message.header } as const] : []),
          ]
        : [];
      return { text: encodeEndOfMessage(modifications), delayMs: 0 };
    } catch (error) {
      this.#report.internalError(error);
      return { text: encodeResponse({ kind: "reply", reply: internalError.reply }), delayMs: 0 };
    }
  }

  #changes({ sender, recipients }: Message, becomes: string): readonly Modification[] {
    const { modifications, unwritable } = changesOfRecipients([...recipients.values()], this.#can("addRecipientWithParameters"));
    for (const { path, resolved } of unwritable) this.#report.unwritable(path.address, resolved);
    const from = this.#can("changeSender") ? changeOfSender(sender, becomes) : undefined;
    return from === undefined ? modifications : [...modifications, from];
  }

  #can(kind: Modification["kind"]): boolean {
    return this.#negotiated !== undefined && mayModify(kind, this.#negotiated);
  }

  #endMessage(): void {
    if (this.#run !== undefined) this.#run.abort.isAborted = true;
    this.#run = undefined;
    this.#macros.endMessage();
    this.#message = undefined;
    this.#refusedMail = undefined;
    this.#smtp?.reset();
  }

  #skip(): MilterReply | undefined {
    if (this.#negotiated === undefined || !maySkip(this.#negotiated)) return this.#continue("body");
    return this.#isAwaited("body") ? { text: encodeBodyResponse({ kind: "skip" }), delayMs: 0 } : undefined;
  }

  #continue(kind: Command["kind"]): MilterReply | undefined {
    return this.#isAwaited(kind) ? { text: goOn, delayMs: 0 } : undefined;
  }

  #isAwaited(kind: Command["kind"]): boolean {
    return this.#negotiated !== undefined && expectsReply(kind, this.#negotiated);
  }
}

/** A refusal that is not carried out. Of mail that is submitted here a recipient can be deferred, with the message, but not refused. */
function isOnlyLogged({ command, smtp, terms }: CommandRun, { kind, reason }: Verdict): boolean {
  if (terms.isShadow) return true;
  const isDeferral = kind === "defer" && reason !== "too-many-recipients";
  return !isDeferral && command.kind === "rcpt" && isLocalSubmission(smtp.session);
}
