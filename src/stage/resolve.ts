/** Where mail for an address goes: the full address, its sub-address base, a catch-all; or it is foreign, or unknown. */

import { type Answer, after } from "../answer/answer.ts";
import { type Steps, takeSteps } from "../answer/steps.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import { domainOf } from "../mail/address.ts";
import { baseOf, catchAllOf, isWithoutLocalPart } from "./address-rules.ts";
import { type Ends, follow } from "./alias-chain.ts";
import { asMain, directoryFor, isLocalDomain, lookUp } from "./ask-directory.ts";
import type { Core } from "./core.ts";
import { onTemporary } from "./refuse.ts";
import type { Directory, Recipient } from "./sources.ts";
import type { DomainSettings } from "./stage-settings.ts";
import type { Reason } from "./verdict.ts";
import { type Scope, withRcpt } from "./vocabulary.ts";

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
  // Where addresses go that are in no table, such as a list in another directory.
  const elsewhere = new Map<string, readonly string[]>();
  const take = (resolution: Resolution, rcpt: string) => {
    const further = nextOf(resolution);
    if (resolution.kind === "found" && !resolution.leadsOn) elsewhere.set(rcpt, resolution.addresses);
    if (rcpt === named) {
      name = resolution.kind === "found" ? resolution.name : rcpt;
      named = theOnly(further);
    }
    return further;
  };
  const next = (rcpt: string) => after(rcpt === given ? first : resolve(withRcpt(scope, rcpt), core), take, rcpt);
  const arrive = ({ addresses }: Ends): Resolution => {
    const arrived = new Set(addresses.flatMap((address) => elsewhere.get(address) ?? address));
    return { ...first, addresses: [...arrived], name };
  };
  const toEnd = () => after(follow(given, next), arrive);
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
    case "nobody":
      return unknown;
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
  if (!catchAll.startsWith("@") || found.kind === "nobody") return deliver(found, catchAll, directory, core, "catch-all");
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
