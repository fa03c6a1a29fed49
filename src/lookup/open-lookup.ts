/** The kinds of lists. */
import type { Files } from "../file/files.ts";
import type { Lookup } from "../stage/sources.ts";
import type { Database } from "../store/database.ts";
import { FileLookup } from "./file.ts";
import type { LookupSettings } from "./lookup-settings.ts";
import { MemoryLookup } from "./memory.ts";
import { openSqlLookup } from "./sql.ts";

export interface LookupSources {
  store(name: string): Database;
  readonly files: Files;
}

export interface OpenLookup {
  readonly lookup: Lookup;
  /** Reads its file; to be called before it is asked, when it rejects with a `FileProblem`, and then once a second. `undefined`: it has none. */
  readonly refresh: (() => Promise<void>) | undefined;
}

export function openLookup(settings: LookupSettings, sources: LookupSources): OpenLookup {
  switch (settings.type) {
    case "memory":
      return { lookup: new MemoryLookup(settings.entries), refresh: undefined };
    case "file": {
      const lookup = new FileLookup(settings, sources.files);
      return { lookup, refresh: () => lookup.refresh() };
    }
    case "sql":
      return { lookup: openSqlLookup(settings.name, sources.store(settings.store), settings.query), refresh: undefined };
  }
}
