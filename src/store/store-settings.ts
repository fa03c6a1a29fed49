/** The settings of a store. */

export interface Queries {
  readonly recipients: string;
  readonly emails: string;
  readonly members: string;
  readonly expand: string;
  readonly verify: string;
  readonly domains: string;
}

interface CommonSettings {
  readonly name: string;
  /** Deadline of one query, waiting for a connection included. */
  readonly timeoutMs: number;
  /** Statements of the file `init`, run at start; `undefined`: none. */
  readonly init: { readonly file: string; readonly sql: string } | undefined;
  /** Statements of a SQL directory; the defaults are those of the sample schema. */
  readonly queries: Queries;
}

export interface SqliteSettings extends CommonSettings {
  readonly type: "sqlite";
  readonly path: string;
}

export interface PostgresqlSettings extends CommonSettings {
  readonly type: "postgresql";
  /** Connections, at most. */
  readonly pool: number;
  readonly url: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly database: string | undefined;
  readonly user: string | undefined;
  /** From `password` or the first line of `password-file`. */
  readonly password: string | undefined;
}

export type StoreSettings = SqliteSettings | PostgresqlSettings;
