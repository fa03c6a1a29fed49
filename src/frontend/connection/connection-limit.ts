/** How many connections a listener may have at once, and when to say that it is full. */
import type { Notice } from "../notice.ts";

interface ConnectionLimitOptions {
  readonly listener: string;
  readonly max: () => number;
  /** Those that are open now. */
  readonly count: () => number;
  readonly onNotice: (notice: Notice) => void;
}

export class ConnectionLimit {
  readonly #options: ConnectionLimitOptions;
  /** Connections refused since it filled up; `undefined`: it is not full. */
  #refused: number | undefined;

  constructor(options: ConnectionLimitOptions) {
    this.#options = options;
  }

  /** Whether one more may be taken; otherwise another must make room, or the new one is refused. */
  hasRoom(): boolean {
    const { listener, max, count, onNotice } = this.#options;
    const limit = max();
    if (count() < limit) return true;
    if (this.#refused === undefined) {
      this.#refused = 0;
      onNotice({ kind: "connections-full", listener, limit });
    }
    return false;
  }

  /** One was refused since there is no room. */
  refused(): void {
    if (this.#refused !== undefined) this.#refused += 1;
  }

  /** Some have been closed. */
  closed(): void {
    const { listener, max, count, onNotice } = this.#options;
    // Half empty: one that comes and goes at the limit is one episode.
    if (this.#refused === undefined || count() > max() / 2) return;
    onNotice({ kind: "connections-free", listener, refused: this.#refused });
    this.#refused = undefined;
  }
}
