/** The connections of a listener take turns, so that peers who ask without end hold up the others only for a moment. */

/** Requests over all connections, after which the event loop must accept and read again. */
const maxInTurn = 64;

/** Requests of one connection while others wait. An MTA sends one, and the next after its reply. */
export const maxInVisit = 16;

export class Turns {
  #left = maxInTurn;
  #next = 0;
  #isUnderWay = false;
  readonly #waiting: (() => void)[] = [];

  /** No request should be taken before the event loop has gone on. */
  get isOver(): boolean {
    return this.#left <= 0;
  }

  /** A higher number each time: a clock that tells only what came first. */
  next(): number {
    this.#next += 1;
    return this.#next;
  }

  /** A request was taken. */
  took(): void {
    this.#left -= 1;
    if (this.isOver) this.#begin();
  }

  /** Calls `resume` when it is this connection's turn. */
  wait(resume: () => void): void {
    this.#waiting.push(resume);
    this.#begin();
  }

  #begin(): void {
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    setImmediate(() => this.#goOn());
  }

  #goOn(): void {
    this.#isUnderWay = false;
    this.#left = maxInTurn;
    while (!this.isOver) {
      const resume = this.#waiting.shift();
      if (resume === undefined) return;
      resume();
    }
  }
}
