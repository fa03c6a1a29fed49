/** Where mail for an address goes: the full address, its sub-address base, a catch-all; or it is foreign, or unknown. */

import { type Answer, after } from "../answer/answer.ts";
import { type Steps, takeSteps } from "../answer/steps.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import { asString } from "../expr/result.ts";
import type { Value } from "../expr/value.ts";
import { domainOf, formatAddress, localPartOf, parseAddress } from "../mail/address.ts";
import { parseWrittenAddress } from "../mail/address-list.ts";
import { cleanText } from "../text/controls.ts";
import { follow } from "./alias-chain.ts";
import type { Core } from "./core.ts";
import { evaluate } from "./evaluate.ts";
import { onTemporary } from "./refuse.ts";
import type { Directory, Recipient } from "./sources.ts";
import type { DomainSettings, Settings } from "./stage-settings.ts";
import type { Reason } from "./verdict.ts";
import { type Scope, withLocalPart, withRcpt } from "./vocabulary.ts";

export type Resolution =
  | FoundResolution
  | { readonly kind: "foreign" }
  | { readonly kind: "unknown" }
  | { readonly kind: "list-too-long"; readonly cause: TemporaryError };

interface FoundResolution {
  readonly kind: "found";
  readonly addresses: readonly string[];
  /** The address that the directory has, whether or not mail goes elsewhere from there; of a catch-all the address that it catches. */
  readonly known: string;
  /**
   * What limits and the greylist know the recipient by, however it is spelled: the account, or else what the directory has, such as a list.
   * It has no tag, also where mail goes to the address with it.
   */
  readonly name: string;
  /** The primary addresses of the accounts that have it; none of a list, and where nobody knows. */
  readonly owners: readonly string[];
  readonly reason: Reason;
  /** The directory may say where the addresses lead in turn. */
  readonly leadsOn: boolean;
  /** Found is no mailbox but a list, for whatever reason mail gets to it. */
  readonly isList?: boolean;
  /** The mailbox takes no mail now. */
  readonly isFull?: boolean;
}

const none: readonly string[] = [];

export function foundAt(
  addresses: readonly string[],
  known: string,
  reason: Reason,
  owners: readonly string[] = none,
  leadsOn = false,
  name = theOnly(addresses) ?? known,
): FoundResolution {
  return { kind: "found", addresses, known, name, owners, reason, leadsOn };
}

function theOnly(addresses: readonly string[]): string | undefined {
  return addresses.length === 1 ? addresses[0] : undefined;
}

const foreign: Resolution = { kind: "foreign" };
const unknown: Resolution = { kind: "unknown" };

/** The recipient after `session.rcpt.rewrite`: a string with an `@` replaces it, any other result leaves it. */
export function rewrite(scope: Scope, core: Core): Answer<string> {
  return after(evaluate("rewrite", core.settings.rcpt.rewrite, scope, core), rewritten, scope);
}

function rewritten(value: Value, { rcpt }: Scope): string {
  const text = asString(value);
  return text?.includes("@") ? addressFrom(text, "session.rcpt.rewrite", rcpt) : rcpt;
}

/** A rule that makes no address of one is a mistake, for which nobody is refused for good. */
function addressFrom(text: string, setting: string, rcpt: string): string {
  const address = text.includes("@") ? parseWrittenAddress(text) : undefined;
  if (address !== undefined) return address;
  if (formatAddress(rcpt) === undefined) return parseAddress(text);
  throw new TemporaryError(`${setting} makes "${cleanText(text)}" of ${rcpt}, which is not an address`);
}

/** `scope.rcpt` is the address, canonical and with a domain. Throws a `TemporaryError` when it cannot tell. */
export function resolve(scope: Scope, core: Core): Answer<Resolution> {
  return takeSteps(steps, searchFor(scope, core), core.abort);
}

/** As `resolve`, and through the tables of the MTA to the end: it need not have them itself. */
export function resolveToEnd(scope: Scope, core: Core): Answer<Resolution> {
  const search = searchFor(scope, core);
  return after(takeSteps(steps, search, core.abort), followTables, search);
}

function followTables(first: Resolution, { scope, core, given }: Search): Answer<Resolution> {
  return first.kind === "found" && first.leadsOn ? followToEnd(first, scope, core, given) : first;
}

function followToEnd(first: FoundResolution, scope: Scope, core: Core, given: string): Answer<Resolution> {
  // The name is that of the last address before mail goes to several.
  let name = first.name;
  let named: string | undefined = given;
  const take = (resolution: Resolution, rcpt: string) => {
    const further = nextOf(resolution);
    if (rcpt === named) {
      name = resolution.kind === "found" ? resolution.name : rcpt;
      named = theOnly(further);
    }
    return further;
  };
  const next = (rcpt: string) => after(rcpt === given ? first : resolve(withRcpt(scope, rcpt), core), take, rcpt);
  const toEnd = () => after(follow(given, next), ({ addresses }): Resolution => ({ ...first, addresses, name }));
  return onTemporary(toEnd, heedLength, undefined);
}

/** Of a list that is met on the way, as of one that is asked for. */
function heedLength(cause: TemporaryError): Resolution {
  if (cause instanceof ListTooLong) return { kind: "list-too-long", cause };
  throw cause;
}

class ListTooLong extends TemporaryError {
  override name = "ListTooLong";
}

function nextOf(resolution: Resolution): readonly string[] {
  if (resolution.kind === "list-too-long") throw resolution.cause;
  return resolution.kind === "found" && resolution.leadsOn ? resolution.addresses : [];
}

/** One address on its way to where it leads. */
interface Search {
  /** What every rule sees: its recipient is `address`. */
  readonly scope: Scope;
  readonly core: Core;
  /** The address that was asked about. */
  readonly given: string;
  readonly domain: string;
  /** A `Domain` object for it. */
  readonly own: DomainSettings | undefined;
  directory: Directory | undefined;
  /** At the domain that aliases of domains stand for. */
  readonly address: string;
  /** What is asked for in place of the address. */
  instead: string;
  /** What a row of the whole domain says of the address. */
  byDomain: Recipient | undefined;
}

function searchFor(asked: Scope, core: Core): Search {
  const given = asked.rcpt;
  const domain = domainOf(given) ?? "";
  const own = core.settings.domains.get(domain);
  const scope = asMain(asked, own);
  return { scope, core, given, domain, own, directory: undefined, address: scope.rcpt, instead: "", byDomain: undefined };
}

/** At the domain that its own is an alias of. */
export function inMainDomain(address: string, { settings }: Core): string {
  return atDomain(settings.domains.get(domainOf(address) ?? ""), address);
}

function atDomain(own: DomainSettings | undefined, address: string): string {
  return own === undefined || domainOf(address) === own.name ? address : `${localPartOf(address)}@${own.name}`;
}

function asMain(scope: Scope, own: DomainSettings | undefined): Scope {
  const address = atDomain(own, scope.rcpt);
  return address === scope.rcpt ? scope : withRcpt(scope, address);
}

const steps: Steps<Search, Resolution> = [findDirectory, askDomain, askAddress, askBase, takeByDomain, askCatchAll, giveUp];

function findDirectory(search: Search): Answer<Resolution | undefined> {
  const { own, scope, core } = search;
  return after(directoryFor(own, scope, core), takeDirectory, search);
}

function takeDirectory(directory: Directory | undefined, search: Search): Resolution | undefined {
  search.directory = directory;
  return directory?.everything ? foundAt([search.given], search.given, "mta") : undefined;
}

function askDomain({ own, directory, domain, core }: Search): Answer<Resolution | undefined> {
  return own === undefined ? after(isLocalDomain(directory, domain, core), refuseForeign) : undefined;
}

function refuseForeign(isLocal: boolean): Resolution | undefined {
  return isLocal ? undefined : foreign;
}

function askAddress(search: Search): Answer<Resolution | undefined> {
  const { directory, address, core } = search;
  // An empty local part would be the key of a catch-all.
  if (isWithoutLocalPart(address)) return unknown;
  return after(lookUp(directory, address, core), takeAddress, search);
}

function takeAddress(found: Recipient | undefined, search: Search): Resolution | undefined {
  const { address, directory, core } = search;
  if (found?.byDomain) {
    search.byDomain = found;
    return undefined;
  }
  return found && deliver(found, address, directory, core);
}

function askBase(search: Search): Answer<Resolution | undefined> {
  const { own, address, scope, core } = search;
  return after(baseOf(own, address, scope, core), lookUpBase, search);
}

function lookUpBase(base: string | undefined, search: Search): Answer<Resolution | undefined> {
  const { address, directory, core } = search;
  if (base === undefined || base === address || isWithoutLocalPart(base)) return undefined;
  search.instead = base;
  return after(lookUp(directory, base, core), takeBase, search);
}

function takeBase(found: Recipient | undefined, { instead, address, directory, core }: Search): Resolution | undefined {
  if (found === undefined || found.byDomain) return undefined;
  const kept = core.settings.rcpt.subAddressingDelivery === "keep" ? address : instead;
  return deliver(found, instead, directory, core, "sub-address", kept);
}

/** As virtual(5) is searched: the address, without its tag, its domain. */
function takeByDomain({ byDomain, address, directory, core }: Search): Resolution | undefined {
  return byDomain && deliver(byDomain, address, directory, core);
}

function askCatchAll(search: Search): Answer<Resolution | undefined> {
  const { own, address, scope, core } = search;
  if (own?.catchAllAddress !== undefined) return foundAt([own.catchAllAddress], address, "catch-all", [own.catchAllAddress]);
  return after(catchAllOf(address, scope, core), lookUpCatchAll, search);
}

function lookUpCatchAll(catchAll: string | undefined, search: Search): Answer<Resolution | undefined> {
  if (catchAll === undefined) return undefined;
  search.instead = catchAll;
  return after(lookUp(search.directory, catchAll, search.core), takeCatchAll, search);
}

function takeCatchAll(found: Recipient | undefined, { instead, address, directory, core }: Search): Resolution | undefined {
  const delivery = found && catchAllDelivery(found, instead, address, directory, core);
  return delivery?.kind === "found" ? { ...delivery, known: address } : delivery;
}

function giveUp({ own, address }: Search): Resolution {
  return own?.allowRelaying ? foundAt([address], address, "relayed") : unknown;
}

/** As what a rule makes of a local part that begins with its separator. */
function isWithoutLocalPart(address: string): boolean {
  return address === "" || address.lastIndexOf("@") === 0;
}

/** By the address at the main domain, as which the directory is asked. `undefined`: the setting yields none, and then every address is foreign. */
export function chooseDirectory(own: DomainSettings | undefined, scope: Scope, core: Core): Answer<Directory | undefined> {
  return directoryFor(own, asMain(scope, own), core);
}

function directoryFor(own: DomainSettings | undefined, scope: Scope, core: Core): Answer<Directory | undefined> {
  if (own?.directory !== undefined) return directoryOf(own.directory, core);
  return after(evaluate("directory", core.settings.rcpt.directory, scope, core), directoryOf, core);
}

function directoryOf(value: Value, core: Core): Directory | undefined {
  const name = asString(value);
  if (name === undefined) return undefined;
  const directory = core.sources.directory(name);
  // A name that was computed: refusing for good what an unknown directory might know would lose mail.
  if (directory === undefined) throw new TemporaryError(`session.rcpt.directory names "${name}", which is not a directory`);
  return directory;
}

export function isLocalDomain(directory: Directory | undefined, domain: string, core: Core): Answer<boolean> {
  if (directory === undefined || domain === "") return false;
  if (core.trace === undefined) return directory.isLocalDomain(domain);
  const ask = () => directory.isLocalDomain(domain);
  return traced(core.trace, directory, `domain ${domain}`, ask, (isLocal) => (isLocal ? "local" : "not local"));
}

function lookUp(directory: Directory | undefined, address: string, core: Core): Answer<Recipient | undefined> {
  if (directory === undefined) return undefined;
  if (core.trace === undefined) return directory.recipient(address);
  return traced(core.trace, directory, address, () => directory.recipient(address), describe);
}

function traced<T>(
  trace: NonNullable<Core["trace"]>,
  directory: Directory,
  asked: string,
  ask: () => Answer<T>,
  describe: (value: T) => string,
): Answer<T> {
  const report = (answer: string) => {
    const said = directory.saidOf?.(asked);
    trace({ step: `directory ${directory.name}`, asked, answer, ...(said !== undefined && { said }) });
  };
  const known = (value: T) => {
    report(describe(value));
    return value;
  };
  const cannotTell = (cause: TemporaryError) => {
    report(`cannot tell: ${cause.message}`);
    throw cause;
  };
  return onTemporary(() => after(ask(), known), cannotTell, undefined);
}

function describe(found: Recipient | undefined): string {
  switch (found?.kind) {
    case undefined:
      return "not found";
    case "mailbox":
      return `${foundAs[found.state ?? "checked"]}, account ${found.primaries.join(", ")}`;
    case "list":
      return `list of ${found.members.length}`;
  }
}

const foundAs = { checked: "found", full: "found, but full", unchecked: "accepted without being checked" };

/** `kept`: what is delivered to unless an alias leads elsewhere, such as the address with its detail. */
function deliver(
  found: Recipient,
  address: string,
  directory: Directory | undefined,
  core: Core,
  reason?: Reason,
  kept = address,
): Resolution {
  switch (found.kind) {
    case "list":
      return deliverList(found.members, address, directory, core, reason);
    case "mailbox": {
      const isAlias = !found.primaries.includes(address);
      const isItself = found.primaries.length === 1 && found.primaries[0] === kept;
      const addresses = isItself ? found.primaries : followsAliases(directory, core) ? deliveredTo(found.primaries, address, kept) : [kept];
      const only = theOnly(addresses);
      const name = only === undefined || only === kept ? address : only;
      if (found.state === "unchecked") return foundIn(directory, addresses, address, "unchecked", found.primaries, core, name);
      const resolution = foundIn(directory, addresses, address, reason ?? (isAlias ? "alias" : "mailbox"), found.primaries, core, name);
      return found.state === "full" ? { ...resolution, isFull: true } : resolution;
    }
  }
}

/** An address may be the primary one of an account and belong to others, too: mail for it is for all of them. */
function deliveredTo(primaries: readonly string[], address: string, kept: string): readonly string[] {
  return primaries.map((primary) => (primary === address ? kept : primary));
}

function deliverList(
  members: readonly string[],
  address: string,
  directory: Directory | undefined,
  core: Core,
  reason: Reason = "list",
  name = address,
): Resolution {
  if (members.length > core.settings.rcpt.maxListMembers) {
    const cause = new ListTooLong(`${address} has ${members.length} members, more than session.rcpt.max-list-members`);
    return { kind: "list-too-long", cause };
  }
  // Mail for a list that nobody is on is left to whoever keeps the list.
  const addresses = members.length === 0 ? [address] : members;
  return { ...foundIn(directory, addresses, address, reason, none, core, name), isList: true };
}

function catchAllDelivery(found: Recipient, catchAll: string, address: string, directory: Directory | undefined, core: Core): Resolution {
  // `@domain` itself cannot be delivered to; its account's primary address can.
  if (!catchAll.startsWith("@")) return deliver(found, catchAll, directory, core, "catch-all");
  if (found.kind === "list") return deliverList(found.members, address, directory, core, "catch-all", theOnly(found.members));
  const addresses = found.primaries.filter((primary) => !primary.startsWith("@"));
  return foundIn(directory, addresses.length === 0 ? [address] : addresses, address, "catch-all", found.primaries, core);
}

function foundIn(
  directory: Directory | undefined,
  addresses: readonly string[],
  known: string,
  reason: Reason,
  owners: readonly string[],
  core: Core,
  name?: string,
): FoundResolution {
  return foundAt(addresses, known, reason, owners, directory?.forwards === true && followsAliases(directory, core), name);
}

/** Unless they are kept, the aliases of a table are followed: an MTA that leaves them to Postern has no such table. */
function followsAliases(directory: Directory | undefined, { settings }: Core): boolean {
  return (settings.rcpt.aliases ?? (directory?.forwards ? "primary" : "keep")) === "primary";
}

const separator = "+";

/** Of sub-addresses of a domain; `undefined`: it has none. A rule has no separator that anybody could know, and the usual one is taken. */
export function separatorOf(domain: string, { domains, rcpt }: Settings): string | undefined {
  const setting = domains.get(domain)?.subAddressing ?? rcpt.subAddressing;
  return setting === false ? undefined : separator;
}

/** The address to try when the full one is not there; `undefined`: none. */
function baseOf(own: DomainSettings | undefined, address: string, scope: Scope, core: Core): Answer<string | undefined> {
  const setting = own?.subAddressing ?? core.settings.rcpt.subAddressing;
  if (setting === false) return undefined;
  if (setting === true) return withoutDetail(address);
  // The rule of a Domain object maps local parts, the one of session.rcpt whole addresses.
  if (own?.subAddressing === undefined) return after(evaluate("sub-addressing", setting, withRcpt(scope, address), core), baseBy, address);
  return after(evaluate("sub-addressing", setting, withLocalPart(scope, address), core), baseInDomain, address);
}

function baseBy(value: Value, address: string): string | undefined {
  if (isOn(value)) return withoutDetail(address);
  const text = asString(value);
  return text === undefined || isWithoutLocalPart(text) ? undefined : addressFrom(text, "session.rcpt.sub-addressing", address);
}

function baseInDomain(value: Value, address: string): string | undefined {
  if (isOn(value)) return withoutDetail(address);
  const text = asString(value);
  if (text === undefined || isWithoutLocalPart(text)) return undefined;
  const domain = domainOf(address) ?? "";
  // A local part has an @ only where the one that it was made from has.
  const isWhole = text.includes("@") && (domainOf(parseAddress(text)) === domain || !localPartOf(address).includes("@"));
  return addressFrom(isWhole ? text : `${text}@${domain}`, `sub-addressing of the domain ${domain}`, address);
}

/** As the setting without rules would be. */
function isOn(value: Value): boolean {
  return typeof value === "number" && value !== 0;
}

/** By the usual separator. `undefined`: it has no detail. */
export function withoutDetail(address: string): string | undefined {
  const local = localPartOf(address);
  const at = local.indexOf(separator);
  return at > 0 ? `${local.slice(0, at)}@${domainOf(address) ?? ""}` : undefined;
}

function catchAllOf(address: string, scope: Scope, core: Core): Answer<string | undefined> {
  const setting = core.settings.rcpt.catchAll;
  if (setting === false) return undefined;
  if (setting === true) return catchAllKey(address);
  return after(evaluate("catch-all", setting, withRcpt(scope, address), core), catchAllBy, address);
}

function catchAllKey(address: string): string {
  return `@${domainOf(address) ?? ""}`;
}

function catchAllBy(value: Value, address: string): string | undefined {
  if (isOn(value)) return catchAllKey(address);
  const text = asString(value);
  if (text === undefined || text === "") return undefined;
  return text.lastIndexOf("@") === 0 ? parseAddress(text) : addressFrom(text, "session.rcpt.catch-all", address);
}
