/** What was logged already, so that a stranger can neither fill the log with one thing nor the memory with many. */
import { LRUCache } from "lru-cache";
import { detach } from "../text/octets.ts";

/** Over all that is remembered; what was seen longest ago is forgotten, and may be said again. */
export const maxOctets = 1_048_576;

/** Things are the same when they begin alike for so long. */
const maxKeyLength = 512;

/** What an entry takes besides its key. */
const entryOctets = 100;

export class SayOnce {
  readonly #againAfterMs: number;
  readonly #now: () => number;
  readonly #saidAt = new LRUCache<string, number>({
    maxSize: maxOctets,
    sizeCalculation: (_, key) => Buffer.byteLength(key) + entryOctets,
  });

  /** Default: never again. `now` in milliseconds; it never goes back. */
  constructor(againAfterMs = Number.POSITIVE_INFINITY, now = () => performance.now()) {
    this.#againAfterMs = againAfterMs;
    this.#now = now;
  }

  get octets(): number {
    return this.#saidAt.calculatedSize;
  }

  /** Whether it may be said now, which counts as having been said. `againAfterMs`: of this one. */
  allows(what: string, againAfterMs = this.#againAfterMs): boolean {
    const key = what.slice(0, maxKeyLength).toWellFormed();
    const saidAt = this.#saidAt.get(key);
    const now = this.#now();
    if (saidAt !== undefined && now - saidAt < againAfterMs) return false;
    this.#saidAt.set(detach(key), now);
    return true;
  }
}
