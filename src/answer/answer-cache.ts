/**
 * Answers that are kept for a while, bounded in number and in octets. What exists and what does not are kept apart, so that questions
 * about what strangers make up never push out what is known.
 */
import { KeptTexts, type KeptTimes } from "../text/kept-texts.ts";
import { isLonger } from "../text/octets.ts";

export interface KeptAnswer<T> extends KeptTimes {
  readonly value: T;
  readonly exists: boolean;
}

/** How an answer is kept: as a text, the shorter the better. `key` is what was asked for. */
export interface AnswerText<T> {
  write(value: T, key: string): string;
  read(text: string, key: string): T;
}

/** For values that JSON says whole. */
export function asJson<T>(): AnswerText<T> {
  // It was written by the other.
  return { write: (value) => JSON.stringify(value), read: (text) => JSON.parse(text) as T };
}

const none: readonly never[] = [];

/** Most of what is asked about has none. */
export const asList: AnswerText<readonly string[]> = {
  write: (texts) => (texts.length === 0 ? "" : JSON.stringify(texts)),
  // It was written by the other.
  read: (text) => (text === "" ? none : (JSON.parse(text) as readonly string[])),
};

/** On average, with its key and what an entry takes itself; one that is long takes the room of several. */
export const octetsPerAnswer = 512;

/** No address and no domain is longer; the answer to a longer key is not kept. */
export const maxKeyOctets = 1024;

/** What is not fresh, or not there. */
export const notFresh = Symbol("not fresh");

export class AnswerCache<T> {
  readonly #text: AnswerText<T>;
  readonly #existing: KeptTexts | undefined;
  readonly #missing: KeptTexts | undefined;

  /** `entries` of each kind; 0 keeps none. */
  constructor(entries: number, text: AnswerText<T>) {
    this.#text = text;
    if (entries === 0) return;
    this.#existing = new KeptTexts(entries, entries * octetsPerAnswer);
    this.#missing = new KeptTexts(entries, entries * octetsPerAnswer);
  }

  get octets(): number {
    return (this.#existing?.octets ?? 0) + (this.#missing?.octets ?? 0);
  }

  /** The value alone; `takesStale`: one that was fresh, too, as long as it may be used in need. */
  fresh(key: string, now: number, takesStale = false): T | typeof notFresh {
    const existing = this.#existing?.find(key);
    const kept = existing === undefined ? this.#missing : this.#existing;
    const at = existing ?? kept?.find(key);
    if (kept === undefined || at === undefined) return notFresh;
    if (now >= kept.freshUntil(at) && !(takesStale && now < kept.staleUntil(at))) return notFresh;
    return this.#text.read(kept.text(at), key);
  }

  /** Also what is no longer fresh. */
  get(key: string): KeptAnswer<T> | undefined {
    return this.#read(this.#existing, key, true) ?? this.#read(this.#missing, key, false);
  }

  set(key: string, { value, exists, freshUntil, staleUntil }: KeptAnswer<T>): void {
    if (isLonger(key, maxKeyOctets)) return;
    const [kept, other] = exists ? [this.#existing, this.#missing] : [this.#missing, this.#existing];
    other?.delete(key);
    kept?.set(key, this.#text.write(value, key), { freshUntil, staleUntil });
  }

  #read(kept: KeptTexts | undefined, key: string, exists: boolean): KeptAnswer<T> | undefined {
    const at = kept?.find(key);
    if (kept === undefined || at === undefined) return undefined;
    return { value: this.#text.read(kept.text(at), key), exists, freshUntil: kept.freshUntil(at), staleUntil: kept.staleUntil(at) };
  }
}
