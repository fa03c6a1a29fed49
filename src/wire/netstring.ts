/** Netstrings: a decimal length, a colon, that many bytes, a comma. */
import { nine, zero } from "../text/ascii.ts";
import { Backlog } from "./backlog.ts";
import { ProtocolError } from "./protocol-error.ts";

/** A longer one is not skipped to its end: it is an error of the protocol. */
export const maxNetstringOctets = 1_048_576;

/** Those of `maxNetstringOctets`. Leading zeros are accepted, as by Postfix, but count. */
const maxDigits = 7;

/** Takes bytes in any portions and yields whole netstrings. After a `ProtocolError` it is of no further use. */
export class NetstringDecoder {
  readonly #maxKept: number;
  readonly #backlog: Backlog;
  /** The beginning of one that is longer than what is kept, until its end has come. */
  #cut: Buffer | undefined;
  /** Of its octets, those that have not come yet. */
  #toSkip = 0;

  /** One that has more octets than `maxKept`, without length and comma, is cut. */
  constructor(maxKept: number) {
    this.#maxKept = maxKept;
    this.#backlog = new Backlog(maxDigits + maxKept + 2);
  }

  push(portion: Buffer, octets = portion.length): void {
    const skipped = Math.min(this.#toSkip, octets);
    this.#toSkip -= skipped;
    if (skipped < octets) this.#backlog.push(skipped === 0 ? portion : portion.subarray(skipped), octets - skipped);
  }

  /** What was pushed may change now. */
  keep(): void {
    this.#backlog.keep();
  }

  /** `undefined`: no whole netstring is there. A view of what was pushed. */
  next(): Buffer | undefined {
    if (this.#cut !== undefined) return this.#skip(this.#cut);
    const colon = this.#colon();
    if (colon === undefined) return undefined;
    const length = this.#length(colon);
    if (length > maxNetstringOctets) throw new ProtocolError(`a netstring of ${length} octets`);
    const start = colon + 1;
    const kept = Math.min(length, this.#maxKept);
    if (this.#backlog.length <= start + kept) return undefined;
    const bytes = this.#backlog.take(start + kept).subarray(start);
    if (kept === length) return this.#skip(bytes);
    this.#toSkip = length - kept;
    return this.#skip(Buffer.from(bytes));
  }

  get isMidway(): boolean {
    return this.#cut !== undefined || this.#backlog.length > 0;
  }

  /** Octets that are kept of what is not read yet. */
  get unread(): number {
    return this.#backlog.length + (this.#cut?.length ?? 0);
  }

  get mostKept(): number {
    return this.#backlog.most;
  }

  /** What is left of a netstring that is too long, and the comma. */
  #skip(bytes: Buffer): Buffer | undefined {
    const skipped = Math.min(this.#toSkip, this.#backlog.length);
    this.#backlog.take(skipped);
    this.#toSkip -= skipped;
    const hasEnd = this.#backlog.length > 0;
    this.#cut = hasEnd ? undefined : bytes;
    if (!hasEnd) return undefined;
    if (this.#backlog.take(1)[0] !== commaByte) throw new ProtocolError("a netstring without its comma");
    return bytes;
  }

  /** `undefined`: it has not come yet. */
  #colon(): number | undefined {
    const known = Math.min(this.#backlog.length, maxDigits + 1);
    for (let offset = 0; offset < known; offset += 1) {
      const byte = this.#backlog.byte(offset);
      if (byte === colonByte && offset > 0) return offset;
      if (byte < zero || byte > nine) throw new ProtocolError("a netstring without its length");
    }
    if (known > maxDigits) throw new ProtocolError(`a netstring whose length has more than ${maxDigits} digits`);
    return undefined;
  }

  #length(colon: number): number {
    let length = 0;
    for (let offset = 0; offset < colon; offset += 1) length = length * 10 + this.#backlog.byte(offset) - zero;
    return length;
  }
}

const colonByte = 0x3a;
const commaByte = 0x2c;

export function encodeNetstring(text: string): string {
  return `${Buffer.byteLength(text)}:${text},`;
}
