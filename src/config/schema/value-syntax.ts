/** Values that are written as one string and mean more: durations, addresses to listen at, modes, replies. */

import { canonicalIp } from "../../mail/ip.ts";
import { parseDuration } from "../../text/duration.ts";

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
