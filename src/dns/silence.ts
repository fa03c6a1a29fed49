/** A DNS list that says nothing is not waited for again and again: what about, and after several in a row nothing at all, until it answers. */
import { LRUCache } from "lru-cache";

/** So long after a question was waited for in vain, unless there is an answer before. */
const silentMs = 60_000;
/** Questions in a row, about different things. */
const maxInRow = 3;
/** A failure that comes sooner keeps nobody waiting. */
const promptMs = 250;
/** What so many questions were about is known. */
const maxKept = 1000;

export class Silence {
  /** By what was asked about: until when it is not waited for. */
  readonly #until = new LRUCache<string, number>({ max: maxKept });
  #inRow = 0;
  #allUntil = Number.NEGATIVE_INFINITY;

  /** `now` is in milliseconds, here and below. */
  isExpected(about: string, now: number): boolean {
    return now >= this.#allUntil && now >= (this.#until.get(about) ?? Number.NEGATIVE_INFINITY);
  }

  /** No answer, to what was asked at `askedAt`. */
  failed(about: string, askedAt: number, now: number): void {
    if (now < askedAt + promptMs) {
      this.answered(about);
      return;
    }
    // Of several at once about the same the first counts.
    if ((this.#until.get(about) ?? Number.NEGATIVE_INFINITY) <= askedAt) this.#inRow += 1;
    this.#until.set(about, now + silentMs);
    if (this.#inRow >= maxInRow) this.#allUntil = now + silentMs;
  }

  /** Who answers one question answers others. */
  answered(about?: string): void {
    if (this.#inRow >= maxInRow) this.#until.clear();
    else if (about !== undefined) this.#until.delete(about);
    this.#inRow = 0;
    this.#allUntil = Number.NEGATIVE_INFINITY;
  }
}
