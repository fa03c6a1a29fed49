/**
 * Answers that are kept for a while, bounded in number and in octets. What exists, what exists by any text that somebody chooses, and what
 * does not exist are kept apart, so that questions about what strangers make up never push out what is known.
 */

import { KeptTexts, type KeptTimes } from "../text/kept-texts.ts";
import { keyedHash } from "../text/keyed-hash.ts";
import { isLonger } from "../text/octets.ts";

export interface KeptAnswer<T> extends KeptTimes {
  readonly value: T;
  readonly exists: boolean;
  /** It exists as any number of others do that a stranger makes up, such as those with a tag. Default: by itself. */
  readonly isMadeUp?: boolean;
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

/** Of what exists and is made up, as many as a part of the entries. */
const madeUpShare = 1 / 4;

/** What is not fresh, or not there. */
export const notFresh = Symbol("not fresh");

const existing = { exists: true };
const missing = { exists: false };
const madeUp = { exists: true, isMadeUp: true };

export class AnswerCache<T> {
  readonly #text: AnswerText<T>;
  readonly #existing: KeptTexts | undefined;
  readonly #missing: KeptTexts | undefined;
  readonly #maxMadeUp: number;
  /** Most caches have none of it, and are not searched for it. */
  #madeUp: KeptTexts | undefined;

  /** `entries` that exist, as many that do not, and a quarter of it that are made up; 0 keeps none. */
  constructor(entries: number, text: AnswerText<T>) {
    this.#text = text;
    this.#maxMadeUp = Math.ceil(entries * madeUpShare);
    if (entries === 0) return;
    this.#existing = new KeptTexts(entries, entries * octetsPerAnswer);
    this.#missing = new KeptTexts(entries, entries * octetsPerAnswer);
  }

  get octets(): number {
    return (this.#existing?.octets ?? 0) + (this.#missing?.octets ?? 0) + (this.#madeUp?.octets ?? 0);
  }

  /** The value alone; `takesStale`: one that was fresh, too, as long as it may be used in need. */
  fresh(key: string, now: number, takesStale = false): T | typeof notFresh {
    let kept = this.#existing;
    if (kept === undefined) return notFresh;
    const hash = keyedHash(key);
    let at = kept.find(key, hash);
    if (at === undefined) {
      kept = this.#missing;
      at = kept?.find(key, hash);
    }
    if (at === undefined && this.#madeUp !== undefined) {
      kept = this.#madeUp;
      at = kept.find(key, hash);
    }
    if (kept === undefined || at === undefined) return notFresh;
    if (now >= kept.freshUntil(at) && !(takesStale && now < kept.staleUntil(at))) return notFresh;
    return this.#text.read(kept.text(at), key);
  }

  /** Also what is no longer fresh. */
  get(key: string): KeptAnswer<T> | undefined {
    return this.#read(this.#existing, key, existing) ?? this.#read(this.#missing, key, missing) ?? this.#read(this.#madeUp, key, madeUp);
  }

  set(key: string, { value, exists, isMadeUp = false, freshUntil, staleUntil }: KeptAnswer<T>): void {
    if (this.#existing === undefined || isLonger(key, maxKeyOctets)) return;
    if (exists && isMadeUp) this.#madeUp ??= new KeptTexts(this.#maxMadeUp, this.#maxMadeUp * octetsPerAnswer);
    const kept = !exists ? this.#missing : isMadeUp ? this.#madeUp : this.#existing;
    for (const other of [this.#existing, this.#missing, this.#madeUp]) if (other !== kept) other?.delete(key);
    kept?.set(key, this.#text.write(value, key), { freshUntil, staleUntil });
  }

  #read(kept: KeptTexts | undefined, key: string, kind: Pick<KeptAnswer<T>, "exists" | "isMadeUp">): KeptAnswer<T> | undefined {
    const at = kept?.find(key);
    if (kept === undefined || at === undefined) return undefined;
    return { value: this.#text.read(kept.text(at), key), ...kind, freshUntil: kept.freshUntil(at), staleUntil: kept.staleUntil(at) };
  }
}
