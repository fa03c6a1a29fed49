/**
 * A socket that was sent to a worker, until the worker says that it has it. That may never come: Node drops the socket, and closes it, when
 * the worker may open no more files. What is sent after it is read after it, and a sign of life without it shows that it is lost.
 */

/** A worker that is busy takes longer, and answers in the same order. */
const takenMs = 100;

export interface HandOverOptions {
  /** Of the connection; `undefined`: it is a channel. */
  readonly listener: string | undefined;
  readonly onTaken: () => void;
  /** Asks for a sign of life, and says which one that is. */
  readonly askForLife: () => number;
}

export class HandOver {
  readonly listener: string | undefined;
  readonly onTaken: () => void;
  readonly #question: NodeJS.Timeout;
  #followedBy = Number.POSITIVE_INFINITY;

  constructor({ listener, onTaken, askForLife }: HandOverOptions) {
    this.listener = listener;
    this.onTaken = onTaken;
    this.#question = setTimeout(() => {
      this.#followedBy = askForLife();
    }, takenMs);
  }

  /** After so many signs of life, while it is not taken. */
  isLostAfter(signs: number): boolean {
    return signs >= this.#followedBy;
  }

  /** It is taken, lost, or the worker has ended. */
  end(): void {
    clearTimeout(this.#question);
  }
}
