/** PostgreSQL by a bounded pool with a bounded queue; it reconnects by itself. */
import { LRUCache } from "lru-cache";
import pg from "pg";
import { Availability, type OnAvailability } from "../answer/availability.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import type { SqlResult } from "../expr/ask.ts";
import { placeholders } from "../expr/sql-text.ts";
import type { Value } from "../expr/value.ts";
import type { Database, StatementProblem } from "./database.ts";
import { parserOf, toParameter } from "./sql-value.ts";
import type { PostgresqlSettings } from "./store-settings.ts";

/** Queries that may wait for each connection of the pool; a further one fails at once. */
const maxWaitingPerConnection = 100;
/** Statements known; each that comes a second time is prepared on the connections that it comes to. */
const maxStatements = 200;
const idleMs = 60_000;

interface Statement {
  readonly text: string;
  /** `undefined` when first seen: a text that comes once is not worth preparing. */
  name: string | undefined;
}

export class PostgresqlDatabase implements Database {
  readonly name: string;
  readonly #timeoutMs: number;
  readonly #maxWaiting: number;
  readonly #pool: pg.Pool;
  readonly #availability: Availability;
  readonly #statements = new LRUCache<string, Statement>({ max: maxStatements });
  readonly #limited = new WeakSet<pg.PoolClient>();
  /** What is under way, each by how it is given up. */
  readonly #underWay = new Set<(why: string) => void>();
  #names = 0;
  #isClosed = false;

  constructor(settings: PostgresqlSettings, readOnly: boolean, onAvailability: OnAvailability) {
    this.name = settings.name;
    this.#timeoutMs = settings.timeoutMs;
    this.#maxWaiting = settings.pool * maxWaitingPerConnection;
    this.#availability = new Availability(settings.name, onAvailability);
    this.#pool = new pg.Pool(poolOf(settings, readOnly));
    // The pool drops such a connection; whether the server is down the next query says.
    this.#pool.on("error", () => {});
    this.#pool.on("connect", (client) => client.on("error", () => {}));
  }

  async query(sql: string, parameters: readonly Value[]): Promise<SqlResult> {
    const { text, name } = this.#statement(sql);
    const values = parameters.map(toParameter);
    // `queryMode` keeps one text to one statement, with or without parameters; the types of pg do not know it.
    const config = { text, values, rowMode: "array", queryMode: "extended", ...(name === undefined ? {} : { name }) } as const;
    try {
      const result = await this.#withClient(this.#timeoutMs, (client) => client.query<(Value | null)[]>(config));
      this.#availability.worked("", sql);
      if (result.fields.length === 0) return { kind: "changes", changes: result.rowCount ?? 0 };
      return { kind: "rows", rows: result.rows.map((row) => row.map((value) => value ?? "")) };
    } catch (cause) {
      const error = this.#error(cause);
      const blame = blameOf(cause);
      if (blame !== "values" && !this.#isClosed)
        this.#availability.failed(blame === "statement" ? sql : blame === "queue" ? "queue" : "", error);
      throw error;
    }
  }

  async check(sql: string): Promise<StatementProblem | undefined> {
    try {
      await this.#withClient(this.#timeoutMs, (client) => parseOnly(client, placeholders(sql, "postgresql")));
      return undefined;
    } catch (cause) {
      if (blameOf(cause) !== "statement") throw this.#error(cause);
      const [, table] = /"(.+)"/.exec(messageOf(cause)) ?? [];
      const isMissing = sqlStateOf(cause) === "42P01" && table !== undefined;
      return isMissing ? { kind: "missing-table", table } : { kind: "wrong", message: messageOf(cause) };
    }
  }

  async run(script: string, timeoutMs: number = this.#timeoutMs): Promise<void> {
    try {
      await this.#withClient(timeoutMs, async (client) => {
        this.#limited.delete(client);
        await client.query(`SET statement_timeout = ${timeoutMs}`);
        await client.query(script);
      });
    } catch (cause) {
      throw this.#error(cause);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    // The pool would wait for them, and an `init` may take minutes.
    for (const giveUp of this.#underWay) giveUp("it is closed");
    await this.#pool.end();
  }

  #statement(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known === undefined) {
      const statement = { text: placeholders(sql, "postgresql"), name: undefined };
      this.#statements.set(sql, statement);
      return statement;
    }
    // A number is never used again, so that a name means one text on every connection.
    known.name ??= `postern_${++this.#names}`;
    return known;
  }

  /** The deadline counts from the call, so that waiting for a connection is within it. */
  #withClient<T>(timeoutMs: number, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    if (this.#pool.waitingCount >= this.#maxWaiting) return Promise.reject(new QueueFull(`${this.#maxWaiting} queries wait already`));
    if (this.#pool.waitingCount === 0) this.#availability.worked("queue");
    return new Promise((resolve, reject) => {
      let held: pg.PoolClient | undefined;
      let isOver = false;
      const giveUp = (why: string) => {
        if (isOver) return;
        isOver = true;
        clearTimeout(timer);
        // What the server makes of the query is not known, so the connection cannot be used for another.
        held?.release(true);
        reject(new Error(why));
      };
      const timer = setTimeout(() => giveUp(`no answer in ${timeoutMs} ms`), timeoutMs);
      const perform = async () => {
        const client = await this.#pool.connect();
        if (isOver) return client.release();
        held = client;
        const giveBack = (isBroken: boolean) => {
          if (!isOver) client.release(isBroken);
          isOver = true;
        };
        try {
          await this.#limit(client);
          const result = await work(client);
          // What a statement began, the next one would be in.
          giveBack(client.getTransactionStatus() !== "I");
          resolve(result);
        } catch (error) {
          giveBack(!isHarmless(error));
          throw error;
        }
      };
      this.#underWay.add(giveUp);
      perform()
        .catch(reject)
        .finally(() => {
          clearTimeout(timer);
          this.#underWay.delete(giveUp);
        });
    });
  }

  /** A query that nobody waits for any more is ended by the server, too. */
  async #limit(client: pg.PoolClient): Promise<void> {
    if (this.#limited.has(client)) return;
    // Not as a parameter of the connection, which PgBouncer refuses.
    await client.query(`SET statement_timeout = ${this.#timeoutMs}`);
    this.#limited.add(client);
  }

  #error(cause: unknown): TemporaryError {
    return new TemporaryError(`store "${this.name}": ${messageOf(cause)}`, { cause });
  }
}

class QueueFull extends Error {}

export function poolOf(settings: PostgresqlSettings, readOnly: boolean): pg.PoolConfig {
  const { host, port, database, user, password } = settings;
  const given = Object.entries({ host, port, database, user, password }).filter(([, value]) => value !== undefined);
  return {
    ...Object.fromEntries(given),
    ...(settings.url === undefined ? {} : { connectionString: withPassword(settings.url, password) }),
    application_name: "postern",
    ...(readOnly && { options: "-c default_transaction_read_only=on" }),
    max: settings.pool,
    connectionTimeoutMillis: settings.timeoutMs,
    idleTimeoutMillis: idleMs,
    allowExitOnIdle: true,
    keepAlive: true,
    // pg's own parsers give 64-bit integers as text, booleans, dates and objects.
    types: { getTypeParser: parserOf },
  };
}

/** A parameter, for pg takes nothing beside the URL that the URL leaves out. */
function withPassword(url: string, password: string | undefined): string {
  if (password === undefined) return url;
  return `${url}${url.includes("?") ? "&" : "?"}password=${encodeURIComponent(password)}`;
}

export function sqlStateOf(error: unknown): string {
  return error instanceof pg.DatabaseError ? (error.code ?? "") : "";
}

/** By the class of the SQLSTATE (PostgreSQL, appendix A). */
function blameOf(error: unknown): "values" | "statement" | "queue" | "database" {
  if (error instanceof QueueFull) return "queue";
  const state = sqlStateOf(error);
  // Data exceptions and violated constraints; then syntax and access rules, features not supported.
  if (/^2[23]/.test(state)) return "values";
  return /^(42|0A)/.test(state) ? "statement" : "database";
}

/** The server reads the statement and looks up its names, and does nothing more; pg has no call for that alone. */
function parseOnly(client: pg.PoolClient, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    client.query({
      submit(connection: pg.Connection) {
        connection.parse({ name: "", text, types: [] }, false);
        connection.sync();
      },
      handleError: reject,
      handleReadyForQuery: resolve,
    });
  });
}

/** After these the connection is as good as before; after 0A000 (a cached plan that no longer fits), 57P01, … a new one is better. */
function isHarmless(error: unknown): boolean {
  return /^(2[23]|42)/.test(sqlStateOf(error));
}

export function messageOf(error: unknown): string {
  // Node tells of each address of a name by an AggregateError without a message.
  if (error instanceof AggregateError && error.message === "") return error.errors.map(messageOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}
