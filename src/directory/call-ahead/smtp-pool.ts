/** Connections to one server, kept for the next question: bounded in number, each question within its deadline. */

import { UnderWay } from "../../answer/under-way.ts";
import type { ServerSettings } from "./call-ahead-settings.ts";
import { ConnectionLost } from "./connection-lost.ts";
import type { SmtpConnection } from "./smtp-connection.ts";

export const maxConnections = 10;
/** Questions that may wait for a connection; a further one fails at once. */
const maxWaiting = 1000;
/** A connection that is not used for so long is closed: sooner than servers do it. */
const idleMs = 20_000;

/** Of the deadline of a question: a host that takes no connections must not hold all that there may be until the end. */
const connectShare = 1 / 4;

interface Question {
  readonly timeoutMs: number;
  connection: SmtpConnection | undefined;
  isOver: boolean;
}

export class SmtpPool {
  readonly #server: ServerSettings;
  readonly #idle = new Map<SmtpConnection, NodeJS.Timeout>();
  /** Questions at work, and those that wait for one of them to end. */
  #busy = 0;
  readonly #waiting: (() => void)[] = [];
  readonly #inProgress = new UnderWay<(error: Error) => void>();
  #isClosed = false;

  constructor(server: ServerSettings) {
    this.#server = server;
  }

  /** `ask` is one transaction, after a MAIL of its own. The deadline counts from the call. */
  use<T>(timeoutMs: number, ask: (connection: SmtpConnection) => Promise<T>): Promise<T> {
    if (this.#isClosed) return Promise.reject(closed);
    if (this.#waiting.length >= maxWaiting) return Promise.reject(new Error(`${maxWaiting} questions wait already`));
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const question: Question = { timeoutMs, connection: undefined, isOver: false };
    const end = (error: Error) => {
      question.isOver = true;
      reject(error);
      question.connection?.destroy();
    };
    const timer = setTimeout(() => end(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
    const begun = this.#inProgress.begin(end);
    this.#perform(question, ask, resolve)
      .catch(reject)
      .finally(() => {
        clearTimeout(timer);
        this.#inProgress.end(begun);
      });
    return promise;
  }

  /** Questions in progress fail. */
  close(): void {
    this.#isClosed = true;
    for (const end of this.#inProgress.values) end(closed);
    for (const connection of this.#idle.keys()) this.#leaveIdle(connection).quit();
  }

  async #perform<T>(question: Question, ask: (connection: SmtpConnection) => Promise<T>, answer: (value: T) => void): Promise<void> {
    await this.#turn();
    try {
      if (question.isOver) return;
      answer(await this.#ask(question, ask));
      await this.#keep(question.connection);
    } finally {
      if (question.connection !== undefined && !this.#idle.has(question.connection)) question.connection.quit();
      this.#passTurn();
    }
  }

  /** That the server has closed a connection that was not used is no failure. */
  async #ask<T>(question: Question, ask: (connection: SmtpConnection) => Promise<T>): Promise<T> {
    question.connection = this.#takeIdle();
    if (question.connection !== undefined) {
      try {
        return await ask(question.connection);
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
      }
    }
    const { SmtpConnection } = await import("./smtp-connection.ts");
    if (question.isOver) throw closed;
    question.connection = new SmtpConnection(this.#server, question.timeoutMs * connectShare);
    await question.connection.open();
    return ask(question.connection);
  }

  #takeIdle(): SmtpConnection | undefined {
    // The last one first, so that those which are not needed any more are closed.
    for (const connection of [...this.#idle.keys()].reverse()) {
      this.#leaveIdle(connection);
      if (connection.isUsable) return connection;
    }
    return undefined;
  }

  /** The next question need not wait until the server is ready for it. */
  async #keep(connection: SmtpConnection | undefined): Promise<void> {
    if (connection === undefined || connection.isWorn) return;
    await connection.order("RSET", 250);
    if (this.#isClosed) return;
    this.#idle.set(
      connection,
      setTimeout(() => this.#leaveIdle(connection).quit(), idleMs),
    );
  }

  #leaveIdle(connection: SmtpConnection): SmtpConnection {
    clearTimeout(this.#idle.get(connection));
    this.#idle.delete(connection);
    return connection;
  }

  async #turn(): Promise<void> {
    if (this.#busy < maxConnections) this.#busy += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #passTurn(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#busy -= 1;
    else next();
  }
}

const closed = new Error("it was closed");
