/** One MAIL or RCPT of a milter conversation on its way through the stages, and what it leaves in the session. */

import type { Answer } from "../../answer/answer.ts";
import { type Steps, waitFor } from "../../answer/steps.ts";
import { canonicalAddress } from "../../mail/address.ts";
import type { Path } from "../../mail/path.ts";
import type { Header } from "../../stage/admission.ts";
import { decideConnect } from "../../stage/connect.ts";
import type { Core } from "../../stage/core.ts";
import { decideEhlo } from "../../stage/ehlo.ts";
import { decideMailParameters, decideRcptParameters, type ParametersOutcome } from "../../stage/extensions.ts";
import { decideMail } from "../../stage/mail.ts";
import { decideRcpt } from "../../stage/rcpt.ts";
import { pass } from "../../stage/refuse.ts";
import { admitRecipient, beginTransaction, type Session } from "../../stage/session.ts";
import type { Verdict } from "../../stage/verdict.ts";
import type { Decision } from "../decision.ts";
import type { Accepted } from "./recipient-changes.ts";

/** One SMTP session, over one connection or a part of it. */
export interface Dialogue {
  readonly session: Session;
  /** The name of the last HELO; `""` before. */
  helo: string;
  /** What the EHLO stage said of it; `undefined` until it was asked. */
  heloVerdict: Verdict | undefined;
  /** The last name that the EHLO stage let pass; in shadow mode `session.helo` may be another. */
  greeted: string;
  /** What throttles said of the connection; `undefined` until they were asked. */
  connectVerdict: Verdict | undefined;
  message: Message | undefined;
}

/** From a MAIL that passed to the end of the message. */
export interface Message {
  readonly sender: Path;
  /** Canonical, after rewriting and scripts. */
  rewritten: string;
  /** By spelling. */
  readonly recipients: Map<string, Accepted>;
  /** That the message is to get. */
  header: Header | undefined;
}

/** What one stage said. */
export interface Finding {
  readonly stage: Decision["stage"];
  readonly verdict: Verdict;
  /** Where an accepted recipient goes. */
  readonly resolved: readonly string[];
}

export interface Turn {
  readonly dialogue: Dialogue;
  readonly path: Path;
  /** As sent. */
  readonly parameters: readonly string[];
  readonly core: Core;
  /** The MTA waits for the response. */
  readonly isAwaited: boolean;
  readonly isShadow: boolean;
  readonly startedAt: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** What comes of parameters of extensions that are off; `undefined`: they are refused. */
  readonly onObserved: ((parameter: string, verdict: Verdict) => void) | undefined;
  /** In shadow mode: what a stage refused, before the next one is asked. */
  readonly onShadowed: (finding: Finding) => void;
  /** The stage that is being asked. */
  stage: Decision["stage"];
  /** In shadow mode: some stage refused, and has had its line in the log. */
  isTold: boolean;
  /** The MTA has given it up, or was answered already; nothing may come of it any more. */
  isOver: boolean;
}

/** Thrown out of a turn that is over. */
export const turnIsOver = Symbol("turn is over");

export function* judgeMail(turn: Turn): Steps<Finding> {
  const { dialogue, path, parameters, core } = turn;
  const { session } = dialogue;
  session.transaction = undefined;
  dialogue.message = undefined;
  const connection = yield* judgeConnect(turn);
  if (isLast(turn, connection)) return connection;
  const greeting = yield* judgeHelo(turn);
  if (isLast(turn, greeting)) return greeting;

  turn.stage = "mail";
  const { verdict, sender } = yield* ask(turn, decideMail(session, path.address, core, { parameters }));
  const finding: Finding = { stage: "mail", verdict, resolved: [] };
  if (isLast(turn, finding)) return finding;

  const judged = yield* judgeParameters(turn, decideMailParameters(session, sender, parameters, core, turn.time));
  if (isLast(turn, judged)) return judged;
  beginTransaction(session, sender, parameters);
  dialogue.message = { sender: path, rewritten: sender, recipients: new Map(), header: undefined };
  return finding;
}

export function* judgeRcpt(turn: Turn): Steps<Finding> {
  const { dialogue, path, parameters, core } = turn;
  const { session, message } = dialogue;
  if (message !== undefined) {
    const judged = yield* judgeParameters(turn, decideRcptParameters(session, parameters, core, turn.time));
    if (isLast(turn, judged)) return judged;
  }
  const { verdict, admission, countsAsError } = yield* ask(turn, decideRcpt(session, path.address, core, { parameters }));
  if (countsAsError) session.errors += 1;
  if (admission !== undefined && session.transaction !== undefined) admitRecipient(session.transaction, admission);
  if (message !== undefined) {
    message.header ??= admission?.header;
    if (admission?.sender !== undefined) message.rewritten = admission.sender;
  }
  const resolved = admission?.resolved ?? [];
  if (verdict.kind === "pass" && message !== undefined) {
    const recipient: Accepted = { path, parameters, resolved: admission?.resolved ?? formerlyResolved(message, path) };
    // Removing a recipient removes it as often as it was given.
    if (!message.recipients.has(path.withoutRoute)) message.recipients.set(path.withoutRoute, recipient);
  }
  const finding: Finding = { stage: "rcpt", verdict, resolved };
  isLast(turn, finding);
  return finding;
}

/** Once a session, at its first MAIL: a refusal at CONNECT would reach Sendmail's clients without its text. */
function* judgeConnect(turn: Turn): Steps<Finding> {
  const { dialogue, core } = turn;
  turn.stage = "connect";
  dialogue.connectVerdict ??= yield* ask(turn, decideConnect(dialogue.session, core));
  return { stage: "connect", verdict: dialogue.connectVerdict, resolved: [] };
}

function* judgeHelo(turn: Turn): Steps<Finding> {
  const { dialogue, core } = turn;
  const { session, helo } = dialogue;
  turn.stage = "ehlo";
  let verdict = helo === "" ? pass("pass") : dialogue.heloVerdict;
  if (verdict === undefined) {
    session.helo = dialogue.greeted;
    verdict = yield* ask(turn, decideEhlo(session, helo, core));
    if (verdict.kind === "pass") dialogue.greeted = helo;
    // A source that could not tell is asked again with the next message.
    if (verdict.kind !== "defer") dialogue.heloVerdict = verdict;
  }
  session.helo = turn.isShadow ? helo : dialogue.greeted;
  return { stage: "ehlo", verdict, resolved: [] };
}

function* judgeParameters(turn: Turn, answer: Answer<ParametersOutcome>): Steps<Finding> {
  const { verdict, keyword } = yield* ask(turn, answer);
  const isRefused = verdict.kind !== "pass";
  if (isRefused) turn.onObserved?.(keyword, verdict);
  return { stage: turn.stage, verdict: isRefused && turn.onObserved !== undefined ? pass("pass") : verdict, resolved: [] };
}

function* ask<T>(turn: Turn, answer: Answer<T>): Steps<T> {
  const value = yield* waitFor(answer);
  if (turn.isOver) throw turnIsOver;
  return value;
}

/** Whether no further stage is asked. In shadow mode all are: a refused name must not hide what would become of the recipient. */
function isLast(turn: Turn, finding: Finding): boolean {
  if (finding.verdict.kind === "pass") return false;
  if (!turn.isShadow) return true;
  turn.onShadowed(finding);
  turn.isTold = true;
  return false;
}

/** The same address was given before, perhaps in another spelling. */
function formerlyResolved({ recipients }: Message, path: Path): readonly string[] {
  const address = canonicalAddress(path.address);
  const former = recipients.values().find((one) => canonicalAddress(one.path.address) === address);
  return former?.resolved ?? [address];
}
