/** The one connection of expiry and of administrators, a statement after the other: one that is slow leaves mail the others. */
import type pg from "pg";
import { NoAnswer } from "../../store/connections.ts";
import { PendingAnswer } from "../../store/pending-answer.ts";
import { type PoolOptions, PostgresqlPool, sqlStateOf } from "../../store/postgresql-pool.ts";
import type { PostgresqlSettings } from "../../store/store-settings.ts";
import { errorMessage } from "../../text/error-message.ts";
import { isCollision, maxTries } from "./batch-queue.ts";

/** Statements that wait for their turn, each for so many deadlines at most; a further one fails at once. */
const maxTurns = 1000;
const turnDeadlines = 2;

/** The statement did not begin: there was no connection, or none with the tables. */
export class NoConnection extends Error {
  override name = "NoConnection";

  constructor(cause: unknown) {
    super(errorMessage(cause), { cause });
  }
}

export class AdministrationConnection {
  readonly #timeoutMs: number;
  readonly #pool: PostgresqlPool;
  readonly #turns: PendingAnswer<void>[] = [];
  #isBusy = false;

  constructor(settings: PostgresqlSettings, pool: PoolOptions) {
    this.#timeoutMs = settings.timeoutMs;
    this.#pool = new PostgresqlPool({ ...settings, pool: 1 }, pool);
  }

  /** The deadline of a statement begins with its turn, so that it does not fail by the one before it. */
  async perform<T>(statement: (client: pg.ClientBase) => Promise<T>): Promise<T> {
    await this.#turn();
    try {
      return await this.#try(statement);
    } finally {
      this.#next();
    }
  }

  /** After the statements that wait. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#turn()]);
    await this.#pool.close();
  }

  #turn(): Promise<void> {
    if (this.#turns.length >= maxTurns) return Promise.reject(new Error(`${maxTurns} statements of administrators wait already`));
    const turnMs = turnDeadlines * this.#timeoutMs;
    const turn = new PendingAnswer<void>(turnMs, () => new NoAnswer(turnMs));
    this.#turns.push(turn);
    if (!this.#isBusy) this.#next();
    return turn.promise;
  }

  #next(): void {
    let turn = this.#turns.shift();
    while (turn?.isSettled) turn = this.#turns.shift();
    this.#isBusy = turn !== undefined;
    turn?.resolve();
  }

  async #try<T>(statement: (client: pg.ClientBase) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      let hasBegun = false;
      try {
        return await this.#pool.use(this.#timeoutMs, (client) => {
          hasBegun = true;
          return statement(client);
        });
      } catch (error) {
        if (!isCollision(error) || tries === maxTries) throw hasBegun ? error : new NoConnection(error);
      }
    }
  }
}

/** The server, or the way to it, has failed, and not only this statement. */
export function isConnectionLost(error: unknown): boolean {
  if (error instanceof NoConnection) return isConnectionLost(error.cause);
  // Connection exception, operator intervention but for a statement that was cancelled, and what came without an answer of the server.
  const state = sqlStateOf(error);
  return state === "" ? !(error instanceof NoAnswer) : /^(08|57P)/.test(state);
}
