/** The kinds of state stores. */
import type { OnAvailability } from "../answer/availability.ts";
import type { StateSettings } from "../store/store-settings.ts";
import { PostgresqlState } from "./postgresql/store.ts";
import { SqliteState } from "./sqlite/store.ts";
import type { StateStore } from "./state-store.ts";

export interface StateOptions {
  readonly onAvailability: OnAvailability;
  /** Entries that expired were not removed, and why, while mail is answered as ever. The next round tries again. */
  readonly onNotExpired?: (why: string) => void;
  /** Creates no tables in PostgreSQL; without tables nothing is known. */
  readonly readOnly?: boolean;
  /** Moves a broken file of SQLite aside and begins a new one, which will be of the user of this process. */
  readonly replacesBroken?: boolean;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** Opens nothing before it is first asked. */
export function openState(settings: StateSettings, options: StateOptions): StateStore {
  const { onAvailability, readOnly = false, replacesBroken = false, now = Date.now, onNotExpired = () => {} } = options;
  switch (settings.type) {
    case "sqlite":
      return new SqliteState(settings, onAvailability, { now, replacesBroken });
    case "postgresql":
      return new PostgresqlState(settings, { onAvailability, onNotExpired, readOnly, now });
  }
}
