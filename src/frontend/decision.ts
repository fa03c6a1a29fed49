/** What the log says of one decision: every input that decided it, and what came of it. */
import { cleanText } from "../mail/reply.ts";

export type VerdictKind = "pass" | "reject" | "defer" | "disconnect";

export interface Decision {
  readonly event: "decision";
  readonly listener: string;
  readonly stage: "ehlo" | "mail" | "rcpt" | "vrfy";
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
  /** Where an accepted recipient goes. */
  readonly resolved: readonly string[];
  /** Only in shadow mode: the verdict that was not carried out. */
  readonly would?: VerdictKind;
  /** From the whole request to the verdict; a reply that is held back leaves later. */
  readonly ms: number;
}

/** A path in SMTP has at most 256 octets; a text that is longer than this is not worth its place in a log. */
const maxLoggedLength = 512;

/** Fit for one line of a log. */
export function loggable(text: string): string {
  return cleanText(text.length > maxLoggedLength ? `${text.slice(0, maxLoggedLength)}…` : text);
}
