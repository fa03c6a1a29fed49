/** `[store.*]`: databases, with what their files hold. */
import { join, resolve } from "node:path";
import { defaultQueries } from "../../store/sample-queries.ts";
import type { StoreSettings } from "../../store/store-settings.ts";
import type { Document } from "../schema/schema.ts";
import { durationMs } from "../schema/values.ts";
import type { Path, Table } from "../syntax/tree.ts";
import { absolute, type Build, textOf } from "./context.ts";

export const embeddedName = "embedded";

const embeddedTimeoutMs = 2000;

export function buildStores(build: Build, stateDirectory: string): ReadonlyMap<string, StoreSettings> {
  const path = join(stateDirectory, "data.sqlite");
  const embedded: StoreSettings = {
    name: embeddedName,
    type: "sqlite",
    path,
    timeoutMs: embeddedTimeoutMs,
    init: undefined,
    queries: defaultQueries,
  };
  const stores = new Map<string, StoreSettings>([[embeddedName, embedded]]);
  for (const [name, store] of Object.entries(build.document.store)) {
    if (name === embeddedName) keepPath(store, path, build);
    stores.set(name, settingsOf(name, store, build));
  }
  return stores;
}

/** `[store.embedded]` as people write it: it has no type and no path to give. */
export function completeEmbedded(root: Table): void {
  const stores = root.entries.get("store");
  const embedded = stores?.kind === "table" ? stores.entries.get(embeddedName) : undefined;
  if (embedded?.kind !== "table" || embedded.entries.has("type") || embedded.entries.has("path")) return;
  const { at, keyAt, key } = embedded;
  embedded.entries.set("type", { kind: "scalar", key: `${key}.type`, at, keyAt, value: "sqlite" });
  embedded.entries.set("path", { kind: "scalar", key: `${key}.path`, at, keyAt, value: ownPath });
}

/** Stands for the path that the state directory gives. */
const ownPath = ":embedded:";

function keepPath(store: StoreDocument, path: string, { report }: Build): void {
  const at: Path = ["store", embeddedName];
  if (store.type !== "sqlite") report.error([...at, "type"], "the built-in store is of SQLite. Remove this, or choose another name.");
  else if (store.path === ownPath || resolve(store.path) === resolve(path)) store.path = resolve(path);
  else report.error([...at, "path"], "the built-in store lies in server.state-directory. Remove this, or choose another name.");
}

type StoreDocument = Document["store"][string];

function settingsOf(name: string, store: StoreDocument, build: Build): StoreSettings {
  const path: Path = ["store", name];
  if (store.init !== undefined) store.init = absolute(build, store.init);
  const sql = store.init === undefined ? undefined : textOf(build, [...path, "init"], store.init);
  const common = {
    name,
    timeoutMs: durationMs(store.timeout) ?? 0,
    init: store.init === undefined || sql === undefined ? undefined : { file: store.init, sql },
    queries: store.query,
  };
  if (store.type === "sqlite") {
    store.path = absolute(build, store.path);
    return { ...common, type: "sqlite", path: store.path };
  }
  const { url, host, port, database, user, pool } = store;
  if (url === undefined && host === undefined)
    build.report.error(path, 'has neither url nor host. Add url = "postgresql://user@host/database".');
  const beside = Object.entries({ host, port, database, user }).filter(([, value]) => value !== undefined);
  if (url !== undefined && beside.length > 0) {
    build.report.error([...path, beside[0]?.[0] ?? ""], "stands beside url. Keep url, or host, port, database and user.");
  }
  return { ...common, type: "postgresql", pool, url, host, port, database, user, password: passwordOf(path, store, build) };
}

function passwordOf(path: Path, store: Extract<StoreDocument, { type: "postgresql" }>, build: Build): string | undefined {
  const file = store["password-file"];
  if (file === undefined) return store.password;
  if (store.password !== undefined) build.report.error([...path, "password-file"], "stands beside password. Keep one of the two.");
  store["password-file"] = absolute(build, file);
  const [first] = textOf(build, [...path, "password-file"], store["password-file"])?.split(/\r?\n/) ?? [];
  if (first === "") build.report.error([...path, "password-file"], "the first line of the file is empty. Write the password there.");
  return first;
}
