/**
 * The decisions of the RCPT stage as tables that are asked by key: `recipients`, `domains`, `aliases`, `lookup/NAME`.
 * They know no session: a setting that names one sees empty variables.
 */
import type { Answer } from "../expr/ask.ts";
import { asString } from "../expr/result.ts";
import { toText } from "../expr/value.ts";
import { canonicalAddress, domainOf } from "../mail/address.ts";
import { canonicalDomain } from "../mail/domain.ts";
import type { Core } from "./core.ts";
import { chooseDirectory, isLocalDomain, resolve } from "./resolve.ts";
import { openSession, type Session } from "./session.ts";
import { evaluate } from "./setting.ts";
import { runSteps, type Steps, waitFor } from "./steps.ts";
import type { Scope } from "./vocabulary.ts";

/** How often an alias is followed before it counts as a loop. */
const maxDepth = 10;

const nobody: Session = openSession({
  listener: "",
  protocol: "smtp",
  client: { address: undefined, name: "", port: 0 },
  server: { address: "", port: 0 },
  trusted: false,
});

type AskMap = (key: string, core: Core) => Steps<string | undefined>;

const maps: ReadonlyMap<string, AskMap> = new Map([
  ["recipients", askRecipients],
  ["domains", askDomains],
  ["aliases", askAliases],
]);

const lookupPrefix = "lookup/";

export const mapNames: readonly string[] = [...maps.keys(), `${lookupPrefix}NAME`];

export function isMap(name: string, core: Core): boolean {
  if (name.startsWith(lookupPrefix)) return core.sources.lookup(name.slice(lookupPrefix.length)) !== undefined;
  return maps.has(name);
}

/** `undefined`: not found. Throws or rejects with a `TemporaryError` when it cannot tell. */
export function askMap(name: string, key: string, core: Core): Answer<string | undefined> {
  if (name.startsWith(lookupPrefix)) return runSteps(askLookup(name.slice(lookupPrefix.length), key, core));
  const ask = maps.get(name);
  return ask === undefined ? undefined : runSteps(ask(key, core));
}

function* askLookup(name: string, key: string, core: Core): Steps<string | undefined> {
  const value = yield* waitFor(core.sources.lookup(name)?.get(key));
  return value === undefined ? undefined : toText(value);
}

/** The address itself, when mail for it would be taken as local. */
function* askRecipients(key: string, core: Core): Steps<string | undefined> {
  const address = canonicalAddress(key);
  return (yield* target(address, core)) === undefined ? undefined : address;
}

function* askDomains(key: string, core: Core): Steps<string | undefined> {
  const domain = canonicalDomain(key);
  if (domain === "" || domain.includes("@")) return undefined;
  const own = core.settings.domains.get(domain);
  if (own !== undefined) return domain;
  const directory = yield* chooseDirectory(undefined, scopeOf(`@${domain}`), core);
  return (yield* isLocalDomain(directory, domain, core)) ? domain : undefined;
}

/** Where mail for the address goes, comma-separated, followed until nothing changes; `undefined`: nowhere else. */
function* askAliases(key: string, core: Core): Steps<string | undefined> {
  const address = canonicalAddress(key);
  const ends = yield* follow(address, [], core);
  return ends === undefined || (ends.length === 1 && ends[0] === address) ? undefined : ends.join(",");
}

/** `undefined`: a loop, or not local. */
function* follow(address: string, path: readonly string[], core: Core): Steps<readonly string[] | undefined> {
  const next = yield* target(address, core);
  if (next === undefined || (next.length === 1 && next[0] === address)) return next;
  if (path.length >= maxDepth || path.includes(address)) return undefined;
  const ends = new Set<string>();
  for (const one of next) {
    // A list may hold itself; its other members still get their copy.
    const further = one === address ? undefined : yield* follow(one, [...path, address], core);
    for (const end of further ?? [one]) ends.add(end);
  }
  return [...ends];
}

/** One step: rewriting, then resolution. `undefined`: no local recipient. */
function* target(address: string, core: Core): Steps<readonly string[] | undefined> {
  if (domainOf(address) === undefined) return undefined;
  const rewritten = asString(yield* evaluate("rewrite", core.settings.rcpt.rewrite, scopeOf(address), core));
  const resolution = yield* resolve(scopeOf(rewritten?.includes("@") ? canonicalAddress(rewritten) : address), core);
  return resolution.kind === "found" ? resolution.addresses : undefined;
}

function scopeOf(rcpt: string): Scope {
  return { session: nobody, helo: "", sender: "", rcpt };
}
