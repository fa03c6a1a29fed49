/** A configuration file to a configuration, or to everything that is wrong with it. It reads files, and nothing else of the world. */
import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Names } from "../expr/ask.ts";
import { settleKeys } from "./check/keys.ts";
import type { Problem } from "./check/report.ts";
import { Report } from "./check/report.ts";
import { validate } from "./check/validate.ts";
import { warnOfListeners } from "./check/warnings.ts";
import { type Build, cannotRead, type Declared, notUtf8, type ReadFile } from "./compile/context.ts";
import { buildDirectories, dnsSettings, knownStore } from "./compile/directories.ts";
import { buildExemptions } from "./compile/greylist.ts";
import { buildListeners, networksOf } from "./compile/listeners.ts";
import { buildLookups, lookupTables } from "./compile/lookups.ts";
import { problemInScript, readScripts, scriptVocabulary } from "./compile/scripts.ts";
import { buildSettings } from "./compile/session.ts";
import { buildStores, completeEmbedded, embeddedName } from "./compile/stores.ts";
import type { Configuration } from "./configuration.ts";
import { schema } from "./schema/schema.ts";
import { parseJson } from "./syntax/json.ts";
import { foldObjects } from "./syntax/json-objects.ts";
import { parseToml } from "./syntax/toml.ts";
import { toData } from "./syntax/tree.ts";

export interface LoadOptions {
  /** Where the file does not say. Default: `localhost`. */
  readonly hostname?: string;
  /** In place of what the file says. */
  readonly stateDirectory?: string;
  /** Where the file does not say. Default: `./var`. */
  readonly defaultStateDirectory?: string;
  /** False: a configuration without listeners, or without a directory, will do. Default: true. */
  readonly serves?: boolean;
}

interface Loaded {
  /** `undefined` when there is an error among the problems. */
  readonly configuration?: Configuration;
  /** In the order of the file. */
  readonly problems: readonly Problem[];
}

export function loadConfiguration(file: string, options: LoadOptions = {}): Loaded {
  const fail = (message: string): Loaded => ({ problems: [{ severity: "error", file, line: 1, column: 1, key: "", message }] });
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    return fail(cannotRead(file, error));
  }
  if (!isUtf8(bytes)) return fail(notUtf8);
  // The decoder drops a byte order mark.
  return parseConfiguration(new TextDecoder().decode(bytes), file, (path) => readFileSync(path, "utf8"), options);
}

export function parseConfiguration(text: string, file: string, readFile: ReadFile, options: LoadOptions = {}): Loaded {
  const format = file.endsWith(".json") || text.trimStart().startsWith("{") ? "json" : "toml";
  const parsed = format === "json" ? parseJson(text) : parseToml(text);
  if (parsed.kind === "error") return { problems: [{ severity: "error", file, ...parsed.at, key: "", message: parsed.message }] };
  const { root, remarks } = parsed;
  const report = new Report(file, root);
  for (const { at, message } of remarks) report.add({ severity: "warning", ...at, key: "", message });
  if (format === "json") foldObjects(root, report);
  completeEmbedded(root);
  settleKeys(root, schema, format, report);
  const data = toData(root);
  const build: Build = { document: validate(data, report), declared: declaredIn(data), report, folder: dirname(resolve(file)), readFile };
  const configuration = configurationOf(file, text, build, options);
  const { problems } = report;
  return problems.some(({ severity }) => severity === "error") ? { problems } : { configuration, problems };
}

function configurationOf(file: string, text: string, build: Build, options: LoadOptions): Configuration {
  const { document } = build;
  const { server, log, storage } = document;
  const hostname = server.hostname ?? options.hostname ?? "localhost";
  const stateDirectory = options.stateDirectory ?? server["state-directory"] ?? options.defaultStateDirectory ?? "./var";
  server.hostname = hostname;
  server["state-directory"] = stateDirectory;
  const stores = buildStores(build, stateDirectory);
  const directories = buildDirectories(build);
  const lookups = buildLookups(build);
  const names: Names = {
    // What waits matters for what is right only, so an entry with an error may count as waiting.
    directories: new Map(
      [...build.declared.directories].map((name) => [name, { waits: (directories.get(name)?.type ?? "sql") === "sql" }]),
    ),
    lookups: new Map([...build.declared.lookups].map((name) => [name, { waits: (lookups.get(name)?.type ?? "sql") === "sql" }])),
    stores: build.declared.stores,
  };
  settleStorage(build);
  const scripts = readScripts(build);
  const vocabulary = scriptVocabulary(build, names, scripts);
  const settings = buildSettings(build, vocabulary, scripts);
  if (options.serves !== false) mustServe(build);
  const listeners = buildListeners(build);
  warnOfListeners(build, settings);
  return {
    file,
    text,
    server: {
      hostname,
      workers: server.workers,
      mode: server.mode,
      stateDirectory,
      trustedNetworks: networksOf(server["trusted-networks"]),
    },
    log,
    listeners,
    stores,
    directories,
    storage: { directory: storage.directory, data: storage.data, state: storage.state },
    lookups,
    dns: dnsSettings(document.dns),
    settings,
    exemptions: buildExemptions(build),
    maxWaiting: document.session.rcpt.errors["max-waiting"],
    names,
    scriptVocabulary: vocabulary,
    problemInScript: (problem) => problemInScript(problem, build),
    document,
  };
}

function settleStorage(build: Build): void {
  const { document, declared, report } = build;
  const { storage } = document;
  for (const key of ["data", "state"] as const) knownStore(["storage", key], storage[key], build);
  const [only, ...more] = declared.directories;
  if (storage.directory === undefined) {
    if (only !== undefined && more.length === 0) storage.directory = only;
  } else if (!declared.directories.has(storage.directory)) {
    report.error(
      ["storage", "directory"],
      `unknown directory "${storage.directory}". Add [directory.${storage.directory}], or name another one.`,
    );
  }
}

/** Somebody must be able to ask, and it must be known who exists. */
function mustServe({ document, declared, report }: Build): void {
  const [listener] = Object.keys(document.listener);
  const directory = document.session.rcpt.directory;
  if (listener === undefined) {
    // One that is there and wrong has been told of.
    if (report.problems.some(({ key }) => key.startsWith("listener"))) return;
    report.error(
      ["listener"],
      'there is no listener, so no MTA can ask. Add [listener.smtp] with protocol = "policy" and bind = ["127.0.0.1:10040"].',
    );
  } else if (declared.directories.size === 0 && directory !== false) {
    report.error(
      ["listener", listener],
      'has no directory to ask, so every recipient would be foreign. Add a directory that knows who exists, or [directory.mta] with type = "mta" if recipients and relaying stay the MTA\'s business.',
    );
  } else if (document.storage.directory === undefined && declared.directories.size > 1 && /^\s*(['"])\*?\1\s*$/.test(String(directory))) {
    const names = [...declared.directories].join(", ");
    report.error(
      ["storage", "directory"],
      `is missing, and there are several directories: ${names}. Name one, or set session.rcpt.directory.`,
    );
  }
}

function declaredIn(data: unknown): Declared {
  const namesIn = (table: string): string[] => {
    const value = isTable(data) ? data[table] : undefined;
    return isTable(value) ? Object.keys(value) : [];
  };
  return {
    stores: new Set([embeddedName, ...namesIn("store")]),
    directories: new Set(namesIn("directory")),
    lookups: new Set(lookupTables.flatMap(namesIn)),
    scripts: new Set(Object.keys(tableAt(data, ["sieve", "trusted", "scripts"])).map((name) => name.toLowerCase())),
  };
}

function tableAt(data: unknown, path: readonly string[]): Record<string, unknown> {
  const found = path.reduce<unknown>((table, name) => (isTable(table) ? table[name] : undefined), data);
  return isTable(found) ? found : {};
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
