/** What is to go to another process: it is gathered until the end of the tick, and then sent as one message. */
export class Tick<T> {
  readonly #send: (gathered: readonly T[]) => void;
  #gathered: T[] = [];

  constructor(send: (gathered: readonly T[]) => void) {
    this.#send = send;
  }

  add(one: T): void {
    this.#gathered.push(one);
    if (this.#gathered.length > 1) return;
    setImmediate(() => {
      const gathered = this.#gathered;
      this.#gathered = [];
      this.#send(gathered);
    });
  }
}
