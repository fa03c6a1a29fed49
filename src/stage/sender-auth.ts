/**
 * What the DNS says of a client and its sender: SPF of the EHLO name and of MAIL (RFC 7208), and whether a name of the client leads back
 * to it (`iprev`, RFC 8601). Each is asked when a setting, a rule or a script comes to it, and once for an EHLO name and a MAIL.
 */
import type { Answer } from "../answer/answer.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import { canonicalDomain } from "../mail/domain.ts";
import type { Core } from "./core.ts";
import { onAnswer } from "./refuse.ts";
import { isStranger, type Session } from "./session.ts";
import type { IprevAnswer, OnDnsAnswer, SpfAnswer, SpfIdentity } from "./sources.ts";
import type { Scope } from "./vocabulary.ts";

export type AuthCheck = "spf-ehlo" | "spf" | "iprev";

/** What is known of one session. Only this file changes it. */
export interface KnownAuth {
  spfEhlo: KnownSpf | undefined;
  spf: KnownSpf | undefined;
  iprev: IprevAnswer | undefined;
}

/** With what it is about. */
interface KnownSpf extends SpfAnswer {
  readonly helo: string;
  readonly sender: string;
}

/** By the variables of rules and the items of scripts that tell the result. */
const checks: ReadonlyMap<string, AuthCheck> = new Map([
  ["spf_ehlo_result", "spf-ehlo"],
  ["spf_ehlo.result", "spf-ehlo"],
  ["spf_result", "spf"],
  ["spf.result", "spf"],
  ["iprev_result", "iprev"],
  ["iprev.result", "iprev"],
  ["iprev_ptr", "iprev"],
  ["iprev.ptr", "iprev"],
]);

/** What must be asked before these are read. `undefined`: nothing. */
export function checksFor(names: Iterable<string>): readonly AuthCheck[] | undefined {
  let needed: Set<AuthCheck> | undefined;
  for (const name of names) {
    const check = checks.get(name);
    if (check !== undefined) needed = (needed ?? new Set()).add(check);
  }
  return needed && [...needed];
}

/** Trusted and authenticated sessions are not asked about, nor a client that the MTA does not know. */
export function isAskedAbout(session: Session): boolean {
  return isStranger(session) && session.client.address !== undefined;
}

/** Asks what is not known yet, all of it at once. What nobody can tell is `temperror`. */
export function askChecks(needed: readonly AuthCheck[], scope: Scope, core: Core): Answer<unknown> {
  if (!isAskedAbout(scope.session)) return undefined;
  // The result for a null sender is that of the EHLO name (RFC 7208 2.4).
  const isNull = mailFromOf(scope) === "";
  let waiting: readonly Promise<void>[] = none;
  for (const check of needed) {
    const asked = check === "spf" && isNull ? "spf-ehlo" : check;
    if (asked !== check && needed.includes(asked)) continue;
    const answer = askCheck(asked, scope, core);
    if (answer instanceof Promise) waiting = [...waiting, answer];
  }
  return waiting.length === 0 ? undefined : Promise.all(waiting);
}

const none: readonly never[] = [];

function askCheck(check: AuthCheck, scope: Scope, core: Core): Answer<void> {
  const { session, helo } = scope;
  const { address: client = "" } = session.client;
  if (check === "iprev") {
    return iprevOf(session) === undefined ? onAnswer(askIprev, keepIprev, keepUnknownIprev, { session, core, client }) : undefined;
  }
  const sender = check === "spf-ehlo" ? "" : mailFromOf(scope);
  const isKnown = check === "spf-ehlo" ? spfEhloOf(scope) : spfOf(scope);
  if (sender === undefined || isKnown || (sender === "" && helo === "")) return undefined;
  return onAnswer(askSpf, keepSpf, keepUnknownSpf, { session, core, client, helo, sender });
}

interface Asking {
  readonly session: Session;
  readonly core: Core;
  readonly client: string;
}

interface AskingSpf extends Asking, SpfIdentity {}

function stepOf({ sender }: SpfIdentity): string {
  return sender === "" ? "spf of EHLO" : "spf of MAIL";
}

function askSpf(asking: AskingSpf): Answer<SpfAnswer> {
  return asking.core.sources.senderAuth.spf(asking, tracing(stepOf(asking), asking.core));
}

function keepSpf({ result, by, mechanism }: SpfAnswer, asking: AskingSpf): void {
  const { session, core, client, helo, sender } = asking;
  core.trace?.({ step: stepOf(asking), asked: `${sender || helo} from ${client}`, answer: `${result}, by ${by}` });
  knownOf(session)[sender === "" ? "spfEhlo" : "spf"] = { result, by, mechanism, helo, sender };
}

function keepUnknownSpf({ message }: TemporaryError, asking: AskingSpf): void {
  keepSpf({ result: "temperror", by: message, mechanism: "" }, asking);
}

/** A name that the MTA has confirmed is not asked for again. */
function askIprev({ session, core, client }: Asking): Answer<IprevAnswer> {
  const { name } = session.client;
  return name === "" ? core.sources.senderAuth.iprev(client, tracing("iprev", core)) : { result: "pass", ptr: canonicalDomain(name) };
}

function keepIprev(answer: IprevAnswer, { session, core, client }: Asking): void {
  core.trace?.({ step: "iprev", asked: client, answer: [answer.result, answer.ptr || (answer.by ?? [])].flat().join(", ") });
  knownOf(session).iprev = answer;
}

function keepUnknownIprev({ message }: TemporaryError, asking: Asking): void {
  keepIprev({ result: "temperror", ptr: "", by: message }, asking);
}

function knownOf(session: Session): KnownAuth {
  session.auth ??= { spfEhlo: undefined, spf: undefined, iprev: undefined };
  return session.auth;
}

function tracing(step: string, { trace }: Core): OnDnsAnswer | undefined {
  return (
    trace &&
    ((asked, answer) => {
      trace({ step, asked, answer: answer instanceof TemporaryError ? `cannot tell: ${answer.message}` : (answer?.join(", ") ?? "none") });
    })
  );
}

/** A new command may ask again what nobody could tell. */
export function forgetTemporary({ auth }: Session): void {
  if (auth === undefined) return;
  if (auth.spfEhlo?.result === "temperror") auth.spfEhlo = undefined;
  if (auth.spf?.result === "temperror") auth.spf = undefined;
  if (auth.iprev?.result === "temperror") auth.iprev = undefined;
}

/** One of them that is `temperror`. */
export function untoldCheck(needed: readonly AuthCheck[], scope: Scope): { readonly what: string; readonly why: string } | undefined {
  for (const check of needed) {
    const known = check === "iprev" ? iprevOf(scope.session) : check === "spf" ? spfOf(scope) : spfEhloOf(scope);
    if (known?.result === "temperror") return { what: check === "iprev" ? "iprev" : "SPF", why: [known.by ?? []].flat().join(", ") };
  }
  return undefined;
}

/** `undefined`: it was not asked, or before a login, or about another EHLO name. */
export function spfEhloOf({ session, helo }: Pick<Scope, "session" | "helo">): SpfAnswer | undefined {
  const known = knownNow(session)?.spfEhlo;
  return known?.helo === helo ? known : undefined;
}

/** `undefined`: it was not asked, or before a login, or about another MAIL. */
export function spfOf(scope: Scope): SpfAnswer | undefined {
  const sender = mailFromOf(scope);
  if (sender === "") return spfEhloOf(scope);
  const known = knownNow(scope.session)?.spf;
  return known !== undefined && known.sender === sender && known.helo === scope.helo ? known : undefined;
}

/** `undefined`: it was not asked, or before a login. */
export function iprevOf(session: Session): IprevAnswer | undefined {
  return knownNow(session)?.iprev;
}

function knownNow(session: Session): KnownAuth | undefined {
  return session.auth !== undefined && isAskedAbout(session) ? session.auth : undefined;
}

/** As given with MAIL, canonical. `undefined`: there was none. */
export function mailFromOf({ mailFrom, session }: Scope): string | undefined {
  return mailFrom ?? session.transaction?.mailFrom;
}

/** What is remembered, in octets of text. */
export function authOctets({ auth }: Session): number {
  if (auth === undefined) return 0;
  const { spfEhlo, spf, iprev } = auth;
  return spfOctets(spfEhlo) + spfOctets(spf) + (iprev?.ptr.length ?? 0);
}

function spfOctets(known: KnownSpf | undefined): number {
  return known === undefined ? 0 : known.helo.length + known.sender.length + known.by.length;
}
