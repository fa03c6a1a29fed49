/** How long a request may take to be answered, and a peer for what only it can do: send the rest of a request, open a session, take its replies. */
import type { StartTimer } from "./delayed-replies.ts";

/** Sendmail waits for 10 seconds; then it accepts or defers, as its own configuration says. Postfix waits longer. */
export const maxAnswerMs = 9000;

export const maxPeerMs = 10_000;

export class Deadline {
  readonly #startTimer: StartTimer;
  #callOff: (() => void) | undefined;
  #isPassed = false;

  constructor(timer: StartTimer) {
    this.#startTimer = timer;
  }

  /** It has passed since it was started. */
  get isPassed(): boolean {
    return this.#isPassed;
  }

  /** One that runs already, or has passed, goes on. */
  start(onPassed: () => void): void {
    this.#callOff ??= this.#startTimer(maxPeerMs, () => {
      // Timers come before sockets in a turn of the event loop: what the peer sent while the loop was busy is read first.
      const last = setImmediate(() => {
        this.#isPassed = true;
        onPassed();
      });
      this.#callOff = () => clearImmediate(last);
    });
  }

  stop(): void {
    this.#callOff?.();
    this.#callOff = undefined;
    this.#isPassed = false;
  }
}
