/** What the log says of one decision: every input that decided it, and what came of it. */
import { canonicalAddress } from "../mail/address.ts";
import { formatReply } from "../mail/reply.ts";
import { iprevOf, spfEhloOf, spfOf } from "../stage/sender-auth.ts";
import type { Session } from "../stage/session.ts";
import type { AuthResult } from "../stage/sources.ts";
import type { StageName } from "../stage/stage-result.ts";
import type { Verdict } from "../stage/verdict.ts";
import { cleanText } from "../text/controls.ts";
import { abridge } from "../text/octets.ts";
import type { OnNotice } from "./notice.ts";

export type VerdictKind = Verdict["kind"];

export interface Decision {
  readonly event: "decision";
  readonly listener: string;
  readonly stage: StageName;
  /** `""` when the MTA does not know it, as with all that follows. */
  readonly client: string;
  readonly clientName: string;
  readonly clientPort: number;
  readonly serverPort: number;
  readonly helo: string;
  readonly tls: boolean;
  /** The login name. */
  readonly auth: string;
  readonly sender: string;
  readonly recipient: string;
  readonly instance: string;
  readonly verdict: VerdictKind;
  /** Code, enhanced code and text; `""` after a pass. In shadow mode the reply that was not given. */
  readonly reply: string;
  /** A stable code. */
  readonly reason: string;
  /** Where an accepted recipient goes; of a list, its first members. */
  readonly resolved: readonly string[];
  /** How many they are, where `resolved` does not have all of them. */
  readonly resolvedCount?: number;
  /** Results of what was asked about the client and its sender. */
  readonly spfEhlo?: AuthResult;
  readonly spf?: AuthResult;
  readonly iprev?: AuthResult;
  /** Only in shadow mode: the verdict that was not carried out. */
  readonly would?: VerdictKind;
  /** From the whole request to the verdict; a reply that is delayed leaves later. */
  readonly ms: number;
}

/** Where decisions go, and what else an administrator should know. */
export interface EventSink {
  /** `cause`: why a source could not answer. */
  readonly onDecision: (decision: Decision, cause?: unknown) => void;
  /** Whether anybody reads the decision with this verdict; asked before each, so that none is made up in vain. Left out: always. */
  readonly reads?: (verdict: Verdict) => boolean;
  readonly onNotice: OnNotice;
}

/** What a front end knows of a decision. Its texts are as the MTA sent them. */
export interface Decided extends Pick<Decision, "listener" | "stage" | "helo" | "sender" | "recipient" | "instance" | "resolved" | "ms"> {
  readonly session: Session;
  readonly verdict: Verdict;
  readonly isShadow: boolean;
}

export function reportDecision({ onDecision }: EventSink, decided: Decided): void {
  const { listener, stage, session, verdict, isShadow } = decided;
  const isPass = verdict.kind === "pass";
  const decision: Decision = {
    event: "decision",
    listener,
    stage,
    client: session.client.address ?? "",
    clientName: loggable(session.client.name),
    clientPort: session.client.port,
    serverPort: session.server.port,
    helo: loggable(decided.helo),
    tls: session.tls,
    auth: loggable(session.login),
    sender: loggable(decided.sender),
    recipient: loggable(decided.recipient),
    instance: loggable(decided.instance),
    verdict: isShadow ? "pass" : verdict.kind,
    reply: isPass ? "" : formatReply(verdict.reply),
    reason: verdict.reason,
    resolved: loggableAddresses(decided.resolved),
    ...rareFacts(decided),
    ms: Math.round(decided.ms * 1000) / 1000,
  };
  if (isPass || verdict.cause === undefined) onDecision(decision);
  else onDecision(decision, verdict.cause);
}

function rareFacts(decided: Decided): Pick<Decision, "resolvedCount" | "spfEhlo" | "spf" | "iprev" | "would"> | undefined {
  const { resolved, session, isShadow, verdict } = decided;
  const isShort = resolved.length <= maxLoggedAddresses;
  const isShadowed = isShadow && verdict.kind !== "pass";
  if (isShort && session.auth === undefined && !isShadowed) return undefined;
  return {
    ...(!isShort && { resolvedCount: resolved.length }),
    ...(session.auth !== undefined && authResults(decided)),
    ...(isShadowed && { would: verdict.kind }),
  };
}

function authResults({ session, stage, helo, sender }: Decided): Pick<Decision, "spfEhlo" | "spf" | "iprev"> {
  const spfEhlo = spfEhloOf({ session, helo });
  const iprev = iprevOf(session);
  const spf =
    stage === "mail" || stage === "rcpt" ? spfOf({ session, helo, sender, rcpt: "", mailFrom: canonicalAddress(sender) }) : undefined;
  return {
    ...(spfEhlo && { spfEhlo: spfEhlo.result }),
    ...(spf && { spf: spf.result }),
    ...(iprev && { iprev: iprev.result }),
  };
}

/** A path in SMTP has at most 256 octets; a text that is longer than this is not worth its place in a log. */
const maxLoggedOctets = 512;
/** Of a list. */
const maxLoggedAddresses = 20;

/** Fit for one line of a log. */
export function loggable(text: string): string {
  return cleanText(abridge(text, maxLoggedOctets));
}

/** The first of them. */
export function loggableAddresses(addresses: readonly string[]): readonly string[] {
  return addresses.slice(0, maxLoggedAddresses).map(loggable);
}
