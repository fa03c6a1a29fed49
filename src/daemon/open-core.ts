/** From a configuration to a core that can decide: opens the stores, directories and lookups that it names. */
import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { OnAvailability } from "../answer/availability.ts";
import type { Configuration } from "../config/configuration.ts";
import { openDirectory } from "../directory/open-directory.ts";
import { openDns } from "../dns/dns.ts";
import { isDefault } from "../expr/ask.ts";
import { openExemptions } from "../lookup/exemptions.ts";
import { openLookup } from "../lookup/open-lookup.ts";
import type { ScriptProblem } from "../sieve/script.ts";
import type { Core, FailedScript } from "../stage/core.ts";
import type { Directory, Lookup, Sources } from "../stage/sources.ts";
import type { Database } from "../store/database.ts";
import { openKeys, readKeys, type StoredKeys } from "../store/keys.ts";
import { openStore } from "../store/open-store.ts";
import { defaultQueries } from "../store/sample-queries.ts";
import type { StoreSettings } from "../store/store-settings.ts";
import { checkStatements } from "./check-statements.ts";
import { answersFrom, withoutWriting } from "./expression-sources.ts";
import type { StateLease } from "./state-lease.ts";

export interface CoreOptions {
  /** Milliseconds, for the age of cached answers; it never goes back. */
  readonly now: () => number;
  /** Milliseconds since the epoch, for what is remembered between messages. */
  readonly clock: () => number;
  /** Asked once, and released when the core is closed. */
  readonly leaseState: () => StateLease;
  /** A store or a file became unavailable or is available again, once for each change. */
  readonly onAvailability: OnAvailability;
  /** Writes of expressions are computed and not carried out. */
  readonly readOnly?: boolean;
  readonly onScriptFailure?: (failure: FailedScript) => void;
}

export interface OpenCore {
  readonly configuration: Configuration;
  readonly core: Core;
  /** Reads the files that changed: to be called once a second. */
  refresh(): Promise<void>;
  /** Runs the `init` file of each store that has one; rejects with a `TemporaryError`. */
  initialise(): Promise<void>;
  /** Tries the SQL of scripts in the stores that can be reached now, after their `init`. */
  checkStatements(): Promise<readonly ScriptProblem[]>;
  /** The stores that the configuration names. `connect` rejects with a `TemporaryError`. */
  readonly connections: readonly { readonly store: string; connect(): Promise<void> }[];
  /** Queries in progress fail. */
  close(): Promise<void>;
}

/** Connects to nothing yet. Throws a `FileProblem` when a file is not as it was when the configuration was loaded. */
export function openCore(configuration: Configuration, options: CoreOptions): OpenCore {
  const { stores, directories, lookups, storage, settings, exemptions } = configuration;
  const databases = new Databases(stores, options);
  const sources = {
    store: (name: string) => databases.named(name, "read"),
    queries: (name: string) => stores.get(name)?.queries ?? defaultQueries,
    now: options.now,
    onAvailability: options.onAvailability,
  };
  const opened = [...directories.values()].map((each) => ({ name: each.name, ...openDirectory(each, sources) }));
  const lists = [...lookups.values()].map((each) => ({ name: each.name, ...openLookup(each, sources) }));
  const byName = new Map<string, Directory>(opened.map(({ name, directory }) => [name, directory]));
  const listByName = new Map<string, Lookup>(lists.map(({ name, lookup }) => [name, lookup]));
  const exempt = openExemptions(exemptions, options.onAvailability);
  const refreshes = [...opened, ...lists, exempt].flatMap(({ refresh }) => (refresh === undefined ? [] : [refresh]));

  const directory = (name: string) => byName.get(isDefault(name) ? (storage.directory ?? "") : name);
  const dns = openDns(configuration.dns, options.now);
  let keys: StoredKeys | undefined;
  const ask = answersFrom({
    domains: settings.domains,
    directories: [...byName.values()],
    directory,
    lookup: (name) => listByName.get(name),
    database: (name) => (isDefault(name) || stores.has(name) ? databases.named(isDefault(name) ? storage.data : name, "write") : undefined),
    keys: () => {
      keys ??= (options.readOnly ? readKeys : openKeys)(databases.named(storage.data, "write"));
      return keys;
    },
    dns,
  });
  // Last: nothing that can fail comes after it.
  const lease = options.leaseState();
  const core: Core = {
    settings,
    sources: {
      ask: options.readOnly ? withoutWriting(ask) : ask,
      directory,
      lookup: (name) => listByName.get(name),
      now: options.clock,
      yieldToLoop: () => setImmediate(),
      state: lease.state,
      exemptions: exempt.exemptions,
    } satisfies Sources,
    ...(options.onScriptFailure && { onScriptFailure: options.onScriptFailure }),
  };

  return {
    configuration,
    core,
    async refresh() {
      await Promise.all(refreshes.map((refresh) => refresh()));
    },
    async initialise() {
      const withInit = [...stores.values()].filter(({ init }) => init !== undefined);
      await Promise.all(withInit.map(({ name }) => databases.named(name, "write").query("SELECT 1", [])));
    },
    checkStatements() {
      return checkStatements(settings.sieve.scripts.values(), storage.data, (name) => {
        // Read-only commands do not run `init`, which may create the table.
        const isUnknown = options.readOnly && (stores.get(name)?.init !== undefined || isUnwritten(stores.get(name)));
        return isUnknown ? undefined : databases.named(name, "write");
      });
    },
    connections: [...stores.keys()]
      // The first start of the daemon creates a file that has an `init`.
      .filter((name) => name !== "embedded" && !(isUnwritten(stores.get(name)) && stores.get(name)?.init !== undefined))
      .map((name) => ({
        store: name,
        async connect() {
          await databases.named(name, "read").query("SELECT 1", []);
        },
      })),
    async close() {
      dns.close();
      await databases.close();
      await lease.release();
    },
  };
}

/** The databases of the stores, each opened when it is first asked for; SQLite apart for reading and for writing. */
class Databases {
  readonly #stores: Configuration["stores"];
  readonly #options: CoreOptions;
  readonly #open = new Map<string, Database>();

  constructor(stores: Configuration["stores"], options: CoreOptions) {
    this.#stores = stores;
    this.#options = options;
  }

  /** The configuration was checked: a store that it names is there. */
  named(name: string, access: "read" | "write"): Database {
    const settings = this.#stores.get(name);
    if (settings === undefined) throw new Error(`there is no store "${name}"`);
    const key = settings.type === "sqlite" ? `${access} ${name}` : name;
    const opened = this.#open.get(key);
    if (opened !== undefined) return opened;
    const database = this.#openNew(settings, access);
    this.#open.set(key, database);
    return database;
  }

  #openNew(settings: StoreSettings, access: "read" | "write"): Database {
    const { readOnly = false, onAvailability } = this.#options;
    if (settings.type === "postgresql") return openStore(settings, { readOnly, onAvailability });
    if (access === "write" && !readOnly) makeFolder(settings.path);
    // Without the right to create it, a missing file is empty.
    if (access === "write" && readOnly && isUnwritten(settings)) return emptyDatabase(settings.name);
    return openStore(settings, { readOnly: readOnly || access === "read", onAvailability });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((database) => database.close()));
  }
}

/** The file does not exist yet. */
function isUnwritten(settings: StoreSettings | undefined): boolean {
  return settings?.type === "sqlite" && !existsSync(settings.path);
}

function emptyDatabase(name: string): Database {
  return {
    name,
    query: async () => ({ kind: "rows", rows: [] }),
    check: async () => undefined,
    run: async () => {},
    close: async () => {},
  };
}

/** The state directory may be new. If it cannot be created, the store reports that when it is asked. */
function makeFolder(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
  }
}
