/** One SMTP session as the stages see it: what the MTA said of the client, and what was decided so far. */

import { canonicalLogin } from "../mail/address.ts";
import type { Admission } from "./admission.ts";
import { type Parameters, priorityOf } from "./parameters.ts";
import type { Verdict } from "./verdict.ts";

/** Facts that hold for the whole session. */
export interface Peer {
  /** `listener` variable: the name of the listener that was asked. */
  readonly listener: string;
  readonly client: {
    /** Canonical text; `undefined` when the MTA does not know it. */
    readonly address: string | undefined;
    /** Forward-confirmed name; `""` if there is none. */
    readonly name: string;
    /** 0 when unknown. */
    readonly port: number;
  };
  readonly server: { readonly address: string; readonly port: number };
  /** The client's address is in trusted-networks. */
  readonly trusted: boolean;
}

/** The TLS certificate of the client, as far as the MTA says; else `""`. */
export interface ClientCertificate {
  /** Names, only if the MTA trusts the issuer. */
  readonly subject: string;
  readonly issuer: string;
  /** Of any certificate: whoever compares it trusts this one alone. */
  readonly fingerprint: string;
}

export const noCertificate: ClientCertificate = { subject: "", issuer: "", fingerprint: "" };

/** Only `SmtpSession` changes it; stage functions read it. */
export interface Session extends Peer {
  /** STARTTLS and AUTH may change these between commands. */
  tls: boolean;
  /** Such as `TLSv1.3`, and the cipher; `""` if not encrypted, or not known. */
  tlsVersion: string;
  tlsCipher: string;
  /** The login name, canonical; `""` if not authenticated. */
  login: string;
  certificate: ClientCertificate;
  /** The accepted EHLO name as sent; `""` before. */
  helo: string;
  /** Recipients refused so far that count against `session.rcpt.errors.total`. */
  errors: number;
  transaction: Transaction | undefined;
}

export interface Transaction {
  /** Canonical, after rewriting; `""` is the null sender. A script may change it with a recipient. */
  sender: string;
  /** The value of MT-PRIORITY; `""` if not given. */
  readonly priority: string;
  /** Of MAIL, as sent. */
  readonly parameters: Parameters;
  /** Accepted recipients as given, canonical, with what each resolved to. */
  readonly given: Map<string, readonly string[]>;
  /** All that they resolved to, canonical. */
  readonly resolved: Set<string>;
  /** Accepted recipients that count for `max-recipients`. */
  accepted: number;
  /** Counters that this message has been counted by, where a message counts once. */
  readonly counted: Set<string>;
  /** A header was asked for already: once a message is enough. */
  hasHeader: boolean;
  /** What scripts said of recipients of which only a part was decided yet: none runs twice. */
  scripted: Map<string, Scripted> | undefined;
}

/** What the script of a stage came to. Addresses are canonical. */
export interface Scripted {
  readonly refusal?: Verdict;
  /** The sender to go on with, `""` for the null sender. */
  readonly sender?: string;
  readonly recipient?: string;
}

export function openSession(peer: Peer, login = "", tls = false): Session {
  return {
    ...{ ...peer, login: canonicalLogin(login), tls, tlsVersion: "", tlsCipher: "", certificate: noCertificate },
    ...{ helo: "", errors: 0, transaction: undefined },
  };
}

export function beginTransaction(session: Session, sender: string, parameters: Parameters = []): void {
  session.transaction = {
    sender,
    parameters,
    priority: priorityOf(parameters),
    given: new Map(),
    resolved: new Set(),
    accepted: 0,
    counted: new Set(),
    hasHeader: false,
    scripted: undefined,
  };
}

/** Enters an accepted recipient. */
export function admitRecipient(transaction: Transaction, { given, resolved, counts, sender, counted = [], header }: Admission): void {
  transaction.given.set(given, resolved);
  for (const address of resolved) transaction.resolved.add(address);
  if (counts) transaction.accepted += 1;
  for (const counter of counted) transaction.counted.add(counter);
  if (header !== undefined) transaction.hasHeader = true;
  if (sender !== undefined) transaction.sender = sender;
}
