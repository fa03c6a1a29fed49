/** How long a request may take to be answered, and a peer for what only it can do: send the rest of a request, open a session, read its replies. */
import type { StartTimer } from "./delayed-replies.ts";

/** Sendmail waits for 10 seconds; then it accepts or defers, as its own configuration says. Postfix waits longer. */
export const maxAnswerMs = 9000;

/**
 * How long requests may take together that the peer does not wait for, while it may wait for what came after them. SPF takes 5 seconds at
 * most, and is heard.
 */
export const maxUnawaitedMs = 6000;

export const maxPeerMs = 10_000;

/**
 * In which nothing is seen to be read of what waits. Linux says that there is room only when three quarters of the buffer of a UNIX socket
 * are free (200 KB), or a third of that of a TCP socket, which may be over 1 MB: an MTA that looks up each of thousands of recipients needs
 * minutes for so much, and reads on all the time.
 */
export const maxUnreadMs = 300_000;

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
  start(onPassed: () => void, ms = maxPeerMs): void {
    this.#callOff ??= this.#startTimer(ms, () => {
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
