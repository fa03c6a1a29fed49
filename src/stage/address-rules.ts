/** What settings make of an address: `session.rcpt.rewrite`, `sub-addressing` and `catch-all`, and those of its domain. */
import { type Answer, after } from "../answer/answer.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import { asString } from "../expr/result.ts";
import type { Value } from "../expr/value.ts";
import { domainOf, formatAddress, localPartOf, parseAddress } from "../mail/address.ts";
import { parseWrittenAddress } from "../mail/address-list.ts";
import { cleanText } from "../text/controls.ts";
import type { Core } from "./core.ts";
import { evaluateFinding } from "./in-doubt.ts";
import type { DomainSettings, Settings } from "./stage-settings.ts";
import { type Scope, withLocalPart, withRcpt } from "./vocabulary.ts";

/** The recipient after `session.rcpt.rewrite`: a string with an `@` replaces it, any other result leaves it. */
export function rewrite(scope: Scope, core: Core): Answer<string> {
  return after(evaluateFinding("rewrite", core.settings.rcpt.rewrite, scope, core), rewritten, scope);
}

function rewritten(value: Value, { rcpt }: Scope): string {
  const text = asString(value);
  return text?.includes("@") ? addressFrom(text, "session.rcpt.rewrite", rcpt) : rcpt;
}

const separator = "+";

/** Of sub-addresses of a domain; `undefined`: it has none. A rule has no separator that anybody could know, and the usual one is taken. */
export function separatorOf(domain: string, { domains, rcpt }: Settings): string | undefined {
  const setting = domains.get(domain)?.subAddressing ?? rcpt.subAddressing;
  return setting === false ? undefined : separator;
}

/** The address to try when the full one is not there; `undefined`: none. */
export function baseOf(own: DomainSettings | undefined, address: string, scope: Scope, core: Core): Answer<string | undefined> {
  const setting = own?.subAddressing ?? core.settings.rcpt.subAddressing;
  if (setting === false) return undefined;
  if (setting === true) return withoutDetail(address);
  // The rule of a Domain object maps local parts, the one of session.rcpt whole addresses.
  if (own?.subAddressing === undefined)
    return after(evaluateFinding("sub-addressing", setting, withRcpt(scope, address), core), baseBy, address);
  return after(evaluateFinding("sub-addressing", setting, withLocalPart(scope, address), core), baseInDomain, address);
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

/** By the usual separator. `undefined`: it has no detail. */
export function withoutDetail(address: string): string | undefined {
  const local = localPartOf(address);
  const at = local.indexOf(separator);
  return at > 0 ? `${local.slice(0, at)}@${domainOf(address) ?? ""}` : undefined;
}

export function catchAllOf(address: string, scope: Scope, core: Core): Answer<string | undefined> {
  const setting = core.settings.rcpt.catchAll;
  if (setting === false) return undefined;
  if (setting === true) return catchAllKey(address);
  return after(evaluateFinding("catch-all", setting, withRcpt(scope, address), core), catchAllBy, address);
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

/** As the setting without rules would be. */
function isOn(value: Value): boolean {
  return typeof value === "number" && value !== 0;
}

/** As what a rule makes of a local part that begins with its separator. */
export function isWithoutLocalPart(address: string): boolean {
  return address === "" || address.lastIndexOf("@") === 0;
}

/** A rule that makes no address of one is a mistake, for which nobody is refused for good. */
function addressFrom(text: string, setting: string, rcpt: string): string {
  const address = text.includes("@") ? parseWrittenAddress(text) : undefined;
  if (address !== undefined) return address;
  if (formatAddress(rcpt) === undefined) return parseAddress(text);
  throw new TemporaryError(`${setting} makes "${cleanText(text)}" of ${rcpt}, which is not an address`);
}
