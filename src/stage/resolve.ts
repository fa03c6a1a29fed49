/** Where mail for an address goes: the full address, its sub-address base, a catch-all; or it is foreign, or unknown. */

import { type Steps, waitFor } from "../answer/steps.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import { asString } from "../expr/result.ts";
import { domainOf, localPartOf, parseAddress } from "../mail/address.ts";
import { follow } from "./alias-chain.ts";
import type { Core } from "./core.ts";
import { evaluate } from "./evaluate.ts";
import type { Directory, Recipient } from "./sources.ts";
import type { Rule, Settings } from "./stage-settings.ts";
import type { Reason } from "./verdict.ts";
import type { Scope } from "./vocabulary.ts";

export type Resolution =
  /** `leadsOn`: the directory may say where the addresses lead in turn. */
  | { readonly kind: "found"; readonly addresses: readonly string[]; readonly reason: Reason; readonly leadsOn?: boolean }
  | { readonly kind: "foreign" }
  | { readonly kind: "unknown" }
  | { readonly kind: "list-too-long"; readonly cause: TemporaryError };

const foreign: Resolution = { kind: "foreign" };
const unknown: Resolution = { kind: "unknown" };

/** The recipient after `session.rcpt.rewrite`: a string with an `@` replaces it, any other result leaves it. */
export function* rewrite(scope: Scope, core: Core): Steps<string> {
  const result = asString(yield* evaluate("rewrite", core.settings.rcpt.rewrite, scope, core));
  return result?.includes("@") ? parseAddress(result) : scope.rcpt;
}

/** As `resolve`, and through the tables of the MTA to the end: it need not have them itself. */
export function* resolveToEnd(scope: Scope, core: Core): Steps<Resolution> {
  const first = yield* resolve(scope, core);
  if (first.kind !== "found" || !first.leadsOn) return first;
  const { addresses } = yield* follow(scope.rcpt, function* (rcpt) {
    const next = rcpt === scope.rcpt ? first : yield* resolve({ ...scope, rcpt }, core);
    if (next.kind === "list-too-long") throw next.cause;
    return next.kind === "found" && next.leadsOn ? next.addresses : [];
  });
  return { ...first, addresses };
}

/** `scope.rcpt` is the address, canonical and with a domain. Throws a `TemporaryError` when it cannot tell. */
export function* resolve(scope: Scope, core: Core): Steps<Resolution> {
  const { settings } = core;
  const given = scope.rcpt;
  const domain = domainOf(given) ?? "";
  const own = settings.domains.get(domain);
  const directory = yield* chooseDirectory(own?.directory, scope, core);
  if (directory?.everything) return { kind: "found", addresses: [given], reason: "mta" };
  if (own === undefined && !(yield* isLocalDomain(directory, domain, core))) return foreign;

  const address = own === undefined ? given : `${localPartOf(given)}@${own.name}`;
  // An empty local part would be the key of a catch-all.
  if (localPartOf(address) === "") return unknown;

  const direct = yield* lookUp(directory, address, core);
  if (direct) return deliver(direct, address, directory, core);

  const base = yield* baseOf(own?.subAddressing, address, scope, core);
  if (base !== undefined && base !== address && localPartOf(base) !== "") {
    const found = yield* lookUp(directory, base, core);
    const kept = settings.rcpt.subAddressingDelivery === "keep" ? address : base;
    if (found) return deliver(found, base, directory, core, "sub-address", kept);
  }

  if (own?.catchAllAddress !== undefined) return { kind: "found", addresses: [own.catchAllAddress], reason: "catch-all" };
  const catchAll = yield* catchAllOf(address, scope, core);
  if (catchAll !== undefined) {
    const found = yield* lookUp(directory, catchAll, core);
    if (found) return catchAllDelivery(found, catchAll, address, directory, core);
  }

  if (own?.allowRelaying) return { kind: "found", addresses: [address], reason: "relayed" };
  return unknown;
}

/** `undefined`: the setting yields none, and then every address is foreign. */
export function* chooseDirectory(own: string | undefined, scope: Scope, core: Core): Steps<Directory | undefined> {
  const name = own ?? asString(yield* evaluate("directory", core.settings.rcpt.directory, scope, core));
  if (name === undefined) return undefined;
  const directory = core.sources.directory(name);
  // A name that was computed: refusing for good what an unknown directory might know would lose mail.
  if (directory === undefined) throw new TemporaryError(`session.rcpt.directory names "${name}", which is not a directory`);
  return directory;
}

export function* isLocalDomain(directory: Directory | undefined, domain: string, core: Core): Steps<boolean> {
  if (directory === undefined || domain === "") return false;
  const local = yield* waitFor(directory.isLocalDomain(domain));
  core.trace?.({ step: `directory ${directory.name}`, asked: `domain ${domain}`, answer: local ? "local" : "not local" });
  return local;
}

function* lookUp(directory: Directory | undefined, address: string, core: Core): Steps<Recipient | undefined> {
  if (directory === undefined) return undefined;
  const found = yield* waitFor(directory.recipient(address));
  core.trace?.({ step: `directory ${directory.name}`, asked: address, answer: describe(found) });
  return found;
}

function describe(found: Recipient | undefined): string {
  switch (found?.kind) {
    case undefined:
      return "not found";
    case "mailbox":
      return `found, account ${found.primaries.join(", ")}`;
    case "list":
      return `list of ${found.members.length}`;
  }
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
    case "list":
      return deliverList(found.members, address, directory, core, reason);
    case "mailbox": {
      const isAlias = !found.primaries.includes(address);
      const addresses = isAlias && followsAliases(directory, core) ? found.primaries : [kept];
      return foundIn(directory, addresses, reason ?? (isAlias ? "alias" : "mailbox"), core);
    }
  }
}

function deliverList(
  members: readonly string[],
  address: string,
  directory: Directory | undefined,
  core: Core,
  reason: Reason = "list",
): Resolution {
  if (members.length > core.settings.rcpt.maxListMembers) {
    const cause = new TemporaryError(`${address} has ${members.length} members, more than session.rcpt.max-list-members`);
    return { kind: "list-too-long", cause };
  }
  // Mail for a list that nobody is on is left to whoever keeps the list.
  return foundIn(directory, members.length === 0 ? [address] : members, reason, core);
}

function catchAllDelivery(found: Recipient, catchAll: string, address: string, directory: Directory | undefined, core: Core): Resolution {
  // `@domain` itself cannot be delivered to; its account's primary address can.
  if (!catchAll.startsWith("@")) return deliver(found, catchAll, directory, core, "catch-all");
  if (found.kind === "list") return deliverList(found.members, address, directory, core, "catch-all");
  const addresses = found.primaries.filter((primary) => !primary.startsWith("@"));
  return foundIn(directory, addresses.length === 0 ? [address] : addresses, "catch-all", core);
}

function foundIn(directory: Directory | undefined, addresses: readonly string[], reason: Reason, core: Core): Resolution {
  return { kind: "found", addresses, reason, leadsOn: directory?.forwards === true && followsAliases(directory, core) };
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
function* baseOf(own: boolean | Rule | undefined, address: string, scope: Scope, core: Core): Steps<string | undefined> {
  const setting = own ?? core.settings.rcpt.subAddressing;
  const domain = domainOf(address) ?? "";
  if (setting === false) return undefined;
  if (setting === true) {
    const local = localPartOf(address);
    const at = local.indexOf(separator);
    return at > 0 ? `${local.slice(0, at)}@${domain}` : undefined;
  }
  // The rule of a Domain object maps local parts, the one of session.rcpt whole addresses.
  if (own !== undefined) {
    const local = asString(yield* evaluate("sub-addressing", setting, { ...scope, rcpt: localPartOf(address) }, core));
    return local === undefined ? undefined : parseAddress(`${local}@${domain}`);
  }
  const base = asString(yield* evaluate("sub-addressing", setting, { ...scope, rcpt: address }, core));
  return base === undefined ? undefined : parseAddress(base);
}

function* catchAllOf(address: string, scope: Scope, core: Core): Steps<string | undefined> {
  const setting = core.settings.rcpt.catchAll;
  if (setting === false) return undefined;
  if (setting === true) return `@${domainOf(address) ?? ""}`;
  const catchAll = asString(yield* evaluate("catch-all", setting, { ...scope, rcpt: address }, core));
  return catchAll === undefined || catchAll === "" ? undefined : parseAddress(catchAll);
}
