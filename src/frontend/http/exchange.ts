/** One request and its response: what is read is bounded, what is written is never taken for markup that runs. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { codeOf } from "../../text/error-code.ts";

/** Ends a request with a status. Its message is shown. */
export class HttpError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const maxBodyOctets = 65_536;
const bodyMs = 10_000;

/** However small the parts are in which it comes, it takes no more memory than `maxOctets`. */
export async function readBody(request: IncomingMessage, maxOctets = maxBodyOctets): Promise<string> {
  const body = Buffer.allocUnsafe(maxOctets);
  let octets = 0;
  const timer = setTimeout(() => request.destroy(), bodyMs);
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      if (octets + chunk.length > maxOctets) throw new HttpError(413, `a request has at most ${maxOctets} octets`);
      octets += chunk.copy(body, octets);
    }
  } finally {
    clearTimeout(timer);
  }
  return body.toString("utf8", 0, octets);
}

/** On every response. Nothing here is for pages of elsewhere, and no page runs what is not in a file of this server. */
export function protect(response: ServerResponse): void {
  response.setHeader("x-content-type-options", "nosniff");
  response.setHeader("x-frame-options", "DENY");
  response.setHeader("referrer-policy", "same-origin");
  response.setHeader("cross-origin-resource-policy", "same-origin");
  response.setHeader("cross-origin-opener-policy", "same-origin");
  response.setHeader("cache-control", "no-store");
  response.setHeader("content-security-policy", contentSecurityPolicy([]));
}

/** `scriptHashes`: of inline scripts, such as `sha256-…`. */
export function contentSecurityPolicy(scriptHashes: readonly string[]): string {
  const scripts = ["'self'", ...scriptHashes.map((hash) => `'${hash}'`)].join(" ");
  return `default-src 'none'; script-src ${scripts}; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`;
}

export const jsonType = "application/json; charset=utf-8";

export function send(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}

export function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  send(response, status, jsonType, `${JSON.stringify(value)}\n`);
}

/** Each portion is made when those before it are read. Whoever goes before the end concerns nobody. */
export async function sendPortions(response: ServerResponse, type: string, portions: AsyncIterable<string>): Promise<void> {
  response.writeHead(200, { "content-type": type });
  try {
    await pipeline(portions, response);
  } catch (error) {
    if (codeOf(error) !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  }
}
