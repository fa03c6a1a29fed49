/** What serves now and what served before a reload, which stays open for requests that still use it. */

/** How long requests from before a reload may still use it; no query takes longer. */
const previousMs = 30_000;

export class Succession<T> {
  readonly #close: (one: T) => Promise<void>;
  #current: T | undefined;
  /** Each with the timer that closes it. */
  readonly #previous = new Map<T, NodeJS.Timeout>();

  constructor(close: (one: T) => Promise<void>) {
    this.#close = close;
  }

  get current(): T {
    if (this.#current === undefined) throw new Error("nothing serves yet");
    return this.#current;
  }

  /** `next` serves when `prepare` is done. When that fails, `next` is closed, and nothing has changed. */
  async change(next: T, prepare = async () => {}): Promise<void> {
    try {
      await prepare();
    } catch (error) {
      await this.#close(next);
      throw error;
    }
    const previous = this.#current;
    this.#current = next;
    if (previous === undefined) return;
    const timer = setTimeout(() => {
      this.#previous.delete(previous);
      void this.#close(previous);
    }, previousMs);
    this.#previous.set(previous, timer);
  }

  async close(): Promise<void> {
    const open = [...this.#previous.keys(), ...(this.#current === undefined ? [] : [this.#current])];
    for (const timer of this.#previous.values()) clearTimeout(timer);
    this.#previous.clear();
    this.#current = undefined;
    await Promise.all(open.map((one) => this.#close(one)));
  }
}
