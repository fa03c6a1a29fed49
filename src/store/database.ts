/** A SQL database as directories, lookups and scripts see it, whatever its engine. */
import type { WaitedFor } from "../answer/patience.ts";
import type { SqlResult } from "../expr/ask.ts";
import type { Value } from "../expr/value.ts";

/** What is wrong with a statement, as the engine reports it. */
export type StatementProblem =
  | { readonly kind: "missing-table"; readonly table: string }
  | { readonly kind: "wrong"; readonly message: string };

/**
 * Every method but `close` rejects with a `TemporaryError`, whatever went wrong, which is an `UnusableAnswer` where the values of a statement are
 * at fault; its `cause` is the driver's error.
 */
export interface Database {
  readonly name: string;
  readonly source: WaitedFor;
  /**
   * One statement, done within the deadline of the store. `?` or `$n` stand for `parameters`; with a `$n`, a `?` is an operator.
   * Of its rows those after the first `maxRows` are not read. Default: all are. `isExact`: numbers are texts with all their digits, for what
   * goes back to the database, such as the key of a row.
   */
  query(sql: string, parameters: readonly Value[], maxRows?: number, isExact?: boolean): Promise<SqlResult>;
  /** Whether the statement could be carried out, without doing it. `undefined`: no problem is known. */
  check(sql: string): Promise<StatementProblem | undefined>;
  /** Several statements without parameters, done within `timeoutMs`, else within the deadline of the store. */
  run(script: string, timeoutMs?: number): Promise<void>;
  /** Queries in progress may fail; later ones do. */
  close(): Promise<void>;
}
