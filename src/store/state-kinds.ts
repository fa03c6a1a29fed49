/** The kinds of stores of state. */
import type { StoreSettings } from "./settings.ts";
import type { OnState } from "./state.ts";
import { PostgresqlState } from "./state-postgresql.ts";
import { SqliteState } from "./state-sqlite.ts";
import type { StateStore } from "./state-store.ts";

export interface StateOptions {
  readonly onState: OnState;
  /** Only to look: no tables are made in PostgreSQL; where there are none, nothing is known. */
  readonly readOnly?: boolean;
}

/** Opens nothing before it is first asked. */
export function openState(settings: StoreSettings, { onState, readOnly = false }: StateOptions): StateStore {
  switch (settings.type) {
    case "sqlite":
      return new SqliteState(settings, onState);
    case "postgresql":
      return new PostgresqlState(settings, onState, readOnly);
  }
}
