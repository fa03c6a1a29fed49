/** The kinds of stores. */

import type { OnAvailability } from "../answer/availability.ts";
import type { Database } from "./database.ts";
import type { WalMemory } from "./file-identity.ts";
import { initialised } from "./init.ts";
import { MysqlDatabase } from "./mysql.ts";
import { PostgresqlDatabase } from "./postgresql.ts";
import { SqliteDatabase } from "./sqlite.ts";
import type { StoreSettings } from "./store-settings.ts";

export interface StoreOptions {
  /** Nothing is written, and `init` is not run. */
  readonly readOnly: boolean;
  /** For a file of SQLite that is only read. */
  readonly walMemory?: WalMemory;
  readonly onAvailability: OnAvailability;
}

/** Connects when it is first asked: a store that is unavailable now may be available later. */
export function openStore(settings: StoreSettings, options: StoreOptions): Database {
  const database = openKind(settings, options);
  return settings.init && !options.readOnly ? initialised(database, settings.init, settings.timeoutMs, options.onAvailability) : database;
}

function openKind(settings: StoreSettings, { readOnly, walMemory, onAvailability }: StoreOptions): Database {
  switch (settings.type) {
    case "sqlite":
      return new SqliteDatabase(settings, readOnly, walMemory, onAvailability);
    case "postgresql":
      return new PostgresqlDatabase(settings, readOnly, onAvailability);
    case "mysql":
      return new MysqlDatabase(settings, readOnly, onAvailability);
  }
}
