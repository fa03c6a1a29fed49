/** The policy front end: a request, through the stages that it asks for, to an action. */
import { performance } from "node:perf_hooks";
import type { Answer } from "../../answer/answer.ts";
import { runSteps, type Steps } from "../../answer/steps.ts";
import { reply } from "../../mail/reply.ts";
import type { Core, Mode } from "../../stage/core.ts";
import { internalError } from "../../stage/refuse.ts";
import type { Terms } from "../../stage/smtp-command.ts";
import { SmtpSession } from "../../stage/smtp-session.ts";
import { askInOrder, type StageResult } from "../../stage/stage-result.ts";
import type { Verdict } from "../../stage/verdict.ts";
import { encodeAction, type PolicyRequest } from "../../wire/policy.ts";
import type { TimedReply } from "../connection/protocol.ts";
import type { EventSink } from "../decision.ts";
import { isKnownContext, type Plan, planOf } from "./policy-plan.ts";
import { PolicyReport } from "./policy-report.ts";
import { credentialsOf, messageOf, peerOf, sessionKey } from "./policy-session.ts";
import { type SessionEntry, SessionMemory } from "./session-memory.ts";

export interface PolicyOptions extends EventSink {
  /** The name of the listener. */
  readonly listener: string;
  /** Asked for each request, as are the other functions: a reload changes what they answer. */
  readonly core: () => Core;
  readonly mode: () => Mode;
  /** Whether an address is in trusted-networks. */
  readonly isTrusted: (address: string) => boolean;
  /** `local-port` of the listener. */
  readonly localPort: () => number | undefined;
  /** Milliseconds; it never goes back. */
  readonly now?: () => number;
  readonly memory?: SessionMemory;
}

/** Answers the requests of all connections of a listener; it neither throws nor rejects. */
export function answerPolicy(options: PolicyOptions): (request: PolicyRequest) => Answer<TimedReply> {
  const frontEnd = new PolicyFrontEnd(options);
  return (request) => frontEnd.answer(request);
}

const passed: TimedReply = { text: encodeAction("DUNNO"), delayMs: 0 };
const vrfyDisabled = reply(502, "5.5.1", "VRFY is disabled.");
const vrfyUnavailable = reply(450, "4.4.3", "Unable to verify address at this time.");

class PolicyFrontEnd {
  readonly #options: PolicyOptions;
  readonly #now: () => number;
  readonly #memory: SessionMemory;
  readonly #report: PolicyReport;

  constructor(options: PolicyOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#memory = options.memory ?? new SessionMemory(this.#now);
    this.#report = new PolicyReport(options.listener, options);
  }

  answer(request: PolicyRequest): Answer<TimedReply> {
    const { policyContext, protocolState } = request;
    if (!isKnownContext(policyContext)) this.#report.unknownContext(policyContext);
    if (protocolState === "RCPT" && request.instance === "") this.#report.noInstance();
    const plan = planOf(protocolState, policyContext);
    const key = sessionKey(this.#options.listener, request);
    if (plan.begins && key !== undefined) this.#memory.end(key);
    const core = this.#options.core();
    if (!(asksConnect(plan, core) || plan.ehlo || plan.mail || plan.rcpt !== undefined || plan.vrfy)) {
      // It keeps the session alive all the same.
      if (key !== undefined) this.#memory.find(key);
      return passed;
    }
    const startedAt = this.#now();
    const entry = this.#entryOf(key, request);
    const { underWay } = entry;
    const run = () => runSteps(this.#decide(request, plan, entry, core, startedAt));
    const answer = underWay === undefined ? run() : underWay.then(run);
    if (answer instanceof Promise) {
      entry.underWay = answer;
      // It does not reject: #decide catches all.
      void answer.then(() => {
        if (entry.underWay === answer) entry.underWay = undefined;
      });
    }
    return answer;
  }

  #entryOf(key: string | undefined, request: PolicyRequest): SessionEntry {
    const known = key === undefined ? undefined : this.#memory.find(key);
    if (known !== undefined) return known;
    const { listener, isTrusted, localPort } = this.#options;
    const smtp = new SmtpSession(peerOf(request, { listener, isTrusted, localPort: localPort() }), { repeatsQuestions: true });
    const entry: SessionEntry = { smtp, logged: undefined, underWay: undefined, lastSeen: 0, octets: undefined };
    if (key !== undefined) this.#memory.keep(key, entry);
    return entry;
  }

  *#decide(request: PolicyRequest, plan: Plan, entry: SessionEntry, core: Core, startedAt: number): Steps<TimedReply> {
    const isShadow = this.#options.mode() === "shadow";
    const terms: Terms = { core, isShadow, enforcesExtensions: true, mergesRecipients: false };
    const refused: StageResult[] = [];
    let last: StageResult | undefined;
    try {
      last = yield* askInOrder(stagesOf(request, plan, entry.smtp, terms), terms, refused);
    } catch (error) {
      this.#report.internalError(error);
      last = { stage: entry.smtp.stage, verdict: internalError, resolved: [], isRepeat: false };
      refused.push(last);
    }
    this.#memory.weigh(entry);
    if (last === undefined) return passed;
    const ms = this.#now() - startedAt;
    for (const result of refused.length === 0 ? [last] : refused) this.#report.decision(request, entry, result, isShadow, ms);
    if (last.stage === "rcpt") this.#report.accepted(request.recipient, last);
    return isShadow ? passed : replyOf(last, request);
  }
}

function asksConnect({ connect }: Plan, { settings }: Core): boolean {
  return connect && settings.throttles.connect.length > 0;
}

/** In the order of SMTP; each is asked when the one before it passed. */
function* stagesOf(request: PolicyRequest, plan: Plan, smtp: SmtpSession, terms: Terms): Generator<Steps<StageResult>> {
  const { heloName, recipient, protocolState } = request;
  const message = messageOf(request);
  smtp.update(credentialsOf(request));
  if (asksConnect(plan, terms.core)) yield smtp.connect(plan.begins ? undefined : message, terms);
  if (plan.ehlo && heloName !== "") yield smtp.ehlo(heloName, message, terms);
  smtp.acceptHelo(heloName);
  if (plan.vrfy) yield vrfy(recipient, smtp, terms);
  const mail = { sender: request.sender, parameters: parametersOf(request), message, isAtRcpt: protocolState === "RCPT" };
  if (plan.mail) yield smtp.mail(mail, terms);
  if (plan.rcpt === undefined || recipient === "") return;
  const rcpt = smtp.rcpt({ recipient, parameters: [], message, part: plan.rcpt }, terms);
  yield plan.mail ? rcpt : afterMail(smtp.mail(mail, terms), rcpt);
}

/** Lists that ask about recipients alone drop the verdict on MAIL, unless no transaction could be begun. */
function* afterMail(mail: Steps<StageResult>, rcpt: Steps<StageResult>): Steps<StageResult> {
  const result = yield* mail;
  return result.verdict.reason === "too-long" ? result : yield* rcpt;
}

function* vrfy(recipient: string, smtp: SmtpSession, terms: Terms): Steps<StageResult> {
  const result = yield* smtp.vrfy(recipient, terms);
  return { ...result, verdict: withPolicyReply(result.verdict) };
}

/** Postfix answers 252 to a VRFY that passes, so what the stage answers by 252 must be refused. */
function withPolicyReply(verdict: Verdict): Verdict {
  if (verdict.kind === "pass") return verdict;
  if (verdict.reason === "vrfy-disabled") return { ...verdict, reply: vrfyDisabled };
  return verdict.reason === "unavailable" ? { ...verdict, reply: vrfyUnavailable } : verdict;
}

function replyOf({ verdict, header, isRepeat }: StageResult, { stress }: PolicyRequest): TimedReply {
  if (verdict.kind === "pass") {
    return header === undefined ? passed : { text: encodeAction("PREPEND", `${header.name}: ${header.value}`), delayMs: 0 };
  }
  const { code, status, text } = verdict.reply;
  // A check of the MTA that comes later may refuse for good, which spares the client the wait.
  if (verdict.reason === "greylisted") return { text: encodeAction("DEFER_IF_PERMIT", `${status} ${text}`), delayMs: 0 };
  return { text: encodeAction(String(code), `${status} ${text}`), delayMs: isRepeat || stress === "yes" ? 0 : verdict.delayMs };
}

/** The only one that the protocol has. */
function parametersOf({ size }: PolicyRequest): readonly string[] {
  return size === "" || size === "0" ? [] : [`SIZE=${size}`];
}
