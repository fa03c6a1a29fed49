/**
 * The connections of a listener take turns, so that peers who ask without end hold up the others only for a moment. What they reply in one
 * turn leaves at its end: to decide several requests and then to write several replies takes less than to change between the two.
 */

/** A connection. */
export interface Participant {
  /** It is its turn: it may take requests. */
  resume(): void;
  /** Sends what it has to reply. */
  flush(): void;
}

/** Requests over all connections, after which the event loop must accept and read again. */
const maxInTurn = 64;

/** Requests of one connection while others wait. An MTA sends one, and the next after its reply. */
export const maxInVisit = 16;

export class Turns {
  #left = maxInTurn;
  #next = 0;
  #isUnderWay = false;
  readonly #waiting: Participant[] = [];
  #unsent: Participant[] = [];

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
  wait(participant: Participant): void {
    this.#waiting.push(participant);
    this.#begin();
  }

  /** Calls `flush` at the end of this turn. */
  flushLater(participant: Participant): void {
    this.#unsent.push(participant);
    this.#begin();
  }

  #begin(): void {
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    setImmediate(() => this.#goOn());
  }

  #goOn(): void {
    this.#isUnderWay = false;
    this.#flush();
    this.#left = maxInTurn;
    while (!this.isOver) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      next.resume();
    }
    this.#flush();
  }

  #flush(): void {
    const unsent = this.#unsent;
    if (unsent.length === 0) return;
    this.#unsent = [];
    for (const participant of unsent) participant.flush();
  }
}
