/**
 * Answers that are kept for a while, bounded in number and in octets. What exists and what does not are kept apart, so that questions
 * about what strangers make up never push out what is known.
 */
import { LRUCache } from "lru-cache";
import { detach, isLonger } from "../text/octets.ts";

export interface KeptAnswer<T> {
  readonly value: T;
  readonly exists: boolean;
  readonly freshUntil: number;
  /** So long it may be served while nobody can be asked. */
  readonly staleUntil: number;
}

/** On average, with its key and what an entry takes itself; one that is long takes the room of several. */
export const octetsPerAnswer = 512;

/** What an entry takes besides its texts. */
const entryOctets = 100;

/** No address and no domain is longer; the answer to a longer key is not kept. */
export const maxKeyOctets = 1024;

/** Else the cache makes some at each call. */
const noOptions = {};

export class AnswerCache<T> {
  readonly #existing: LRUCache<string, KeptAnswer<T>> | undefined;
  readonly #missing: LRUCache<string, KeptAnswer<T>> | undefined;

  /** `entries` of each kind; 0 keeps none. `octetsOf` measures the texts of an answer. */
  constructor(entries: number, octetsOf: (value: T) => number) {
    if (entries === 0) return;
    const limits = {
      max: entries,
      maxSize: entries * octetsPerAnswer,
      sizeCalculation: ({ value }: KeptAnswer<T>, key: string) => entryOctets + Buffer.byteLength(key) + octetsOf(value),
    };
    this.#existing = new LRUCache(limits);
    this.#missing = new LRUCache(limits);
  }

  get octets(): number {
    return (this.#existing?.calculatedSize ?? 0) + (this.#missing?.calculatedSize ?? 0);
  }

  /** Also what is no longer fresh. */
  get(key: string): KeptAnswer<T> | undefined {
    return this.#existing?.get(key, noOptions) ?? this.#missing?.get(key, noOptions);
  }

  set(key: string, answer: KeptAnswer<T>): void {
    if (isLonger(key, maxKeyOctets)) return;
    const [kept, other] = answer.exists ? [this.#existing, this.#missing] : [this.#missing, this.#existing];
    other?.delete(key);
    kept?.set(detach(key), answer);
  }
}

export function octetsOfTexts(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}
