/** Netstrings: a decimal length, a colon, that many bytes, a comma. */
import { Backlog } from "./backlog.ts";
import { ProtocolError } from "./protocol-error.ts";

/** `overlong`: it was longer than is kept, and was skipped. */
export type Netstring = { readonly kind: "bytes"; readonly bytes: Buffer } | { readonly kind: "overlong" };

/** A longer one is not skipped: it is an error of the protocol. */
export const maxSkippedOctets = 1_048_576;

/** Those of `maxSkippedOctets`. Leading zeros are accepted, as by Postfix, but count. */
const maxDigits = 7;

/** Takes bytes in any portions and yields whole netstrings. After a `ProtocolError` it is of no further use. */
export class NetstringDecoder {
  readonly #maxOctets: number;
  readonly #backlog = new Backlog();
  /** Bytes of an overlong netstring that have not come yet. */
  #toSkip = 0;
  #isSkipping = false;

  /** `maxOctets` without length and comma. */
  constructor(maxOctets: number) {
    this.#maxOctets = maxOctets;
  }

  push(portion: Buffer): void {
    const skipped = Math.min(this.#toSkip, portion.length);
    this.#toSkip -= skipped;
    if (skipped < portion.length) this.#backlog.push(portion.subarray(skipped));
  }

  /** `undefined`: no whole netstring is there. */
  next(): Netstring | undefined {
    if (this.#isSkipping) return this.#endSkipping();
    const colon = this.#colon();
    if (colon === undefined) return undefined;
    const length = this.#length(colon);
    if (length > maxSkippedOctets) throw new ProtocolError(`a netstring of ${length} octets`);
    const start = colon + 1;
    if (length > this.#maxOctets) {
      const skipped = Math.min(length, this.#backlog.length - start);
      this.#backlog.take(start + skipped);
      this.#toSkip = length - skipped;
      this.#isSkipping = true;
      return this.#endSkipping();
    }
    if (this.#backlog.length <= start + length) return undefined;
    const bytes = this.#backlog.take(start + length).subarray(start);
    this.#takeComma();
    return { kind: "bytes", bytes };
  }

  #endSkipping(): Netstring | undefined {
    if (this.#toSkip > 0 || this.#backlog.length === 0) return undefined;
    this.#takeComma();
    this.#isSkipping = false;
    return { kind: "overlong" };
  }

  /** `undefined`: it has not come yet. */
  #colon(): number | undefined {
    const known = Math.min(this.#backlog.length, maxDigits + 1);
    for (let offset = 0; offset < known; offset += 1) {
      const byte = this.#backlog.byte(offset);
      if (byte === colonByte && offset > 0) return offset;
      if (byte < zeroByte || byte > nineByte) throw new ProtocolError("a netstring without its length");
    }
    if (known > maxDigits) throw new ProtocolError(`a netstring whose length has more than ${maxDigits} digits`);
    return undefined;
  }

  #length(colon: number): number {
    let length = 0;
    for (let offset = 0; offset < colon; offset += 1) length = length * 10 + this.#backlog.byte(offset) - zeroByte;
    return length;
  }

  #takeComma(): void {
    if (this.#backlog.take(1)[0] !== commaByte) throw new ProtocolError("a netstring without its comma");
  }
}

const zeroByte = 0x30;
const nineByte = 0x39;
const colonByte = 0x3a;
const commaByte = 0x2c;

export function encodeNetstring(text: string): string {
  return `${Buffer.byteLength(text)}:${text},`;
}
