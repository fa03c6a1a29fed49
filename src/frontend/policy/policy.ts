/** The policy front end: a request, through the stages that it asks for, to an action. */
import { performance } from "node:perf_hooks";
import type { Answer } from "../../answer/answer.ts";
import { runSteps, type Steps, waitFor } from "../../answer/steps.ts";
import { reply } from "../../mail/reply.ts";
import { decideConnect } from "../../stage/connect.ts";
import type { Core } from "../../stage/core.ts";
import { decideEhlo } from "../../stage/ehlo.ts";
import { decideMail } from "../../stage/mail.ts";
import { decideRcpt, type RcptPart } from "../../stage/rcpt.ts";
import { internalError } from "../../stage/refuse.ts";
import { admitRecipient, beginTransaction, type Session } from "../../stage/session.ts";
import type { Verdict } from "../../stage/verdict.ts";
import { decideVrfy } from "../../stage/vrfy.ts";
import { encodeAction, type PolicyRequest } from "../../wire/policy.ts";
import type { TimedReply } from "../connection/conversation.ts";
import type { Decision, EventSink } from "../decision.ts";
import { isKnownContext, type Plan, planOf } from "./policy-plan.ts";
import { type Finding, PolicyReport } from "./policy-report.ts";
import { belongsTo, sessionKey, sessionOf } from "./policy-session.ts";
import { ownCopy, type Remembered, type RememberedTransaction, SessionMemory, unremembered } from "./session-memory.ts";
import { StringPool } from "./string-pool.ts";

export type Mode = "enforce" | "shadow";

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

/** One request on its way through the stages. */
interface Turn {
  readonly request: PolicyRequest;
  readonly remembered: Remembered;
  readonly core: Core;
  readonly isShadow: boolean;
  readonly startedAt: number;
  /** The stage that is being asked. */
  stage: Decision["stage"];
  /** What the last stage said. */
  finding: Finding | undefined;
  /** In shadow mode: some stage refused, and has had its line in the log. */
  isTold: boolean;
}

const passed: TimedReply = { text: encodeAction("DUNNO"), delayMs: 0 };
const vrfyDisabled = reply(502, "5.5.1", "VRFY is disabled.");
const vrfyUnavailable = reply(450, "4.4.3", "Unable to verify address at this time.");

/** Recipients of one transaction that are remembered one by one; Postfix takes 1000 by default. */
const maxRecipients = 2000;

class PolicyFrontEnd {
  readonly #options: PolicyOptions;
  readonly #now: () => number;
  readonly #memory: SessionMemory;
  readonly #report: PolicyReport;
  readonly #ciphers = new StringPool();

  constructor(options: PolicyOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#memory = options.memory ?? new SessionMemory(this.#now);
    this.#report = new PolicyReport(options.listener, options);
  }

  answer(request: PolicyRequest): Answer<TimedReply> {
    const { policyContext } = request;
    if (!isKnownContext(policyContext)) this.#report.unknownContext(policyContext);
    const plan = planOf(request.protocolState, policyContext);
    const key = sessionKey(request);
    if (plan.begins && key !== undefined) this.#memory.end(key);
    if (!(asksConnect(plan, this.#options.core()) || plan.ehlo || plan.mail || plan.rcpt !== undefined || plan.vrfy)) {
      // It keeps the session alive all the same.
      if (key !== undefined) this.#memory.find(key);
      return passed;
    }
    const startedAt = this.#now();
    const remembered = this.#recall(key, request);
    const { underWay } = remembered;
    const run = () => runSteps(this.#guarded(request, plan, remembered, startedAt));
    const answer = underWay === undefined ? run() : underWay.then(run);
    if (answer instanceof Promise) {
      remembered.underWay = answer;
      // It does not reject: #guarded catches all.
      void answer.then(() => {
        if (remembered.underWay === answer) remembered.underWay = undefined;
      });
    }
    return answer;
  }

  #recall(key: string | undefined, request: PolicyRequest): Remembered {
    const former = key === undefined ? undefined : this.#memory.find(key);
    if (former !== undefined) return former;
    const { listener, isTrusted, localPort } = this.#options;
    const open = (copy: (text: string) => string): Session => sessionOf(request, { listener, isTrusted, localPort: localPort() }, copy);
    return key === undefined ? unremembered(open((text) => text)) : this.#memory.keep(key, open(ownCopy));
  }

  *#guarded(request: PolicyRequest, plan: Plan, remembered: Remembered, startedAt: number): Steps<TimedReply> {
    const turn: Turn = {
      request,
      remembered,
      core: this.#options.core(),
      isShadow: this.#options.mode() === "shadow",
      startedAt,
      stage: "ehlo",
      finding: undefined,
      isTold: false,
    };
    try {
      return yield* this.#decide(turn, plan);
    } catch (error) {
      this.#report.internalError(error);
      return this.#conclude(turn, { stage: turn.stage, verdict: internalError, resolved: [], isRepeat: false });
    }
  }

  *#decide(turn: Turn, plan: Plan): Steps<TimedReply> {
    const { request, remembered } = turn;
    const { session } = remembered;
    update(turn, this.#ciphers);
    if (asksConnect(plan, turn.core)) {
      const finding = yield* this.#connect(turn);
      if (this.#isLast(turn, finding)) return this.#conclude(turn, finding);
    }
    if (plan.ehlo && request.heloName !== "") {
      const finding = yield* this.#ehlo(turn);
      if (this.#isLast(turn, finding)) return this.#conclude(turn, finding);
    }
    // What the MTA let through is the name of the session, whether or not the EHLO stage was asked.
    const helo = request.heloName === "" ? remembered.greeted : request.heloName;
    if (session.helo !== helo) session.helo = ownCopy(helo);

    if (plan.vrfy) {
      const finding = yield* this.#vrfy(turn);
      if (this.#isLast(turn, finding)) return this.#conclude(turn, finding);
    }
    if (plan.mail || plan.rcpt !== undefined) {
      const { transaction, isNew } = yield* this.#mail(turn);
      if (plan.mail) {
        const finding: Finding = { stage: "mail", verdict: transaction.outcome.verdict, resolved: [], isRepeat: !isNew };
        if (this.#isLast(turn, finding)) return this.#conclude(turn, finding);
      }
      if (plan.rcpt !== undefined && request.recipient !== "") {
        const finding = yield* this.#rcpt(turn, transaction, plan.rcpt);
        if (this.#isLast(turn, finding)) return this.#conclude(turn, finding);
      }
    }
    return turn.finding === undefined || turn.isTold ? passed : this.#conclude(turn, turn.finding);
  }

  *#connect(turn: Turn): Steps<Finding> {
    const { request, remembered, core } = turn;
    const former = remembered.connect;
    if (former !== undefined) return { stage: "connect", verdict: former, resolved: [], isRepeat: true };
    turn.stage = "connect";
    const verdict = yield* waitFor(decideConnect(remembered.session, core, sessionKey(request)));
    remembered.connect = verdict;
    return { stage: "connect", verdict, resolved: [], isRepeat: false };
  }

  *#ehlo(turn: Turn): Steps<Finding> {
    const { request, remembered, core } = turn;
    const { heloName, instance } = request;
    const former = remembered.ehlo;
    // A source that could not tell is asked again with the next message.
    if (former?.name === heloName && (former.verdict.kind !== "defer" || former.instance === instance)) {
      return { stage: "ehlo", verdict: former.verdict, resolved: [], isRepeat: true };
    }
    const name = ownCopy(heloName);
    remembered.session.helo = remembered.greeted;
    const verdict = yield* waitFor(decideEhlo(remembered.session, name, core));
    if (verdict.kind === "pass") remembered.greeted = name;
    remembered.ehlo = { name, instance: ownCopy(instance), verdict };
    this.#memory.grow(remembered, name.length);
    return { stage: "ehlo", verdict, resolved: [], isRepeat: false };
  }

  /** The transaction that the request belongs to, with what MAIL came to in it. */
  *#mail(turn: Turn): Steps<{ readonly transaction: RememberedTransaction; readonly isNew: boolean }> {
    const { request, remembered, core } = turn;
    const { session } = remembered;
    const isRcpt = request.protocolState === "RCPT";
    const former = remembered.transaction;
    if (former !== undefined && belongsTo(former, request, session)) {
      if (former.instance === "") former.instance = ownCopy(request.instance);
      former.hasRcpt ||= isRcpt;
      return { transaction: former, isNew: false };
    }
    turn.stage = "mail";
    session.transaction = undefined;
    const sender = ownCopy(request.sender);
    const parameters = parametersOf(request);
    const outcome = yield* waitFor(decideMail(session, sender, core, { message: messageOf(request), parameters }));
    const { helo, login, tls } = session;
    const instance = ownCopy(request.instance);
    const transaction: RememberedTransaction = {
      ...{ instance, sender, helo, login, tls, outcome },
      hasMail: !isRcpt,
      hasRcpt: isRcpt,
      recipients: new Map(),
    };
    this.#memory.begin(remembered, transaction);
    // Where its refusal does not end the matter here, the MTA has let the sender through.
    beginTransaction(session, outcome.sender, parameters);
    return { transaction, isNew: true };
  }

  *#rcpt(turn: Turn, { recipients }: RememberedTransaction, part: RcptPart): Steps<Finding> {
    const { request, remembered, core } = turn;
    const { session } = remembered;
    const former = recipients.get(request.recipient);
    if (former !== undefined && (former.isDecided || part === "relay")) {
      return { stage: "rcpt", verdict: former.verdict, resolved: [], isRepeat: true };
    }
    turn.stage = "rcpt";
    const recipient = ownCopy(request.recipient);
    const { verdict, admission, countsAsError } = yield* waitFor(
      decideRcpt(session, recipient, core, { part, message: messageOf(request) }),
    );
    if (countsAsError) session.errors += 1;
    if (admission !== undefined && session.transaction !== undefined) {
      admitRecipient(session.transaction, admission);
      this.#report.accepted(recipient, admission, verdict.reason);
    }
    const resolved = admission?.resolved ?? [];
    // A local address is not decided by the relay part: that it passed there tells nothing.
    const isUndecided = part === "relay" && verdict.reason === "pass";
    if (recipients.size < maxRecipients) recipients.set(recipient, { isDecided: !isUndecided, verdict });
    this.#memory.grow(
      remembered,
      resolved.reduce((sum, address) => sum + address.length, recipient.length),
    );
    return { stage: "rcpt", verdict, resolved, isRepeat: isUndecided, ...(admission?.header && { header: admission.header }) };
  }

  *#vrfy(turn: Turn): Steps<Finding> {
    turn.stage = "vrfy";
    const { verdict } = yield* waitFor(decideVrfy(turn.remembered.session, turn.request.recipient, turn.core));
    return { stage: "vrfy", verdict: withPolicyReply(verdict), resolved: [], isRepeat: false };
  }

  /** Whether no further stage is asked. In shadow mode all are: a refused name must not hide what would become of the recipient. */
  #isLast(turn: Turn, finding: Finding): boolean {
    turn.finding = finding;
    if (finding.verdict.kind === "pass") return false;
    if (!turn.isShadow) return true;
    this.#conclude(turn, finding);
    turn.isTold = true;
    return false;
  }

  #conclude({ request, remembered, isShadow, startedAt }: Turn, finding: Finding): TimedReply {
    this.#report.decision(request, remembered, finding, isShadow, this.#now() - startedAt);
    const { verdict, isRepeat, header } = finding;
    if (verdict.kind === "pass" || isShadow) {
      if (header === undefined || isShadow) return passed;
      return { text: encodeAction("PREPEND", `${header.name}: ${header.value}`), delayMs: 0 };
    }
    const { code, status, text } = verdict.reply;
    // A check of the MTA that comes later may refuse for good, which spares the client the wait.
    if (verdict.reason === "greylisted") return { text: encodeAction("DEFER_IF_PERMIT", `${status} ${text}`), delayMs: 0 };
    const delayMs = isRepeat || request.stress === "yes" ? 0 : verdict.delayMs;
    return { text: encodeAction(String(code), `${status} ${text}`), delayMs };
  }
}

function asksConnect({ connect }: Plan, { settings }: Core): boolean {
  return connect && settings.throttles.connect.length > 0;
}

/** The only one that the protocol tells. */
function parametersOf({ size }: PolicyRequest): readonly string[] {
  return size === "" || size === "0" ? [] : [`SIZE=${ownCopy(size)}`];
}

/** Postfix names each message; other MTAs may not. */
function messageOf({ instance }: PolicyRequest): string | undefined {
  return instance === "" ? undefined : ownCopy(instance);
}

/** TLS and the login may come between two commands. */
function update({ request, remembered }: Turn, ciphers: StringPool): void {
  const { session } = remembered;
  const tls = request.encryptionProtocol !== "";
  const isSame = session.tlsVersion === request.encryptionProtocol && session.tls === tls && session.login === request.saslUsername;
  if (isSame) return;
  session.tls = tls;
  session.tlsVersion = ownCopy(request.encryptionProtocol);
  session.tlsCipher = ciphers.intern(request.encryptionCipher);
  session.login = ownCopy(request.saslUsername);
  // A name that was refused to a stranger may be welcome now.
  if (remembered.ehlo?.verdict.kind !== "pass") remembered.ehlo = undefined;
}

/** Postfix answers 252 to a VRFY that passes, so what the stage answers by 252 must be refused. */
function withPolicyReply(verdict: Verdict): Verdict {
  if (verdict.kind === "pass") return verdict;
  if (verdict.reason === "vrfy-disabled") return { ...verdict, reply: vrfyDisabled };
  return verdict.reason === "unavailable" ? { ...verdict, reply: vrfyUnavailable } : verdict;
}
