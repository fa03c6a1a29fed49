/** Socketmap: questions of an MTA to a named table, and the answers (socketmap_table(5); Sendmail's class `socket`). */
import { cleanText, hasControls } from "../text/controls.ts";
import { encodeNetstring, NetstringDecoder } from "./netstring.ts";

export interface SocketmapRequest {
  /** `""` when none is named. */
  readonly map: string;
  /**
   * May be empty, and may hold spaces. What is not UTF-8 becomes U+FFFD. One of more than `maxKeyOctets` may be cut, and is still longer
   * than any that a table has.
   */
  readonly key: string;
}

export type SocketmapReply =
  | { readonly kind: "found"; readonly data: string }
  | { readonly kind: "notFound" }
  /** Cannot tell now. */
  | { readonly kind: "temporary"; readonly reason: string }
  /** An error of the configuration. Sendmail takes it for "not found". */
  | { readonly kind: "permanent"; readonly reason: string };

/** Postfix sends keys of up to 10,000 octets (socketmap_max_query_size). */
const maxKeyOctets = 10_000;
const maxMapOctets = 255;
export const maxQueryOctets = maxMapOctets + 1 + maxKeyOctets;

/** The whole reply (socketmap_max_reply_size). */
export const maxReplyOctets = 100_000;

const maxReasonLength = 400;

/** Takes bytes in any portions and yields whole requests. After a `ProtocolError` it is of no further use. */
export class SocketmapDecoder {
  readonly #netstrings = new NetstringDecoder(maxQueryOctets);

  get isMidway(): boolean {
    return this.#netstrings.isMidway;
  }

  get unread(): number {
    return this.#netstrings.unread;
  }

  get mostKept(): number {
    return this.#netstrings.mostKept;
  }

  push(bytes: Buffer, octets?: number): void {
    this.#netstrings.push(bytes, octets);
  }

  /** What was pushed may change now. */
  keep(): void {
    this.#netstrings.keep();
  }

  /** `undefined`: no whole request is there. */
  next(): SocketmapRequest | undefined {
    const text = this.#netstrings.next()?.toString("utf8");
    if (text === undefined) return undefined;
    const space = text.indexOf(" ");
    return space < 0 ? { map: "", key: text } : { map: text.slice(0, space), key: text.slice(space + 1) };
  }
}

/** Data that no MTA could use are an error, for a shortened or changed result would be a wrong one. */
export function encodeSocketmapReply(reply: SocketmapReply): string {
  switch (reply.kind) {
    case "found":
      return encodeFound(reply.data);
    case "notFound":
      // Postfix's documentation has the space; Sendmail takes it too.
      return encodeNetstring("NOTFOUND ");
    case "temporary":
      return encodeNetstring(`TEMP ${shown(reply.reason)}`);
    case "permanent":
      return encodeNetstring(`PERM ${shown(reply.reason)}`);
  }
}

function encodeFound(data: string): string {
  const problem = problemOf(data);
  // Not PERM, which Sendmail takes for "not found".
  return encodeNetstring(problem === undefined ? `OK ${data}` : `TEMP ${problem}`);
}

/** Why no MTA could use these data; `undefined`: it can be sent. */
export function problemOf(data: string): string | undefined {
  // Postfix takes an empty result for an error.
  if (data === "") return "the result is empty";
  if (hasControls(data)) return "the result has control characters";
  if (Buffer.byteLength(`OK ${data}`) > maxReplyOctets) return `the result has more than ${maxReplyOctets} bytes`;
  return undefined;
}

function shown(reason: string): string {
  return cleanText(reason).slice(0, maxReasonLength).toWellFormed();
}
