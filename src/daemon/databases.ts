/** The stores of a configuration as one core has them. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { OnAvailability } from "../answer/availability.ts";
import type { Database } from "../store/database.ts";
import { openStore } from "../store/open-store.ts";
import type { StoreSettings } from "../store/store-settings.ts";
import { sourceName } from "../store/waited-for.ts";
import type { Leases, Shared } from "./shared.ts";

export type Access = "read" | "write";

interface DatabaseOptions {
  readonly shared: Shared<Database>;
  readonly leases: Leases;
  readonly readOnly: boolean;
  /** The daemon's own folder. */
  readonly stateDirectory: string;
  readonly onAvailability: OnAvailability;
}

/** Each is leased when it is first asked for; SQLite apart for reading and for writing. */
export class Databases {
  readonly #stores: ReadonlyMap<string, StoreSettings>;
  readonly #options: DatabaseOptions;
  readonly #leased: Readonly<Record<Access, Map<string, Database>>> = { read: new Map(), write: new Map() };

  constructor(stores: ReadonlyMap<string, StoreSettings>, options: DatabaseOptions) {
    this.#stores = stores;
    this.#options = options;
  }

  named(name: string, access: Access): Database {
    const leased = this.#leased[access].get(name);
    if (leased !== undefined) return leased;
    const database = this.lease(name, access, this.#options.leases);
    this.#leased[access].set(name, database);
    return database;
  }

  /** For a holder of its own, which may outlive the core. */
  lease(name: string, access: Access, holder: Leases): Database {
    const settings = this.settings(name);
    const key = settings.type === "sqlite" ? [settings, access] : [settings];
    return this.#options.shared.lease(key, holder, (own) => own.hold(this.#open(settings, access), (database) => database.close()));
  }

  /** Those of a file that does not exist are none. */
  forKeys(name: string): Database {
    const settings = this.settings(name);
    return isUnwritten(settings) ? emptyDatabase(settings) : this.named(name, "write");
  }

  /** The configuration was checked: a store that it names is there. */
  settings(name: string): StoreSettings {
    const settings = this.#stores.get(name);
    if (settings === undefined) throw new Error(`there is no store "${name}"`);
    return settings;
  }

  #open(settings: StoreSettings, access: Access): Database {
    const { readOnly, stateDirectory, onAvailability } = this.#options;
    if (settings.type !== "sqlite") return openStore(settings, { readOnly, onAvailability });
    // What its `init` will create is empty; without that, what asks for a table cannot be told, here as in the daemon.
    if (access === "write" && readOnly && isUnwritten(settings) && settings.init !== undefined) return emptyDatabase(settings);
    // Of each path, so that other stores of the same file know it, too.
    const path = join(stateDirectory, `wal-${createHash("sha256").update(settings.path).digest("hex").slice(0, 16)}.json`);
    return openStore(settings, { readOnly: readOnly || access === "read", walMemory: { path, isKept: !readOnly }, onAvailability });
  }
}

/** The file does not exist yet. */
export function isUnwritten(settings: StoreSettings): boolean {
  return settings.type === "sqlite" && !existsSync(settings.path);
}

function emptyDatabase(settings: StoreSettings): Database {
  return {
    name: settings.name,
    source: { name: sourceName(settings), timeoutMs: settings.timeoutMs, onLate: () => {} },
    query: async () => ({ kind: "rows", rows: [] }),
    check: async () => undefined,
    run: async () => {},
    close: async () => {},
  };
}
