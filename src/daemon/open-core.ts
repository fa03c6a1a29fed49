/** From a configuration to a core that can decide: opens the stores, directories and lookups that it names, or goes on with those that are open. */
import { setImmediate } from "node:timers/promises";
import type { Later, OnAvailability } from "../answer/availability.ts";
import { type OnWaited, Patience } from "../answer/patience.ts";
import type { Problem } from "../config/check/report.ts";
import type { Configuration } from "../config/configuration.ts";
import type { CacheReport } from "../directory/cache.ts";
import type { OnShortcoming, OnTakesAll } from "../directory/call-ahead.ts";
import type { DirectorySettings } from "../directory/directory-settings.ts";
import { type Connection, type OpenDirectory, openDirectory } from "../directory/open-directory.ts";
import { type Dns, openDns } from "../dns/dns.ts";
import { DnsList } from "../dns/dns-list.ts";
import { SenderChecks } from "../dns/sender-checks.ts";
import { isDefault } from "../expr/ask.ts";
import { Files, refreshAll } from "../file/files.ts";
import { type OpenExemptions, openExemptions } from "../lookup/exemptions.ts";
import type { LookupSettings } from "../lookup/lookup-settings.ts";
import { type OpenLookup, openLookup } from "../lookup/open-lookup.ts";
import type { Core, FailedScript, ScriptLine, ThrottledKey } from "../stage/core.ts";
import type { Sources } from "../stage/sources.ts";
import type { State } from "../stage/state.ts";
import type { Administration } from "../state/state-store.ts";
import type { Database } from "../store/database.ts";
import { openKeys, readKeys, type StoredKeys } from "../store/keys.ts";
import { checkStatements } from "./check-statements.ts";
import { connectionsOf } from "./connections.ts";
import { Databases, isUnwritten } from "./databases.ts";
import { type Answerers, Answers, AnswersWithoutWriting, type OnListed } from "./expression-sources.ts";
import { RequestSources, type SharedByRequests } from "./request-sources.ts";
import { PatientSenderAuth } from "./sender-auth-sources.ts";
import { Leases, Shared } from "./shared.ts";
import type { StateHealth, StateLease } from "./state-lease.ts";

/** What the cores of one daemon share, with all that it knows: connections, answers that are kept, the contents of files. */
export class SharedSources {
  readonly databases = new Shared<Database>();
  readonly directories = new Shared<OpenDirectory>();
  readonly lookups = new Shared<OpenLookup>();
  readonly exemptions = new Shared<OpenExemptions>();
  readonly dns = new Shared<Dns>();
  readonly dnsLists = new Shared<DnsList>();
  readonly senderChecks = new Shared<SenderChecks>();
}

export interface CoreOptions {
  /** Milliseconds, for the age of cached answers and for deadlines; it never goes back. */
  readonly now: () => number;
  /** For the deadlines of requests. Default: by `setTimeout`. */
  readonly later?: Later;
  /** Milliseconds since the epoch, for what is remembered between messages. */
  readonly clock: () => number;
  /** Default: all of it is this core's own. */
  readonly shared?: SharedSources;
  /** Asked once, and released when the core is closed. */
  readonly leaseState: () => StateLease;
  /** A store or a server became unavailable or is available again, once for each change. */
  readonly onAvailability: OnAvailability;
  /** The same of a DNS list, which cannot tell. Default: nobody is told. */
  readonly onDnsList?: OnAvailability;
  readonly onTakesAll?: OnTakesAll;
  readonly onShortcoming?: OnShortcoming;
  /** A request waited for a source. */
  readonly onWaited?: OnWaited;
  /** A rule has asked a DNS list. Default: nobody counts. */
  readonly onListed?: OnListed;
  /** The state as requests are to ask it. Default: as it is. */
  readonly counted?: (state: State) => State;
  /** Those of the previous core, so that what it knows is passed on. Default: new ones, of which no news is reported. */
  readonly files?: Files;
  /** Writes of expressions are computed and not carried out. */
  readonly readOnly?: boolean;
  /** False: requests ask nothing that they would have to wait for, and cannot tell instead. Default: true. */
  readonly asks?: boolean | undefined;
  readonly onScriptFailure?: (failure: FailedScript) => void;
  readonly onScriptLine?: (line: ScriptLine) => void;
  readonly onThrottled?: (key: ThrottledKey) => void;
}

export interface OpenCore {
  readonly configuration: Configuration;
  /** It waits for its sources as long as they take. */
  readonly core: Core;
  /** The same for one request, which waits for each source in all only as long as one question may take. */
  forRequest(): Core;
  readonly files: Files;
  /** Reads the files; to be called before the core is asked, when it rejects with a `FileProblem`, and then once a second. */
  refresh(): Promise<void>;
  /** To be called at start and then now and then. */
  testDnsLists(): void;
  /** Runs the `init` file of each store that has one; rejects with a `TemporaryError`. */
  initialise(): Promise<void>;
  /** Tries the SQL of rules and scripts in the stores that can be reached now, after their `init`. */
  checkStatements(): Promise<readonly Problem[]>;
  /** The stores and DNS lists that the configuration names, and the servers of directories. */
  readonly connections: readonly Connection[];
  /** Of greylist and throttles; `undefined`: the configuration has none, or another process has it. */
  readonly administration: Administration | undefined;
  /** The same, of its store. */
  readonly stateHealth: (() => StateHealth) | undefined;
  /** By the name of the directory that keeps its answers. */
  readonly caches: ReadonlyMap<string, CacheReport>;
  /** Closes what no other core uses; queries in progress there fail. */
  close(): Promise<void>;
}

/** Connects to nothing and reads no file yet. */
export function openCore(configuration: Configuration, options: CoreOptions): OpenCore {
  const leases = new Leases();
  try {
    return openWith(leases, configuration, options);
  } catch (error) {
    void leases.release();
    throw error;
  }
}

function openWith(leases: Leases, configuration: Configuration, options: CoreOptions): OpenCore {
  const { stores, storage, settings, server } = configuration;
  const { readOnly = false, onAvailability, shared = new SharedSources(), files = new Files(options.now, () => {}) } = options;
  const { stateDirectory } = server;
  const databases = new Databases(stores, { shared: shared.databases, leases, readOnly, stateDirectory, onAvailability });
  const { directories, lookups, exemptions, dns, dnsLists, senderChecks } = leaseSources(
    configuration,
    databases,
    leases,
    shared,
    files,
    options,
  );
  const refreshes = [...directories.values(), ...lookups.values(), exemptions, dns].flatMap(({ refresh }) => refresh ?? []);

  const directory = (name: string) => directories.get(isDefault(name) ? (storage.directory ?? "") : name)?.directory;
  const lookup = (name: string) => lookups.get(name)?.lookup;
  let keys: StoredKeys | undefined;
  const AnswersOf = readOnly ? AnswersWithoutWriting : Answers;
  const answerers: Answerers = {
    domains: settings.domains,
    directories: [...directories.values()].map((each) => each.directory),
    directory,
    lookup,
    database: (name) => (isDefault(name) || stores.has(name) ? databases.named(isDefault(name) ? storage.data : name, "write") : undefined),
    keys: () => {
      keys ??= readOnly
        ? readKeys(databases.forKeys(storage.data), options.clock)
        : openKeys(databases.named(storage.data, "write"), options.clock);
      return keys;
    },
    dns,
    dnsLists,
    onListed: options.onListed,
  };
  const { state, administration, health: stateHealth } = leases.hold(options.leaseState(), (lease) => lease.release());
  const core: Core = {
    settings,
    sources: {
      ask: new AnswersOf(answerers),
      senderAuth: senderChecks,
      directory,
      lookup,
      now: options.clock,
      yieldToLoop: () => setImmediate(),
      state: options.counted?.(state) ?? state,
      exemptions: exemptions.exemptions,
    } satisfies Sources,
    ...(options.onScriptFailure && { onScriptFailure: options.onScriptFailure }),
    ...(options.onScriptLine && { onScriptLine: options.onScriptLine }),
    ...(options.onThrottled && { onThrottled: options.onThrottled }),
  };

  const byRequests: SharedByRequests = {
    sources: core.sources,
    ask: (patience) => new AnswersOf(answerers, patience),
    senderAuth: (patience) => new PatientSenderAuth(senderChecks, patience),
  };

  return {
    configuration,
    core,
    forRequest() {
      return {
        ...core,
        sources: new RequestSources(byRequests, new Patience(options.now, options.later ?? later, options.onWaited, options.asks)),
      };
    },
    files,
    refresh: () => refreshAll(refreshes),
    testDnsLists() {
      for (const list of dnsLists.values()) list.testWhenDue();
    },
    async initialise() {
      const withInit = [...stores.values()].filter(({ init }) => init !== undefined);
      await Promise.all(withInit.map(({ name }) => databases.named(name, "write").query("SELECT 1", [])));
    },
    checkStatements() {
      return checkStatements(configuration.statements, storage.data, (name) => {
        const store = databases.settings(name);
        // Read-only commands do not run `init`, which may create the table.
        const isUnknown = readOnly && (store.init !== undefined || isUnwritten(store));
        return isUnknown ? undefined : databases.named(name, "write");
      });
    },
    connections: connectionsOf(configuration, { databases, directories, dns, dnsLists, onAvailability }),
    administration,
    stateHealth,
    caches: new Map([...directories].flatMap(([name, { directory: each }]) => ("cache" in each ? [[name, each.cache]] : []))),
    close: () => leases.release(),
  };
}

const later: Later = (call, ms) => {
  const timer = setTimeout(call, ms);
  return () => clearTimeout(timer);
};

/** A store that something asks is part of the settings of that, since it is other answers that come from another store. */
function leaseSources(
  configuration: Configuration,
  databases: Databases,
  leases: Leases,
  shared: SharedSources,
  files: Files,
  { now, later: callLater = later, onAvailability, onDnsList = () => {}, onTakesAll = () => {}, onShortcoming = () => {} }: CoreOptions,
) {
  const readFrom = (holder: Leases) => (name: string) => databases.lease(name, "read", holder);
  const settingsOf = (each: DirectorySettings | LookupSettings) => (each.type === "sql" ? [each, databases.settings(each.store)] : [each]);
  const queries = (store: string) => databases.settings(store).queries;
  const { maxListMembers } = configuration.settings.rcpt;
  const dns = shared.dns.lease(configuration.dns, leases, (own) =>
    own.hold(openDns(configuration.dns, now, { onAvailability }), (opened) => opened.close()),
  );
  return {
    directories: mapValues(configuration.directories, (each) =>
      shared.directories.lease(each.type === "sql" ? [...settingsOf(each), maxListMembers] : [each], leases, (own) =>
        own.hold(
          openDirectory(each, { store: readFrom(own), queries, maxListMembers, now, files, onAvailability, onTakesAll, onShortcoming }),
          ({ close }) => close?.(),
        ),
      ),
    ),
    lookups: mapValues(configuration.lookups, (each) =>
      shared.lookups.lease(settingsOf(each), leases, (own) => openLookup(each, { store: readFrom(own), files })),
    ),
    exemptions: shared.exemptions.lease(configuration.exemptions, leases, () => openExemptions(configuration.exemptions, files)),
    dns,
    senderChecks: shared.senderChecks.lease(configuration.dns, leases, () => new SenderChecks(dns, now, configuration.dns.entries)),
    dnsLists: mapValues(configuration.dnsLists, (each) =>
      shared.dnsLists.lease(
        [each, configuration.dns],
        leases,
        () => new DnsList(each, { dns, now, entries: configuration.dns.entries, later: callLater, onAvailability: onDnsList }),
      ),
    ),
  };
}

function mapValues<T, U>(map: ReadonlyMap<string, T>, become: (value: T) => U): ReadonlyMap<string, U> {
  return new Map([...map].map(([name, value]) => [name, become(value)]));
}
