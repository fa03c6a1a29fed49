/**
 * The milter front end: the conversation of one connection, commands in and responses out, through the same stages as any other.
 * Nothing is refused at CONNECT or HELO, whose verdicts an MTA keeps for the whole session: a name is checked at MAIL.
 */
import { performance } from "node:perf_hooks";
import type { Answer } from "../../answer/answer.ts";
import type { Path } from "../../mail/path.ts";
import type { Core } from "../../stage/core.ts";
import { internalError } from "../../stage/refuse.ts";
import { isShadowed } from "../../stage/shadow.ts";
import { SmtpSession, type SmtpSessionOptions } from "../../stage/smtp-session.ts";
import { askInOrder, noteRefusal, type StageResult } from "../../stage/stage-result.ts";
import { type Command, CommandDecoder, expectsReply } from "../../wire/milter/command.ts";
import { Macros } from "../../wire/milter/macros.ts";
import { encodeOptions, mayModify, maySkip, type Negotiation, negotiate } from "../../wire/milter/options.ts";
import { encodeBodyResponse, encodeEndOfMessage, encodeResponse } from "../../wire/milter/response.ts";
import { ProtocolError } from "../../wire/protocol-error.ts";
import type { Call, Calls } from "../calls.ts";
import { maxAnswerMs, maxUnawaitedMs } from "../connection/deadline.ts";
import type { DelayedReplies, StartTimer } from "../connection/delayed-replies.ts";
import type { Protocol, TimedReply } from "../connection/protocol.ts";
import { tooMuchAtOnce } from "../connection/room.ts";
import { type EventSink, reportDecision } from "../decision.ts";
import { type CommandRun, concludeLater, type Envelope, failed, isOnlyLogged, mailStages, rcptStages, tooLate } from "./command-run.ts";
import { Message } from "./message.ts";
import { credentialsIn, isLocalSubmission, peerOfConnect, refusalByMta } from "./milter-client.ts";
import { MilterReport } from "./milter-report.ts";
import { ListenerRequirements, type MilterSettings } from "./negotiation.ts";

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
  /** Where it is counted by what the MTA calls. Default: nobody looks at it. */
  readonly calls?: Calls;
}

const mailCall: Call = { place: "MAIL", connect: true, ehlo: true, mail: true, rcpt: undefined };
const rcptCall: Call = { place: "RCPT", connect: false, ehlo: false, mail: false, rcpt: "all" };

export type MilterReply = TimedReply<Buffer>;

/** A function that begins the conversation of a new connection. */
export function openMilter(options: MilterOptions): () => MilterConversation {
  const shared: SharedByConnections = {
    report: new MilterReport(options.listener, options),
    requirements: new ListenerRequirements(),
    session: { budget: { max: maxRecipientOctets, maxEach: maxRecipientOctetsOfMessage, used: 0 } },
    now: options.now ?? (() => performance.now()),
  };
  return () => new MilterConversation(options, shared);
}

/** Between the connections of a listener. */
interface SharedByConnections {
  readonly report: MilterReport;
  readonly requirements: ListenerRequirements;
  readonly session: SmtpSessionOptions;
  readonly now: () => number;
}

const noRoom = encodeResponse({ kind: "reply", reply: tooMuchAtOnce });

/** The protocol of one connection, for the listener. */
export function milterProtocol(conversation: MilterConversation, delayed: DelayedReplies): Protocol<Command> {
  return {
    decoder: new CommandDecoder(),
    answer: (command) => conversation.receive(command),
    revokes: (command) => conversation.revokes(command),
    isIdle: () => conversation.isIdle,
    isUnopened: () => conversation.isUnopened,
    noRoom,
    onCaughtUp: () => conversation.caughtUp(),
    onClose: () => conversation.close(),
    delayed,
  };
}

/** Of the recipients of all messages under way at a listener. */
const maxRecipientOctets = 64 * 1024 * 1024;

/** Some 15,000 recipients, or 20 lists of 10,000 members. */
const maxRecipientOctetsOfMessage = 8 * 1024 * 1024;

const goOn: MilterReply = { text: encodeResponse({ kind: "continue" }), delayMs: 0 };
const skipBody: MilterReply = { text: encodeBodyResponse({ kind: "skip" }), delayMs: 0 };

export class MilterConversation {
  readonly #options: MilterOptions;
  readonly #shared: SharedByConnections;
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
  /** Since when the MTA may wait for what comes after commands that it does not wait for; `undefined`: it does not. */
  #behindSince: number | undefined;

  constructor(options: MilterOptions, shared: SharedByConnections) {
    this.#options = options;
    this.#shared = shared;
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

  /** All commands that have come are answered. */
  caughtUp(): void {
    this.#behindSince = undefined;
  }

  /** The SMTP session is over. */
  close(): void {
    this.#endMessage();
    this.#smtp = undefined;
    this.#helo = "";
  }

  #negotiate(offer: Negotiation): MilterReply {
    const { report, requirements: ofListener } = this.#shared;
    const settings = this.#options.settings();
    const requirements = ofListener.of(this.#options.core().settings, settings);
    const negotiated = negotiate(offer, requirements);
    this.#negotiated = negotiated;
    // Where one of these is missing, a change would deliver twice, or to nobody.
    this.#mayChange = mayModify("deleteRecipient", negotiated) && mayModify("addRecipient", negotiated);
    if (settings.mode === "enforce" && settings.rewrite && !this.#mayChange) report.changesNotOffered();
    return { text: encodeOptions(negotiated), delayMs: 0 };
  }

  #begin(command: Extract<Command, { kind: "connect" }>): void {
    this.close();
    const { listener, isTrusted, localPort } = this.#options;
    const peer = peerOfConnect(command, this.#macros, { listener, isTrusted, localPort: localPort() });
    this.#smtp = new SmtpSession(peer, this.#shared.session);
    this.#options.calls?.by(this.#macros.get("v"));
  }

  #opened(): SmtpSession {
    if (this.#smtp === undefined) throw new ProtocolError("a command before CONNECT");
    return this.#smtp;
  }

  #envelope(command: Envelope): Answer<MilterReply | undefined> {
    const smtp = this.#opened();
    const isRcpt = command.kind === "rcpt";
    const isAwaited = this.#isAwaited(command.kind);
    const byMta = isRcpt ? refusalByMta(this.#macros, command.path) : undefined;
    if (byMta !== undefined) {
      if (byMta === "mistake") smtp.recipientRefused();
      return isAwaited ? goOn : undefined;
    }
    const { mode, extensions } = this.#options.settings();
    const abort = { isAborted: false };
    const run: CommandRun = {
      command,
      smtp,
      helo: this.#helo,
      isAwaited,
      startedAt: this.#shared.now(),
      abort,
      terms: {
        core: { ...this.#options.core(), abort },
        // An MTA that does not even wait at RCPT never hears of a refusal.
        isShadow: mode === "shadow" || !this.#isAwaited("rcpt"),
        enforcesExtensions: extensions === "enforce",
        mergesRecipients: isRcpt && this.#message?.isRewritten === true,
        takesRecipients: isRcpt && isLocalSubmission(smtp.session),
      },
      refused: undefined,
      last: undefined,
    };
    this.#run = run;
    if (!isRcpt) {
      this.#message = undefined;
      smtp.reset();
    }
    if (!isAwaited && this.#leftMs(run, maxUnawaitedMs) <= 0) return this.#failed(run, tooLate(run));
    try {
      const last = isRcpt ? this.#askRcpt(run) : this.#askMail(run);
      return last instanceof Promise ? this.#concludeLater(run, last) : this.#decided(run, last);
    } catch (error) {
      this.#shared.report.internalError(error);
      return this.#failed(run, failed(run));
    }
  }

  #leftMs({ startedAt }: CommandRun, maxMs: number): number {
    return maxMs - (startedAt - (this.#behindSince ?? startedAt));
  }

  /** There is no verdict but this. */
  #failed(run: CommandRun, result: StageResult): MilterReply | undefined {
    const { command, isAwaited } = run;
    if (command.kind === "mail" && !isAwaited) this.#refusedMail = { sender: command.path, result };
    return this.#conclude(run, result);
  }

  #concludeLater(run: CommandRun, last: Promise<StageResult>): Promise<MilterReply | undefined> {
    const maxMs = this.#leftMs(run, run.isAwaited ? maxAnswerMs : maxUnawaitedMs);
    if (!run.isAwaited) this.#behindSince ??= run.startedAt;
    return concludeLater(run, last, {
      maxMs,
      decided: (result) => this.#decided(run, result),
      refused: (result) => this.#failed(run, result),
      onInternalError: (error) => this.#shared.report.internalError(error),
      timer: this.#options.timer,
    });
  }

  #askMail(run: CommandRun): Answer<StageResult> {
    run.smtp.update(credentialsIn(this.#macros));
    return askInOrder(mailStages, run);
  }

  #askRcpt(run: CommandRun): Answer<StageResult> {
    if (this.#refusedMail === undefined) return askInOrder(rcptStages, run);
    noteRefusal(run, this.#refusedMail.result);
    return this.#refusedMail.result;
  }

  #decided(run: CommandRun, last: StageResult): MilterReply | undefined {
    if (run.command.kind === "mail") this.#takeMail(run, last);
    return this.#conclude(run, last);
  }

  #takeMail({ command: { path }, smtp, terms, isAwaited }: CommandRun, last: StageResult): void {
    // An MTA that does not wait for this hears of it with each recipient.
    this.#refusedMail = isAwaited || isShadowed(last, terms) || last.verdict.kind === "pass" ? undefined : { sender: path, result: last };
    if (smtp.session.transaction === undefined) return;
    const { mode, rewrite } = this.#options.settings();
    const isChanged = mode === "enforce";
    const isRewritten = isChanged && rewrite && this.#mayChange;
    this.#message = new Message(path, { isChanged, isRewritten, isLocal: isLocalSubmission(smtp.session) });
  }

  #conclude(run: CommandRun, last: StageResult): MilterReply | undefined {
    const { refused, startedAt, isAwaited } = run;
    const { report, now } = this.#shared;
    if (last.observed !== undefined) report.observed(last.observed.keyword, last.observed.verdict);
    const ms = now() - startedAt;
    if (refused === undefined) this.#log(run, last, ms);
    else for (const result of refused) this.#log(run, result, ms);
    const { verdict } = last;
    if (verdict.reason === "too-many-at-once") report.tooManyAtOnce(maxRecipientOctets);
    const isPass = verdict.kind === "pass" || isOnlyLogged(run, last);
    if (isPass) this.#pass(run, last);
    if (!isAwaited) return undefined;
    this.#behindSince = undefined;
    if (isPass) return goOn;
    const delayMs = Math.max(0, Math.min(verdict.delayMs, maxAnswerMs - ms));
    return { text: encodeResponse({ kind: "reply", reply: verdict.reply }), delayMs };
  }

  #pass(run: CommandRun, last: StageResult): void {
    const isRcpt = run.command.kind === "rcpt";
    // Whatever becomes of it here, the MTA has the recipient.
    if (isRcpt) this.#message?.accept(run, last);
    this.#options.calls?.passed(isRcpt ? rcptCall : mailCall);
  }

  #log(run: CommandRun, result: StageResult, ms: number): void {
    const { stage, verdict, resolved } = result;
    if (this.#options.reads?.(verdict) === false) return;
    const { command, smtp, helo } = run;
    const isRcpt = command.kind === "rcpt";
    reportDecision(this.#options, {
      listener: this.#options.listener,
      session: smtp.session,
      stage,
      verdict,
      resolved,
      isShadow: isOnlyLogged(run, result),
      helo,
      sender: (isRcpt ? (this.#message ?? this.#refusedMail)?.sender : command.path)?.address ?? "",
      recipient: isRcpt ? command.path.address : "",
      instance: this.#macros.get("i") ?? "",
      ms,
    });
  }

  #finishMessage(): MilterReply {
    const { report } = this.#shared;
    const message = this.#message;
    const transaction = this.#smtp?.session.transaction;
    const negotiated = this.#negotiated;
    this.#endMessage();
    if (message === undefined || transaction === undefined || negotiated === undefined) return goOn;
    try {
      const changes = message.changes(transaction, negotiated, ({ path, resolved }) => report.unwritable(path.address, resolved));
      return changes.length === 0 ? goOn : { text: encodeEndOfMessage(changes), delayMs: 0 };
    } catch (error) {
      report.internalError(error);
      return { text: encodeResponse({ kind: "reply", reply: internalError.reply }), delayMs: 0 };
    }
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
    return this.#isAwaited("body") ? skipBody : undefined;
  }

  #continue(kind: Command["kind"]): MilterReply | undefined {
    return this.#isAwaited(kind) ? goOn : undefined;
  }

  #isAwaited(kind: Command["kind"]): boolean {
    return this.#negotiated !== undefined && expectsReply(kind, this.#negotiated);
  }
}
