/** The servers that stores ask: how tests start each, and what differs between them. */
import type { ServerKind } from "../contract/database-server.ts";
import { TestMariadb } from "./mariadb.ts";
import { TestPostgres } from "./postgres.ts";
import { mysqlSettings, postgresqlSettings } from "./stores.ts";

export const postgresql: ServerKind = {
  ...{ name: "PostgreSQL", engine: "postgresql", bytes: "bytea" },
  create: () => TestPostgres.create(),
  url: (port) => `postgresql://postgres@127.0.0.1:${port}/postgres`,
  settings: postgresqlSettings,
  sleep: "SELECT pg_sleep(600)",
  sleeping: "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND state = 'active' AND pid <> pg_backend_pid()",
};

export const mariadb: ServerKind = {
  ...{ name: "MariaDB", engine: "mysql", bytes: "varbinary(20)" },
  create: () => TestMariadb.create(),
  url: (port) => `mysql://root@127.0.0.1:${port}/test`,
  settings: mysqlSettings,
  sleep: "SELECT sleep(600)",
  sleeping: "SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%sleep(600)%' AND id <> connection_id()",
};
