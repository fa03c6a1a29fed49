/** Connections to one server, kept for the next question: bounded in number, each question within its deadline. */

import { UnderWay } from "../../answer/under-way.ts";
import { errorMessage } from "../../text/error-message.ts";
import type { ServerSettings } from "./call-ahead-settings.ts";
import { CommandRefused, ConnectionLost, TlsFailed } from "./connection-error.ts";
import type { SmtpConnection } from "./smtp-connection.ts";

export const maxConnections = 10;
/** Questions that may wait for a connection; a further one fails at once. */
const maxWaiting = 1000;
/** A connection that is not used for so long is closed: sooner than servers do it. */
const idleMs = 20_000;
/** For so long no more connections are made than the server gave. */
const limitedMs = 60_000;

/** Of the deadline of a question: a host that takes no connections must not hold all that there may be until the end. */
const connectShare = 1 / 4;

/** What the server does not do as it should, while it can be asked all the same. */
export type Shortcoming = "tls" | "connections";

interface Question {
  readonly timeoutMs: number;
  connection: SmtpConnection | undefined;
  isOver: boolean;
}

export class SmtpPool {
  readonly #server: ServerSettings;
  readonly #onShortcoming: (kind: Shortcoming, cause: string) => void;
  readonly #idle = new Map<SmtpConnection, NodeJS.Timeout>();
  /** Those of questions at work, once the server takes commands. */
  readonly #inUse = new Set<SmtpConnection>();
  /** Until connections that are being made take commands, and until those that did are closed; these never reject. */
  readonly #opening = new Set<Promise<void>>();
  readonly #closing = new Set<Promise<void>>();
  /** Questions that may be at work at once. */
  #most = maxConnections;
  #limited: NodeJS.Timeout | undefined;
  /** Questions at work, and those that wait for one of them to end. */
  #busy = 0;
  readonly #waiting: (() => void)[] = [];
  readonly #inProgress = new UnderWay<(error: Error) => void>();
  #isClosed = false;

  constructor(server: ServerSettings, onShortcoming: (kind: Shortcoming, cause: string) => void) {
    this.#server = server;
    this.#onShortcoming = onShortcoming;
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
    clearTimeout(this.#limited);
    for (const end of this.#inProgress.values) end(closed);
    for (const connection of this.#idle.keys()) this.#leaveIdle(connection).quit();
  }

  async #perform<T>(question: Question, ask: (connection: SmtpConnection) => Promise<T>, answer: (value: T) => void): Promise<void> {
    await this.#turn();
    try {
      if (question.isOver) return;
      answer(await this.#ask(question, ask));
      await this.#keep(question);
    } finally {
      this.#drop(question);
      this.#passTurn();
    }
  }

  /** That the server has closed a connection that was not used, or has had enough of it, is no failure. */
  async #ask<T>(question: Question, ask: (connection: SmtpConnection) => Promise<T>): Promise<T> {
    for (;;) {
      const kept = this.#takeIdle();
      if (kept !== undefined) {
        try {
          return await ask(this.#take(question, kept));
        } catch (error) {
          if (!(error instanceof ConnectionLost || error instanceof CommandRefused)) throw error;
          this.#drop(question);
        }
      }
      const made = await this.#connect(question);
      if (made !== undefined) return ask(made);
    }
  }

  /** `undefined`: the server gives none beside others that work, or did, which says nothing of it; after a turn there is another try. */
  async #connect(question: Question): Promise<SmtpConnection | undefined> {
    const closing = [...this.#closing];
    const opening = this.#open(question);
    const settled = opening.then(ignore, ignore).finally(() => this.#opening.delete(settled));
    this.#opening.add(settled);
    try {
      return this.#take(question, await opening);
    } catch (error) {
      this.#drop(question);
      await Promise.all([...this.#opening, ...closing]);
      if (question.isOver) throw error;
      // The server may have counted these.
      if (closing.length > 0) return undefined;
      if (this.#working === 0) throw error;
      this.#limit(error);
    }
    const turn = new Promise<void>((resolve) => this.#waiting.unshift(resolve));
    this.#passTurn();
    await turn;
    if (question.isOver) throw closed;
    return undefined;
  }

  async #open(question: Question): Promise<SmtpConnection> {
    const { SmtpConnection } = await import("./smtp-connection.ts");
    const open = async (server: ServerSettings): Promise<SmtpConnection> => {
      if (question.isOver) throw closed;
      const connection = new SmtpConnection(server, question.timeoutMs * connectShare);
      question.connection = connection;
      await connection.open();
      return connection;
    };
    try {
      return await open(this.#server);
    } catch (error) {
      if (!(error instanceof TlsFailed) || question.isOver) throw error;
      const connection = await open({ ...this.#server, tls: { mode: "disable" } });
      this.#onShortcoming("tls", errorMessage(error));
      return connection;
    }
  }

  /** Connections on which the server takes commands. */
  get #working(): number {
    let working = 0;
    for (const { isUsable } of [...this.#inUse, ...this.#idle.keys()]) if (isUsable) working += 1;
    return working;
  }

  /** To what works now, for a while. */
  #limit(cause: unknown): void {
    this.#most = this.#working;
    this.#onShortcoming("connections", `beside ${this.#most}: ${errorMessage(cause)}`);
    clearTimeout(this.#limited);
    this.#limited = setTimeout(() => {
      this.#most = maxConnections;
      this.#admit();
    }, limitedMs);
    this.#limited.unref();
  }

  #take(question: Question, connection: SmtpConnection): SmtpConnection {
    question.connection = connection;
    this.#inUse.add(connection);
    return connection;
  }

  #drop(question: Question): void {
    const { connection } = question;
    if (connection === undefined) return;
    question.connection = undefined;
    if (this.#inUse.delete(connection)) this.#end(connection);
    else connection.quit();
  }

  #end(connection: SmtpConnection): void {
    const closing = connection.quit().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
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
  async #keep(question: Question): Promise<void> {
    const { connection } = question;
    if (connection === undefined || connection.isWorn) return;
    await connection.order("RSET", 250);
    if (this.#isClosed) return;
    // From here on it is another question's.
    this.#inUse.delete(connection);
    question.connection = undefined;
    this.#idle.set(
      connection,
      setTimeout(() => this.#end(this.#leaveIdle(connection)), idleMs),
    );
  }

  #leaveIdle(connection: SmtpConnection): SmtpConnection {
    clearTimeout(this.#idle.get(connection));
    this.#idle.delete(connection);
    return connection;
  }

  async #turn(): Promise<void> {
    if (this.#busy < this.#most) this.#busy += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #passTurn(): void {
    this.#busy -= 1;
    this.#admit();
  }

  #admit(): void {
    while (this.#busy < this.#most) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#busy += 1;
      next();
    }
  }
}

const closed = new Error("it was closed");
const ignore = () => {};
