/** Connections to PostgreSQL, at most so many, each used within a deadline: a late query is ended here and in the server. */
import type pg from "pg";
import { onDemand } from "../text/on-demand.ts";
import { PendingAnswer } from "./pending-answer.ts";
import { parserOf } from "./sql-value.ts";
import type { PostgresqlSettings } from "./store-settings.ts";

const driver = onDemand<typeof pg>("pg");

const idleMs = 60_000;

export interface PoolOptions {
  readonly readOnly?: boolean;
  /** Done once on each connection, before its first use. */
  readonly prepare?: (client: pg.PoolClient) => Promise<void>;
  /** Whether the connection is as good as before after this error. Default: never. */
  readonly isHarmless?: (error: unknown) => boolean;
}

export class PostgresqlPool {
  readonly #pool: pg.Pool;
  readonly #prepare: (client: pg.PoolClient) => Promise<void>;
  readonly #isHarmless: (error: unknown) => boolean;
  readonly #mayBeClear: boolean;
  /** The `statement_timeout` of each connection that is prepared. */
  readonly #limits = new WeakMap<pg.PoolClient, number>();
  /** How each query in progress is given up. */
  readonly #inProgress = new Set<(error: Error) => void>();

  constructor(settings: PostgresqlSettings, { readOnly = false, prepare = async () => {}, isHarmless = () => false }: PoolOptions) {
    this.#prepare = prepare;
    this.#isHarmless = isHarmless;
    this.#mayBeClear = settings.tls.mode === "prefer";
    this.#pool = new (driver().Pool)(poolConfig(settings, readOnly));
    // The pool drops such a connection; the next query shows whether the server is down.
    this.#pool.on("error", () => {});
    this.#pool.on("connect", (client) => client.on("error", () => {}));
  }

  /** Queries that wait for a connection. */
  get waiting(): number {
    return this.#pool.waitingCount;
  }

  /** The deadline counts from the call, so that waiting for a connection is within it. */
  use<T>(timeoutMs: number, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    let used: pg.PoolClient | undefined;
    // What the server makes of the query is not known then, so the connection cannot be used for another.
    const discard = () => used?.release(true);
    const answer = new PendingAnswer<T>(timeoutMs, () => {
      discard();
      return new Error(`no answer in ${timeoutMs} ms`);
    });
    const giveUp = (error: Error) => {
      if (!answer.isSettled) discard();
      answer.reject(error);
    };
    const perform = async () => {
      const client = await this.#connect();
      if (answer.isSettled) return client.release();
      used = client;
      try {
        await this.#limit(client, timeoutMs);
        const result = await work(client);
        // What a statement began, the next one would be in.
        if (!answer.isSettled) client.release(client.getTransactionStatus() !== "I");
        answer.resolve(result);
      } catch (error) {
        if (!answer.isSettled) client.release(!this.#isHarmless(error));
        answer.reject(error);
      }
    };
    this.#inProgress.add(giveUp);
    perform()
      .catch((error: unknown) => answer.reject(error))
      .finally(() => this.#inProgress.delete(giveUp));
    return answer.promise;
  }

  /** Queries in progress fail, since they may take minutes. */
  async close(): Promise<void> {
    for (const giveUp of this.#inProgress) giveUp(new Error("it is closed"));
    await this.#pool.end();
  }

  async #connect(): Promise<pg.PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (cause) {
      // pg has no other mark of it.
      if (messageOf(cause) !== "The server does not support SSL connections") throw cause;
      if (!this.#mayBeClear)
        throw new Error('the server offers no TLS. Switch it on there; on a safe network, write tls = "disable"', { cause });
      this.#pool.options.ssl = false;
      return this.#pool.connect();
    }
  }

  /** The server, too, ends a query that nobody waits for any more. */
  async #limit(client: pg.PoolClient, timeoutMs: number): Promise<void> {
    const limit = this.#limits.get(client);
    if (limit === timeoutMs) return;
    // Not as a parameter of the connection, which PgBouncer refuses.
    await client.query(`SET statement_timeout = ${timeoutMs}`);
    if (limit === undefined) await this.#prepare(client);
    this.#limits.set(client, timeoutMs);
  }
}

function poolConfig(settings: PostgresqlSettings, readOnly: boolean): pg.PoolConfig {
  const { host, port, database, user, password, tls } = settings;
  const options = [settings.options, readOnly ? "-c default_transaction_read_only=on" : undefined].filter((each) => each !== undefined);
  return {
    ...present({ port, database, user, password, options: options.join(" ") || undefined }),
    host,
    ssl:
      tls.mode === "disable"
        ? false
        : { rejectUnauthorized: tls.mode === "verify", ...present({ ca: tls.ca, cert: tls.cert, key: tls.key }) },
    application_name: "postern",
    max: settings.pool,
    connectionTimeoutMillis: settings.timeoutMs,
    idleTimeoutMillis: idleMs,
    allowExitOnIdle: true,
    keepAlive: true,
    // pg's own parsers give 64-bit integers as text, booleans, dates and objects.
    types: { getTypeParser: parserOf },
  };
}

/** pg takes what is `undefined` for given. */
function present<T extends object>(values: T): Partial<T> {
  // Some of the same entries.
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}

export function sqlStateOf(error: unknown): string {
  return error instanceof driver().DatabaseError ? (error.code ?? "") : "";
}

export function messageOf(error: unknown): string {
  // Node reports the failures of all addresses of a name by an AggregateError without a message.
  if (error instanceof AggregateError && error.message === "") return error.errors.map(messageOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}
