/** The kinds of directories. */
import type { OnAvailability } from "../answer/availability.ts";
import type { Files } from "../file/files.ts";
import type { Directory } from "../stage/sources.ts";
import type { Database } from "../store/database.ts";
import type { Queries } from "../store/store-settings.ts";
import { type CachedDirectory, cached } from "./cache.ts";
import { CallAhead, type OnShortcoming, type OnTakesAll } from "./call-ahead.ts";
import type { DirectorySettings } from "./directory-settings.ts";
import { FileDirectory } from "./file.ts";
import { openLdapDirectory } from "./ldap.ts";
import { openMemoryDirectory } from "./memory.ts";
import { openMtaDirectory } from "./mta.ts";
import { openSqlDirectory } from "./sql.ts";

export interface DirectorySources {
  store(name: string): Database;
  queries(store: string): Queries;
  /** `session.rcpt.max-list-members`. */
  readonly maxListMembers: number;
  /** Milliseconds. */
  now(): number;
  readonly files: Files;
  readonly onAvailability: OnAvailability;
  readonly onTakesAll: OnTakesAll;
  readonly onShortcoming: OnShortcoming;
}

/** What `check --connect` tries. */
export interface Connection {
  readonly name: string;
  /** What was seen. Rejects with a `TemporaryError`. */
  connect(): Promise<string>;
}

export interface OpenDirectory {
  readonly directory: Directory | CachedDirectory;
  /** Reads its files; to be called before it is asked, when it rejects with a `FileProblem`, and then once a second. `undefined`: it has none. */
  readonly refresh: (() => Promise<void>) | undefined;
  /** Servers of its own, each of which can be tried. */
  readonly connections?: readonly Connection[];
  /** Closes connections of its own. */
  readonly close?: () => void;
}

export function openDirectory(settings: DirectorySettings, sources: DirectorySources): OpenDirectory {
  switch (settings.type) {
    case "mta":
      return { directory: openMtaDirectory(settings.name), refresh: undefined };
    case "memory":
      return { directory: openMemoryDirectory(settings.name, settings.principals, settings.domains), refresh: undefined };
    case "file": {
      const directory = new FileDirectory(settings, sources.files);
      return { directory, refresh: () => directory.refresh() };
    }
    case "ldap": {
      const { directory, ...own } = openLdapDirectory(settings, sources.now, sources.onAvailability);
      return { directory: cached(directory, settings.cache, sources.now), refresh: undefined, ...own };
    }
    case "sql": {
      const directory = openSqlDirectory(
        settings.name,
        sources.store(settings.store),
        sources.queries(settings.store),
        sources.maxListMembers,
      );
      return { directory: cached(directory, settings.cache, sources.now), refresh: undefined };
    }
    case "smtp":
    case "lmtp": {
      const directory = new CallAhead(settings, sources);
      const kept = cached(directory, settings.cache, sources.now);
      return {
        // Its domains are those of the configuration, and never waited for.
        directory: { ...kept, isLocalDomain: (domain) => directory.isLocalDomain(domain) },
        refresh: undefined,
        connections: directory.connections,
        close: () => directory.close(),
      };
    }
  }
}
