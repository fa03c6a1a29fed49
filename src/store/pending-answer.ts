/** An answer that somebody waits for until its deadline. What comes later is dropped. */
export class PendingAnswer<T> {
  readonly promise: Promise<T>;
  readonly #timer: NodeJS.Timeout;
  readonly #resolve: (value: T) => void;
  readonly #reject: (error: unknown) => void;
  #isSettled = false;

  /** `onDeadline` says why there was none. */
  constructor(timeoutMs: number, onDeadline: () => Error) {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.promise = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timer = setTimeout(() => this.reject(onDeadline()), timeoutMs);
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  resolve(value: T): void {
    if (this.#settle()) this.#resolve(value);
  }

  reject(error: unknown): void {
    if (this.#settle()) this.#reject(error);
  }

  #settle(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    clearTimeout(this.#timer);
    return true;
  }
}
