/** Removes old rows of a state store in rounds of small steps, between which requests are answered. */
import { TemporaryError } from "../answer/temporary-error.ts";
import type { Expiring } from "./state-store.ts";

/** Space is to be given back within ten minutes, of which a round of a large store takes a few. */
const betweenRoundsMs = 240_000;
const betweenStepsMs = 10;
const rowsPerStep = 500;

export interface Expiry {
  stop(): void;
}

/** The first round begins at once. Failures are reported by the store's `onAvailability`; the next round tries again. */
export function startExpiry(store: Expiring, now: () => number): Expiry {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const later = (ms: number) => {
    if (!isStopped) timer = setTimeout(() => void step(), ms).unref();
  };
  async function step(): Promise<void> {
    let pauseMs = betweenRoundsMs;
    try {
      if (await store.expire(now(), rowsPerStep)) pauseMs = betweenStepsMs;
    } catch (error) {
      if (!(error instanceof TemporaryError)) throw error;
    } finally {
      later(pauseMs);
    }
  }
  later(0);
  return {
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
