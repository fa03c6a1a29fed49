/** What the daemon and its SQLite process send each other: a batch of work, then its outcomes in the same order. */
import type { SqlResult } from "../expr/ask.ts";
import type { Blame } from "./blame.ts";
import type { WalMemory } from "./file-identity.ts";

export interface SqliteOptions {
  readonly path: string;
  readonly readOnly: boolean;
  /** How long a statement waits for a lock of another process. */
  readonly busyMs: number;
  /** Of a file that is only read. */
  readonly walMemory?: WalMemory | undefined;
}

export type SqliteWork =
  | {
      readonly kind: "query";
      readonly sql: string;
      readonly parameters: readonly (string | number)[];
      readonly maxRows: number;
      readonly isExact: boolean;
    }
  | { readonly kind: "check" | "script"; readonly sql: string };

/** `ready` once, then what became of each batch. */
export type SqliteMessage = "ready" | readonly SqliteOutcome[];

export type SqliteOutcome = SqlResult | { readonly kind: "error"; readonly message: string; readonly blame: Blame };
