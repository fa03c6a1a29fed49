/** The RCPT stage: duplicates, a script, rewriting, where the address goes, relaying, limits, throttles, greylisting, and what an error costs. */

import type { Answer } from "../answer/answer.ts";
import { runSteps, type Steps } from "../answer/steps.ts";
import type { TemporaryError } from "../answer/temporary-error.ts";
import { asBoolean, asCount, asDuration } from "../expr/result.ts";
import { canonicalAddress, domainOf, localPartOf } from "../mail/address.ts";
import { canonicalIp } from "../mail/ip.ts";
import { type Reply, reply } from "../mail/reply.ts";
import { maxKeptRecipients, oversizedRcpt } from "./bounds.ts";
import type { Core } from "./core.ts";
import { evaluate } from "./evaluate.ts";
import { greylist } from "./greylist.ts";
import type { CommandFacts, Parameters } from "./parameters.ts";
import { onTemporary, pass, refuse, unavailable } from "./refuse.ts";
import { type Resolution, resolveToEnd, rewrite } from "./resolve.ts";
import { runScript } from "./script.ts";
import type { Scripted, Session, Transaction } from "./session.ts";
import type { Rule } from "./stage-settings.ts";
import { askThrottles, giveBack } from "./throttle.ts";
import type { RcptOutcome, Reason, Verdict } from "./verdict.ts";
import type { Scope } from "./vocabulary.ts";

/** `relay` decides foreign domains only and lets local ones pass to whoever asks about recipients. */
export type RcptPart = "all" | "relay";

interface RcptFacts extends CommandFacts {
  /** Default: all. */
  readonly part?: RcptPart;
  /** Recipients that resolve to one mailbox get one copy between them. Default: false, the MTA delivers to each. */
  readonly merges?: boolean;
}

/** Taken when the setting yields no such value, or its source cannot tell. */
const fallback = { maxRecipients: 100, maxErrors: 5, waitMs: 5000 } as const;

/** `recipient` as given, unquoted. */
export function decideRcpt(session: Session, recipient: string, core: Core, facts: RcptFacts = {}): Answer<RcptOutcome> {
  const oversized = oversizedRcpt(recipient, facts.parameters ?? []);
  if (oversized !== undefined) return uncounted(oversized);
  const cannotTell = (cause: TemporaryError) => uncounted(unavailable(core.settings.rcpt.replies.unavailable, cause));
  return runSteps(onTemporary(rcpt(session, recipient, core, facts), cannotTell));
}

function* rcpt(
  session: Session,
  recipient: string,
  core: Core,
  { part = "all", merges = false, message, parameters = [] }: RcptFacts,
): Steps<RcptOutcome> {
  const { transaction } = session;
  if (transaction === undefined) return uncounted(refuse(reply(503, "5.5.1", "MAIL is required first."), "no-mail"));

  const given = canonicalAddress(recipient);
  if (transaction.given.has(given)) return uncounted(pass("duplicate"));

  const begun: Scope = { session, helo: session.helo, sender: transaction.sender, rcpt: given };
  const { refusal, sender, recipient: changed = given } = yield* scripted(transaction, begun, part, parameters, core);
  if (refusal !== undefined) return uncounted(refusal);
  const scope: Scope = { ...begun, sender: sender ?? begun.sender, rcpt: changed };
  const address = yield* rewrite(scope, core);
  // RFC 5321 4.5.1: postmaster without a domain is the MTA's own, as at its address; so is any other name that it completes itself.
  const resolution: Resolution =
    domainOf(address) === undefined || isOwnPostmaster(address, session)
      ? { kind: "found", addresses: [address], reason: "postmaster" }
      : yield* resolveToEnd({ ...scope, rcpt: address }, core);

  if (part === "relay" && resolution.kind !== "foreign") return uncounted(pass("pass"));
  if (merges && isDuplicate(resolution, transaction)) {
    return withSender(sender, accepted(given, resolution.addresses, "duplicate"));
  }
  const maxRecipients = yield* countOf("max-recipients", core.settings.rcpt.maxRecipients, fallback.maxRecipients, scope, core);
  if (transaction.accepted >= maxRecipients) {
    return uncounted(refuse(core.settings.rcpt.replies.tooManyRecipients, "too-many-recipients"));
  }
  const outcome = yield* conclude(resolution, { ...scope, rcpt: address }, given, core);
  return withSender(sender, yield* admit(outcome, transaction, { ...scope, rcpt: address }, message, core));
}

function isOwnPostmaster(address: string, { server }: Session): boolean {
  const [, literal] = /^postmaster@\[(?:ipv6:)?([^\]]+)\]$/i.exec(address) ?? [];
  return literal !== undefined && server.address !== "" && canonicalIp(literal) === server.address;
}

/** A script may change the sender with a recipient; with one that is refused it does not. */
function withSender(sender: string | undefined, outcome: RcptOutcome): RcptOutcome {
  const { admission } = outcome;
  return sender === undefined || admission === undefined ? outcome : { ...outcome, admission: { ...admission, sender } };
}

/** The last steps of a recipient that would pass: throttles, then the greylist. What it took before it is refused is given back. */
function* admit(outcome: RcptOutcome, transaction: Transaction, scope: Scope, message: string | undefined, core: Core): Steps<RcptOutcome> {
  const { verdict, admission } = outcome;
  if (verdict.kind !== "pass" || admission === undefined) return outcome;
  const { given, resolved } = admission;
  const [only, ...more] = resolved;
  // A list is known by its own address.
  const target = { ...scope, rcpt: only === undefined || more.length > 0 || verdict.reason === "list" ? scope.rcpt : only };
  const event = { token: message && `${message} ${given}`, message, counted: transaction.counted };
  const { refusal, taken } = yield* askThrottles(core.settings.throttles.rcpt, target, event, core);
  if (refusal !== undefined) return uncounted(refusal);

  const greylisting = yield* greylist(target, given, core);
  if (greylisting !== undefined && greylisting.verdict.kind !== "pass") {
    yield* giveBack(taken, core);
    return uncounted(greylisting.verdict);
  }
  const header = transaction.hasHeader ? undefined : greylisting?.header;
  return {
    verdict: greylisting?.verdict ?? verdict,
    admission: { ...admission, counted: taken.map(({ key }) => key), ...(header && { header }) },
    countsAsError: false,
  };
}

function* conclude(resolution: Resolution, scope: Scope, given: string, core: Core): Steps<RcptOutcome> {
  const { replies, relay } = core.settings.rcpt;
  const accept = (addresses: readonly string[], reason: Reason) => accepted(given, addresses, reason);
  switch (resolution.kind) {
    case "found":
      return accept(resolution.addresses, resolution.reason);
    case "foreign": {
      if (scope.session.trusted) return accept([scope.rcpt], "trusted");
      const allowed = asBoolean(yield* evaluate("relay", relay, scope, core));
      return allowed ? accept([scope.rcpt], "relayed") : yield* error(replies.relay, "relay-denied", scope, core);
    }
    case "unknown":
      if (localPartOf(scope.rcpt) === "postmaster") return accept([scope.rcpt], "postmaster");
      return yield* error(replies.unknownMailbox, "unknown-mailbox", scope, core);
    case "list-too-long":
      return uncounted({ ...unavailable(replies.unavailable, resolution.cause), reason: "list-too-long" });
  }
}

/** The script runs once for a recipient of which two parts are asked about: what it writes must not be written twice. */
function* scripted(transaction: Transaction, scope: Scope, part: RcptPart, parameters: Parameters, core: Core): Steps<Scripted> {
  const earlier = transaction.scripted?.get(scope.rcpt);
  if (earlier !== undefined) {
    transaction.scripted?.delete(scope.rcpt);
    return earlier;
  }
  if (core.settings.rcpt.script === undefined) return {};
  const result = yield* runScript({ stage: "rcpt", scope, mail: transaction.parameters, rcpt: parameters }, core);
  if (part === "relay") {
    transaction.scripted ??= new Map();
    if (transaction.scripted.size < maxKeptRecipients) transaction.scripted.set(scope.rcpt, result);
  }
  return result;
}

function isDuplicate(resolution: Resolution, transaction: Transaction): resolution is Extract<Resolution, { kind: "found" }> {
  return resolution.kind === "found" && resolution.addresses.every((address) => transaction.resolved.has(address));
}

/** A refusal that counts: it is held back, and the last one that is allowed ends the session instead. */
function* error(answer: Reply, reason: Reason, scope: Scope, core: Core): Steps<RcptOutcome> {
  const { session } = scope;
  if (session.trusted || session.login !== "") return uncounted(refuse(answer, reason));
  const { errors, replies } = core.settings.rcpt;
  const total = yield* countOf("errors.total", errors.total, fallback.maxErrors, scope, core);
  const delayMs = yield* waitOf(errors.wait, scope, core);
  const verdict: Verdict =
    session.errors + 1 >= total ? refuse(replies.tooManyErrors, "too-many-errors", delayMs) : refuse(answer, reason, delayMs);
  return { verdict, countsAsError: true };
}

/** A limit whose source cannot tell is the built-in one: it protects, and the mail is not at stake. */
function* countOf(step: string, rule: Rule, otherwise: number, scope: Scope, core: Core): Steps<number> {
  return yield* onTemporary(
    (function* () {
      return asCount(yield* evaluate(step, rule, scope, core)) ?? otherwise;
    })(),
    () => otherwise,
  );
}

function* waitOf(rule: Rule, scope: Scope, core: Core): Steps<number> {
  return yield* onTemporary(
    (function* () {
      return asDuration(yield* evaluate("errors.wait", rule, scope, core)) ?? 0;
    })(),
    () => fallback.waitMs,
  );
}

function accepted(given: string, resolved: readonly string[], reason: Reason): RcptOutcome {
  return { verdict: pass(reason), admission: { given, resolved, counts: reason !== "duplicate" }, countsAsError: false };
}

function uncounted(verdict: Verdict): RcptOutcome {
  return { verdict, countsAsError: false };
}
