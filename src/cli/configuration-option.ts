/** What commands share: the configuration option, its problems on standard error, a core that is closed afterwards. */
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { performance } from "node:perf_hooks";
import { Option } from "commander";
import type { OnAvailability } from "../answer/availability.ts";
import { formatProblem } from "../config/check/report.ts";
import type { Configuration } from "../config/configuration.ts";
import { type LoadOptions, loadConfiguration, parseConfiguration } from "../config/load.ts";
import { destinationOf, priorityOf } from "../daemon/destination.ts";
import { type OpenCore, openCore } from "../daemon/open-core.ts";
import { unchangedState } from "../daemon/read-only-state.ts";
import { takesAllText } from "../directory/call-ahead.ts";
import { FileProblem } from "../file/file-problem.ts";
import { Files } from "../file/files.ts";
import { errorMessage } from "../text/error-message.ts";

const defaultFile = "/etc/postern/postern.toml";
const unitStateDirectory = "/var/lib/postern";

/** sysexits.h */
export const exitTemporary = 75;
export const exitConfiguration = 78;

export interface ConfigurationOptions {
  readonly config: string;
  readonly stateDirectory?: string;
}

export function configurationOption(): Option {
  return new Option("-c, --config <file>", "the configuration, TOML or JSON").default(defaultFile);
}

export function stateDirectoryOption(): Option {
  return new Option("--state-directory <dir>", "where state is kept; overrides server.state-directory");
}

export function loadOptions({ stateDirectory }: ConfigurationOptions): LoadOptions {
  return {
    hostname: hostname(),
    defaultStateDirectory: defaultStateDirectory(),
    ...(stateDirectory !== undefined && { stateDirectory }),
  };
}

/** That of the unit, also for who types a command beside the daemon. */
function defaultStateDirectory(): string {
  // systemd joins several by colons.
  const [first] = process.env.STATE_DIRECTORY?.split(":") ?? [];
  return first || [unitStateDirectory, "./var"].find(existsSync) || (hasWorkingDirectory() ? "./var" : unitStateDirectory);
}

/** Somebody may have removed it. */
export function hasWorkingDirectory(): boolean {
  try {
    process.cwd();
    return true;
  } catch {
    return false;
  }
}

/** `undefined`: it has errors. All problems have been printed. */
export function loadOrExplain(options: ConfigurationOptions, more: LoadOptions = {}): Configuration | undefined {
  const { configuration, problems } = loadConfiguration(options.config, { ...loadOptions(options), ...more });
  const to = destinationOf(2);
  for (const problem of problems) {
    process.stderr.write(`${priorityOf(problem.severity === "error" ? "error" : "warn", to)}${formatProblem(problem)}\n`);
  }
  return configuration;
}

/** As `loadOrExplain`, but it need not serve; an empty configuration when none was named and there is none. */
export function loadOrEmpty(options: ConfigurationOptions): Configuration | undefined {
  if (options.config !== defaultFile || existsSync(defaultFile)) return loadOrExplain(options, { serves: false });
  return parseConfiguration("", defaultFile, () => "", { ...loadOptions(options), serves: false }).configuration;
}

/** Opens a core, runs the command on it, and closes it. Failures of sources go to standard error. */
export async function withCore(configuration: Configuration, readOnly: boolean, run: (open: OpenCore) => Promise<void>): Promise<void> {
  const onAvailability: OnAvailability = (store, up, cause, isSame) => {
    if (!up && !isSame) process.stderr.write(`${store}: ${errorMessage(cause)}\n`);
  };
  const now = () => performance.now();
  const files = new Files(now, (_, news) => {
    if (news.kind === "taken") for (const warning of news.warnings) process.stderr.write(`${warning}\n`);
  });
  const open = openCore(configuration, {
    now,
    files,
    clock: Date.now,
    leaseState: () => unchangedState(configuration, onAvailability),
    onAvailability,
    onDnsList: (list, ...state) => onAvailability(`DNS list ${list}`, ...state),
    onTakesAll: (directory, domain, takesAll) => {
      if (takesAll) process.stderr.write(`directory ${directory}: ${domain}: ${takesAllText}\n`);
    },
    onShortcoming: (directory, what) => process.stderr.write(`directory ${directory}: ${what}\n`),
    readOnly,
  });
  try {
    await open.refresh();
    await run(open);
  } catch (error) {
    if (!(error instanceof FileProblem)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  } finally {
    await open.close();
  }
}
