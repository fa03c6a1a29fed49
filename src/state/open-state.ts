/** The kinds of state stores. */

import type { OnAvailability } from "../answer/availability.ts";
import type { StoreSettings } from "../store/store-settings.ts";
import { PostgresqlState } from "./postgresql/store.ts";
import { SqliteState } from "./sqlite/store.ts";
import type { StateStore } from "./state-store.ts";

export interface StateOptions {
  readonly onAvailability: OnAvailability;
  /** Creates no tables in PostgreSQL; without tables nothing is known. */
  readonly readOnly?: boolean;
}

/** Opens nothing before it is first asked. */
export function openState(settings: StoreSettings, { onAvailability, readOnly = false }: StateOptions): StateStore {
  switch (settings.type) {
    case "sqlite":
      return new SqliteState(settings, onAvailability);
    case "postgresql":
      return new PostgresqlState(settings, onAvailability, readOnly);
  }
}
