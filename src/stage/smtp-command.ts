/** What a session is asked about: commands as front ends have them, and the terms on which they are decided. */
import type { Core } from "./core.ts";
import type { Parameters } from "./parameters.ts";
import type { ClientCertificate } from "./session.ts";

/** How a command is decided; a reload may change it from one command to the next. */
export interface Terms {
  readonly core: Core;
  /** Refusals are not carried out, so that the session goes on as after a pass. */
  readonly isShadow: boolean;
  /** Parameters of extensions that are off are refused; else they are observed. */
  readonly enforcesExtensions: boolean;
  /** The MTA can defer the message, but not refuse one of its recipients: what is decided against one is only noted. Default: false. */
  readonly takesRecipients?: boolean;
  /** Recipients that resolve to one mailbox get one copy between them; else the MTA delivers to each, and each counts. */
  readonly mergesRecipients: boolean;
}

/** What STARTTLS and AUTH change. */
export interface Credentials {
  /** Such as `TLSv1.3`; `""`: not encrypted, or not known. */
  readonly tlsVersion: string;
  readonly tlsCipher: string;
  readonly tls: boolean;
  /** `""`: not authenticated. */
  readonly login: string;
  readonly certificate: ClientCertificate;
}

export interface EhloCommand {
  /** As given. */
  readonly name: string;
  /** As with MAIL. */
  readonly message: string;
}

export interface MailCommand {
  /** As given; `""` is the null sender. */
  readonly sender: string;
  readonly parameters: Parameters;
  /** Names the message, the same on every node; `""`: nothing names it (yet). */
  readonly message: string;
  /** The MTA is at RCPT already, and asks about MAIL again or only now. Default: false. */
  readonly isAtRcpt?: boolean;
}

/** `relay` decides foreign domains only and lets local ones pass to whoever asks about recipients. */
export type RcptPart = "all" | "relay";

export interface RcptCommand {
  /** As given, unquoted. */
  readonly recipient: string;
  readonly parameters: Parameters;
  readonly message: string;
  /** Default: all. */
  readonly part?: RcptPart;
}
