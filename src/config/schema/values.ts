/** The kinds of values that many keys have: what may be written, and what it means. */
import { z } from "zod";
import { canonicalDomain, isMailDomain } from "../../mail/domain.ts";
import { canonicalIp } from "../../mail/ip.ts";
import type { variablesOf } from "../../stage/vocabulary.ts";
import { dayMs, parseDuration } from "../../text/duration.ts";
import { formatRules, formatSwitch, readRules, readSwitch, type WrittenRules } from "../syntax/rule-set.ts";
import { problemOfHost } from "./database-url.ts";

// A configuration is validated once: compiling a validator for each table would take longer than that.
z.config({ jitless: true });

/** A name or another short text on one line. */
export const word = z.string().regex(/^[^\p{Cc}]+$/u, { error: "must be text on one line, and not empty." });

/** A name, an address or the path of a socket. */
export const serverHost = word.superRefine((text, context) => {
  const message = problemOfHost(text);
  if (message !== undefined) context.addIssue({ code: "custom", message });
});

/** What a server is called in EHLO and in headers: a name or an address literal (RFC 5321 4.1.1.1). */
export const hostName = word.refine((text) => /^(?:\[[\w.:]+\]|[\w-]+(?:\.[\w-]+)*)$/.test(text), {
  error: ({ input }) => `"${String(input)}" is not the name of a host. Write it like "mx.example.org".`,
});

/** Subdomains are domains of their own: a wildcard would match nothing. */
export const domainName = word.refine((text) => isMailDomain(canonicalDomain(text)), {
  error: ({ input }) => `"${String(input)}" is not a domain. Write it like "example.org", and each subdomain by itself.`,
});

export const domainNames = z.array(domainName).default([]);

/** Relative to the folder of the configuration file, where nothing else is said. */
export const path = z.string().regex(/^[^\0]+$/, { error: "is not the path of a file. Write one." });

export function onStoreFailure(meaning: string) {
  return z.enum(["accept", "defer"]).default("accept").meta({ description: meaning });
}

/** A string that means more than its text. */
interface Written<T> {
  readonly written: string;
  readonly value: T;
}

/** `read`: what a text means, or what is wrong with it and how to fix it. */
export function written<T extends number | object>(read: (text: string) => T | string, error?: string) {
  return z.codec(z.string(error === undefined ? {} : { error }), z.custom<Written<T>>(), {
    decode: (text, context) => {
      const value = read(text);
      if (typeof value !== "string") return { written: text, value };
      context.issues.push({ code: "custom", message: value, input: text });
      return z.NEVER;
    },
    encode: ({ written: text }) => text,
  });
}

/** Milliseconds. */
export function duration(fallback: string, meaning: string) {
  return durationText(fallback).prefault(fallback).meta({ description: meaning, unit: "duration" });
}

export function optionalDuration(example: string, unset: string, meaning: string) {
  return durationText(example).optional().meta({ description: meaning, unit: "duration", unset });
}

function durationText(example: string) {
  const read = (text: string) => {
    const ms = durationMs(text);
    if (ms === undefined) return `"${text}" is not a duration. Write a number and one of the units d, h, m, s, ms, such as "${example}".`;
    return ms > maxDurationMs ? `"${text}" is more than a hundred years. Write at most "36500d".` : ms;
  };
  return written(read, `a duration is written with its unit, in quotes. Write it like "${example}".`);
}

/** Added to the present time it is still a whole number for every store. */
const maxDurationMs = 36_500 * dayMs;

/** Unlike in expressions a unit is needed. `undefined`: not a duration. */
function durationMs(text: string): number | undefined {
  return /[a-z]$/i.test(text) ? parseDuration(text) : undefined;
}

/** Which variables a rule set may use. */
export type Stage = keyof typeof variablesOf;

export interface StageRules extends WrittenRules {
  readonly stage: Stage;
}

type Literal = string | number | boolean;
type RuleData = Literal | readonly ({ readonly if: string; readonly then: Literal } | { readonly else: Literal })[];

export function rules(stage: Stage, yields: string, fallback: RuleData, meaning: string) {
  return ruleSet(stage).prefault(fallback).meta({ description: meaning, stage, yields });
}

export function requiredRules(stage: Stage, yields: string, meaning: string) {
  return ruleSet(stage).meta({ description: meaning, stage, yields });
}

function ruleSet(stage: Stage) {
  return z.codec(z.unknown(), z.custom<StageRules>(), { decode: (data) => ({ stage, ...readRules(data) }), encode: formatRules });
}

const ruleSwitch = z.codec(z.unknown(), z.custom<StageRules>(), {
  decode: (data) => ({ stage: "address" as const, ...readSwitch(data) }),
  encode: formatSwitch,
});
const switchMeta = { stage: "address", yields: "true, false or rules that yield a string" };

/** True, false, or rules that yield an address to look up. */
export function addressSwitch(meaning: string) {
  return ruleSwitch.prefault(true).meta({ description: meaning, ...switchMeta });
}

export function optionalAddressSwitch(unset: string, meaning: string) {
  return ruleSwitch.optional().meta({ description: meaning, ...switchMeta, unset });
}

export function authenticatedOnly(value: Literal): RuleData {
  return [{ if: "!is_empty(authenticated_as)", then: value }, { else: false }];
}

/** At most so many in so long. */
interface Rate {
  readonly count: number;
  /** Whole seconds. */
  readonly periodMs: number;
}

const maxCount = 1_000_000_000;
const maxPeriodMs = 366 * dayMs;

/** `25/1h`. */
export const rate = written<Rate>(
  (text) => parseRate(text) ?? `"${text}" is not a rate: a number from 1, a slash, and a period of whole seconds. Write it like "100/1h".`,
  'a rate is a string, in quotes. Write it like "100/1h".',
);

function parseRate(text: string): Rate | undefined {
  const [, digits = "", period = ""] = /^(\d{1,10})\/(\S+)$/.exec(text) ?? [];
  const count = Number(digits);
  const periodMs = durationMs(period);
  if (count < 1 || count > maxCount || periodMs === undefined) return undefined;
  return periodMs >= 1000 && periodMs <= maxPeriodMs && periodMs % 1000 === 0 ? { count, periodMs } : undefined;
}

/** Where a listener accepts connections. A port of 0 takes any free one. */
export type ListenAddress =
  | { readonly kind: "inet"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** Of a socket's path, the zero octet at its end not counted (`sun_path` of Linux). */
const maxSocketPath = 107;

/** Or what is wrong with it and how to fix it. */
export function parseListenAddress(text: string): ListenAddress | string {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    if (!path.startsWith("/")) return `the path of a socket must be absolute. Write "unix:/run/postern/${path || "policy.sock"}".`;
    if (Buffer.byteLength(path) > maxSocketPath) return `the path of a socket has at most ${maxSocketPath} octets. Choose a shorter one.`;
    return { kind: "unix", path };
  }
  const path = /^(?:local:)?(\/.*)$/.exec(text)?.[1];
  if (path !== undefined) return `a socket is named with "unix:" before its path. Write "unix:${path}".`;
  if (/^inet6?:/.test(text)) {
    const [, port = "10040"] = /(\d+)(?:@.*)?$/.exec(text) ?? [];
    return `"inet:" is for the configuration of an MTA. Write the address and the port alone, such as "127.0.0.1:${port}".`;
  }
  const [, bracketed, plain = bracketed ?? "", digits] = /^(?:\[([^\]]*)\]|([^:]*))(?::([^:]*))?$/.exec(text) ?? [];
  if (digits === undefined) {
    const fix = 'Write an address and a port, such as "127.0.0.1:10040" or "[::1]:10040", or "unix:/path".';
    return `"${text}" has no port, or is an IPv6 address without brackets. ${fix}`;
  }
  const port = Number(digits);
  if (!/^\d{1,5}$/.test(digits) || port > 65535) return `"${digits}" is not a port. Write a number from 0 to 65535.`;
  const host = canonicalIp(plain);
  const isV6 = host?.includes(":") ?? false;
  if (host === undefined || isV6 !== (bracketed !== undefined)) {
    return `"${plain}" is not an address. Write an IP address, such as "127.0.0.1:${port}" or "[::1]:${port}".`;
  }
  return { kind: "inet", host, port };
}

export function formatListenAddress(address: ListenAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Only one of them can be bound. IPv6 sockets take no IPv4 here; `takesBoth`: `one` does as `::`, which systemd lets it. */
export function isSamePort(one: ListenAddress, other: ListenAddress, takesBoth = false): boolean {
  if (one.kind === "unix" || other.kind === "unix" || one.port !== other.port || one.port === 0) return false;
  if (one.host === other.host || (takesBoth && one.host === "::")) return true;
  return one.host.includes(":") === other.host.includes(":") && (isEveryAddress(one.host) || isEveryAddress(other.host));
}

export function isEveryAddress(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

export const mode = z.enum(["enforce", "shadow"]);

/** Of a part of the configuration that refuses. */
export function partMode(what: string) {
  return mode.default("enforce").meta({
    description: `\`shadow\`: what ${what} refuses is logged as \`would\` and counted, and passes. It changes nothing elsewhere.`,
  });
}
