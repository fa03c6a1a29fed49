/** The variables that settings may use, stage by stage, and what they read. */
import type { DnsListSubject } from "../expr/ask.ts";
import type { Value } from "../expr/value.ts";
import { domainOf, localPartOf } from "../mail/address.ts";
import { canonicalDomain } from "../mail/domain.ts";
import type { Untold } from "./in-doubt.ts";
import { priorityOf } from "./parameters.ts";
import { iprevOf, spfEhloOf, spfOf } from "./sender-auth.ts";
import { isStranger, type Session } from "./session.ts";

/** What an expression is evaluated against: the session, and what the present command adds to it. */
export interface Scope {
  readonly session: Session;
  /** The name given with the present EHLO, or the accepted one, as sent; the variable has its canonical form. */
  readonly helo: string;
  /** Canonical; `""` before MAIL and for the null sender. */
  readonly sender: string;
  /** The present recipient, canonical; `""` before RCPT. */
  readonly rcpt: string;
  /** In a rule of a Domain object, where the variable `rcpt` is this part of it, and all others are what they are elsewhere. */
  readonly localPart?: string;
  /** At MAIL, the sender as given, canonical; later the transaction has it. */
  readonly mailFrom?: string;
  /** Where a recipient is looked for, what the rules for that were not told. */
  readonly untold?: UntoldToRules | undefined;
  /** By which the sender might be another one. */
  readonly untoldSender?: UntoldStep | undefined;
}

/** What a rule or a script was not told. */
export interface UntoldStep {
  readonly step: string;
  readonly untold: Untold;
}

export interface UntoldToRules {
  /** By the first that might have found it. */
  first?: UntoldStep | undefined;
}

export function withRcpt({ session, helo, sender, untold, untoldSender }: Scope, rcpt: string): Scope {
  return { session, helo, sender, rcpt, untold, untoldSender };
}

export function withLocalPart(scope: Scope, rcpt: string): Scope {
  return { ...withRcpt(scope, rcpt), localPart: localPartOf(rcpt) };
}

type Variables = Readonly<Record<string, (scope: Scope) => Value>>;

const flag = (value: boolean): Value => (value ? 1 : 0);

const connection: Variables = {
  listener: ({ session }) => session.listener,
  remote_ip: ({ session }) => session.client.address ?? "",
  remote_port: ({ session }) => session.client.port,
  local_ip: ({ session }) => session.server.address,
  local_port: ({ session }) => session.server.port,
  protocol: () => "smtp",
  is_tls: ({ session }) => flag(session.tls),
  ccert_subject: ({ session }) => session.certificate.subject,
  ccert_issuer: ({ session }) => session.certificate.issuer,
  ccert_fingerprint: ({ session }) => session.certificate.fingerprint,
  is_trusted: ({ session }) => flag(session.trusted),
};

const ehlo: Variables = {
  ...connection,
  helo_domain: ({ helo }) => canonicalDomain(helo),
  authenticated_as: ({ session }) => session.login,
  spf_ehlo_result: (scope) => spfEhloOf(scope)?.result ?? "",
  iprev_result: ({ session }) => iprevOf(session)?.result ?? "",
  iprev_ptr: ({ session }) => iprevOf(session)?.ptr ?? "",
};

const mail: Variables = {
  ...ehlo,
  sender: ({ sender }) => sender,
  sender_domain: ({ sender }) => domainOf(sender) ?? "",
  spf_result: (scope) => spfOf(scope)?.result ?? "",
};

const rcpt: Variables = {
  ...mail,
  rcpt: (scope) => scope.rcpt,
  rcpt_domain: (scope) => domainOf(scope.rcpt) ?? "",
  recipients: ({ session, rcpt }) => [...(session.transaction?.given?.recipients() ?? []), ...(rcpt === "" ? [] : [rcpt])],
  priority: ({ session }) => priorityOf(session.transaction?.parameters ?? []),
};

const mapped = ({ rcpt, localPart }: Scope) => localPart ?? rcpt;

/** In address rules `address` and `email` are other words for `rcpt`. */
const address: Variables = { ...rcpt, rcpt: mapped, address: mapped, email: mapped };

const table = (variables: Variables) => new Map(Object.entries(variables));

/** Variables by the stage at which a setting is evaluated; each stage has those of the one before it. */
export const variablesOf = { ehlo: table(ehlo), mail: table(mail), rcpt: table(rcpt), address: table(address) } as const;

type Listed = ReadonlyMap<DnsListSubject, (scope: Scope) => string>;

/** DNS lists are not asked about trusted and authenticated sessions. */
function ofStrangers(read: (scope: Scope) => string): (scope: Scope) => string {
  return (scope) => (isStranger(scope.session) ? read(scope) : "");
}

const listedAtEhlo: Listed = new Map([
  ["client", ofStrangers(({ session }) => session.client.address ?? "")],
  ["client-name", ofStrangers(({ session }) => canonicalDomain(session.client.name))],
  ["ehlo", ofStrangers(({ helo }) => canonicalDomain(helo))],
]);
const listedAtMail: Listed = new Map([...listedAtEhlo, ["sender", ofStrangers(({ sender }) => domainOf(sender) ?? "")]]);

/** What DNS lists are asked about, by the stage at which a setting is evaluated. */
export const listedOf = { ehlo: listedAtEhlo, mail: listedAtMail, rcpt: listedAtMail, address: listedAtMail } as const;

/** The constants of `session.extensions.mt-priority` (RFC 6710 section 4). */
export const priorityPolicies = ["mixer", "stanag4406", "nsep"] as const;
