/** What a stage decided. */
import type { Reply } from "../mail/reply.ts";
import type { Admission } from "./admission.ts";
import type { UntoldStep } from "./vocabulary.ts";

/** Stable codes, for logs and metrics. */
export type Reason =
  | "pass"
  | "trusted"
  | "same-name"
  | "invalid-ehlo"
  | "blocklisted"
  | "spf-ehlo"
  | "spf"
  | "iprev"
  | "no-ehlo"
  | "no-mail"
  | "mailbox"
  | "alias"
  | "sub-address"
  | "catch-all"
  | "list"
  | "postmaster"
  | "unchecked"
  | "relayed"
  | "mta"
  | "duplicate"
  | "unknown-mailbox"
  | "over-quota"
  | "relay-denied"
  | "too-many-recipients"
  | "too-many-at-once"
  | "too-many-errors"
  | "list-too-long"
  | "denied"
  | "sender-not-allowed"
  | "sender-not-owned"
  | "extension-disabled"
  | "invalid-parameter"
  | "too-long"
  | "rate-limit"
  | "greylisted"
  | "greylist-training"
  | "greylist-passed"
  | "correspondent"
  | "script"
  | "unavailable"
  | "vrfy-disabled"
  | "expn-disabled"
  | "found"
  | "not-found"
  | "internal-error";

export type Verdict = { readonly kind: "pass"; readonly reason: Reason } | Refusal;

export interface Refusal {
  /** `disconnect`: the reply is a 421 that ends the session. `reject` also stands for a 252 that says nothing. */
  readonly kind: "reject" | "defer" | "disconnect";
  readonly reply: Reply;
  readonly reason: Reason;
  /** How long the reply is held back. */
  readonly delayMs: number;
  /** Why it could not tell, for the log only. */
  readonly cause?: unknown;
}

/** A parameter of MAIL or RCPT that is refused, or would be. */
export interface RefusedParameter {
  readonly verdict: Verdict;
  /** Upper case. */
  readonly keyword: string;
}

export interface MailOutcome {
  readonly verdict: Verdict;
  /** The sender after rewriting, canonical. */
  readonly sender: string;
  /** As given, canonical. */
  readonly mailFrom: string;
  /** By which the sender might be another one. */
  readonly untoldSender?: UntoldStep | undefined;
  /** A parameter that passed only because parameters of extensions are merely observed. */
  readonly observed?: RefusedParameter | undefined;
}

export interface RcptOutcome {
  readonly verdict: Verdict;
  /** What this recipient brings into its transaction; `undefined` when it is refused, or a duplicate as given. */
  readonly admission: Admission | undefined;
  /** This refusal counts against `session.rcpt.errors.total`. */
  readonly countsAsError: boolean;
  /** As with MAIL. */
  readonly observed?: RefusedParameter | undefined;
}

export interface VrfyOutcome {
  readonly verdict: Verdict;
  /** 250 with these, one a line, after a pass. */
  readonly addresses: readonly string[];
}
