/** Greylisting, the last step of RCPT: whoever comes for the first time is asked to come again (RFC 6647). */

import { type Answer, after } from "../answer/answer.ts";
import { asBoolean } from "../expr/result.ts";
import type { Value } from "../expr/value.ts";
import { localPartOf } from "../mail/address.ts";
import { type Reply, reply } from "../mail/reply.ts";
import type { Header } from "./admission.ts";
import type { Core } from "./core.ts";
import { isCorrespondent } from "./correspondents.ts";
import { evaluate } from "./evaluate.ts";
import { clientKey, exactAddress, greylistKey } from "./greylist-key.ts";
import { onAnswer, pass, refuse, unavailable } from "./refuse.ts";
import { isStranger } from "./session.ts";
import { carriedOut } from "./shadow.ts";
import type { Exemptions } from "./sources.ts";
import type { GreylistSettings } from "./stage-settings.ts";
import type { GreylistAnswer, GreylistQuestion } from "./state.ts";
import type { Refusal, Verdict } from "./verdict.ts";
import type { Scope } from "./vocabulary.ts";

export interface Greylisting {
  readonly verdict: Verdict;
  /** After the first pass, where the configuration wants it. */
  readonly header: Header | undefined;
}

/**
 * `given` is the recipient as given, `known` the address that the directory has, `scope.rcpt` the name of what that is, all canonical.
 * `undefined`: it is not greylisted, or no longer.
 */
export function askGreylist(scope: Scope, given: string, known: string, core: Core): Answer<Greylisting | undefined> {
  const { session } = scope;
  const { address } = session.client;
  const settings = core.settings.rcpt.greylist;
  if (settings.enable.constant === 0 || !isStranger(session) || address === undefined) return undefined;
  const attempt: Attempt = { scope, given, known, address, settings, core, question: undefined, isAnswer: false };
  return onAnswer(askIfEnabled, conclude, cannotTell, attempt);
}

interface Attempt {
  readonly scope: Scope;
  readonly given: string;
  readonly known: string;
  /** Of the client. */
  readonly address: string;
  readonly settings: GreylistSettings;
  readonly core: Core;
  /** Once it is asked. */
  question: GreylistQuestion | undefined;
  /** The recipient has written to the sender: nothing needs to be asked. */
  isAnswer: boolean;
}

function cannotTell(cause: unknown, attempt: Attempt): Greylisting | undefined {
  const { settings, core } = attempt;
  if (settings.onStoreFailure === "accept") return undefined;
  return refused(unavailable(core.settings.rcpt.replies.unavailable, cause), attempt);
}

function refused(refusal: Refusal, { scope, settings, core }: Attempt): Greylisting | undefined {
  const verdict = carriedOut(refusal, settings.mode, scope, core);
  return verdict && { verdict, header: undefined };
}

function askIfEnabled(attempt: Attempt): Answer<GreylistAnswer | undefined> {
  const { scope, settings, core } = attempt;
  return after(evaluate("greylist.enable", settings.enable, scope, core), ask, attempt);
}

/** `undefined`: it is not greylisted. */
function ask(isEnabled: Value, attempt: Attempt): Answer<GreylistAnswer | undefined> {
  if (!asBoolean(isEnabled)) return undefined;
  const { scope, given, known, address, settings, core } = attempt;
  const { name } = scope.session.client;
  const exemption = exemptRecipient(attempt) ?? exemptClient(address, name, core);
  if (exemption !== undefined) {
    core.trace?.({ step: "greylist", asked: exemption, answer: "exempt" });
    return undefined;
  }
  if (settings.correspondentsMs === undefined) return askState(attempt);
  return after(isCorrespondent(scope.sender, new Set([given, known, scope.rcpt]), core), askUnlessAnswer, attempt);
}

function askUnlessAnswer(isAnswer: boolean, attempt: Attempt): Answer<GreylistAnswer | undefined> {
  attempt.isAnswer = isAnswer;
  return isAnswer ? undefined : askState(attempt);
}

function askState(attempt: Attempt): Answer<GreylistAnswer> {
  const { scope, address, settings, core } = attempt;
  attempt.question = questionOf(address, scope.session.client.name, scope, settings, core.sources.now());
  return core.sources.state.greylist(attempt.question);
}

function conclude(answer: GreylistAnswer | undefined, attempt: Attempt): Greylisting | undefined {
  const { scope, given, question, isAnswer, core } = attempt;
  if (isAnswer) {
    core.trace?.({ step: "greylist", asked: `${scope.sender} ${given}`, answer: "correspondents" });
    return { verdict: pass("correspondent"), header: undefined };
  }
  if (answer === undefined || question === undefined) return undefined;
  core.trace?.({
    step: "greylist",
    asked: [question.client, question.sender, question.recipient].map((part) => part || "<>").join(" "),
    answer: describe(answer, question),
  });
  return outcomeOf(answer, question, attempt);
}

/** RFC 2142: mail about abuse must come through. */
const neverGreylisted: ReadonlySet<string> = new Set(["postmaster", "abuse"]);

/** The one that is. */
function exemptRecipient({ scope: { rcpt }, given, known, core }: Attempt): string | undefined {
  const { exemptions } = core.sources;
  if (isExempt(given, exemptions)) return given;
  if (known !== given && isExempt(known, exemptions)) return known;
  return rcpt !== given && rcpt !== known && isExempt(rcpt, exemptions) ? rcpt : undefined;
}

function isExempt(recipient: string, exemptions: Exemptions): boolean {
  return neverGreylisted.has(localPartOf(recipient)) || exemptions.recipient(recipient);
}

function exemptClient(address: string, name: string, { sources }: Core): string | undefined {
  return sources.exemptions.client(address, name) ? `${name === "" ? "unknown" : name}[${address}]` : undefined;
}

function questionOf(address: string, name: string, scope: Scope, settings: GreylistSettings, now: number): GreylistQuestion {
  const key = greylistKey({ client: clientKey(address, name, settings), sender: scope.sender, recipient: scope.rcpt }, settings);
  return {
    client: key.client,
    sender: key.sender,
    recipient: key.recipient,
    now,
    delayMs: settings.delayMs,
    retryWindowMs: settings.retryWindowMs,
    lifetimeMs: settings.lifetimeMs,
    autoWhitelist: { address: exactAddress(address), passes: settings.autoWhitelist === 0 ? undefined : settings.autoWhitelist },
    maxWaiting: settings.maxWaiting,
  };
}

function outcomeOf(answer: GreylistAnswer, question: GreylistQuestion, attempt: Attempt): Greylisting | undefined {
  const { settings, core } = attempt;
  switch (answer.kind) {
    case "wait":
      if (settings.training) return { verdict: pass("greylist-training"), header: undefined };
      return refused(
        refuse(withSeconds(core.settings.rcpt.replies.greylisted, secondsLeft(answer.firstSeen, question)), "greylisted"),
        attempt,
      );
    case "pass": {
      if (!answer.firstPass) return undefined;
      const verdict = pass("greylist-passed");
      // In training nothing was delayed.
      if (settings.headerHost === undefined || settings.training) return { verdict, header: undefined };
      return { verdict, header: headerOf(answer.waitedMs, question.now, settings.headerHost) };
    }
    case "whitelisted":
      return undefined;
  }
}

function secondsLeft(firstSeen: number, { now, delayMs }: GreylistQuestion): number {
  return Math.max(0, Math.ceil((firstSeen + delayMs - now) / 1000));
}

function withSeconds(greylisted: Reply, seconds: number): Reply {
  const { code, status, text } = greylisted;
  return text.includes("{seconds}") ? reply(code, status, text.replaceAll("{seconds}", String(seconds))) : greylisted;
}

function headerOf(waitedMs: number, now: number, host: string): Header {
  const date = new Date(now).toUTCString().replace("GMT", "+0000");
  return { name: "X-Greylist", value: `delayed ${Math.round(waitedMs / 1000)} seconds by Postern at ${host}; ${date}` };
}

function describe(answer: GreylistAnswer, question: GreylistQuestion): string {
  switch (answer.kind) {
    case "wait":
      return `${answer.isNew ? "new" : "too early"}, ${secondsLeft(answer.firstSeen, question)} s to wait`;
    case "pass":
      return answer.firstPass ? `passes for the first time, after ${Math.round(answer.waitedMs / 1000)} s` : "known";
    case "whitelisted":
      return `${question.autoWhitelist.address} is whitelisted`;
  }
}
