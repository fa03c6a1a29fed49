/** What a document leaves to its surroundings, settled: names and folders of the machine, what one table takes over from another, paths. */
import { join, resolve } from "node:path";
import { sampleDomains } from "../store/sample-queries.ts";
import type { GivenNames } from "./check/names.ts";
import type { LoadOptions } from "./load.ts";
import { hostOf, isSocket, isThisMachine, type TlsMode } from "./schema/database-url.ts";
import { exemptFile } from "./schema/greylist.ts";
import type { Document } from "./schema/schema.ts";
import { embedded, embeddedName, embeddedPath } from "./schema/stores.ts";

/** The document with nothing left open: what settings are compiled from, and what `check --print` shows. */
export type Normalised = Frozen<ReturnType<typeof normalise>>;

type ServerTable = Exclude<Document["store"][string], { readonly type: "sqlite" }>;

type LdapTable = Extract<Document["directory"][string], { readonly type: "ldap" }>;
type CallAheadTable = Extract<Document["directory"][string], { readonly type: "smtp" | "lmtp" }>;

type Frozen<T> = T extends (...parameters: never) => unknown ? T : T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

/** `folder`: that of the file, which its paths are relative to. */
export function normalise(document: Document, names: GivenNames, folder: string, options: LoadOptions) {
  const { session, sieve, storage } = document;
  const absolute = (path: string) => resolve(folder, path);
  const optional = (path: string | undefined) => (path === undefined ? undefined : absolute(path));

  const server = {
    ...document.server,
    hostname: document.server.hostname ?? options.hostname ?? "localhost",
    "state-directory": resolve(options.stateDirectory ?? document.server["state-directory"] ?? options.defaultStateDirectory ?? "./var"),
  };
  const listener = mapValues(document.listener, ({ protocol, ...rest }) => {
    const each = { ...rest, "token-file": optional(rest["token-file"]) };
    if (protocol === "http") return { protocol, ...each };
    const asked = { ...each, mode: each.mode ?? server.mode, "trusted-networks": each["trusted-networks"] ?? server["trusted-networks"] };
    if (protocol !== "milter") return { protocol, ...asked };
    return { protocol, ...asked, extensions: each.extensions ?? ("observe" as const), rewrite: each.rewrite ?? true };
  });
  // Where the built-in store lies is not up to the file.
  const pathOfEmbedded = (path: string) => resolve(path === embeddedPath ? join(server["state-directory"], "data.sqlite") : path);
  const stores: Document["store"] = { [embeddedName]: embedded, ...document.store };
  const store = mapValues(stores, (each, name) => {
    const query = { ...each.query, domains: each.query.domains ?? sampleDomains(each.type) };
    const init = optional(each.init);
    if (each.type === "sqlite") {
      return { ...each, path: name === embeddedName ? pathOfEmbedded(each.path) : absolute(each.path), init, query };
    }
    return {
      ...each,
      ...(each.type === "mysql" && { socket: optional(each.socket) }),
      "password-file": optional(each["password-file"]),
      tls: tlsOf(each),
      ca: optional(each.ca),
      cert: optional(each.cert),
      key: optional(each.key),
      init,
      query,
    };
  });
  const directory = mapValues(document.directory, (each) => {
    switch (each.type) {
      case "file":
        return {
          ...each,
          virtual: each.virtual.map(absolute),
          aliases: each.aliases.map(absolute),
          mailboxes: each.mailboxes.map(absolute),
          addresses: each.addresses.map(absolute),
        };
      case "ldap":
        return {
          ...each,
          tls: tlsOfLdap(each),
          ca: optional(each.ca),
          cert: optional(each.cert),
          key: optional(each.key),
          "bind-password-file": optional(each["bind-password-file"]),
        };
      case "smtp":
      case "lmtp":
        return { ...each, tls: tlsOfServer(each), ca: optional(each.ca), ehlo: each.ehlo ?? server.hostname };
      default:
        return each;
    }
  });
  const [onlyDirectory, ...others] = names.directories.keys();
  const defaultDirectory = others.length === 0 ? onlyDirectory : undefined;
  const exempt = (entry: string) => {
    const file = exemptFile(entry);
    return file === undefined ? entry : `file:${absolute(file)}`;
  };
  const greylist = {
    ...session.rcpt.greylist,
    "exempt-clients": session.rcpt.greylist["exempt-clients"].map(exempt),
    "exempt-recipients": session.rcpt.greylist["exempt-recipients"].map(exempt),
  };
  const scripts = mapValues(sieve.trusted.scripts, (each) => ({ ...each, file: optional(each.file) }));
  return {
    ...document,
    server,
    listener,
    store,
    directory,
    storage: {
      ...storage,
      directory: storage.directory ?? defaultDirectory,
      "on-corrupt": storage["on-corrupt"] ?? (document.store[storage.state]?.type === "postgresql" ? undefined : ("begin-anew" as const)),
    },
    "lookup-file": mapValues(document["lookup-file"], (each) => ({ ...each, path: absolute(each.path) })),
    session: { ...session, rcpt: { ...session.rcpt, greylist } },
    sieve: { trusted: { ...sieve.trusted, scripts } },
  };
}

/** `undefined`: the URL says it. */
function tlsOf(table: ServerTable): TlsMode | undefined {
  const { tls, url, ca, cert } = table;
  const host = hostOf(table);
  if (tls !== undefined || url?.value.tls !== undefined) return tls;
  return host !== undefined && isThisMachine(host) && ca === undefined && cert === undefined ? "disable" : "verify";
}

/** `undefined`: each server is encrypted from the start. */
function tlsOfLdap({ tls, url, ca, cert }: LdapTable): LdapTable["tls"] {
  const plain = url.filter(({ value }) => !value.isSecure);
  if (tls !== undefined || plain.length === 0) return tls;
  const isSafe = plain.every(({ value }) => isThisMachine(value.host));
  return isSafe && ca === undefined && cert === undefined ? "disable" : "starttls";
}

/** As an MTA delivers by default: what the server can do. */
function tlsOfServer({ tls, host, ca }: CallAheadTable): TlsMode {
  if (tls !== undefined) return tls;
  if (isSocket(host)) return "disable";
  return ca === undefined ? "prefer" : "verify";
}

function mapValues<T, U>(table: Readonly<Record<string, T>>, map: (value: T, name: string) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(table).map(([name, value]) => [name, map(value, name)]));
}
