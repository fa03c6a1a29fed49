/** What `check --connect` tries: stores, what the state needs of its own, the statements of directories and lists, servers, resolvers, DNS lists. */
import type { OnAvailability } from "../answer/availability.ts";
import type { Configuration } from "../config/configuration.ts";
import type { Connection, OpenDirectory } from "../directory/open-directory.ts";
import type { Dns } from "../dns/dns.ts";
import type { DnsList } from "../dns/dns-list.ts";
import { toText, type Value } from "../expr/value.ts";
import type { Queries, StoreSettings } from "../store/store-settings.ts";
import { type Databases, isUnwritten } from "./databases.ts";
import { stateSettings, usesState } from "./state-settings.ts";

interface Opened {
  readonly databases: Databases;
  readonly directories: ReadonlyMap<string, OpenDirectory>;
  readonly dns: Pick<Dns, "connections">;
  readonly dnsLists: ReadonlyMap<string, DnsList>;
  readonly onAvailability: OnAvailability;
}

export function connectionsOf(
  configuration: Configuration,
  { databases, directories, dns, dnsLists, onAvailability }: Opened,
): readonly Connection[] {
  const stores = [...configuration.stores.values()].filter((store) => !isCreatedAtStart(store));
  const isThere = (name: string) => stores.some((store) => store.name === name);
  const ask = async (store: string, statement: string, parameter: string) => {
    const result = await databases.named(store, "read").query(statement, [parameter], 1);
    return result.kind === "rows" ? result.rows.map(([first = ""]) => first) : [];
  };
  return [
    ...stores
      .filter(({ name }) => name !== "embedded")
      .map(({ name }) => ({
        name: `store ${name}`,
        async connect() {
          await databases.named(name, "read").query("SELECT 1", []);
          return "connected";
        },
      })),
    ...(usesState(configuration) ? [stateOf(configuration, onAvailability)] : []),
    ...[...configuration.directories.values()].flatMap((directory) => {
      if (directory.type !== "sql" || !isThere(directory.store)) return [];
      const { store } = directory;
      return tryQueries(`directory ${directory.name}`, databases.settings(store).queries, (query, parameter) =>
        ask(store, query, parameter),
      );
    }),
    ...[...directories].flatMap(([directory, { connections = [] }]) =>
      connections.map(({ name, connect }) => ({ name: `directory ${directory}: ${name}`, connect })),
    ),
    ...[...configuration.lookups.values()].flatMap((list) => {
      if (list.type !== "sql" || !isThere(list.store)) return [];
      const connect = async () => outcome((await ask(list.store, list.query, nobody.domain)).length > 0 ? ["query"] : []);
      return { name: `lookup ${list.name}`, connect };
    }),
    ...(configuration.asksDns ? dns.connections : []).map(({ name, connect }) => ({
      name,
      connect: () => reportedBy(name, connect, onAvailability),
    })),
    ...[...dnsLists].map(([name, list]) => ({
      name: `DNS list ${name}`,
      async connect() {
        await list.test();
        return "connected";
      },
    })),
  ];
}

function stateOf(configuration: Configuration, onAvailability: OnAvailability): Connection {
  const connect = async () => {
    // For this command alone.
    const { tryState } = await import("../state/try-state.ts");
    return await tryState(stateSettings(configuration));
  };
  return { name: "state", connect: () => reportedBy("state", connect, onAvailability) };
}

/** Of what reports nothing itself. */
async function reportedBy(name: string, connect: () => Promise<string>, onAvailability: OnAvailability): Promise<string> {
  try {
    return await connect();
  } catch (error) {
    onAvailability(name, false, error);
    throw error;
  }
}

/** The first start of the daemon creates a file that has an `init`. */
function isCreatedAtStart(store: StoreSettings): boolean {
  return isUnwritten(store) && (store.name === "embedded" || store.init !== undefined);
}

/** Whom there cannot be (RFC 2606). */
const nobody = { domain: "postern-probe.invalid", address: "nobody@postern-probe.invalid" };

/** Each statement once. */
function tryQueries(name: string, queries: Queries, ask: (statement: string, parameter: string) => Promise<readonly Value[]>): Connection {
  return {
    name,
    async connect() {
      const finding: string[] = [];
      let namesNobody = false;
      for (const [query, statement] of Object.entries(queries)) {
        if (statement === "") continue;
        const found = await ask(statement, query === "domains" ? nobody.domain : nobody.address);
        const isFound = (query === "domains" || query === "recipients") && found.length > 0;
        if (!isFound) continue;
        if (query === "recipients" && toText(found[0] ?? "").trim() === "") namesNobody = true;
        else finding.push(`query.${query}`);
      }
      return namesNobody ? [unnamed, ...(finding.length > 0 ? [outcome(finding)] : [])].join(". ") : outcome(finding);
    },
  };
}

function outcome(finding: readonly string[]): string {
  if (finding.length === 0) return "its statements work";
  const what = `${finding.join(" and ")} found ${nobody.domain}, which nobody has, and so finds everything`;
  return `${what}. A count or EXISTS always yields a row: select what a WHERE leaves`;
}

/** Of an account for which a row has no name. */
const unnamed =
  `query.recipients yields NULL or an empty text for ${nobody.domain}, which nobody has, and so whatever is unknown is deferred. ` +
  "max() and other aggregates always yield a row: select what a WHERE leaves";
