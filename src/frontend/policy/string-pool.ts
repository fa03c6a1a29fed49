/** Words of which an MTA has few, such as the names of ciphers: each is copied once, and not for every session. */
import { ownCopy } from "./session-memory.ts";

/** Further ones are copied each time. */
const maxWords = 100;

export class FewWords {
  readonly #words = new Map<string, string>();

  /** The same text, which keeps no request alive. */
  kept(text: string): string {
    const known = this.#words.get(text);
    if (known !== undefined) return known;
    const own = ownCopy(text);
    if (this.#words.size < maxWords) this.#words.set(own, own);
    return own;
  }
}
