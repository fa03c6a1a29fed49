/** Time that passes only while a test waits for something: from one timer to the next. */
import { setImmediate } from "node:timers/promises";
import type { Later } from "../../src/answer/availability.ts";

interface Timer {
  readonly at: number;
  readonly call: () => void;
}

export class VirtualClock {
  #now = 0;
  readonly #timers = new Set<Timer>();

  readonly now = () => this.#now;

  readonly later: Later = (call, ms) => {
    const timer = { at: this.#now + ms, call };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.later(resolve, ms));
  }

  /** What the answer becomes; time passes until then. */
  async until<T>(answer: T | Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = Promise.resolve(answer).finally(() => {
      isSettled = true;
    });
    settled.catch(() => {});
    for (await setImmediate(); !isSettled; await setImmediate()) this.#pass();
    return settled;
  }

  /** Until the last timer. */
  async runOut(): Promise<void> {
    while (this.#timers.size > 0) {
      this.#pass();
      await setImmediate();
    }
  }

  #pass(): void {
    const [first] = [...this.#timers].toSorted((one, other) => one.at - other.at);
    if (first === undefined) return;
    this.#timers.delete(first);
    this.#now = first.at;
    first.call();
  }
}
