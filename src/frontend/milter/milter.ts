/**
 * The milter front end: the conversation of one connection, commands in and responses out, through the same stages as any other.
 * Nothing is refused at CONNECT or HELO, whose verdicts an MTA keeps for the whole session: a name is judged at MAIL.
 */
import { performance } from "node:perf_hooks";
import type { Answer } from "../../answer/answer.ts";
import { runSteps, type Steps } from "../../answer/steps.ts";
import type { Core } from "../../stage/core.ts";
import { internalError, unavailable } from "../../stage/refuse.ts";
import { type Command, CommandDecoder, expectsReply } from "../../wire/milter/command.ts";
import { Macros } from "../../wire/milter/macros.ts";
import { encodeOptions, mayEdit, maySkip, negotiate, type Options } from "../../wire/milter/options.ts";
import { type Edit, encodeBodyResponse, encodeEndOfMessage, encodeResponse } from "../../wire/milter/response.ts";
import { ProtocolError } from "../../wire/protocol-error.ts";
import type { ConversationOptions, TimedReply } from "../connection/conversation.ts";
import { type DelayedReplies, type StartTimer, startTimer } from "../connection/delayed-replies.ts";
import { type EventSink, reportDecision } from "../decision.ts";
import { type Dialogue, type Finding, judgeMail, judgeRcpt, type Message, type Turn, turnIsOver } from "./command-run.ts";
import { MilterReport } from "./milter-report.ts";
import { isRefusedByMta, sessionOfConnect, updateSession } from "./milter-session.ts";
import { type MilterSettings, wantsOf } from "./negotiation.ts";
import { changeOfSender, changesOfRecipients } from "./recipient-changes.ts";

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
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
  readonly timer?: StartTimer;
}

export type MilterReply = TimedReply<Buffer>;

/** A function that begins the conversation of a new connection. */
export function openMilter(options: MilterOptions): () => MilterConversation {
  const report = new MilterReport(options.listener, options);
  return () => new MilterConversation(options, report);
}

/** What a listener is told of the protocol of one connection. */
export function milterProtocol(
  conversation: MilterConversation,
  delayed: DelayedReplies,
): Omit<ConversationOptions<Command>, "onProtocolError"> {
  return {
    decoder: new CommandDecoder(),
    answer: (command) => conversation.receive(command),
    revokes: (command) => conversation.revokes(command),
    isIdle: () => conversation.isIdle,
    delayed,
  };
}

type Envelope = Extract<Command, { kind: "mail" | "rcpt" }>;

/** Sendmail waits for 10 seconds, and lets the mail pass or defers it then, as it is told. */
const maxAnswerMs = 9000;

const goOn = encodeResponse({ kind: "continue" });

export class MilterConversation {
  readonly #options: MilterOptions;
  readonly #report: MilterReport;
  readonly #now: () => number;
  readonly #macros = new Macros();
  /** Holds for the connection, whatever the configuration becomes. */
  #negotiated: Options | undefined;
  #mayChange = false;
  #dialogue: Dialogue | undefined;
  #turn: Turn | undefined;

  constructor(options: MilterOptions, report: MilterReport) {
    this.#options = options;
    this.#report = report;
    this.#now = options.now ?? (() => performance.now());
  }

  /** No message is under way. */
  get isIdle(): boolean {
    return this.#dialogue?.message === undefined;
  }

  /** Whether the MTA has given up on the command that is being answered (`ConversationOptions.revokes`). */
  revokes(command: Command | undefined): boolean {
    if (this.#turn?.isAwaited === false) return false;
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
        this.#macros.set(command.stage, command.values);
        return undefined;
      case "connect":
        this.#begin(command);
        return this.#continue("connect");
      case "helo":
        this.#greet(command.name);
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
        this.#endMessage();
        this.#macros.endSession();
        this.#dialogue = undefined;
        return undefined;
    }
  }

  #negotiate(offer: Options): MilterReply {
    const wants = wantsOf(this.#options.core(), this.#options.settings());
    const negotiated = negotiate(offer, wants);
    this.#negotiated = negotiated;
    // Where one of these is missing, a change would deliver twice, or to nobody.
    this.#mayChange = mayEdit("deleteRecipient", negotiated) && mayEdit("addRecipient", negotiated);
    if (wants.edits.includes("deleteRecipient") && !this.#mayChange) this.#report.changesNotOffered();
    return { text: encodeOptions(negotiated), delayMs: 0 };
  }

  #begin(command: Extract<Command, { kind: "connect" }>): void {
    this.#endTurn();
    const { listener, isTrusted, localPort } = this.#options;
    const session = sessionOfConnect(command, this.#macros, { listener, isTrusted, localPort: localPort() });
    this.#dialogue = { session, helo: "", heloVerdict: undefined, greeted: "", connectVerdict: undefined, message: undefined };
  }

  #greet(name: string): void {
    const dialogue = this.#opened();
    dialogue.helo = name;
    dialogue.heloVerdict = undefined;
  }

  #opened(): Dialogue {
    if (this.#dialogue === undefined) throw new ProtocolError("a command before CONNECT");
    return this.#dialogue;
  }

  #envelope({ kind, path, parameters }: Envelope): Answer<MilterReply | undefined> {
    const dialogue = this.#opened();
    const { session } = dialogue;
    const isAwaited = this.#isAwaited(kind);
    if (kind === "rcpt" && isRefusedByMta(this.#macros, path)) {
      if (!session.trusted && session.login === "") session.errors += 1;
      return isAwaited ? { text: goOn, delayMs: 0 } : undefined;
    }
    if (kind === "mail") this.#update(dialogue);
    const { mode, extensions } = this.#options.settings();
    const turn: Turn = {
      ...{ dialogue, path, parameters, isAwaited },
      core: this.#options.core(),
      // What the MTA does not wait for cannot be refused.
      isShadow: mode === "shadow" || !isAwaited,
      startedAt: this.#now(),
      time: this.#options.clock?.() ?? Date.now(),
      onObserved: extensions === "observe" ? (parameter, verdict) => this.#report.observed(parameter, verdict) : undefined,
      onShadowed: (finding) => this.#tell(turn, finding),
      stage: kind,
      isTold: false,
      isOver: false,
    };
    this.#turn = turn;
    const answer = runSteps(this.#guarded(turn, kind === "mail" ? judgeMail(turn) : judgeRcpt(turn)));
    return answer instanceof Promise && isAwaited ? this.#inTime(turn, answer) : answer;
  }

  /** A name that was refused to a stranger may be welcome now. */
  #update(dialogue: Dialogue): void {
    const { session } = dialogue;
    const { tls, login } = session;
    updateSession(session, this.#macros);
    const isChanged = session.tls !== tls || session.login !== login;
    if (isChanged && dialogue.heloVerdict?.kind !== "pass") dialogue.heloVerdict = undefined;
  }

  *#guarded(turn: Turn, steps: Steps<Finding>): Steps<MilterReply | undefined> {
    try {
      return this.#conclude(turn, yield* steps);
    } catch (error) {
      if (error === turnIsOver) return undefined;
      this.#report.internalError(error);
      return turn.isOver ? undefined : this.#conclude(turn, { stage: turn.stage, verdict: internalError, resolved: [] });
    }
  }

  /** The verdict, or, when it takes too long, that there is none. */
  #inTime(turn: Turn, answer: Promise<MilterReply | undefined>): Promise<MilterReply | undefined> {
    return new Promise((resolve) => {
      const callOff = (this.#options.timer ?? startTimer)(maxAnswerMs, () => {
        if (turn.isOver) return;
        turn.isOver = true;
        const verdict = unavailable(turn.core.settings.rcpt.replies.unavailable, new Error(`no verdict within ${maxAnswerMs / 1000} s`));
        resolve(this.#conclude(turn, { stage: turn.stage, verdict, resolved: [] }));
      });
      // It does not reject: #guarded catches all.
      void answer.then((verdict) => {
        callOff();
        resolve(verdict);
      });
    });
  }

  #conclude(turn: Turn, finding: Finding): MilterReply | undefined {
    const { verdict } = finding;
    const isPass = verdict.kind === "pass" || turn.isShadow;
    const text = isPass ? goOn : encodeResponse({ kind: "reply", reply: verdict.reply });
    if (!turn.isTold) this.#tell(turn, finding);
    if (!turn.isAwaited) return undefined;
    const leftMs = maxAnswerMs - (this.#now() - turn.startedAt);
    return { text, delayMs: isPass ? 0 : Math.max(0, Math.min(verdict.delayMs, leftMs)) };
  }

  #tell({ dialogue, path, isShadow, startedAt }: Turn, { stage, verdict, resolved }: Finding): void {
    const { session, helo, message } = dialogue;
    reportDecision(this.#options, {
      listener: this.#options.listener,
      ...{ session, stage, verdict, resolved, isShadow, helo },
      sender: stage === "rcpt" ? (message?.sender.address ?? "") : path.address,
      recipient: stage === "rcpt" ? path.address : "",
      instance: this.#macros.get("i") ?? "",
      ms: this.#now() - startedAt,
    });
  }

  #finishMessage(): MilterReply {
    const { mode, rewrite } = this.#options.settings();
    const message = this.#dialogue?.message;
    this.#endMessage();
    const edits: Edit[] = [];
    try {
      if (message !== undefined && mode === "enforce") {
        if (rewrite && this.#mayChange) edits.push(...this.#changes(message));
        if (message.header !== undefined && this.#can("addHeader")) edits.push({ kind: "addHeader", ...message.header });
      }
      return { text: encodeEndOfMessage(edits, { kind: "continue" }), delayMs: 0 };
    } catch (error) {
      this.#report.internalError(error);
      return { text: encodeResponse({ kind: "reply", reply: internalError.reply }), delayMs: 0 };
    }
  }

  #changes({ sender, rewritten, recipients }: Message): readonly Edit[] {
    const { edits, unwritable } = changesOfRecipients([...recipients.values()], this.#can("addRecipientWithParameters"));
    for (const { path, resolved } of unwritable) this.#report.unwritable(path.address, resolved);
    const from = this.#can("changeSender") ? changeOfSender(sender, rewritten) : undefined;
    return from === undefined ? edits : [...edits, from];
  }

  #can(kind: Edit["kind"]): boolean {
    return this.#negotiated !== undefined && mayEdit(kind, this.#negotiated);
  }

  #endMessage(): void {
    this.#endTurn();
    this.#macros.endMessage();
    if (this.#dialogue === undefined) return;
    this.#dialogue.message = undefined;
    this.#dialogue.session.transaction = undefined;
  }

  #endTurn(): void {
    if (this.#turn !== undefined) this.#turn.isOver = true;
    this.#turn = undefined;
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
