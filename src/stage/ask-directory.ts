/** Which directory knows an address, and what it is asked, with a trace for people. */
import { type Answer, after } from "../answer/answer.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import { asString } from "../expr/result.ts";
import type { Value } from "../expr/value.ts";
import { domainOf, localPartOf } from "../mail/address.ts";
import type { Core, Trace } from "./core.ts";
import { evaluateFinding } from "./in-doubt.ts";
import { onTemporary } from "./refuse.ts";
import type { Directory, Recipient } from "./sources.ts";
import type { DomainSettings, Settings } from "./stage-settings.ts";
import { type Scope, withRcpt } from "./vocabulary.ts";

/** By the address at the main domain, as which the directory is asked. `undefined`: the setting yields none, and then every address is foreign. */
export function chooseDirectory(own: DomainSettings | undefined, scope: Scope, core: Core): Answer<Directory | undefined> {
  return directoryFor(own, asMain(scope, own), core);
}

export function directoryFor(own: DomainSettings | undefined, scope: Scope, core: Core): Answer<Directory | undefined> {
  if (own?.directory !== undefined) return directoryOf(own.directory, core);
  return after(evaluateFinding("directory", core.settings.rcpt.directory, scope, core), directoryOf, core);
}

function directoryOf(value: Value, core: Core): Directory | undefined {
  const name = asString(value);
  if (name === undefined) return undefined;
  const directory = core.sources.directory(name);
  // A name that was computed: refusing for good what an unknown directory might know would lose mail.
  if (directory === undefined) throw new TemporaryError(`session.rcpt.directory names "${name}", which is not a directory`);
  return directory;
}

/** At the domain that its own is an alias of. */
export function inMainDomain(address: string, { domains }: Pick<Settings, "domains">): string {
  return atDomain(domains.get(domainOf(address) ?? ""), address);
}

export function asMain(scope: Scope, own: DomainSettings | undefined): Scope {
  const address = atDomain(own, scope.rcpt);
  return address === scope.rcpt ? scope : withRcpt(scope, address);
}

function atDomain(own: DomainSettings | undefined, address: string): string {
  return own === undefined || domainOf(address) === own.name ? address : `${localPartOf(address)}@${own.name}`;
}

export function isLocalDomain(directory: Directory | undefined, domain: string, core: Core): Answer<boolean> {
  if (directory === undefined || domain === "") return false;
  if (core.trace === undefined) return directory.isLocalDomain(domain);
  const ask = () => directory.isLocalDomain(domain);
  return traced(core.trace, directory, `domain ${domain}`, ask, (isLocal) => (isLocal ? "local" : "not local"));
}

export function lookUp(directory: Directory | undefined, address: string, core: Core): Answer<Recipient | undefined> {
  if (directory === undefined) return undefined;
  if (core.trace === undefined) return directory.recipient(address);
  return traced(core.trace, directory, address, () => directory.recipient(address), describe);
}

function traced<T>(trace: Trace, directory: Directory, asked: string, ask: () => Answer<T>, describe: (value: T) => string): Answer<T> {
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
    case "nobody":
      return "nobody's, by an entry of its own";
    case "list":
      return `list of ${found.members.length}`;
  }
}

const foundAs = { checked: "found", full: "found, but full", unchecked: "accepted without being checked" };
