/**
 * Connections to a server, each lent for one piece of work within a deadline, at which it is given up. What the server has not ended then
 * still has its connection there, and counts: however long a server hangs, it has no more connections than twice as many as are lent.
 */
import { UnderWay } from "../answer/under-way.ts";
import { errorMessage } from "../text/error-message.ts";
import { PendingAnswer } from "./pending-answer.ts";

/** A server whose host has gone never says that it has ended something. */
const longestMs = 300_000;
/** When all are closed, for what the server is about to end. */
const closingMs = 1000;

export interface Lender<Connection> {
  lend(): Promise<Connection>;
  /** Unless it is fit for further work, it must be closed. */
  takeBack(connection: Connection, isFit: boolean): void;
  /** `error`: why the work failed. */
  isFit(connection: Connection, error: unknown): boolean;
  /** Sends nothing further for the work, and lets the server end what it does for it. */
  end(connection: Connection): void;
}

/** The deadline came first: the connection may be as good as before. */
export class NoAnswer extends Error {
  override name = "NoAnswer";

  constructor(timeoutMs: number) {
    super(`no answer in ${timeoutMs} ms`);
  }
}

export class Connections<Connection> {
  readonly #lender: Lender<Connection>;
  readonly #most: number;
  /** How each piece of work in progress is given up. */
  readonly #inProgress = new UnderWay<(error: Error) => void>();
  /** Of the pieces of work that wait for a connection, in their order; false: it waits no more. */
  readonly #waiting: PromiseWithResolvers<boolean>[] = [];
  #lent = 0;
  /** How each connection is closed whose work was given up and has not ended. */
  readonly #givenUp = new UnderWay<() => void>();
  #allEnded: (() => void) | undefined;

  /** `most`: that are lent at once. */
  constructor(most: number, lender: Lender<Connection>) {
    this.#most = most;
    this.#lender = lender;
  }

  /** Pieces of work that wait for a connection. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** The deadline counts from the call, so that waiting for a connection is within it. */
  use<T>(timeoutMs: number, work: (connection: Connection) => Promise<T>): Promise<T> {
    const lender = this.#lender;
    let turn: PromiseWithResolvers<boolean> | undefined;
    let used: Connection | undefined;
    let ended: (() => void) | undefined;
    // What the server makes of the work is not known then, so the connection cannot be used for another.
    const discard = () => {
      this.#inProgress.end(begun);
      if (used !== undefined) ended = this.#giveUp(used);
      else if (turn !== undefined) this.#leave(turn);
    };
    const answer = new PendingAnswer<T>(timeoutMs, () => {
      discard();
      return new NoAnswer(timeoutMs);
    });
    const giveUp = (error: Error) => {
      if (!answer.isSettled) discard();
      answer.reject(error);
    };
    const perform = async () => {
      if (this.#hasRoom) this.#lent += 1;
      else {
        turn = Promise.withResolvers();
        this.#waiting.push(turn);
        if (!(await turn.promise)) return;
      }
      try {
        if (answer.isSettled) return;
        const connection = await lender.lend();
        if (answer.isSettled) return lender.takeBack(connection, true);
        used = connection;
        try {
          const result = await work(connection);
          if (ended === undefined) lender.takeBack(connection, lender.isFit(connection, undefined));
          answer.resolve(result);
        } catch (error) {
          if (ended === undefined) lender.takeBack(connection, lender.isFit(connection, error));
          answer.reject(error);
        }
      } finally {
        if (ended === undefined) this.#free();
        else ended();
      }
    };
    const begun = this.#inProgress.begin(giveUp);
    perform()
      .catch((error: unknown) => answer.reject(error))
      .finally(() => this.#inProgress.end(begun));
    return answer.promise;
  }

  /** Work in progress fails, since it may take minutes. */
  async close(): Promise<void> {
    for (const giveUp of this.#inProgress.values) giveUp(new Error("it is closed"));
    if (this.#givenUp.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, closingMs);
        this.#allEnded = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    for (const close of this.#givenUp.values) close();
  }

  get #hasRoom(): boolean {
    return this.#lent < this.#most && this.#lent + this.#givenUp.size < 2 * this.#most;
  }

  #free(): void {
    this.#lent -= 1;
    this.#next();
  }

  #next(): void {
    while (this.#waiting.length > 0 && this.#hasRoom) {
      this.#lent += 1;
      this.#waiting.shift()?.resolve(true);
    }
  }

  #leave(turn: PromiseWithResolvers<boolean>): void {
    const index = this.#waiting.indexOf(turn);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    turn.resolve(false);
  }

  /** What is to be called when its work has ended. */
  #giveUp(connection: Connection): () => void {
    let isOver = false;
    const close = () => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      this.#givenUp.end(givenUp);
      this.#lender.takeBack(connection, false);
      this.#next();
      if (this.#givenUp.size === 0) this.#allEnded?.();
    };
    const timer = setTimeout(close, longestMs);
    const givenUp = this.#givenUp.begin(close);
    this.#lender.end(connection);
    this.#free();
    return close;
  }
}

export function messageOf(error: unknown): string {
  // Node reports the failures of all addresses of a name by an AggregateError without a message.
  if (error instanceof AggregateError && error.message === "") return error.errors.map(messageOf).join("; ");
  return errorMessage(error);
}
