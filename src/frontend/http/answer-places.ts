/** Answers that are made or read: so many at once, over all listeners. Others wait for their turn, in the order in which they came. */
import type { ServerResponse } from "node:http";

const maxAtOnce = 4;

export class AnswerPlaces {
  #taken = 0;
  readonly #waiting = new Set<() => void>();

  /** Resolves when it is the turn of this response, which has its place until it is closed; `false`: it was closed before. */
  take(response: ServerResponse): Promise<boolean> {
    if (response.destroyed) return Promise.resolve(false);
    return new Promise((resolve) => {
      const begin = () => resolve(true);
      response.once("close", () => {
        if (this.#waiting.delete(begin)) resolve(false);
        else {
          this.#taken -= 1;
          this.#beginNext();
        }
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
