/** A configuration that was read, checked and compiled: what the daemon is made from. */
import type { DirectorySettings } from "../directory/directory-settings.ts";
import type { DnsSettings } from "../dns/dns.ts";
import type { DnsListSettings } from "../dns/dns-list.ts";
import type { Names } from "../expr/ask.ts";
import type { ExemptionSettings } from "../lookup/exemptions.ts";
import type { LookupSettings } from "../lookup/lookup-settings.ts";
import type { ScriptVocabulary } from "../sieve/script.ts";
import type { Mode } from "../stage/core.ts";
import type { ScriptStage } from "../stage/script-environment.ts";
import type { Settings } from "../stage/stage-settings.ts";
import type { StoreSettings } from "../store/store-settings.ts";
import type { Place } from "../text/place.ts";
import { asksDns, asksSpf } from "./check/asks-dns.ts";
import type { PlacedStatement } from "./check/names.ts";
import type { Problem } from "./check/report.ts";
import { dnsSettings } from "./compile/caches.ts";
import type { CompileContext } from "./compile/context.ts";
import { compileDirectories } from "./compile/directories.ts";
import { compileDnsLists } from "./compile/dns-lists.ts";
import { compileExemptions } from "./compile/greylist.ts";
import { compileListeners, networksOf } from "./compile/listeners.ts";
import { compileLookups } from "./compile/lookups.ts";
import { compileScripts, readScripts, scriptsByStage, scriptVocabulary, statementsOfScripts } from "./compile/scripts.ts";
import { compileSettings } from "./compile/session.ts";
import { checkStorage, compileStores } from "./compile/stores.ts";
import type { Normalised } from "./normalise.ts";
import type { ListenAddress } from "./schema/values.ts";
import type { KeyPath } from "./syntax/tree.ts";

export interface Networks {
  readonly texts: readonly string[];
  contains(address: string): boolean;
}

/** Where a listener is reached. */
export interface SocketSettings {
  readonly name: string;
  readonly bind: readonly ListenAddress[];
  /** As chmod takes it. */
  readonly socketMode: number;
  readonly socketGroup: string | undefined;
  readonly maxConnections: number;
}

/** For an MTA. */
export interface ListenerSettings extends SocketSettings {
  readonly protocol: "policy" | "milter" | "socketmap";
  /** `undefined`: what the MTA says, else 25. */
  readonly localPort: number | undefined;
  /** That of the server where the listener has none. */
  readonly mode: Mode;
  /** Those of the server where the listener has none. */
  readonly trustedNetworks: Networks;
  /** Of a milter: whether parameters of extensions that are off are refused. */
  readonly extensions: "observe" | "enforce";
  /** Of a milter: whether it changes recipients and the sender. */
  readonly rewrite: boolean;
}

/** For people and monitoring. */
export interface HttpSettings extends SocketSettings {
  readonly protocol: "http";
  /** Whoever comes must show it; `undefined`: nobody, and nobody comes from elsewhere. */
  readonly token: string | undefined;
  /** Lower case, besides those of the machine itself. */
  readonly allowedHosts: readonly string[];
}

/** `recipients`: and all that were refused. */
export type LoggedDecisions = "all" | "recipients" | "refused" | "none";

export interface Configuration {
  /** As it was named. */
  readonly file: string;
  /** What was read there. */
  readonly text: string;
  /** What was read in the other files that it was made from, by their paths. Tables and lists, which are watched, are none of them. */
  readonly texts: ReadonlyMap<string, string>;
  readonly server: {
    readonly hostname: string;
    /** Processes that serve; 0: one a core. */
    readonly workers: number;
    readonly mode: Mode;
    readonly stateDirectory: string;
    readonly trustedNetworks: Networks;
  };
  readonly log: {
    readonly level: "error" | "warn" | "info" | "debug";
    /** `undefined`: by where the lines go. */
    readonly format?: "json" | "text" | undefined;
    readonly decisions: LoggedDecisions;
  };
  /** How long and how many decisions are kept in a file; `undefined`: none. */
  readonly decisions: { readonly keepMs: number; readonly maxOctets: number } | undefined;
  readonly listeners: readonly ListenerSettings[];
  readonly httpListeners: readonly HttpSettings[];
  /** Has `embedded` always. */
  readonly stores: ReadonlyMap<string, StoreSettings>;
  readonly directories: ReadonlyMap<string, DirectorySettings>;
  readonly storage: {
    /** Names; `directory` undefined: `''` and `'*'` mean none. */
    readonly directory: string | undefined;
    readonly data: string;
    readonly state: string;
    /** `undefined`: state is in no file. */
    readonly onCorrupt: "begin-anew" | "wait" | undefined;
  };
  readonly lookups: ReadonlyMap<string, LookupSettings>;
  readonly dns: DnsSettings;
  readonly dnsLists: ReadonlyMap<string, DnsListSettings>;
  readonly settings: Settings;
  /** Whom the greylist exempts. */
  readonly exemptions: ExemptionSettings;
  /** Replies held back at once, over all sessions. */
  readonly maxWaiting: number;
  readonly names: Names;
  /** Something may need the SPF of a client. */
  readonly asksSpf: boolean;
  /** Something may need the DNS. */
  readonly asksDns: boolean;
  /** What each stage may run: names, and expressions that compute them. */
  readonly scriptsByStage: Readonly<Record<ScriptStage, readonly string[]>>;
  /** What a further script is compiled against. */
  readonly scriptVocabulary: ScriptVocabulary;
  /** The SQL of rules and scripts that is the same whenever it is asked, each once. */
  readonly statements: readonly PlacedStatement[];
  /** Where the file has that; `undefined`: it does not. */
  readonly placeOf: (path: KeyPath) => Place | undefined;
  /** All of it in the words of the file, for `check --print`. */
  readonly normalised: Normalised;
  /** Nothing worse was found. */
  readonly warnings: readonly Problem[];
}

function decisionSettings({ decisions: { keep, "max-megabytes": megabytes } }: Normalised): Configuration["decisions"] {
  return keep === undefined || keep.value === 0 ? undefined : { keepMs: keep.value, maxOctets: megabytes * 1_000_000 };
}

export function compileConfiguration(file: string, text: string, normalised: Normalised, context: CompileContext): Configuration {
  const { server, log, storage, session } = normalised;
  checkStorage(normalised, context);
  const sources = readScripts(normalised, context);
  const vocabulary = scriptVocabulary(normalised, sources, context);
  const sieve = {
    scripts: compileScripts(normalised, sources, vocabulary, context),
    onError: normalised.sieve.trusted["on-error"],
  };
  const compiled = {
    file,
    text,
    texts: new Map(),
    server: {
      hostname: server.hostname,
      workers: server.workers,
      mode: server.mode,
      stateDirectory: server["state-directory"],
      trustedNetworks: networksOf(server["trusted-networks"]),
    },
    log,
    decisions: decisionSettings(normalised),
    ...compileListeners(normalised, context),
    stores: compileStores(normalised, context),
    directories: compileDirectories(normalised, context),
    storage: { directory: storage.directory, data: storage.data, state: storage.state, onCorrupt: storage["on-corrupt"] },
    lookups: compileLookups(normalised, context),
    dns: dnsSettings(normalised.dns),
    dnsLists: compileDnsLists(normalised, context),
    settings: compileSettings(normalised, sieve, context),
    exemptions: compileExemptions(normalised, context),
    maxWaiting: session.rcpt.errors["max-waiting"],
    names: context.names,
    scriptsByStage: scriptsByStage(normalised),
    scriptVocabulary: vocabulary,
    placeOf: (path: KeyPath) => (context.report.isWritten(path) ? context.report.placeOf(path) : undefined),
    // Rules collect theirs while they are compiled.
    statements: [...context.names.used.statements, ...statementsOfScripts(sieve.scripts, normalised, context)],
    normalised,
    warnings: [],
  };
  const { used } = context.names;
  return { ...compiled, asksSpf: asksSpf(compiled.settings, used), asksDns: asksDns(compiled.settings, used) };
}
