/** One SMTP session as the stages see it: what the MTA said of the client, and what was decided so far. */

import { canonicalLogin } from "../mail/address.ts";
import type { Admission } from "./admission.ts";
import { ByRecipient } from "./by-recipient.ts";
import type { Parameters } from "./parameters.ts";
import type { KnownAuth } from "./sender-auth.ts";
import type { Refusal, Verdict } from "./verdict.ts";
import type { UntoldStep } from "./vocabulary.ts";

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

/** Only `SmtpSession` changes it; stage functions read it, and note in it what shadow mode lets pass. */
export interface Session extends Peer {
  /** STARTTLS and AUTH may change these between commands. */
  tls: boolean;
  /** Such as `TLSv1.3`, and the cipher; `""` if not encrypted, or not known. */
  tlsVersion: string;
  tlsCipher: string;
  /** The login name, canonical; `""` if not authenticated. */
  login: string;
  /** As the client gave it: what is kept by logins elsewhere is asked for so. */
  givenLogin: string;
  certificate: ClientCertificate;
  /** The accepted EHLO name as sent; `""` before. */
  helo: string;
  /** Recipients refused so far that count against `session.rcpt.errors.total`. */
  errors: number;
  transaction: Transaction | undefined;
  /** What the DNS says of the client and its sender; `undefined`: nothing was asked. */
  auth: KnownAuth | undefined;
  /** Refusals of the stage that is asked which are not carried out; `undefined`: none. */
  would: readonly Refusal[] | undefined;
}

/** Whoever is neither in trusted-networks nor logged in. */
export function isStranger({ trusted, login }: Session): boolean {
  return !trusted && login === "";
}

export interface Transaction {
  /** Canonical, after rewriting; `""` is the null sender. A script may change it with a recipient. */
  sender: string;
  /** The sender as given, canonical. */
  readonly mailFrom: string;
  /** By which the sender might be another one. */
  readonly untoldSender: UntoldStep | undefined;
  /** Of MAIL, as sent. */
  readonly parameters: Parameters;
  /** Accepted recipients as given, canonical, with what each resolved to; `undefined`: none yet, as with the other collections. */
  given: ByRecipient<readonly string[]> | undefined;
  /** All that those of them resolved to that are not refused, canonical. */
  resolved: Set<string> | undefined;
  /** Accepted recipients that count for `max-recipients`. */
  accepted: number;
  /** Counters that this message has been counted by, where a message counts once. */
  counted: Set<string> | undefined;
  /** Names of headers that were asked for already: once a message is enough. */
  headers: Set<string> | undefined;
  /** What scripts said of recipients of which only a part was decided yet: none runs twice. */
  scripted: Map<string, Scripted> | undefined;
}

/** What the script of a stage came to. Addresses are canonical. */
export interface Scripted {
  readonly refusal?: Verdict;
  /** The sender to go on with, `""` for the null sender. */
  readonly sender?: string;
  readonly recipient?: string;
  /** What might have changed the recipient, or the sender. */
  readonly untoldRecipient?: UntoldStep;
  readonly untoldSender?: UntoldStep;
}

export function openSession({ listener, client, server, trusted }: Peer, login = "", tls = false): Session {
  return {
    listener,
    client,
    server,
    trusted,
    login: canonicalLogin(login),
    givenLogin: login,
    tls,
    tlsVersion: "",
    tlsCipher: "",
    certificate: noCertificate,
    helo: "",
    errors: 0,
    transaction: undefined,
    auth: undefined,
    would: undefined,
  };
}

export function beginTransaction(
  session: Session,
  sender: string,
  parameters: Parameters = [],
  mailFrom = sender,
  untoldSender?: UntoldStep,
): void {
  session.transaction = {
    sender,
    mailFrom,
    untoldSender,
    parameters,
    given: undefined,
    resolved: undefined,
    accepted: 0,
    counted: undefined,
    headers: undefined,
    scripted: undefined,
  };
}

const none: readonly string[] = [];

/** Enters an accepted recipient. Where the MTA delivers to each (`merges` false), nothing is compared with what others resolved to. */
export function admitRecipient(transaction: Transaction, admission: Admission, merges = true): void {
  const { given, counts, sender, counted, headers } = admission;
  const resolved = merges ? admission.resolved : none;
  transaction.given ??= new ByRecipient();
  transaction.given.set(given, resolved);
  transaction.counted = withAll(transaction.counted, counted);
  if (counts) {
    transaction.accepted += 1;
    // Of one that is refused, and passes all the same, no other is a duplicate.
    transaction.resolved = withAll(transaction.resolved, resolved);
  }
  if (headers.length > 0) {
    transaction.headers = withAll(
      transaction.headers,
      headers.map(({ name }) => name),
    );
  }
  if (sender !== undefined) transaction.sender = sender;
}

function withAll(known: Set<string> | undefined, texts: readonly string[]): Set<string> | undefined {
  if (texts.length === 0) return known;
  const all = known ?? new Set();
  for (const text of texts) all.add(text);
  return all;
}
