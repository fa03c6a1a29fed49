/** Settings of stores for tests, with the defaults filled in. */
import { defaultQueries, sampleDomains } from "../../src/store/sample-queries.ts";
import type { MysqlSettings, PostgresqlSettings, SqliteSettings } from "../../src/store/store-settings.ts";

const common = { name: "test", timeoutMs: 20_000, init: undefined, queries: defaultQueries };

export function sqliteSettings(path: string, changes: Partial<SqliteSettings> = {}): SqliteSettings {
  return { ...common, type: "sqlite", path, ...changes };
}

export function postgresqlSettings(port: number, changes: Partial<PostgresqlSettings> = {}): PostgresqlSettings {
  const connection = { host: "127.0.0.1", port, database: "postgres", user: "postgres", password: undefined, options: undefined };
  return { ...common, type: "postgresql", pool: 4, ...connection, tls: { mode: "disable" }, ...changes };
}

export function mysqlSettings(port: number, changes: Partial<MysqlSettings> = {}): MysqlSettings {
  const connection = { host: "127.0.0.1", port, database: "test", user: "root", password: undefined };
  return {
    ...common,
    queries: { ...defaultQueries, domains: sampleDomains("mysql") },
    type: "mysql",
    pool: 4,
    ...connection,
    tls: { mode: "disable" },
    ...changes,
  };
}
