/** Connections to PostgreSQL, at most so many, each used within a deadline: a late query is ended here and in the server. */
import type pg from "pg";
import { errorMessage } from "../text/error-message.ts";
import { onDemand } from "../text/on-demand.ts";
import { Connections } from "./connections.ts";
import { cancel } from "./postgresql-cancel.ts";
import { present } from "./present.ts";
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
  readonly #connections: Connections<pg.PoolClient>;
  readonly #mayBeClear: boolean;
  readonly #readOnly: boolean;
  /** The `statement_timeout` of each connection that is prepared. */
  readonly #limits = new WeakMap<pg.PoolClient, number>();

  constructor(settings: PostgresqlSettings, { readOnly = false, prepare = async () => {}, isHarmless = () => false }: PoolOptions) {
    this.#prepare = prepare;
    this.#readOnly = readOnly;
    this.#connections = new Connections(settings.pool, {
      lend: () => this.#connect(),
      takeBack: (client, isFit) => client.release(!isFit),
      // What a statement began, the next one would be in.
      isFit: (client, error) => (error === undefined ? client.getTransactionStatus() === "I" : isHarmless(error)),
      end: (client) => {
        // Then a further query fails. pg gives pooled clients this method, whose types leave it out.
        client.once("drain", () => (client as pg.PoolClient & { end(done: () => void): void }).end(() => {}));
        cancel(client, settings.timeoutMs);
      },
    });
    this.#mayBeClear = settings.tls.mode === "prefer";
    this.#pool = new (driver().Pool)(poolConfig(settings));
    // The pool drops such a connection; the next query shows whether the server is down.
    this.#pool.on("error", () => {});
    this.#pool.on("connect", (client) => client.on("error", () => {}));
  }

  /** Or is about to be. */
  get isConnected(): boolean {
    return this.#pool.totalCount > 0;
  }

  /** The deadline counts from the call, so that waiting for a connection is within it. */
  use<T>(timeoutMs: number, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    return this.#connections.use(timeoutMs, async (client) => {
      await this.#limit(client, timeoutMs);
      return this.#readOnly ? onlyReading(client, work) : work(client);
    });
  }

  /** Queries in progress fail, since they may take minutes. */
  async close(): Promise<void> {
    await this.#connections.close();
    await this.#pool.end();
  }

  async #connect(): Promise<pg.PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (cause) {
      // pg has no other mark of it.
      if (errorMessage(cause) !== "The server does not support SSL connections") throw cause;
      if (!this.#mayBeClear)
        throw new Error('the server offers no TLS. Switch it on there; on a safe network, write tls = "disable"', { cause });
      // Of this connection alone: the server may have TLS later, and another one of that name may have it now.
      const { options } = this.#pool;
      const { ssl } = options;
      // A client is made at once, of the options as they are then.
      options.ssl = false;
      const connected = this.#pool.connect();
      options.ssl = ssl;
      return connected;
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

type ArrayQuery = Omit<pg.QueryArrayConfig, "rowMode">;

/** Rows are arrays. By a callback: what the promises of pg have answered is kept until V8 collects its old generation. */
export function queryRows<R extends unknown[]>(
  client: pg.ClientBase,
  query: ArrayQuery,
  maxRows?: number,
): Promise<pg.QueryArrayResult<R>> {
  return new Promise((resolve, reject) => {
    const config = { ...query, rowMode: "array" };
    const done = (error: Error | null | undefined, result: pg.ResultBuilder) => {
      if (error) reject(error);
      // rowMode makes rows arrays, which the types do not know of a `Query`.
      else resolve(result as unknown as pg.QueryArrayResult<R>);
    };
    const asked = new (driver().Query)(config, done);
    client.query(maxRows === undefined ? asked : bounded(asked, maxRows));
  });
}

/** The server sends that many rows and ends the statement. By its own `rows`, pg would ask for the others, so many at a time. */
function bounded(query: pg.Query, maxRows: number): pg.Query {
  return Object.assign(query, {
    _getRows(connection: pg.Connection) {
      // The types take the number for a text.
      connection.execute({ portal: "", rows: maxRows as unknown as string }, false);
      connection.sync();
    },
    handlePortalSuspended() {},
  });
}

/** Not by a setting of the connection: PgBouncer refuses it as a parameter, and where it pools transactions others have the connection next. */
async function onlyReading<T>(client: pg.PoolClient, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  await client.query("BEGIN READ ONLY");
  try {
    return await work(client);
  } finally {
    await client.query("ROLLBACK");
  }
}

function poolConfig(settings: PostgresqlSettings): pg.PoolConfig {
  const { host, port, database, user, password, options, tls } = settings;
  return {
    ...present({ port, database, user, password, options: options || undefined }),
    host,
    ssl:
      tls.mode === "disable"
        ? false
        : { rejectUnauthorized: tls.mode === "verify", ...present({ ca: tls.ca, cert: tls.cert, key: tls.key }) },
    application_name: "postern",
    // Connections lends no more than it may.
    max: 2 * settings.pool,
    connectionTimeoutMillis: settings.timeoutMs,
    idleTimeoutMillis: idleMs,
    allowExitOnIdle: true,
    keepAlive: true,
    // pg's own parsers give 64-bit integers as text, booleans, dates and objects.
    types: { getTypeParser: parserOf },
  };
}

/** What the connection has prepared is not there, or was prepared by others: a pooler has it use another one of the server. */
export function isMixedUp(error: unknown): boolean {
  return mixedUpStates.has(sqlStateOf(error));
}

const mixedUpStates = new Set([
  "26000", // invalid_sql_statement_name: or after DEALLOCATE or DISCARD
  "42P05", // duplicate_prepared_statement
]);

export function sqlStateOf(error: unknown): string {
  return error instanceof driver().DatabaseError ? (error.code ?? "") : "";
}
