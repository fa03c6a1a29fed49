/**
 * Who may ask the HTTP listener. What a browser sends by itself (an address, a cookie) proves nothing: a page of another origin can make it
 * send that. So the `Host` must be a name of this listener (a rebound name is not), and a change needs the page's origin and a token that
 * only a page of this listener can read.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { canonicalIp } from "../../mail/ip.ts";

export interface AccessSettings {
  /** `undefined`: whoever can connect may ask. */
  readonly token: string | undefined;
  /** Lower case, without a port, besides those of the machine itself. */
  readonly allowedHosts: readonly string[];
}

/** What access is decided by. */
export interface Asking {
  readonly headers: IncomingHttpHeaders;
  /** At which the connection was accepted; `undefined`: a UNIX socket. */
  readonly localAddress: string | undefined;
}

const loopbackHosts: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Whether the request names this listener. An address cannot be rebound, so that its own will do. */
export function isOwnHost({ headers, localAddress }: Asking, { allowedHosts }: AccessSettings): boolean {
  // By HTTP/1.0, as load balancers look whether somebody is alive. Every browser sends one.
  if (headers.host === undefined) return true;
  const name = hostName(headers.host);
  if (name === undefined) return false;
  if (loopbackHosts.has(name) || allowedHosts.includes(name)) return true;
  const address = canonicalIp(name.replace(/^\[(.*)\]$/, "$1"));
  return address !== undefined && localAddress !== undefined && address === canonicalIp(localAddress);
}

function hostName(host: string): string | undefined {
  return /^(\[[\da-fA-F:.]+\]|[^\s:@/\\[\]]+)(?::\d{1,5})?$/.exec(host)?.[1]?.toLowerCase();
}

/** A browser says that a page of elsewhere asks; what is no browser says nothing. */
export function isCrossSite({ headers }: Pick<Asking, "headers">): boolean {
  const site = headers["sec-fetch-site"];
  return site !== undefined && site !== "same-origin" && site !== "none";
}

/** Whether a page of this listener sent it. The scheme is that of a proxy, perhaps. */
export function isSameOrigin({ headers }: Pick<Asking, "headers">): boolean {
  const { origin, host } = headers;
  if (origin === undefined || host === undefined || isCrossSite({ headers })) return false;
  return origin === `http://${host}` || origin === `https://${host}`;
}

export const cookieName = "postern";
export const sessionSeconds = 12 * 60 * 60;

/** Who has shown the token, until when; and the token of forms. Both are forgotten at a restart of the daemon. */
export class Sessions {
  readonly #secret = randomBytes(32);
  readonly #now: () => number;

  /** `now`: milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The `Authorization` header or a cookie shows it. */
  knows({ headers }: Pick<Asking, "headers">, token: string): boolean {
    const [, bearer] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "") ?? [];
    if (bearer !== undefined) return this.isToken(bearer, token);
    const [, until, proof] = new RegExp(`^(?:.*; *)?${cookieName}=(\\d{1,15})\\.([\\w-]+)(?:;|$)`).exec(headers.cookie ?? "") ?? [];
    if (until === undefined || proof === undefined || Number(until) * 1000 <= this.#now()) return false;
    return isEqual(proof, this.#proof(`session ${until}`, token));
  }

  isToken(given: string, token: string): boolean {
    return isEqual(this.#proof("token", given), this.#proof("token", token));
  }

  /** The value of a cookie. */
  open(token: string): string {
    const until = String(Math.floor(this.#now() / 1000) + sessionSeconds);
    return `${until}.${this.#proof(`session ${until}`, token)}`;
  }

  /** Of every form and script of a page; nobody else can read it. */
  csrf(token: string | undefined): string {
    return this.#proof("csrf", token ?? "");
  }

  isCsrf(given: string | undefined, token: string | undefined): boolean {
    return given !== undefined && isEqual(given, this.csrf(token));
  }

  #proof(what: string, token: string): string {
    return createHmac("sha256", this.#secret)
      .update(JSON.stringify([what, token]))
      .digest("base64url");
  }
}

/** In a time that tells nothing of either. */
function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
