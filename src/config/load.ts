/**
 * A configuration file to a configuration, or to everything that is wrong with it: its text to a tree, the tree to a document in the words
 * of the schema, the document with nothing left open, and that to what the daemon is made from. It reads files, and nothing else of the world.
 */
import { isUtf8 } from "node:buffer";
import { dirname, resolve } from "node:path";
import { readSmallFile } from "../file/small-file.ts";
import { checkAccounts } from "./check/accounts.ts";
import { settleKeys } from "./check/keys.ts";
import { namesIn } from "./check/names.ts";
import { formatProblem, type Problem, ProblemReport } from "./check/report.ts";
import { validate } from "./check/validate.ts";
import { warnOfListeners } from "./check/warnings.ts";
import { cannotRead, notUtf8, type ReadFile } from "./compile/context.ts";
import { mustServe } from "./compile/listeners.ts";
import { type Configuration, compileConfiguration } from "./configuration.ts";
import { normalise } from "./normalise.ts";
import { maxOctets } from "./syntax/bounds.ts";
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
  let bytes: Buffer | undefined;
  try {
    bytes = readSmallFile(file, maxOctets);
  } catch (error) {
    return fail(cannotRead(file, error));
  }
  if (bytes === undefined) return fail(`is longer than ${maxOctets} octets. Put lists, scripts and the like into files of their own.`);
  if (!isUtf8(bytes)) return fail(notUtf8);
  // The decoder drops a byte order mark.
  return parseConfiguration(new TextDecoder().decode(bytes), file, readRegularFile, options);
}

const readRegularFile: ReadFile = (path, maxOctets = Number.POSITIVE_INFINITY) => readSmallFile(path, maxOctets)?.toString();

/** `readFile`: also of tables and lists, which are only checked. */
export function parseConfiguration(text: string, file: string, readFile: ReadFile, options: LoadOptions = {}): Loaded {
  const format = file.endsWith(".json") || text.trimStart().startsWith("{") ? "json" : "toml";
  const parsed = format === "json" ? parseJson(text) : parseToml(text);
  if (parsed.kind === "error") return { problems: [{ severity: "error", file, ...parsed.at, key: "", message: parsed.message }] };
  const { root, remarks } = parsed;
  const report = new ProblemReport(file, root);
  for (const { at, message } of remarks) report.add({ severity: "warning", ...at, key: "", message });

  if (format === "json") foldObjects(root, report);
  settleKeys(root, format, report);
  const data = toData(root);
  const document = validate(data, format, report);
  const names = namesIn(data, document);
  const normalised = normalise(document, names, dirname(resolve(file)), options);
  const { texts, keepText } = keepTexts(readFile);
  const context = { names, report, readFile: keepText, readTable: readFile };
  const configuration = compileConfiguration(file, text, normalised, context);

  if (options.serves !== false) mustServe(normalised, context);
  checkAccounts(normalised, configuration.settings, report);
  warnOfListeners(normalised, configuration.settings, names.used, report);
  const { problems } = report;
  return problems.some(({ severity }) => severity === "error")
    ? { problems }
    : { configuration: { ...configuration, texts, warnings: problems }, problems };
}

/** The configuration that is made again from the texts of one that has no errors, whatever its files have become. */
export function sameConfiguration(
  { file, text, texts }: Pick<Configuration, "file" | "text" | "texts">,
  options: LoadOptions,
): Configuration {
  // Where it has none, the file is a table, which counts as too large to be checked.
  const { configuration, problems } = parseConfiguration(text, file, (path) => texts.get(path), options);
  if (configuration === undefined) throw new Error(problems.map(formatProblem).join("; "));
  return configuration;
}

function keepTexts(readFile: ReadFile): { readonly texts: ReadonlyMap<string, string>; readonly keepText: ReadFile } {
  const texts = new Map<string, string>();
  return {
    texts,
    keepText(path, maxOctets) {
      const text = readFile(path, maxOctets);
      if (text !== undefined) texts.set(path, text);
      return text;
    },
  };
}
