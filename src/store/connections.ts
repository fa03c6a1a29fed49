/**
 * Connections to a server, each lent for one piece of work within a deadline, at which it is given up. What the server has not ended then
 * still has its connection there, and counts: however long a server hangs, it has no more connections than twice as many as are lent.
 * Where it gives no further one while others are lent, work waits for those.
 */
import { UnderWay } from "../answer/under-way.ts";
import { errorMessage } from "../text/error-message.ts";
import { PendingAnswer } from "./pending-answer.ts";

/** Pieces of work that may wait for each of the connections; a further one fails at once. */
const maxWaitingEach = 100;
/** A server whose host has gone never says that it has ended something, nor does a proxy before it, which may have another one by now. */
const longestMs = 60_000;
/** When all are closed, for what the server is about to end. */
const closingMs = 1000;
/** From a connection that could not be had until more than the others are lent again. */
const tryMoreMs = 10_000;

const closed = "it is closed";

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

  /** `refusal`: why there was no further connection, if there was none. */
  constructor(timeoutMs: number, refusal?: unknown) {
    super(`no answer in ${timeoutMs} ms${refusal === undefined ? "" : `, and no further connection: ${errorMessage(refusal)}`}`);
  }
}

/** Beyond: one more than the server gave before. */
type Room = "within" | "beyond";

/** `undefined`: the work waits no more. */
type Turn = PromiseWithResolvers<Room | undefined>;

export class Connections<Connection> {
  readonly #lender: Lender<Connection>;
  readonly #most: number;
  /** How each piece of work in progress is given up. */
  readonly #inProgress = new UnderWay<(error: Error) => void>();
  /** Of the pieces of work that wait for a connection, in their order. */
  readonly #waiting: Turn[] = [];
  /** Of these, those that wait because they could not have one. */
  readonly #refused = new Set<Turn>();
  #lent = 0;
  /** How many may be lent, as far as the server gives them. */
  #limit: number;
  #tryMoreAt = 0;
  /** How each connection is closed whose work was given up and has not ended. */
  readonly #givenUp = new UnderWay<() => void>();
  #allEnded: (() => void) | undefined;
  #isClosed = false;

  /** `most`: that are lent at once. */
  constructor(most: number, lender: Lender<Connection>) {
    this.#most = most;
    this.#limit = most;
    this.#lender = lender;
  }

  /** Pieces of work that wait for a connection. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** The deadline counts from the call, so that waiting for a connection is within it. */
  use<T>(timeoutMs: number, work: (connection: Connection) => Promise<T>): Promise<T> {
    if (this.#isClosed) return Promise.reject(new Error(closed));
    const maxWaiting = this.#most * maxWaitingEach;
    if (this.waiting >= maxWaiting) return Promise.reject(new Error(`${maxWaiting} queries wait already`));
    const lender = this.#lender;
    let turn: Turn | undefined;
    let used: Connection | undefined;
    let ended: (() => void) | undefined;
    /** Why it could not have a connection of its own at first. */
    let refusal: unknown;
    // What the server makes of the work is not known then, so the connection cannot be used for another.
    const discard = () => {
      this.#inProgress.end(begun);
      if (used !== undefined) ended = this.#giveUp(used);
      else if (turn !== undefined) this.#leave(turn);
    };
    const answer = new PendingAnswer<T>(timeoutMs, () => {
      discard();
      return new NoAnswer(timeoutMs, refusal);
    });
    const giveUp = (error: Error) => {
      if (!answer.isSettled) discard();
      answer.reject(error);
    };
    const perform = async () => {
      let room = this.#room();
      if (room !== undefined) this.#lent += 1;
      else {
        turn = Promise.withResolvers();
        this.#waiting.push(turn);
        room = await turn.promise;
        if (room === undefined) return;
      }
      let isCounted = true;
      try {
        let connection: Connection | undefined;
        while (connection === undefined) {
          if (answer.isSettled) return;
          try {
            connection = await lender.lend();
          } catch (error) {
            if (this.#lent === 1) this.#refuse(error);
            if (answer.isSettled) return;
            refusal = error;
            isCounted = false;
            turn = this.#waitForOthers();
            room = await turn.promise;
            if (room === undefined) return;
            isCounted = true;
          }
        }
        if (room === "beyond") this.#tryFurther();
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
        if (ended !== undefined) ended();
        else if (isCounted) this.#free();
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
    this.#isClosed = true;
    for (const giveUp of this.#inProgress.values) giveUp(new Error(closed));
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

  #room(): Room | undefined {
    if (this.#lent + this.#givenUp.size >= 2 * this.#most) return undefined;
    if (this.#lent < this.#limit) return "within";
    return this.#triesMore() ? "beyond" : undefined;
  }

  #triesMore(): boolean {
    if (this.#limit >= this.#most || performance.now() < this.#tryMoreAt) return false;
    this.#tryMoreAt = performance.now() + tryMoreMs;
    this.#limit += 1;
    return true;
  }

  #tryFurther(): void {
    this.#tryMoreAt = 0;
    this.#next();
  }

  /** The server has given what it gives. That says nothing of those that it gave. */
  #waitForOthers(): Turn {
    this.#lent -= 1;
    this.#limit = this.#lent;
    this.#tryMoreAt = performance.now() + tryMoreMs;
    const turn: Turn = Promise.withResolvers();
    this.#refused.add(turn);
    this.#waiting.unshift(turn);
    return turn;
  }

  /** There is not one connection, nor has one been had since the others were refused. */
  #refuse(error: unknown): never {
    this.#limit = this.#most;
    for (const turn of this.#refused) {
      this.#remove(turn);
      turn.reject(error);
    }
    throw error;
  }

  #free(): void {
    this.#lent -= 1;
    this.#next();
  }

  #next(): void {
    while (this.#waiting.length > 0) {
      const room = this.#room();
      if (room === undefined) return;
      const turn = this.#waiting.shift();
      if (turn === undefined) return;
      this.#lent += 1;
      this.#refused.delete(turn);
      turn.resolve(room);
    }
  }

  #leave(turn: Turn): void {
    if (this.#remove(turn)) turn.resolve(undefined);
  }

  #remove(turn: Turn): boolean {
    this.#refused.delete(turn);
    const index = this.#waiting.indexOf(turn);
    if (index >= 0) this.#waiting.splice(index, 1);
    return index >= 0;
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
