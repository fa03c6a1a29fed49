/** The RCPT stage: duplicates, a script, rewriting, where the address goes, relaying, limits, `deny`, throttles, greylisting, and what an error costs. */

import { type Answer, after } from "../answer/answer.ts";
import { type Steps, takeSteps } from "../answer/steps.ts";
import { asBoolean } from "../expr/result.ts";
import type { Value } from "../expr/value.ts";
import { canonicalAddress } from "../mail/address.ts";
import { type Reply, reply } from "../mail/reply.ts";
import { rewrite } from "./address-rules.ts";
import type { Header } from "./admission.ts";
import { maxKeptRecipients, oversizedRcpt } from "./bounds.ts";
import type { Core } from "./core.ts";
import { rememberCorrespondent } from "./correspondents.ts";
import { askDenials } from "./deny.ts";
import { mustFindSurely } from "./doubted-lists.ts";
import { checkRcptParameters } from "./extensions.ts";
import { askGreylist, type Greylisting } from "./greylist.ts";
import { evaluateRefusal, notesOf } from "./in-doubt.ts";
import { errorWait, maxErrors, maxRecipients, mustReach, numberOf } from "./number-settings.ts";
import { isOwnPostmaster, isPostmaster } from "./postmaster.ts";
import { receivedSpf } from "./received-spf.ts";
import { isDecided, onTemporary, pass, passed, refuse, unavailable } from "./refuse.ts";
import { foundAt, type Resolution, resolveToEnd } from "./resolve.ts";
import { runScript } from "./script.ts";
import { isStranger, type Scripted, type Session, type Transaction } from "./session.ts";
import { goingOn, isShadowed } from "./shadow.ts";
import type { RcptCommand, Terms } from "./smtp-command.ts";
import type { ThrottleQuestion } from "./state.ts";
import { askErrors, askThrottles, countError, giveBack, type Throttled } from "./throttle.ts";
import type { RcptOutcome, Reason, RefusedParameter, Verdict } from "./verdict.ts";
import { type Scope, type UntoldStep, type UntoldToRules, withRcpt } from "./vocabulary.ts";

const duplicate = uncounted(pass("duplicate"));
const noMail: RcptOutcome = uncounted(refuse(reply(503, "5.5.1", "MAIL is required first."), "no-mail"));

export function decideRcpt(session: Session, command: RcptCommand, terms: Terms): Answer<RcptOutcome> {
  const { recipient, parameters } = command;
  const oversized = oversizedRcpt(recipient, parameters);
  if (oversized !== undefined) return uncounted(oversized);
  const { transaction, helo } = session;
  if (transaction === undefined) return noMail;
  const given = canonicalAddress(recipient);
  const rcpt: Rcpt = {
    core: terms.core,
    session,
    transaction,
    command,
    terms,
    given,
    helo,
    sender: transaction.sender,
    rcpt: given,
    untold: notesOf(terms.core.settings, transaction.untoldSender),
    untoldSender: transaction.untoldSender,
    changedSender: undefined,
    resolution: unresolved,
    reason: "pass",
    resolved: none,
    taken: none,
    headers: none,
    observed: undefined,
    refused: undefined,
  };
  const outcome = onTemporary(decide, cannotTell, rcpt);
  return parameters.length === 0 ? outcome : after(outcome, withObserved, rcpt);
}

const none: readonly never[] = [];
const unresolved: Resolution = { kind: "unknown" };

/** What is known of one RCPT; to rules and scripts, what they see at their step. */
interface Rcpt extends Scope {
  readonly core: Core;
  readonly transaction: Transaction;
  readonly command: RcptCommand;
  readonly terms: Terms;
  /** As given, canonical. */
  readonly given: string;
  readonly untold: UntoldToRules | undefined;
  untoldSender: UntoldStep | undefined;
  /** As given, as a script changed it, rewritten, and at last the name by which limits and the greylist know it. */
  rcpt: string;
  sender: string;
  /** By a script; `undefined`: it is that of the transaction. */
  changedSender: string | undefined;
  resolution: Resolution;
  /** Why it would pass. */
  reason: Reason;
  /** Where it goes if it passes. */
  resolved: readonly string[];
  /** By throttles. */
  taken: readonly ThrottleQuestion[];
  headers: readonly Header[];
  observed: RefusedParameter | undefined;
  /** What is not carried out. */
  refused: RcptOutcome | undefined;
}

const steps: Steps<Rcpt, RcptOutcome> = [
  checkParameters,
  passDuplicate,
  askErrorThrottles,
  askScript,
  rewriteAndResolve,
  leaveToOthers,
  passSameMailbox,
  limitRecipients,
  judge,
  askDeny,
  askThrottlesOfRcpt,
  askGreylistOfRcpt,
];

const rcptStage = { stage: "rcpt" } as const;

/** Of a recipient that passes, refused or not, and so must go where it leads. */
const stepsIfTaken: Steps<Rcpt, RcptOutcome> = [
  ...goingOn<Rcpt, RcptOutcome>(steps, {
    work: [askScript, rewriteAndResolve],
    cannotTell,
    isCarriedOut: (verdict, { terms }) => !isShadowed(rcptStage, terms) && !isDecided(verdict),
  }),
  acceptRefused,
];

function decide(rcpt: Rcpt): Answer<RcptOutcome> {
  return takeSteps(isTaken(rcpt) ? stepsIfTaken : steps, rcpt, rcpt.core.abort);
}

function isTaken({ core, terms }: Rcpt): boolean {
  // A listener in shadow mode changes nothing, but for a message that it began to change before a reload.
  if (terms.isShadow) return terms.mergesRecipients;
  return core.settings.rcpt.mode === "shadow" || terms.takesRecipients === true;
}

function cannotTell(cause: unknown, { core }: Rcpt): RcptOutcome {
  return uncounted(unavailable(core.settings.rcpt.replies.unavailable, cause));
}

function withObserved(outcome: RcptOutcome, { observed }: Rcpt): RcptOutcome {
  return observed === undefined ? outcome : { ...outcome, observed };
}

function checkParameters(rcpt: Rcpt): Answer<RcptOutcome | undefined> {
  const { parameters } = rcpt.command;
  if (parameters.length === 0) return undefined;
  return after(checkRcptParameters(withRcpt(rcpt, ""), parameters, rcpt.core), heedParameters, rcpt);
}

function heedParameters(refused: RefusedParameter | undefined, rcpt: Rcpt): RcptOutcome | undefined {
  if (refused !== undefined && rcpt.terms.enforcesExtensions) return uncounted(refused.verdict);
  rcpt.observed = refused;
  return undefined;
}

function passDuplicate({ transaction, given }: Rcpt): RcptOutcome | undefined {
  return transaction.given?.has(given) ? duplicate : undefined;
}

/** Whoever has guessed too many addresses learns of no further one. */
function askErrorThrottles(rcpt: Rcpt): Answer<RcptOutcome | undefined> {
  return after(askErrors(rcpt, rcpt.core), refuseUncounted);
}

/** The script runs once for a recipient of which two parts are asked about: what it writes must not be written twice. */
function askScript(rcpt: Rcpt): Answer<RcptOutcome | undefined> {
  const { core, transaction, command, given } = rcpt;
  const earlier = transaction.scripted?.get(given);
  if (earlier !== undefined) {
    transaction.scripted?.delete(given);
    return heed(earlier, rcpt);
  }
  if (core.settings.rcpt.script === undefined) return undefined;
  const asked = { stage: "rcpt", scope: rcpt, mail: transaction.parameters, rcpt: command.parameters } as const;
  return after(runScript(asked, core), keepAndHeed, rcpt);
}

function keepAndHeed(scripted: Scripted, rcpt: Rcpt): RcptOutcome | undefined {
  const { transaction, command, given } = rcpt;
  if (command.part === "relay") {
    transaction.scripted ??= new Map();
    if (transaction.scripted.size < maxKeptRecipients) transaction.scripted.set(given, scripted);
  }
  return heed(scripted, rcpt);
}

function heed({ refusal, sender, recipient, untoldRecipient, untoldSender }: Scripted, rcpt: Rcpt): RcptOutcome | undefined {
  if (refusal !== undefined) return uncounted(refusal);
  if (rcpt.untold !== undefined) rcpt.untold.first ??= untoldRecipient;
  rcpt.untoldSender ??= untoldSender;
  rcpt.changedSender = sender;
  rcpt.sender = sender ?? rcpt.sender;
  rcpt.rcpt = recipient ?? rcpt.rcpt;
  return undefined;
}

/** One step: what cannot be rewritten now is not resolved either, for it may belong elsewhere. */
function rewriteAndResolve(rcpt: Rcpt): Answer<undefined> {
  return after(rewrite(rcpt, rcpt.core), resolveRewritten, rcpt);
}

function resolveRewritten(address: string, rcpt: Rcpt): Answer<undefined> {
  rcpt.rcpt = address;
  return resolveRecipient(rcpt);
}

/** Any name that the MTA completes itself is its own, as its postmaster is. */
function resolveRecipient(rcpt: Rcpt): Answer<undefined> {
  const { rcpt: address, session, core } = rcpt;
  if (!address.includes("@") || isOwnPostmaster(address, session)) {
    return setResolution(foundAt([address], address, "postmaster"), rcpt);
  }
  return after(resolveToEnd(rcpt, core), setResolution, rcpt);
}

function setResolution(resolution: Resolution, rcpt: Rcpt): undefined {
  rcpt.resolution = resolution;
}

/** The relay part is about foreign domains alone. */
function leaveToOthers({ command, resolution }: Rcpt): RcptOutcome | undefined {
  return command.part === "relay" && resolution.kind !== "foreign" ? uncounted(passed) : undefined;
}

function passSameMailbox(rcpt: Rcpt): RcptOutcome | undefined {
  const { terms, resolution, transaction } = rcpt;
  if (!terms.mergesRecipients || resolution.kind !== "found") return undefined;
  if (!resolution.addresses.every((address) => transaction.resolved?.has(address))) return undefined;
  rcpt.resolved = resolution.addresses;
  return accept(duplicate.verdict, rcpt);
}

function limitRecipients(rcpt: Rcpt): Answer<RcptOutcome | undefined> {
  return after(numberOf(maxRecipients, rcpt, rcpt.core), refuseBeyond, rcpt);
}

function refuseBeyond(max: number, rcpt: Rcpt): Answer<RcptOutcome | undefined> {
  const { transaction, core } = rcpt;
  const { accepted } = transaction;
  if (accepted < max) return undefined;
  const refusal = refuse(core.settings.rcpt.replies.tooManyRecipients, "too-many-recipients");
  if (refusal.kind !== "reject") return uncounted(refusal);
  return after(mustReach(maxRecipients, accepted, rcpt, core), () => uncounted(refusal));
}

function judge(rcpt: Rcpt): Answer<RcptOutcome | undefined> {
  const { resolution, session, core } = rcpt;
  const { replies, relay } = core.settings.rcpt;
  switch (resolution.kind) {
    case "found":
      if (resolution.isFull) return uncounted(refuse(replies.overQuota, "over-quota"));
      rcpt.rcpt = resolution.name;
      return letPass(resolution.reason, resolution.addresses, rcpt);
    case "foreign":
      if (session.trusted) return letPass("trusted", [rcpt.rcpt], rcpt);
      if (isPostmaster(rcpt.rcpt, "foreign", core.settings)) return letPass("postmaster", [rcpt.rcpt], rcpt);
      return after(evaluateRefusal("relay", relay, rcpt, core, false), relayIf, rcpt);
    case "unknown":
      if (isPostmaster(rcpt.rcpt, "unknown", core.settings)) return letPass("postmaster", [rcpt.rcpt], rcpt);
      mustFindSurely(rcpt, core);
      return refuseMistake(replies.unknownMailbox, "unknown-mailbox", rcpt);
    case "list-too-long":
      return uncounted({ ...unavailable(replies.unavailable, resolution.cause), reason: "list-too-long" });
  }
}

function relayIf(isAllowed: Value, rcpt: Rcpt): Answer<RcptOutcome | undefined> {
  if (asBoolean(isAllowed)) return letPass("relayed", [rcpt.rcpt], rcpt);
  mustFindSurely(rcpt, rcpt.core);
  return refuseMistake(rcpt.core.settings.rcpt.replies.relay, "relay-denied", rcpt);
}

/** As far as these steps are concerned. */
function letPass(reason: Reason, resolved: readonly string[], rcpt: Rcpt): undefined {
  rcpt.reason = reason;
  rcpt.resolved = resolved;
}

/** A refusal that counts: it is held back, and the last one that is allowed ends the session instead. */
function refuseMistake(answer: Reply, reason: Reason, rcpt: Rcpt): Answer<RcptOutcome> {
  const { core, given } = rcpt;
  return after(countError(withRcpt(rcpt, given), tokenOf(rcpt), core), () => refuseAndWait(answer, reason, rcpt));
}

/** Names the recipient of a message, so that a repeat counts no second time. */
function tokenOf({ command, given }: Rcpt): string | undefined {
  return command.message === "" ? undefined : `${command.message} ${given}`;
}

function refuseAndWait(answer: Reply, reason: Reason, rcpt: Rcpt): Answer<RcptOutcome> {
  const { session, core } = rcpt;
  if (!isStranger(session)) return uncounted(refuse(answer, reason));
  const { replies } = core.settings.rcpt;
  return after(numberOf(maxErrors, rcpt, core), (total) =>
    after(numberOf(errorWait, rcpt, core), (delayMs) => {
      const isLast = session.errors + 1 >= total;
      const verdict = isLast ? refuse(replies.tooManyErrors, "too-many-errors", delayMs) : refuse(answer, reason, delayMs);
      return { verdict, admission: undefined, countsAsError: true };
    }),
  );
}

function askDeny(rcpt: Rcpt): Answer<RcptOutcome | undefined> {
  const { core, given } = rcpt;
  const { deny } = core.settings.rcpt;
  if (deny.length === 0) return undefined;
  // The client is not told where its recipient leads.
  return after(askDenials(deny, withRcpt(rcpt, knownOf(rcpt)), core, withRcpt(rcpt, given)), refuseUncounted);
}

/** As the directory has it. */
function knownOf({ resolution, rcpt }: Rcpt): string {
  return resolution.kind === "found" ? resolution.known : rcpt;
}

function refuseUncounted(refusal: Verdict | undefined): RcptOutcome | undefined {
  return refusal && uncounted(refusal);
}

const nothingCounted: ReadonlySet<string> = new Set();

/** What they take before the recipient is refused is given back. */
function askThrottlesOfRcpt(rcpt: Rcpt): Answer<RcptOutcome | undefined> {
  const { core, command, transaction } = rcpt;
  const throttles = core.settings.throttles.rcpt;
  if (throttles.length === 0) return undefined;
  const message = command.message || undefined;
  const event = { token: tokenOf(rcpt), message, counted: transaction.counted ?? nothingCounted };
  return after(askThrottles(throttles, rcpt, event, core), takeThrottled, rcpt);
}

function takeThrottled({ refusal, taken }: Throttled, rcpt: Rcpt): RcptOutcome | undefined {
  rcpt.taken = taken;
  return refusal && uncounted(refusal);
}

function askGreylistOfRcpt(rcpt: Rcpt): Answer<RcptOutcome> {
  return after(askGreylist(rcpt, rcpt.given, knownOf(rcpt), rcpt.core), takeGreylisting, rcpt);
}

function takeGreylisting(greylisting: Greylisting | undefined, rcpt: Rcpt): Answer<RcptOutcome> {
  if (greylisting === undefined) return after(rememberIfElsewhere(rcpt), acceptAsItIs, rcpt);
  const { verdict, header } = greylisting;
  if (verdict.kind !== "pass") return after(giveBack(rcpt.taken, rcpt.core), refuseGreylisted, verdict);
  if (header !== undefined) rcpt.headers = [header];
  return accept(verdict, rcpt);
}

function acceptAsItIs(_: undefined, rcpt: Rcpt): RcptOutcome {
  return accept(pass(rcpt.reason), rcpt);
}

/** It counts for nothing, since it is refused where that is carried out. */
function acceptRefused(rcpt: Rcpt): RcptOutcome {
  const { resolution, given, refused } = rcpt;
  if (rcpt.resolved.length === 0) {
    if (resolution.kind === "found") rcpt.resolved = resolution.addresses;
    else if (rcpt.rcpt !== given) rcpt.resolved = [rcpt.rcpt];
  }
  rcpt.taken = none;
  if (!isShadowed(rcptStage, rcpt.terms)) rcpt.changedSender = undefined;
  const { verdict, admission } = accept(pass(reasonOfRefused(rcpt)), rcpt);
  return { verdict, admission: admission && { ...admission, counts: false }, countsAsError: refused?.countsAsError === true };
}

function reasonOfRefused({ reason, resolution }: Rcpt): Reason {
  if (reason !== "pass") return reason;
  if (resolution.kind === "found") return resolution.reason;
  return resolution.kind === "foreign" ? "relayed" : "unchecked";
}

function refuseGreylisted(_: unknown, verdict: Verdict): RcptOutcome {
  return uncounted(verdict);
}

/** Where the MTA alone knows what is local, everybody may be elsewhere. */
function rememberIfElsewhere(rcpt: Rcpt): Answer<undefined> {
  const isElsewhere = rcpt.resolution.kind === "foreign" || rcpt.reason === "mta";
  return isElsewhere ? rememberCorrespondent(rcpt, rcpt.rcpt, rcpt.core) : undefined;
}

/** A script may change the sender with a recipient; with one that is refused it does so in shadow mode alone. */
function accept(verdict: Verdict, rcpt: Rcpt): RcptOutcome {
  const { given, resolved, changedSender, taken } = rcpt;
  const counted = taken.length === 0 ? none : taken.map(({ key }) => key);
  const headers = headersOf(rcpt);
  const admission = { given, resolved, counts: verdict !== duplicate.verdict, sender: changedSender, counted, headers };
  return { verdict, admission, countsAsError: false };
}

/** Each once a message. That of the greylist comes first, since it comes with no other message. */
function headersOf(rcpt: Rcpt): readonly Header[] {
  const { headerHost } = rcpt.core.settings.senderAuth;
  const spf = headerHost === undefined ? undefined : receivedSpf(rcpt, headerHost);
  const headers = spf === undefined ? rcpt.headers : [...rcpt.headers, spf];
  return headers.length === 0 ? none : notYetAskedFor(headers, rcpt.transaction);
}

function notYetAskedFor(headers: readonly Header[], transaction: Transaction): readonly Header[] {
  return headers.filter(({ name }) => transaction.headers?.has(name) !== true);
}

function uncounted(verdict: Verdict): RcptOutcome {
  return { verdict, admission: undefined, countsAsError: false };
}
