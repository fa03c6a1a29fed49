/** The environment items of scripts: those of RFC 5183, and what is known from the session and its parameters. */
import type { Value } from "../expr/value.ts";
import { reverseName } from "../mail/ip.ts";
import { type Parameters, parameterValue } from "./parameters.ts";
import { iprevOf, spfEhloOf, spfOf } from "./sender-auth.ts";
import { type Scope, variablesOf } from "./vocabulary.ts";

export type ScriptStage = "ehlo" | "mail" | "rcpt";

/** What runs the scripts. */
export interface Host {
  /** Fully qualified. */
  readonly hostname: string;
  readonly version: string;
}

export interface Facts {
  readonly stage: ScriptStage;
  readonly scope: Scope;
  /** Of MAIL; at RCPT those of its transaction. */
  readonly mail: Parameters;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly host: Host;
}

/** `undefined`: the item has no value in this session. */
type ReadItem = (facts: Facts) => Value | undefined;

/** Absent rather than empty. */
const text = (value: string | undefined): Value | undefined => (value === "" ? undefined : value);

const items: ReadonlyMap<string, ReadItem> = new Map<string, ReadItem>([
  ...[...variablesOf.ehlo].map(([name, read]): [string, ReadItem] => [name, ({ scope }) => read(scope)]),
  ["remote_ip.reverse", ({ scope }) => reverseName(scope.session.client.address ?? "")],
  ["now", ({ now }) => Math.floor(now / 1000)],
  ["stage", ({ stage }) => stage],
  ["tls.version", ({ scope }) => text(scope.session.tlsVersion)],
  ["tls.cipher", ({ scope }) => text(scope.session.tlsCipher)],
  ["iprev.result", ({ scope }) => text(iprevOf(scope.session)?.result)],
  ["iprev.ptr", ({ scope }) => text(iprevOf(scope.session)?.ptr ?? scope.session.client.name)],
  ["spf.result", ({ scope, stage }) => (stage === "ehlo" ? undefined : spfOf(scope)?.result)],
  ["spf_ehlo.result", ({ scope }) => spfEhloOf(scope)?.result],
  ["param.body", ({ mail }) => parameterValue("BODY", mail)?.toLowerCase()],
  ["param.smtputf8", ({ mail }) => (parameterValue("SMTPUTF8", mail) === undefined ? undefined : 1)],
  ["param.requiretls", ({ mail }) => (parameterValue("REQUIRETLS", mail) === undefined ? undefined : 1)],
  ["domain", ({ host }) => host.hostname.replace(/^[^.]*\.(?=[^.]+\.)/, "")],
  ["host", ({ host }) => host.hostname],
  ["location", () => "MTA"],
  ["name", () => "Postern"],
  ["phase", () => "during"],
  ["remote-host", ({ scope }) => scope.session.client.name],
  // In an expression a hyphen is a minus.
  ["remote_host", ({ scope }) => scope.session.client.name],
  ["remote-ip", ({ scope }) => scope.session.client.address ?? ""],
  ["version", ({ host }) => host.version],
]);

/** Every item that may ever have a value. */
export const environmentNames: ReadonlySet<string> = new Set(items.keys());

export function environmentItem(name: string, facts: Facts): Value | undefined {
  return items.get(name.toLowerCase())?.(facts);
}
