/** The policy front end: a request, through the stages that it asks for, to an action. */
import { performance } from "node:perf_hooks";
import { type Answer, after } from "../../answer/answer.ts";
import { reply, toClientText } from "../../mail/reply.ts";
import type { Core, Mode } from "../../stage/core.ts";
import { internalError } from "../../stage/refuse.ts";
import { isShadowed } from "../../stage/shadow.ts";
import type { Terms } from "../../stage/smtp-command.ts";
import { SmtpSession } from "../../stage/smtp-session.ts";
import { type Asking, type AskStage, askInOrder, noteRefusal, type StageResult, said } from "../../stage/stage-result.ts";
import type { HashedKey } from "../../text/hashed-key.ts";
import { encodeAction, PolicyDecoder, type PolicyRequest } from "../../wire/policy.ts";
import { Calls } from "../calls.ts";
import type { DelayedReplies } from "../connection/delayed-replies.ts";
import type { Protocol, TimedReply } from "../connection/protocol.ts";
import { tooMuchAtOnce } from "../connection/room.ts";
import type { EventSink } from "../decision.ts";
import { isKnownContext, type Plan, planOf } from "./policy-plan.ts";
import { PolicyReport } from "./policy-report.ts";
import { messageOf, type PolicyListener, PolicySessions } from "./policy-session.ts";
import { type SessionEntry, SessionMemory } from "./session-memory.ts";

export interface PolicyOptions extends EventSink, PolicyListener {
  /** Asked for each request, as are the other functions: a reload changes what they answer. */
  readonly core: () => Core;
  readonly mode: () => Mode;
  /** Milliseconds; it never goes back. */
  readonly now?: () => number;
  readonly memory?: SessionMemory;
  /** Where it is counted by what the MTA calls. Default: nobody looks at it. */
  readonly calls?: Calls;
}

/** A connection of the MTA. */
export interface PolicyConnection {
  /** The key of the session that it asked about last; `undefined`: about none that has one. */
  session: HashedKey | undefined;
  /** With which message. */
  message: string;
}

/** `connection` left out: it is not known. */
export type AnswerPolicy = (request: PolicyRequest, connection?: PolicyConnection) => Answer<TimedReply>;

/** Answers the requests of all connections of a listener; it neither throws nor rejects. */
export function answerPolicy(options: PolicyOptions): AnswerPolicy {
  const frontEnd = new PolicyFrontEnd(options);
  return (request, connection) => frontEnd.answer(request, connection);
}

const sessionOptions = { repeatsQuestions: true } as const;

const passed: TimedReply = { text: encodeAction("DUNNO"), delayMs: 0 };
const vrfyDisabled = reply(502, "5.5.1", "VRFY is disabled.");
const vrfyUnavailable = reply(450, "4.4.3", "Unable to verify address at this time.");

const noRoom = encodeAction(String(tooMuchAtOnce.code), `${tooMuchAtOnce.status} ${tooMuchAtOnce.text}`);

/** What a new connection talks by. */
export function policyProtocol(answerBy: AnswerPolicy, delayed: DelayedReplies): Protocol<PolicyRequest> {
  const connection: PolicyConnection = { session: undefined, message: "" };
  return { decoder: new PolicyDecoder(), answer: (request) => answerBy(request, connection), noRoom, delayed };
}

class PolicyFrontEnd {
  readonly #options: PolicyOptions;
  readonly #now: () => number;
  readonly #sessions: PolicySessions;
  readonly #memory: SessionMemory;
  readonly #report: PolicyReport;
  readonly #calls: Calls;

  constructor(options: PolicyOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#sessions = new PolicySessions(options.listener);
    this.#memory = options.memory ?? new SessionMemory();
    this.#calls = options.calls ?? new Calls();
    this.#report = new PolicyReport(options.listener, options, this.#now);
  }

  answer(request: PolicyRequest, connection?: PolicyConnection): Answer<TimedReply> {
    const { policyContext, protocolState } = request;
    if (!isKnownContext(policyContext)) this.#report.unknownContext(policyContext);
    if (protocolState === "RCPT" && request.instance === "") this.#report.noInstance();
    const plan = planOf(protocolState, policyContext);
    const key = this.#sessions.keyOf(request);
    const message = messageOf(request);
    if (key !== undefined && connection !== undefined && request.isOfSmtpd) this.#turn(connection, key, message);
    if (plan.begins && key !== undefined) this.#memory.end(key);
    const core = this.#options.core();
    const startedAt = this.#now();
    if (!(asksConnect(plan, core) || plan.ehlo || plan.mail || plan.rcpt !== undefined || plan.vrfy)) {
      this.#calls.passed(plan);
      // It keeps the session alive all the same.
      if (key !== undefined) this.#memory.find(key, startedAt);
      return passed;
    }
    const entry = this.#entryOf(key, request, message, startedAt);
    const run: PolicyRun = {
      request,
      plan,
      entry,
      startedAt,
      message,
      terms: { core, isShadow: this.#options.mode() === "shadow", enforcesExtensions: true, mergesRecipients: false },
      refused: undefined,
      last: undefined,
      answer: undefined,
    };
    const answer = entry.underWay === undefined ? this.#decide(run) : this.#decideAfter(entry.underWay, run);
    if (answer instanceof Promise) {
      run.answer = answer;
      entry.underWay = answer;
    }
    return answer;
  }

  #turn(connection: PolicyConnection, key: HashedKey, message: string): void {
    const before = connection.session;
    if (before !== undefined && before.text !== key.text) this.#memory.leave(before, connection.message);
    connection.session = key;
    connection.message = message;
  }

  async #decideAfter(earlier: Promise<unknown>, run: PolicyRun): Promise<TimedReply> {
    await earlier;
    return this.#decide(run);
  }

  #entryOf(key: HashedKey | undefined, request: PolicyRequest, message: string, now: number): SessionEntry {
    const known = key === undefined ? undefined : this.#memory.find(key, now);
    if (known !== undefined) return known;
    const smtp = new SmtpSession(this.#sessions.peerOf(request, this.#options), sessionOptions);
    const entry: SessionEntry = {
      smtp,
      logged: undefined,
      underWay: undefined,
      lastSeen: Math.floor(now),
      octets: 0,
      generation: undefined,
    };
    if (key !== undefined) this.#memory.add(key, entry, message);
    return entry;
  }

  #decide(run: PolicyRun): Answer<TimedReply> {
    try {
      run.entry.smtp.update(this.#sessions.credentialsOf(run.request));
      const last = askInOrder(stages, run);
      return last instanceof Promise ? this.#decideLater(last, run) : this.#conclude(last, run);
    } catch (error) {
      return this.#fail(error, run);
    }
  }

  #decideLater(last: Promise<StageResult | undefined>, run: PolicyRun): Promise<TimedReply> {
    return last.then((known) => this.#conclude(known, run)).catch((error: unknown) => this.#fail(error, run));
  }

  #fail(error: unknown, run: PolicyRun): TimedReply {
    this.#report.internalError(error);
    const last = said(run.entry.smtp.stage, internalError);
    noteRefusal(run, last);
    return this.#conclude(last, run);
  }

  #conclude(last: StageResult | undefined, { request, plan, entry, refused, startedAt, terms, answer }: PolicyRun): TimedReply {
    if (entry.underWay === answer) entry.underWay = undefined;
    this.#memory.weigh(entry);
    if (last === undefined || last.verdict.kind === "pass" || isShadowed(last, terms)) this.#calls.passed(plan);
    if (last === undefined) return passed;
    if (last.stage === "rcpt" && last.isRepeat && request.policyContext === "") this.#calls.repeated();
    if (refused === undefined) this.#report.decision(request, entry, last, isShadowed(last, terms), startedAt);
    else for (const result of refused) this.#report.decision(request, entry, result, isShadowed(result, terms), startedAt);
    if (last.stage === "rcpt") this.#report.accepted(request.recipient, last);
    const isOnlyLogged = last.verdict.kind !== "pass" && isShadowed(last, terms);
    return terms.isShadow || isOnlyLogged ? passed : replyOf(last, request);
  }
}

/** One request on its way through the stages. */
interface PolicyRun extends Asking {
  readonly request: PolicyRequest;
  readonly plan: Plan;
  readonly entry: SessionEntry;
  readonly startedAt: number;
  readonly message: string;
  /** That the next request of the session waits for; `undefined`: it is at hand. */
  answer: Promise<TimedReply> | undefined;
}

/** In the order of SMTP; each is asked when the one before it passed. */
const stages: readonly AskStage<PolicyRun>[] = [askConnect, askEhlo, askVrfy, askMail, askRcpt];

function askConnect({ plan, entry, message, terms }: PolicyRun): Answer<StageResult | undefined> {
  return asksConnect(plan, terms.core) ? entry.smtp.connect(plan.begins ? undefined : message, terms) : undefined;
}

function asksConnect({ connect }: Plan, { settings }: Core): boolean {
  return connect && settings.throttles.connect.length > 0;
}

function askEhlo({ request, plan, entry, message, terms }: PolicyRun): Answer<StageResult | undefined> {
  return plan.ehlo && request.heloName !== "" ? entry.smtp.ehlo(request.heloName, message, terms) : undefined;
}

function askVrfy({ request, plan, entry, terms }: PolicyRun): Answer<StageResult | undefined> {
  entry.smtp.acceptHelo(request.heloName);
  return plan.vrfy ? after(entry.smtp.vrfy(request.recipient, terms), withPolicyReply) : undefined;
}

function askMail(run: PolicyRun): Answer<StageResult | undefined> {
  return run.plan.mail ? mailOf(run) : undefined;
}

function mailOf({ request, entry, message, terms }: PolicyRun): Answer<StageResult> {
  const isAtRcpt = request.protocolState === "RCPT";
  return entry.smtp.mail({ sender: request.sender, parameters: parametersOf(request, terms), message, isAtRcpt }, terms);
}

/** Lists that ask about recipients alone drop the verdict on MAIL, unless no transaction could be begun. */
function askRcpt(run: PolicyRun): Answer<StageResult | undefined> {
  const { plan, request } = run;
  if (plan.rcpt === undefined || request.recipient === "") return undefined;
  return plan.mail ? rcptOf(run) : after(mailOf(run), afterMail, run);
}

function afterMail(mail: StageResult, run: PolicyRun): Answer<StageResult> {
  return run.entry.smtp.session.transaction === undefined ? mail : rcptOf(run);
}

function rcptOf({ request, plan, entry, message, terms }: PolicyRun): Answer<StageResult> {
  return entry.smtp.rcpt({ recipient: request.recipient, parameters: none, message, part: plan.rcpt ?? "all" }, terms);
}

/** Postfix answers 252 to a VRFY that passes, so what the stage answers by 252 must be refused. */
function withPolicyReply(result: StageResult): StageResult {
  const { verdict } = result;
  if (verdict.kind === "pass") return result;
  if (verdict.reason === "vrfy-disabled") return { ...result, verdict: { ...verdict, reply: vrfyDisabled } };
  return verdict.reason === "unavailable" ? { ...result, verdict: { ...verdict, reply: vrfyUnavailable } } : result;
}

function replyOf({ verdict, headers, isRepeat }: StageResult, { stress }: PolicyRequest): TimedReply {
  if (verdict.kind === "pass") {
    const [header] = headers ?? none;
    return header === undefined ? passed : { text: encodeAction("PREPEND", `${header.name}: ${header.value}`), delayMs: 0 };
  }
  const { code, status } = verdict.reply;
  const text = toClientText(verdict.reply.text);
  // A check of the MTA that comes later may refuse for good, which spares the client the wait.
  if (verdict.reason === "greylisted") return { text: encodeAction("DEFER_IF_PERMIT", `${status} ${text}`), delayMs: 0 };
  return { text: encodeAction(String(code), `${status} ${text}`), delayMs: isRepeat || stress === "yes" ? 0 : verdict.delayMs };
}

const none: readonly never[] = [];

/** The protocol has only the size, which the MTA itself has looked at: nobody but a script reads it. */
function parametersOf({ size }: PolicyRequest, { core }: Terms): readonly string[] {
  const { mail, rcpt } = core.settings;
  if (size === "" || size === "0" || (mail.script === undefined && rcpt.script === undefined)) return none;
  return [`SIZE=${size}`];
}
