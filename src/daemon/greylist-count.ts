/** How many entries the greylist has, for those who ask again and again: to count a large one takes minutes. */
import { TemporaryError } from "../answer/temporary-error.ts";
import type { Administration, GreylistStats } from "../state/state-store.ts";

export type EntryCounts = Pick<GreylistStats, "waiting" | "passed" | "addresses">;

/** What was counted is good for so long. */
const freshMs = 60_000;
/** Whoever asks waits so long for a count, and then has the one before. */
const longestWaitMs = 2000;

export class GreylistCount {
  readonly of: Pick<Administration, "stats">;
  readonly #now: () => number;
  #last: EntryCounts | undefined;
  #freshUntil = Number.NEGATIVE_INFINITY;
  #counting: Promise<void> | undefined;

  /** `now`: milliseconds since the epoch. */
  constructor(of: Pick<Administration, "stats">, now: () => number) {
    this.of = of;
    this.#now = now;
  }

  /** `undefined`: it cannot be told, or was never counted yet. */
  async entries(): Promise<EntryCounts | undefined> {
    if (this.#counting === undefined && this.#now() >= this.#freshUntil) this.#counting = this.#count();
    if (this.#counting !== undefined) await atMost(longestWaitMs, this.#counting);
    return this.#last;
  }

  async #count(): Promise<void> {
    try {
      const { waiting, passed, addresses } = await this.of.stats(this.#now());
      this.#last = { waiting, passed, addresses };
    } catch (error) {
      this.#last = undefined;
      if (!(error instanceof TemporaryError)) throw error;
    } finally {
      this.#freshUntil = this.#now() + freshMs;
      this.#counting = undefined;
    }
  }
}

async function atMost(ms: number, work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  try {
    await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
