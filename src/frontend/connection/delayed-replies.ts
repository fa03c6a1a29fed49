/** Replies that are delayed, at most so many at once over all listeners; each holds up its own client and nobody else. */

/** Runs a callback after so many milliseconds; the result calls it off. */
export type StartTimer = (ms: number, callback: () => void) => () => void;

export const startTimer: StartTimer = (ms, callback) => {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
};

/** Beyond this `setTimeout` would fire at once. */
const maxTimerMs = 2 ** 31 - 1;

/** A reply on its way: send it now, or forget it. Either may be called at any time, and again. */
export interface DelayedReply {
  release(): void;
  drop(): void;
}

export class DelayedReplies {
  #count = 0;
  readonly #limit: () => number;
  readonly #startTimer: StartTimer;

  /** `limit`: `session.rcpt.errors.max-waiting`, asked each time so that it may change. */
  constructor(limit: () => number, timer: StartTimer = startTimer) {
    this.#limit = limit;
    this.#startTimer = timer;
  }

  get count(): number {
    return this.#count;
  }

  /** `undefined`: too many are waiting already, and `send` was not called. */
  delay(delayMs: number, send: () => void): DelayedReply | undefined {
    if (this.#count >= this.#limit()) return undefined;
    this.#count += 1;
    let isWaiting = true;
    const end = (): boolean => {
      if (!isWaiting) return false;
      isWaiting = false;
      this.#count -= 1;
      return true;
    };
    const callOff = this.#startTimer(Math.min(delayMs, maxTimerMs), () => {
      if (end()) send();
    });
    return {
      release() {
        if (!end()) return;
        callOff();
        send();
      },
      drop() {
        if (end()) callOff();
      },
    };
  }
}
