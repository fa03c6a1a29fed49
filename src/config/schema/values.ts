/** The kinds of values that many keys have, and what those mean that are written as one string: durations, rates, addresses to listen at. */
import { z } from "zod";
import { canonicalIp } from "../../mail/ip.ts";
import type { variablesOf } from "../../stage/vocabulary.ts";
import { parseDuration } from "../../text/duration.ts";

/** A name or another short text on one line. */
export const word = z.string().regex(/^[^\p{Cc}]+$/u, { error: "must be text on one line, and not empty." });

export const domainNames = z.array(word).default([]);

/** Relative to the folder of the configuration file, where nothing else is said. */
export const path = z.string().regex(/^[^\0]+$/, { error: "is not the path of a file. Write one." });

export function duration(fallback: string, meaning: string) {
  const text = z
    .string({ error: `a duration is written with its unit, in quotes. Write it like "${fallback}".` })
    .superRefine((value, context) => {
      if (durationMs(value) !== undefined) return;
      context.addIssue(`"${value}" is not a duration. Write a number and one of the units d, h, m, s, ms, such as "${fallback}".`);
    });
  return text.default(fallback).meta({ description: meaning, unit: "duration" });
}

type Constant = string | number | boolean;
type RuleData = Constant | readonly ({ readonly if: string; readonly then: Constant } | { readonly else: Constant })[];

/** A rule set: its forms are read, and its expressions compiled, after the rest. `stage` says which variables it may use. */
export function rules(stage: keyof typeof variablesOf, yields: string, fallback: RuleData, meaning: string) {
  return z.unknown().default(fallback).meta({ description: meaning, stage, yields });
}

export function optionalRules(stage: keyof typeof variablesOf, yields: string, unset: string, meaning: string) {
  return z.unknown().optional().meta({ description: meaning, stage, yields, unset });
}

export function authenticatedOnly(value: Constant): RuleData {
  return [{ if: "!is_empty(authenticated_as)", then: value }, { else: false }];
}

export function onStoreFailure(meaning: string) {
  return z.enum(["accept", "defer"]).default("accept").meta({ description: meaning });
}

/** Where a listener accepts connections. A port of 0 takes any free one. */
export type Bind =
  | { readonly kind: "inet"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** Of a socket's path, the zero octet at its end not counted (`sun_path` of Linux). */
const maxSocketPath = 107;

/** Unlike in expressions a unit is needed. `undefined`: not a duration. */
export function durationMs(text: string): number | undefined {
  return /[a-z]$/i.test(text) ? parseDuration(text) : undefined;
}

/** At most so many in so long. */
export interface Rate {
  readonly count: number;
  /** Whole seconds. */
  readonly periodMs: number;
}

const maxCount = 1_000_000_000;
const maxPeriodMs = 366 * 24 * 60 * 60 * 1000;

/** `25/1h`. `undefined`: not a rate. */
export function parseRate(text: string): Rate | undefined {
  const [, digits = "", period = ""] = /^(\d{1,10})\/(\S+)$/.exec(text) ?? [];
  const count = Number(digits);
  const periodMs = durationMs(period);
  if (count < 1 || count > maxCount || periodMs === undefined) return undefined;
  return periodMs >= 1000 && periodMs <= maxPeriodMs && periodMs % 1000 === 0 ? { count, periodMs } : undefined;
}

/** What is wrong with it and how to mend it, if it is not one. */
export function parseBind(text: string): Bind | string {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    if (!path.startsWith("/")) return `the path of a socket must be absolute. Write "unix:/run/postern/${path || "policy.sock"}".`;
    if (Buffer.byteLength(path) > maxSocketPath) return `the path of a socket has at most ${maxSocketPath} octets. Choose a shorter one.`;
    return { kind: "unix", path };
  }
  const [, bracketed, plain = bracketed ?? "", digits] = /^(?:\[([^\]]*)\]|([^:]*))(?::([^:]*))?$/.exec(text) ?? [];
  if (digits === undefined) {
    const mend = 'Write an address and a port, such as "127.0.0.1:10040" or "[::1]:10040", or "unix:/path".';
    return `"${text}" has no port, or an IPv6 address without brackets. ${mend}`;
  }
  const port = Number(digits);
  if (!/^\d{1,5}$/.test(digits) || port > 65535) return `"${digits}" is no port. Write a number from 0 to 65535.`;
  const host = canonicalIp(plain);
  const isV6 = host?.includes(":") ?? false;
  if (host === undefined || isV6 !== (bracketed !== undefined)) {
    return `"${plain}" is not an address. Write an IP address, such as "127.0.0.1:${port}" or "[::1]:${port}".`;
  }
  return { kind: "inet", host, port };
}

export function formatBind(bind: Bind): string {
  if (bind.kind === "unix") return `unix:${bind.path}`;
  return bind.host.includes(":") ? `[${bind.host}]:${bind.port}` : `${bind.host}:${bind.port}`;
}
