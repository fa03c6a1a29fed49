/**
 * The decisions of the stages as tables that are asked by key. A map knows the key and the listener, and no SMTP session: a setting
 * that names another variable sees it empty, or where that would refuse, is not asked. Each does the whole search that its key needs, for MTAs send no partial keys.
 */

import { type Answer, after } from "../answer/answer.ts";
import { firstOutcome } from "../answer/steps.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import { toText } from "../expr/value.ts";
import { domainOf, localPartOf, parseAddress } from "../mail/address.ts";
import { canonicalDomain } from "../mail/domain.ts";
import { canonicalIp } from "../mail/ip.ts";
import { formatReply, toClientText } from "../mail/reply.ts";
import { cleanText } from "../text/controls.ts";
import { rewrite } from "./address-rules.ts";
import { follow } from "./alias-chain.ts";
import { chooseDirectory, isLocalDomain } from "./ask-directory.ts";
import type { Core } from "./core.ts";
import { mustBeSure, mustFindSurely } from "./doubted-lists.ts";
import { decideEhlo } from "./ehlo.ts";
import { withoutSession } from "./helo-alone.ts";
import { discardedKeywords, featuresOff } from "./keywords.ts";
import { accessKeys, isTableKey, writtenAddress } from "./map-key.ts";
import { isPostmaster } from "./postmaster.ts";
import { type Resolution, resolve } from "./resolve.ts";
import { openSession, type Session } from "./session.ts";
import type { Lookup } from "./sources.ts";
import { type Scope, withRcpt } from "./vocabulary.ts";

/** The listener through which a map is asked. */
export interface MapListener {
  readonly name: string;
  /** What `local_port` is: the port of the MTA's service, not the one where maps are asked. */
  readonly localPort: number;
  readonly isTrusted: (address: string) => boolean;
  /** An alias that leads back to itself was met, and stays as it is. */
  readonly onLoop?: (address: string) => void;
}

type AskMap = (key: string, core: Core, listener: MapListener) => Answer<string | undefined>;

const maps: ReadonlyMap<string, AskMap> = new Map<string, AskMap>([
  ["recipients", askRecipients],
  ["domains", askDomains],
  ["aliases", askAliases],
  ["ehlo-keywords", askKeywords],
  ["helo", askHelo],
  ["srv_features", askFeatures],
  // The names that FEATURE(`virtusertable') and FEATURE(`access_db') of Sendmail give their maps.
  ["virtuser", askVirtuser],
  ["access", askAccess],
]);

/** Maps that search lists: what a key that no list can hold stands for may be listed all the same. */
const lists: ReadonlySet<string> = new Set(["helo", "access"]);

const lookupPrefix = "lookup/";

export const mapNames: readonly string[] = [...maps.keys(), `${lookupPrefix}NAME`];

export function isMap(name: string, core: Core): boolean {
  if (name.startsWith(lookupPrefix)) return core.sources.lookup(name.slice(lookupPrefix.length)) !== undefined;
  return maps.has(name);
}

/** Maps that change what the MTA does; the others report facts. */
export function isDecision(name: string): boolean {
  return !(name === "recipients" || name === "domains" || name.startsWith(lookupPrefix));
}

/** `undefined`: not found. Throws or rejects with a `TemporaryError` when it cannot tell. */
export function askMap(name: string, key: string, core: Core, listener: MapListener): Answer<string | undefined> {
  if (key === "") return undefined;
  if (name.startsWith(lookupPrefix)) return found(askLookup(name.slice(lookupPrefix.length), key, core), key);
  const ask = maps.get(name);
  if (ask === undefined) return undefined;
  if (lists.has(name)) return found(ask(key, core, listener), key);
  return isTableKey(key) ? ask(key, core, listener) : undefined;
}

/** A key that no table can hold is never "not found": it is found by its parts, or cannot be told. */
function found(answer: Answer<string | undefined>, key: string): Answer<string | undefined> {
  return after(answer, (value) => {
    if (value === undefined && !isTableKey(key)) throw new TemporaryError("the key is too long for a table, or has control characters");
    return value;
  });
}

/** As an access table is searched: which parameter of the MTA asks is not known, and a plain list has none of the other forms. */
function askLookup(name: string, key: string, core: Core): Answer<string | undefined> {
  const lookup = core.sources.lookup(name);
  return after(firstOutcome(accessKeys(key), askList, lookup), (value) => {
    if (value === undefined && lookup?.doubt !== undefined) throw new TemporaryError(`list ${name}: ${lookup.doubt}`);
    return value;
  });
}

function askList(key: string, lookup: Lookup | undefined): Answer<string | undefined> {
  return after(lookup?.get(key), (value) => (value === undefined ? undefined : toText(value)));
}

/** The address itself, when mail for it would be taken as local. */
function askRecipients(key: string, core: Core, listener: MapListener): Answer<string | undefined> {
  const address = parseAddress(key);
  // RFC 5321 4.5.1: postmaster without a domain is the MTA's own.
  if (address === "postmaster") return address;
  const written = isComplete(address) ? writtenAddress(address) : undefined;
  if (written === undefined) return undefined;
  return after(rewritten(address, core, listener), (scope) =>
    after(resolved(scope, core), (resolution) => {
      const isAccepted = resolution.kind === "found" || isPostmaster(scope.rcpt, resolution.kind, core.settings);
      if (isAccepted) return written;
      mustFindSurely(scope, core);
      return undefined;
    }),
  );
}

function askDomains(key: string, core: Core, listener: MapListener): Answer<string | undefined> {
  const domain = canonicalDomain(key);
  if (domain === "" || /[@\s]/.test(domain)) return undefined;
  if (core.settings.domains.has(domain)) return domain;
  return after(chooseDirectory(undefined, scopeOf(`@${domain}`, listener), core), (directory) => {
    // To say that every domain is local would make the MTA an open relay.
    if (directory?.everything) return undefined;
    return after(isLocalDomain(directory, domain, core), (isLocal) => {
      if (isLocal) return domain;
      mustBeSure(core.settings.rcpt.directory, core);
      return undefined;
    });
  });
}

/**
 * Where mail for the address goes, comma-separated, followed until nothing changes; `undefined`: nowhere else. A tag is in the result
 * or not as the address resolves by `sub-addressing-delivery`: what is found is the whole address, so no MTA appends it again.
 */
function askAliases(key: string, core: Core, listener: MapListener): Answer<string | undefined> {
  return after(aliasesOf(key, core, listener), (addresses) => addresses?.join(","));
}

/** A virtusertable has one address for a key; a list must be neither cut nor refused. */
function askVirtuser(key: string, core: Core, listener: MapListener): Answer<string | undefined> {
  return after(aliasesOf(key, core, listener), (addresses) => {
    if (addresses !== undefined && addresses.length > 1) {
      throw new TemporaryError(`${key} goes to ${addresses.length} addresses, and a virtusertable holds one: use the milter`);
    }
    return addresses?.[0];
  });
}

function aliasesOf(key: string, core: Core, listener: MapListener): Answer<readonly string[] | undefined> {
  const address = parseAddress(key);
  if (!isComplete(address) || writtenAddress(address) === undefined) return undefined;
  const ends = follow(address, (each) => stepFrom(each, core, listener));
  return after(ends, ({ addresses, loops }) => {
    for (const loop of loops) listener.onLoop?.(loop);
    if (addresses.length === 1 && addresses[0] === address) return undefined;
    return addresses.map((each) => {
      const written = writtenAddress(each);
      if (written === undefined) throw new TemporaryError(`${address} leads to "${cleanText(each)}", which is not an address`);
      return written;
    });
  });
}

/** Where an address goes in one step; none when it is not a local recipient. */
function stepFrom(address: string, core: Core, listener: MapListener): Answer<readonly string[]> {
  if (!isComplete(address)) return [];
  return after(rewritten(address, core, listener), (scope) =>
    after(resolved(scope, core), (reached) => {
      if (reached.kind === "found") return reached.addresses;
      mustFindSurely(scope, core);
      return [];
    }),
  );
}

/** Client address → keywords. */
function askKeywords(key: string, core: Core, listener: MapListener): Answer<string | undefined> {
  const address = canonicalIp(key);
  return address === undefined ? undefined : discardedKeywords(sessionOf(address, listener), core);
}

const featuresTag = "srv_features:";

/** Client address, with or without its tag → letters. Names and shortened addresses are asked too, and lead on to the address. */
function askFeatures(key: string, core: Core, listener: MapListener): Answer<string | undefined> {
  const isTagged = key.toLowerCase().startsWith(featuresTag);
  const address = canonicalIp(isTagged ? key.slice(featuresTag.length) : key);
  return address === undefined ? undefined : featuresOff(sessionOf(address, listener), core);
}

/** Of the access map of Sendmail only the features: the rest of it is the administrator's, and RCPT is for the milter. */
function askAccess(key: string, core: Core, listener: MapListener): Answer<string | undefined> {
  return key.toLowerCase().startsWith(featuresTag) ? askFeatures(key, core, listener) : undefined;
}

/** EHLO name → the refusal, in the form of access(5). */
function askHelo(key: string, core: Core, listener: MapListener): Answer<string | undefined> {
  return after(decideEhlo(sessionOf(undefined, listener), key, withoutSession(core)), (verdict) => {
    if (verdict.kind === "pass") return undefined;
    if (verdict.reason === "unavailable") throw new TemporaryError("the EHLO name cannot be checked", { cause: verdict.cause });
    return toClientText(formatReply(verdict.reply));
  });
}

/** `@domain` would be the key of a catch-all. */
function isComplete(address: string): boolean {
  return localPartOf(address) !== "" && (domainOf(address) ?? "") !== "";
}

function rewritten(address: string, core: Core, listener: MapListener): Answer<Scope> {
  const scope = scopeOf(address, listener);
  return after(rewrite(scope, core), (rcpt) => withRcpt(scope, rcpt));
}

/** The resolution; that of a list which is too long is not known, for a part of it would be wrong. */
function resolved(scope: Scope, core: Core): Answer<Exclude<Resolution, { kind: "list-too-long" }>> {
  return after(resolve(scope, core), (resolution) => {
    if (resolution.kind === "list-too-long") throw resolution.cause;
    return resolution;
  });
}

function scopeOf(rcpt: string, listener: MapListener): Scope {
  return { session: sessionOf(undefined, listener), helo: "", sender: "", rcpt };
}

function sessionOf(address: string | undefined, { name, localPort, isTrusted }: MapListener): Session {
  return openSession({
    listener: name,
    client: { address, name: "", port: 0 },
    server: { address: "", port: localPort },
    trusted: address !== undefined && isTrusted(address),
  });
}
