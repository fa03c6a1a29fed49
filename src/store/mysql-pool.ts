/** Connections to MySQL or MariaDB, at most so many, each used within a deadline: a late query is ended here and in the server. */
import { connect } from "node:net";
import { userInfo } from "node:os";
import type mysql from "mysql2/promise";
import { codeOf } from "../text/error-code.ts";
import { onDemand } from "../text/on-demand.ts";
import { Connections } from "./connections.ts";
import { present } from "./present.ts";
import type { MysqlSettings } from "./store-settings.ts";

const driver = onDemand<typeof mysql>("mysql2/promise");

const idleMs = 60_000;
const defaultPort = 3306;
/** Statements that each connection keeps prepared: a server has room for 16,382 in all. */
const maxPrepared = 32;

export interface MysqlPoolOptions {
  readonly readOnly: boolean;
  /** Whether the connection is as good as before after this error. */
  readonly isHarmless: (error: unknown) => boolean;
}

/** What a connection was prepared for, and when it was last used. */
interface Use {
  readonly timeoutMs: number;
  readonly at: number;
}

type Tls = mysql.PoolOptions["ssl"];

interface ConfiguredPool {
  readonly config: { readonly connectionConfig: { ssl: NonNullable<Tls> | false } };
}

export class MysqlPool {
  readonly #options: mysql.PoolOptions;
  readonly #mayBeClear: boolean;
  readonly #readOnly: boolean;
  readonly #connections: Connections<mysql.PoolConnection>;
  /** Of scripts, which alone may be several statements. */
  readonly #scripts: Connections<mysql.Connection>;
  readonly #uses = new WeakMap<mysql.Connection, Use>();
  readonly #spoilt = new WeakSet<mysql.PoolConnection>();
  /**
   * The server ends what it does for them by its timeout, not by KILL, which takes a number alone: behind a proxy, or where a name stands for
   * several servers, that is somebody else's connection.
   */
  readonly #givenUp = new WeakSet<mysql.Connection>();
  readonly #pool: mysql.Pool;

  constructor(settings: MysqlSettings, { readOnly, isHarmless }: MysqlPoolOptions) {
    this.#options = poolOptions(settings);
    this.#mayBeClear = settings.tls.mode === "prefer";
    this.#readOnly = readOnly;
    this.#pool = openPool(this.#options);
    this.#connections = new Connections<mysql.PoolConnection>(settings.pool, {
      lend: () => this.#lend(),
      takeBack: (connection, isFit) => (isFit ? connection.release() : connection.destroy()),
      isFit: (connection, error) => (error === undefined ? !this.#spoilt.has(connection) : isHarmless(error)),
      end: (connection) => this.#givenUp.add(connection),
    });
    this.#scripts = new Connections<mysql.Connection>(settings.pool, {
      lend: () => this.#connect((tls) => driver().createConnection({ ...connectionOptions(this.#options, tls), multipleStatements: true })),
      takeBack: (connection) => connection.destroy(),
      isFit: () => false,
      end: (connection) => this.#givenUp.add(connection),
    });
  }

  /** The deadline counts from the call, so that waiting for a connection is within it. */
  use<T>(timeoutMs: number, work: (connection: mysql.PoolConnection) => Promise<T>): Promise<T> {
    return this.#connections.use(timeoutMs, async (connection) => {
      if (this.#uses.get(connection.connection)?.timeoutMs !== timeoutMs) await this.#prepare(connection, timeoutMs);
      this.#uses.set(connection.connection, { timeoutMs, at: performance.now() });
      return work(connection);
    });
  }

  /** Its work must send nothing more. */
  isGivenUp(connection: mysql.PoolConnection): boolean {
    return this.#givenUp.has(connection);
  }

  /** On a connection of its own. Once it is sent, the server carries out all its statements, each within the deadline. */
  run(timeoutMs: number, script: string): Promise<void> {
    return this.#scripts.use(timeoutMs, async (connection) => {
      await this.#prepare(connection, timeoutMs);
      await connection.query(script);
    });
  }

  /** After what it is used for now, the connection is closed. */
  spoil(connection: mysql.PoolConnection): void {
    this.#spoilt.add(connection);
  }

  /** Queries in progress fail, since they may take minutes. */
  async close(): Promise<void> {
    await Promise.all([this.#connections.close(), this.#scripts.close()]);
    // What fails now was about to be closed.
    await this.#pool.end().catch(() => {});
  }

  async #lend(): Promise<mysql.PoolConnection> {
    const connection = await this.#connect((tls) => this.#connectPooled(tls));
    const use = this.#uses.get(connection.connection);
    if (use === undefined || performance.now() - use.at < idleMs) return connection;
    // A server or a firewall may have forgotten it.
    connection.destroy();
    return this.#lend();
  }

  #connectPooled(tls: Tls): Promise<mysql.PoolConnection> {
    // A connection is made at once, of the options as they are then; the types of the driver do not know them.
    const { connectionConfig } = (this.#pool.pool as unknown as ConfiguredPool).config;
    connectionConfig.ssl = tls ?? false;
    return this.#pool.getConnection();
  }

  async #connect<T>(open: (tls: Tls) => Promise<T>): Promise<T> {
    try {
      return await open(this.#options.ssl);
    } catch (cause) {
      if (codeOf(cause) !== "HANDSHAKE_NO_SSL_SUPPORT") throw cause;
      if (!this.#mayBeClear)
        throw new Error('the server offers no TLS. Switch it on there; on a safe network, write tls = "disable"', { cause });
      // Of this connection alone: the server may have TLS later, and another one of that name may have it now.
      return open(undefined);
    }
  }

  /** Each server reads what is for it: the server, too, ends a query that nobody waits for any more. */
  async #prepare(connection: mysql.Connection, timeoutMs: number): Promise<void> {
    const [mariadb, mysqlServer] = [`max_statement_time = ${timeoutMs / 1000}`, `max_execution_time = ${timeoutMs}`];
    await connection.query(`SET /*M!100101 ${mariadb}, */ /*!50708 ${mysqlServer}, */ autocommit = 1`);
    if (this.#readOnly) await connection.query("SET SESSION TRANSACTION READ ONLY");
    if (this.#givenUp.has(connection)) throw new Error("it is given up");
  }
}

function openPool(options: mysql.PoolOptions): mysql.Pool {
  const pool = driver().createPool({ ...options });
  // The pool drops such a connection; the next query shows whether the server is down.
  pool.pool.on("connection", (connection) => connection.on("error", () => {}));
  return pool;
}

function poolOptions({ host, port = defaultPort, tls, ...settings }: MysqlSettings): mysql.PoolOptions {
  const options: mysql.PoolOptions = {
    user: settings.user ?? userInfo().username,
    // Text that comes from no column is compared exactly; a column, by its own collation.
    charset: "UTF8MB4_BIN",
    connectTimeout: settings.timeoutMs,
    maxPreparedStatements: maxPrepared,
    // The server must not ask for files of this machine.
    flags: ["-LOCAL_FILES"],
    rowsAsArray: true,
    // As text, what JavaScript has no value for.
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
    jsonStrings: true,
    // Connections lends no more than it may.
    connectionLimit: 2 * settings.pool,
  };
  if (settings.database !== undefined) options.database = settings.database;
  if (settings.password !== undefined) options.password = settings.password;
  if (host.startsWith("/")) return { ...options, socketPath: host };
  // Where no name can be sent, Node.js compares the certificate with what the socket says of its host, which an address does not set.
  const stream = () => Object.assign(connect({ host, port, keepAlive: true, noDelay: true }), { _host: host });
  const network = { ...options, host, port, stream };
  if (tls.mode === "disable") return network;
  const { mode, ca, cert, key } = tls;
  return { ...network, ssl: { ...present({ ca, cert, key }), rejectUnauthorized: mode === "verify", verifyIdentity: mode === "verify" } };
}

/** Without what is for a pool alone, of which the driver warns. */
function connectionOptions({ connectionLimit: _, ssl: __, ...options }: mysql.PoolOptions, tls: Tls): mysql.ConnectionOptions {
  return tls === undefined ? options : { ...options, ssl: tls };
}
