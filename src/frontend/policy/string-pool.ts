/** Words of which an MTA has few, such as the names of ciphers: each is copied once, and not for every session. */
import { detach, isLonger } from "../../text/octets.ts";

/** What is longer is not one of few. */
const maxWordOctets = 64;

/** Over all words; further ones are copied each time. */
export const maxPoolOctets = 8192;

export class StringPool {
  readonly #words = new Map<string, string>();
  #octets = 0;

  get octets(): number {
    return this.#octets;
  }

  /** The same text, which keeps no request alive. */
  intern(text: string): string {
    if (isLonger(text, maxWordOctets)) return detach(text);
    const known = this.#words.get(text);
    if (known !== undefined) return known;
    const own = detach(text);
    const octets = this.#octets + Buffer.byteLength(own);
    if (octets <= maxPoolOctets) {
      this.#words.set(own, own);
      this.#octets = octets;
    }
    return own;
  }
}
