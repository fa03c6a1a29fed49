/** The settings of a store. */

export interface Queries {
  readonly recipients: string;
  readonly emails: string;
  readonly senders: string;
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

interface ServerSettings extends CommonSettings {
  /** Connections, at most. */
  readonly pool: number;
  /** A name or an address, or what begins with `/`: for PostgreSQL the folder of a socket, for MySQL the socket. */
  readonly host: string;
  readonly port: number | undefined;
  readonly database: string | undefined;
  readonly user: string | undefined;
  /** From `password` or the first line of `password-file`. */
  readonly password: string | undefined;
  readonly tls: TlsSettings;
}

export interface PostgresqlSettings extends ServerSettings {
  readonly type: "postgresql";
  /** For the server, as on its command line. */
  readonly options: string | undefined;
}

/** MariaDB, too. */
export interface MysqlSettings extends ServerSettings {
  readonly type: "mysql";
}

/** `verify`: the certificate of the server must be for its host and come from `ca`; `prefer`: without TLS if the server has none. */
export type TlsSettings =
  | { readonly mode: "disable" }
  | {
      readonly mode: "verify" | "require" | "prefer";
      /** In PEM. `undefined`: the public authorities. */
      readonly ca: string | undefined;
      /** In PEM: what this side shows, with its private key. */
      readonly cert: string | undefined;
      readonly key: string | undefined;
    };

export type StoreSettings = SqliteSettings | PostgresqlSettings | MysqlSettings;

/** What greylist and throttles can be kept in. */
export type StateSettings = SqliteSettings | PostgresqlSettings;
