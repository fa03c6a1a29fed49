/** The kinds of lists. */

import type { OnAvailability } from "../answer/availability.ts";
import type { Lookup } from "../stage/sources.ts";
import type { Database } from "../store/database.ts";
import { FileLookup } from "./file.ts";
import type { LookupSettings } from "./lookup-settings.ts";
import { openMemoryLookup } from "./memory.ts";
import { openSqlLookup } from "./sql.ts";

export interface LookupSources {
  store(name: string): Database;
  /** Files that vanish, and their return. */
  readonly onAvailability: OnAvailability;
}

export interface OpenLookup {
  readonly lookup: Lookup;
  /** Looks whether its file changed: to be called once a second. `undefined`: it has none. */
  readonly refresh: (() => Promise<void>) | undefined;
}

/** Throws a `FileProblem` when a file cannot be read. */
export function openLookup(settings: LookupSettings, sources: LookupSources): OpenLookup {
  switch (settings.type) {
    case "memory":
      return { lookup: openMemoryLookup(settings.entries), refresh: undefined };
    case "file": {
      const lookup = new FileLookup(settings, sources.onAvailability);
      return { lookup, refresh: () => lookup.refresh() };
    }
    case "sql":
      return { lookup: openSqlLookup(settings.name, sources.store(settings.store), settings.query), refresh: undefined };
  }
}
