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
  /** Connections refused since it filled up; 0: it is not full. */
  #refused = 0;

  constructor(options: ConnectionLimitOptions) {
    this.#options = options;
  }

  /** Whether one more may be taken; otherwise it counts as refused. */
  admits(): boolean {
    const { listener, max, count, onNotice } = this.#options;
    const limit = max();
    if (count() < limit) return true;
    this.#refused += 1;
    if (this.#refused === 1) onNotice({ kind: "connections-full", listener, limit });
    return false;
  }

  /** Some have been closed. */
  closed(): void {
    const { listener, max, count, onNotice } = this.#options;
    // Half empty: one that comes and goes at the limit is one episode.
    if (this.#refused === 0 || count() > max() / 2) return;
    onNotice({ kind: "connections-free", listener, refused: this.#refused });
    this.#refused = 0;
  }
}
