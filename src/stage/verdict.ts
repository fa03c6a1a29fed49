/** What a stage decided. */
import type { Reply } from "../mail/reply.ts";
import type { Admission } from "./admission.ts";

/** Stable codes, for logs and metrics. */
export type Reason =
  | "pass"
  | "trusted"
  | "same-name"
  | "invalid-ehlo"
  | "blocklisted"
  | "no-ehlo"
  | "no-mail"
  | "mailbox"
  | "alias"
  | "sub-address"
  | "catch-all"
  | "list"
  | "postmaster"
  | "relayed"
  | "mta"
  | "duplicate"
  | "unknown-mailbox"
  | "relay-denied"
  | "too-many-recipients"
  | "too-many-errors"
  | "list-too-long"
  | "extension-disabled"
  | "invalid-parameter"
  | "too-long"
  | "rate-limit"
  | "greylisted"
  | "greylist-training"
  | "greylist-passed"
  | "script"
  | "unavailable"
  | "vrfy-disabled"
  | "expn-disabled"
  | "found"
  | "not-found"
  | "internal-error";

export type Verdict =
  | { readonly kind: "pass"; readonly reason: Reason }
  | {
      /** `disconnect`: the reply is a 421 that ends the session. `reject` also stands for a 252 that says nothing. */
      readonly kind: "reject" | "defer" | "disconnect";
      readonly reply: Reply;
      readonly reason: Reason;
      /** How long the reply is held back. */
      readonly delayMs: number;
      /** Why it could not tell, for the log only. */
      readonly cause?: unknown;
    };

/** Of the parameters of MAIL or RCPT. */
export interface ParametersOutcome {
  readonly verdict: Verdict;
  /** The parameter that was refused, upper case; `""` after a pass. */
  readonly keyword: string;
}

export interface MailOutcome {
  readonly verdict: Verdict;
  /** The sender after rewriting, canonical. */
  readonly sender: string;
  /** A parameter that passed only because parameters of extensions are merely observed. */
  readonly observed?: ParametersOutcome;
}

export interface RcptOutcome {
  readonly verdict: Verdict;
  /** What this recipient brings into its transaction; absent when it is refused, or a duplicate as given. */
  readonly admission?: Admission;
  /** This refusal counts against `session.rcpt.errors.total`. */
  readonly countsAsError: boolean;
}

export interface VrfyOutcome {
  readonly verdict: Verdict;
  /** 250 with these, one a line, after a pass. */
  readonly addresses: readonly string[];
}
