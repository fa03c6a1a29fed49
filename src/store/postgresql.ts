/** PostgreSQL by a bounded pool with a bounded queue; it reconnects by itself. */
import { hash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type pg from "pg";
import { Availability, type OnAvailability } from "../answer/availability.ts";
import type { WaitedFor } from "../answer/patience.ts";
import type { TemporaryError } from "../answer/temporary-error.ts";
import type { SqlResult } from "../expr/ask.ts";
import { placeholders } from "../expr/sql-text.ts";
import type { Value } from "../expr/value.ts";
import { errorMessage } from "../text/error-message.ts";
import { type Blame, failureOf, reportFailure } from "./blame.ts";
import type { Database, StatementProblem } from "./database.ts";
import { isMixedUp, PostgresqlPool, queryRows, sqlStateOf } from "./postgresql-pool.ts";
import { exactParserOf, toParameter } from "./sql-value.ts";
import type { PostgresqlSettings } from "./store-settings.ts";
import { waitedFor } from "./waited-for.ts";

/** Statements remembered; from its second use on, a statement is prepared on the connections that run it. */
const maxStatements = 200;

type Row = (Value | null)[];

const exactTypes = { getTypeParser: exactParserOf };

interface Statement {
  readonly text: string;
  /** `undefined` at first: a text that is used once is not worth preparing. */
  name: string | undefined;
  /** How often it had to be prepared anew. */
  version: number;
}

export class PostgresqlDatabase implements Database {
  readonly name: string;
  readonly source: WaitedFor;
  readonly #timeoutMs: number;
  readonly #pool: PostgresqlPool;
  readonly #availability: Availability;
  readonly #statements = new LRUCache<string, Statement>({ max: maxStatements });
  /** Nothing is prepared for those who ask now and then: what fails in their transaction, such as a name that is unknown, fails as a whole. */
  readonly #readOnly: boolean;
  /** Behind a pooler a connection may be another one of the server at each statement, with names that others have given. */
  #isPooled = false;
  #isClosed = false;

  constructor(settings: PostgresqlSettings, readOnly: boolean, onAvailability: OnAvailability) {
    this.name = settings.name;
    this.#readOnly = readOnly;
    this.#timeoutMs = settings.timeoutMs;
    this.#availability = new Availability(settings.name, onAvailability);
    this.source = waitedFor(settings, this.#availability);
    this.#pool = new PostgresqlPool(settings, { readOnly, isHarmless });
  }

  async query(sql: string, parameters: readonly Value[], maxRows?: number, isExact = false): Promise<SqlResult> {
    const statement = this.#statement(sql);
    const { text } = statement;
    const name = this.#isPooled || this.#readOnly ? undefined : statement.name;
    const values = parameters.map(toParameter);
    // `queryMode` keeps one text to one statement, with or without parameters; the types of pg do not know it.
    const query = {
      text,
      values,
      queryMode: "extended",
      ...(name === undefined ? {} : { name }),
      ...(isExact ? { types: exactTypes } : {}),
    };
    try {
      const result = await this.#pool.use(this.#timeoutMs, (client) => {
        const rows = queryRows<Row>(client, query, maxRows);
        if (name === undefined) return rows;
        return rows.catch((cause: unknown) => {
          if (!isStale(cause)) throw cause;
          if (isMixedUp(cause)) this.#isPooled = true;
          // From its next use on it is prepared anew.
          else if (statement.name === name) {
            statement.version += 1;
            statement.name = undefined;
          }
          return queryRows<Row>(client, { ...query, name: "" }, maxRows);
        });
      });
      this.#availability.worked("", sql);
      if (result.fields.length === 0) return { kind: "changes", changes: result.rowCount ?? 0 };
      return { kind: "rows", rows: result.rows.map((row) => row.map((value) => value ?? "")) };
    } catch (cause) {
      const blame = blameOf(cause);
      const error = this.#error(cause, blame);
      if (!this.#isClosed) reportFailure(this.#availability, blame, sql, error);
      throw error;
    }
  }

  async check(sql: string): Promise<StatementProblem | undefined> {
    try {
      await this.#pool.use(this.#timeoutMs, (client) => parseOnly(client, placeholders(sql, "postgresql")));
      return undefined;
    } catch (cause) {
      if (blameOf(cause) !== "statement") throw this.#error(cause);
      const [, table] = /"(.+)"/.exec(errorMessage(cause)) ?? [];
      const isMissing = sqlStateOf(cause) === "42P01" && table !== undefined;
      return isMissing ? { kind: "missing-table", table } : { kind: "wrong", message: errorMessage(cause) };
    }
  }

  async run(script: string, timeoutMs: number = this.#timeoutMs): Promise<void> {
    try {
      await this.#pool.use(timeoutMs, (client) => client.query(script));
    } catch (cause) {
      throw this.#error(cause);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#pool.close();
  }

  #statement(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known === undefined) {
      const statement = { text: placeholders(sql, "postgresql"), name: undefined, version: 0 };
      this.#statements.set(sql, statement);
      return statement;
    }
    known.name ??= nameOf(known);
    return known;
  }

  #error(cause: unknown, blame = blameOf(cause)): TemporaryError {
    return failureOf(blame, `${this.source.name}: ${errorMessage(cause)}`, { cause });
  }
}

/** By the class of the SQLSTATE (PostgreSQL, appendix A). */
function blameOf(error: unknown): Blame {
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

/** One text has one name, and no other text has it, on every connection and for every daemon. */
function nameOf({ text, version }: Statement): string {
  return `postern_${hash("sha256", text, "hex").slice(0, 32)}_${version}`;
}

/** feature_not_supported: a table has changed, and the rows of a cached plan would have other types. */
const cachedPlan = "0A000";

/** What the connection has prepared is no more what was asked to be: the statement itself may work. */
function isStale(error: unknown): boolean {
  return sqlStateOf(error) === cachedPlan || isMixedUp(error);
}

/** Not 0A000 and 57P01, …, after which a new connection is better. */
function isHarmless(error: unknown): boolean {
  return /^(2[23]|42)/.test(sqlStateOf(error));
}
