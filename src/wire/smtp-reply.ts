/** Replies of an SMTP or LMTP server, as its client reads them: bytes to replies (RFC 5321 4.2, RFC 2034). */

import { lineFeed } from "../text/ascii.ts";
import { Backlog } from "./backlog.ts";
import { ProtocolError } from "./protocol-error.ts";

export interface ServerReply {
  /** 200 to 599. */
  readonly code: number;
  /** The enhanced status code, `5.1.1`, of the class of `code`; `""`: there is none. */
  readonly status: string;
  /** What follows the code in each line, as it came: it may hold control characters. */
  readonly lines: readonly string[];
}

/** RFC 5321 4.5.3.1.5 allows 512, and some servers write more. */
export const maxLineOctets = 2048;
/** The longest ones are those to EHLO. */
export const maxReplyLines = 100;

/** Takes bytes in any portions and yields whole replies. After a `ProtocolError` it is of no further use. */
export class SmtpReplyDecoder {
  readonly #backlog = new Backlog(maxLineOctets + 1);
  /** Octets of the backlog that have no line end. */
  #searched = 0;
  #code = 0;
  #lines: string[] = [];

  push(portion: Buffer): void {
    this.#backlog.push(portion);
  }

  /** `undefined`: no whole reply is there. */
  next(): ServerReply | undefined {
    for (let line = this.#line(); line !== undefined; line = this.#line()) {
      const [, digits, separator, text = ""] = /^([2-5]\d\d)(?:([ -])(.*))?$/s.exec(line) ?? [];
      const code = Number(digits);
      if (digits === undefined) throw new ProtocolError("a line that is no reply of SMTP");
      if (this.#lines.length > 0 && code !== this.#code) throw new ProtocolError("a reply with two codes");
      if (this.#lines.length === maxReplyLines) throw new ProtocolError(`a reply of more than ${maxReplyLines} lines`);
      this.#code = code;
      this.#lines.push(text);
      if (separator !== "-") return this.#whole();
    }
    return undefined;
  }

  /** Something has come that belongs to a reply after the last one. */
  get isMidway(): boolean {
    return this.#lines.length > 0 || this.#backlog.length > 0;
  }

  #whole(): ServerReply {
    const lines = this.#lines;
    this.#lines = [];
    return { code: this.#code, status: statusOf(this.#code, lines), lines };
  }

  /** Without its end, which is CRLF, or LF alone. */
  #line(): string | undefined {
    const known = this.#backlog.length;
    while (this.#searched < known && this.#backlog.byte(this.#searched) !== lineFeed) {
      this.#searched += 1;
      if (this.#searched > maxLineOctets) throw new ProtocolError(`a line of more than ${maxLineOctets} octets`);
    }
    if (this.#searched === known) return undefined;
    const line = this.#backlog.take(this.#searched + 1).toString("utf8", 0, this.#searched);
    this.#searched = 0;
    return line.endsWith("\r") ? line.slice(0, -1) : line;
  }
}

/** Of the first line that has one: at its beginning, or marked as qmail does it: `sorry, no mailbox here by that name (#5.1.1)`. */
function statusOf(code: number, lines: readonly string[]): string {
  for (const line of lines) {
    const [, first, marked, bracketed] = statusSyntax.exec(line) ?? [];
    const status = first ?? marked ?? bracketed ?? "";
    if (status !== "" && status[0] === String(code)[0]) return status;
  }
  return "";
}

// No address of IPv4 is one, and no number of a version.
const digits = /(\d\.\d{1,3}\.\d{1,3})/.source;
const statusSyntax = new RegExp(`^[\\[(]?#?${digits}(?=[\\s\\]):;,]|\\.?$)|#${digits}(?![\\w.])|[\\[(]${digits}[\\])]`);
