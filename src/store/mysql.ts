/** MySQL and MariaDB by a bounded pool with a bounded queue; it reconnects by itself. */
import { LRUCache } from "lru-cache";
import { Availability, type OnAvailability } from "../answer/availability.ts";
import type { WaitedFor } from "../answer/patience.ts";
import type { TemporaryError } from "../answer/temporary-error.ts";
import type { SqlResult } from "../expr/ask.ts";
import { positional } from "../expr/sql-text.ts";
import type { Value } from "../expr/value.ts";
import { errorMessage } from "../text/error-message.ts";
import { type Blame, failureOf, reportFailure } from "./blame.ts";
import type { Database, StatementProblem } from "./database.ts";
import { MysqlPool } from "./mysql-pool.ts";
import { execute } from "./mysql-rows.ts";
import { fromMysql, toParameter } from "./sql-value.ts";
import type { MysqlSettings } from "./store-settings.ts";
import { waitedFor } from "./waited-for.ts";

/** Statements whose placeholders are remembered. */
const maxStatements = 200;

/** Status flags of the protocol. */
const inTransaction = 0x0001; // SERVER_STATUS_IN_TRANS
const autocommit = 0x0002; // SERVER_STATUS_AUTOCOMMIT

export class MysqlDatabase implements Database {
  readonly name: string;
  readonly source: WaitedFor;
  readonly #timeoutMs: number;
  readonly #pool: MysqlPool;
  readonly #availability: Availability;
  readonly #statements = new LRUCache<string, ReturnType<typeof positional>>({ max: maxStatements });
  #isClosed = false;

  constructor(settings: MysqlSettings, readOnly: boolean, onAvailability: OnAvailability) {
    this.name = settings.name;
    this.#timeoutMs = settings.timeoutMs;
    this.#availability = new Availability(settings.name, onAvailability);
    this.source = waitedFor(settings, this.#availability);
    this.#pool = new MysqlPool(settings, { readOnly, isHarmless });
  }

  async query(sql: string, parameters: readonly Value[], maxRows = Number.POSITIVE_INFINITY, isExact = false): Promise<SqlResult> {
    try {
      const result = await this.#query(sql, parameters, maxRows, isExact);
      this.#availability.worked("", sql);
      return result;
    } catch (cause) {
      const blame = isOutsideCharset(cause, parameters) ? "values" : blameOf(cause);
      const error = this.#error(cause, blame);
      if (!this.#isClosed) reportFailure(this.#availability, blame, sql, error);
      throw error;
    }
  }

  async check(sql: string): Promise<StatementProblem | undefined> {
    const { text } = this.#statement(sql);
    try {
      await this.#pool.use(this.#timeoutMs, async (connection) => {
        await connection.prepare(text);
        connection.unprepare(text);
      });
      return undefined;
    } catch (cause) {
      if (blameOf(cause) !== "statement") throw this.#error(cause);
      // ER_NO_SUCH_TABLE: Table 'database.table' doesn't exist
      const [, table] = /'(?:[^']*\.)?([^'.]+)'/.exec(errorMessage(cause)) ?? [];
      const isMissing = numberOf(cause) === 1146 && table !== undefined;
      return isMissing ? { kind: "missing-table", table } : { kind: "wrong", message: errorMessage(cause) };
    }
  }

  async run(script: string, timeoutMs: number = this.#timeoutMs): Promise<void> {
    try {
      await this.#pool.run(timeoutMs, script);
    } catch (cause) {
      throw this.#error(cause);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#pool.close();
  }

  async #query(sql: string, parameters: readonly Value[], maxRows: number, isExact: boolean): Promise<SqlResult> {
    const { text, order } = this.#statement(sql);
    const needed = order.reduce((most, number) => Math.max(most, number), 0);
    if (needed !== parameters.length) throw new WrongCount(`the statement needs ${needed} values, and ${parameters.length} are given`);
    // Numbers as text, too: compared with a number, all text that does not begin with a digit is 0.
    const given = parameters.map((value) => String(toParameter(value)));
    const values = order.map((number) => given[number - 1] ?? "");
    return this.#pool.use(this.#timeoutMs, async (connection) => {
      // Always prepared by the server: it takes one statement, and values that are no part of its text.
      const outcome = await execute(connection, text, values, { maxRows, isGivenUp: () => this.#pool.isGivenUp(connection) });
      if (outcome.kind === "rows") {
        if (!outcome.isAll) this.#pool.spoil(connection);
        const types = outcome.fields.map(({ columnType = -1 }) => columnType);
        const rows = outcome.rows.map((row) => row.map((value, column) => fromMysql(value, types[column] ?? -1, isExact)));
        return { kind: "rows", rows };
      }
      const { serverStatus, affectedRows } = outcome.header;
      // What a statement began, the next one would be in.
      if ((serverStatus & (inTransaction | autocommit)) !== autocommit) this.#pool.spoil(connection);
      return { kind: "changes", changes: affectedRows };
    });
  }

  #statement(sql: string): ReturnType<typeof positional> {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = positional(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #error(cause: unknown, blame = blameOf(cause)): TemporaryError {
    return failureOf(blame, `${this.source.name}: ${errorMessage(cause)}`, { cause });
  }
}

/** A value has letters that the character set of the column lacks, which the server says of the collations of the two. */
function isOutsideCharset(error: unknown, parameters: readonly Value[]): boolean {
  return mixedCollations.has(numberOf(error)) && /[^\0-\x7f]/.test(parameters.map(toParameter).join());
}

const mixedCollations = new Set([
  1267, // ER_CANT_AGGREGATE_2COLLATIONS
  1270, // ER_CANT_AGGREGATE_3COLLATIONS
  1271, // ER_CANT_AGGREGATE_NCOLLATIONS
]);

class WrongCount extends Error {}

/** Errors of the class 42 that say nothing of the statement: the login, and how many connections there may be. */
const aboutTheLogin = new Set([
  1044, // ER_DBACCESS_DENIED_ERROR
  1049, // ER_BAD_DB_ERROR
  1203, // ER_TOO_MANY_USER_CONNECTIONS
  1226, // ER_USER_LIMIT_REACHED
]);
/** Errors about the statement that have no class of their own. */
const aboutTheStatement = new Set([
  1210, // ER_WRONG_ARGUMENTS
  1295, // ER_UNSUPPORTED_PS
  1364, // ER_NO_DEFAULT_FOR_FIELD
  1792, // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
]);

/** By the class of the SQLSTATE, where it says enough (MySQL Server Error Message Reference). */
function blameOf(error: unknown): Blame {
  if (error instanceof WrongCount) return "statement";
  const [state, number] = [sqlStateOf(error), numberOf(error)];
  if (aboutTheLogin.has(number)) return "database";
  // Data exceptions and violated constraints; then syntax, access rules and the number of columns.
  if (/^2[123]/.test(state)) return state.startsWith("21") ? "statement" : "values";
  return state.startsWith("42") || aboutTheStatement.has(number) || mixedCollations.has(number) ? "statement" : "database";
}

function sqlStateOf(error: unknown): string {
  return error instanceof Error && "sqlState" in error && typeof error.sqlState === "string" ? error.sqlState : "";
}

/** Of the server; -1: it is not of the server. */
function numberOf(error: unknown): number {
  return error instanceof Error && "errno" in error && typeof error.errno === "number" ? error.errno : -1;
}

/** The server refused the statement, and the connection is as before. */
function isHarmless(error: unknown): boolean {
  return blameOf(error) !== "database";
}
