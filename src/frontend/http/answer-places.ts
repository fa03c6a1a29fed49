/** Answers that are made or read: so many at once, over all listeners. Others wait for their turn, in the order in which they came. */
import type { ServerResponse } from "node:http";

const maxAtOnce = 4;

export class AnswerPlaces {
  #taken = 0;
  readonly #waiting = new Set<() => void>();

  /**
   * Calls `answer` when it is the turn of this response, if that is not closed before. It has its place until it is closed and `answer` has
   * ended: what a client asked that has gone is work all the same.
   */
  async use(response: ServerResponse, answer: () => Promise<void>): Promise<void> {
    if (response.destroyed) return;
    const closed = new Promise<void>((resolve) => response.once("close", resolve));
    if (!(await this.#turn(closed))) return;
    try {
      await answer();
    } finally {
      void closed.then(() => {
        this.#taken -= 1;
        this.#beginNext();
      });
    }
  }

  /** False: it was closed before. */
  #turn(closed: Promise<void>): Promise<boolean> {
    return new Promise((resolve) => {
      const begin = () => resolve(true);
      void closed.then(() => {
        if (this.#waiting.delete(begin)) resolve(false);
      });
      this.#waiting.add(begin);
      this.#beginNext();
    });
  }

  #beginNext(): void {
    if (this.#taken >= maxAtOnce) return;
    const [begin] = this.#waiting;
    if (begin === undefined) return;
    this.#waiting.delete(begin);
    this.#taken += 1;
    begin();
  }
}
