/** `[store.*]`: databases, with what their files hold; and which of them is asked for what. */
import { join } from "node:path";
import type { Queries, StoreSettings, TlsSettings } from "../../store/store-settings.ts";
import { unknownStore } from "../check/names.ts";
import { askedAbout, wrongParameters } from "../check/query-parameter.ts";
import type { Normalised } from "../normalise.ts";
import { hostOf } from "../schema/database-url.ts";
import { embeddedName } from "../schema/stores.ts";
import type { KeyPath } from "../syntax/tree.ts";
import { type CompileContext, textOf } from "./context.ts";
import { passwordOf, tlsSettings, unreplaced } from "./secrets.ts";

export function compileStores({ server, store }: Normalised, context: CompileContext): ReadonlyMap<string, StoreSettings> {
  const path = join(server["state-directory"], "data.sqlite");
  const stores = new Map<string, StoreSettings>();
  for (const [name, each] of Object.entries(store)) {
    if (name === embeddedName) checkEmbedded(each, path, context);
    stores.set(name, settingsOf(name, each, context));
  }
  return stores;
}

type NormalisedStore = Normalised["store"][string];

function checkEmbedded(store: NormalisedStore, path: string, { report }: CompileContext): void {
  const at: KeyPath = ["store", embeddedName];
  if (store.type !== "sqlite")
    report.error([...at, "type"], "the built-in store is an SQLite database. Remove this, or choose another name.");
  else if (store.path !== path) {
    report.error([...at, "path"], "the built-in store is in server.state-directory. Remove this, or choose another name.");
  }
}

function settingsOf(name: string, store: NormalisedStore, context: CompileContext): StoreSettings {
  const at: KeyPath = ["store", name];
  const sql = store.init === undefined ? undefined : textOf([...at, "init"], store.init, context);
  checkQueries([...at, "query"], store, context);
  const common = {
    name,
    timeoutMs: store.timeout.value,
    init: store.init === undefined || sql === undefined ? undefined : { file: store.init, sql },
    queries: store.query,
  };
  if (store.type === "sqlite") return { ...common, type: "sqlite", path: store.path };
  const { options, ...server } = serverOf(at, store, context);
  const settings = { ...common, pool: store.pool, ...server, tls: tlsOf(at, store, context) };
  if (store.type === "postgresql") return { ...settings, type: "postgresql", options };
  if (server.database === undefined && !context.report.hasErrorAt([...at, "url"]))
    context.report.error(
      at,
      store.url === undefined
        ? 'names no database. Add database = "name".'
        : "names no database. Write it at the end of url, like mysql://user@host/name.",
    );
  return { ...settings, type: "mysql" };
}

function checkQueries(at: KeyPath, { query, type }: NormalisedStore, { report }: CompileContext): void {
  for (const [name, value] of Object.entries(askedAbout) as [keyof Queries, string][]) {
    if (query[name] !== "") report.errorIf([...at, name], wrongParameters(query[name], type, value));
  }
}

type NormalisedServer = Exclude<NormalisedStore, { type: "sqlite" }>;

/** By the URL, or by keys of their own. */
function serverOf(at: KeyPath, store: NormalisedServer, context: CompileContext) {
  const { report } = context;
  const { url, host, port, database, user } = store;
  const socket = store.type === "mysql" ? store.socket : undefined;
  const password = passwordOf(at, "password", { password: store.password, file: store["password-file"] }, context);
  if (url !== undefined) {
    const [beside] = Object.entries({ host, socket, port, database, user }).filter(([, value]) => value !== undefined);
    if (beside !== undefined) report.error([...at, beside[0]], "is given beside url. Keep url, or host, port, database and user.");
    const { tls: _, ...server } = url.value;
    if (server.password !== undefined) report.warningIf([...at, "url"], unreplaced(server.password, "password"));
    return { ...server, password: password ?? server.password };
  }
  if (socket !== undefined && host !== undefined) report.error([...at, "socket"], "is given beside host. Keep one of the two.");
  const isMissing = (host ?? socket) === undefined && !["url", "host", "socket"].some((key) => report.hasErrorAt([...at, key]));
  if (isMissing) report.error(at, `has neither url nor host. Add url = "${store.type}://user@host/database".`);
  return { host: socket ?? host ?? "localhost", port, database, user, password, options: undefined };
}

function tlsOf(at: KeyPath, store: NormalisedServer, context: CompileContext): TlsSettings {
  const { url, tls, ca, cert, key } = store;
  if (tls !== undefined && url?.value.tls !== undefined)
    context.report.error([...at, "tls"], "is given beside sslmode in url. Keep one of the two.");
  // What was normalised says it here or in the URL.
  const mode = tls ?? url?.value.tls ?? "verify";
  return tlsSettings(at, mode, hostOf(store) ?? "", { ca, cert, key }, context);
}

/** `[storage]`. */
export function checkStorage({ storage, store }: Normalised, { names, report }: CompileContext): void {
  for (const key of ["data", "state"] as const)
    report.errorIf(["storage", key], unknownStore(storage[key], names) ?? unfitFor(key, storage[key], store));
  if (storage["on-corrupt"] !== undefined && store[storage.state]?.type === "postgresql")
    report.error(["storage", "on-corrupt"], `is for state in SQLite, and the store "${storage.state}" is PostgreSQL. Remove it.`);
  const { directory } = storage;
  if (directory === undefined || names.directories.has(directory)) return;
  report.error(["storage", "directory"], `unknown directory "${directory}". Add [directory.${directory}], or name another one.`);
}

/** MySQL is asked, and keeps nothing of the daemon's own. */
function unfitFor(key: "data" | "state", name: string, stores: Normalised["store"]): string | undefined {
  if (stores[name]?.type !== "mysql") return undefined;
  return key === "data"
    ? `keys and counters are not kept in MySQL. Remove this, and name the store where it is asked: sql_query('${name}', …), query :use "${name}" ….`
    : "greylist and throttles are not kept in MySQL. Remove this, for a file of SQLite, or name a store of PostgreSQL.";
}
