/** The kinds of directories. */

import type { OnAvailability } from "../answer/availability.ts";
import type { Directory } from "../stage/sources.ts";
import type { Database } from "../store/database.ts";
import type { Queries } from "../store/store-settings.ts";
import { cached } from "./cache.ts";
import type { DirectorySettings } from "./directory-settings.ts";
import { FileDirectory } from "./file.ts";
import { openMemoryDirectory } from "./memory.ts";
import { openMtaDirectory } from "./mta.ts";
import { openSqlDirectory } from "./sql.ts";

export interface DirectorySources {
  store(name: string): Database;
  queries(store: string): Queries;
  /** Milliseconds. */
  now(): number;
  /** Files that vanish or do not parse, and their return. */
  readonly onAvailability: OnAvailability;
}

export interface OpenDirectory {
  readonly directory: Directory;
  /** Looks whether files changed: to be called once a second. `undefined`: it has none. */
  readonly refresh: (() => Promise<void>) | undefined;
}

/** Throws a `FileProblem` when a file cannot be read or does not parse. */
export function openDirectory(settings: DirectorySettings, sources: DirectorySources): OpenDirectory {
  switch (settings.type) {
    case "mta":
      return { directory: openMtaDirectory(settings.name), refresh: undefined };
    case "memory":
      return { directory: openMemoryDirectory(settings.name, settings.principals, settings.domains), refresh: undefined };
    case "file": {
      const directory = new FileDirectory(settings, sources.onAvailability);
      return { directory, refresh: () => directory.refresh() };
    }
    case "sql": {
      const directory = openSqlDirectory(settings.name, sources.store(settings.store), sources.queries(settings.store));
      return { directory: cached(directory, settings.cache, sources.now), refresh: undefined };
    }
  }
}
