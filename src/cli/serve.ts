/** `postern serve`: the daemon, from start to the signal that ends it. */
import { fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { Command } from "commander";
import { formatProblem } from "../config/check/report.ts";
import type { Configuration } from "../config/configuration.ts";
import { loadConfiguration } from "../config/load.ts";
import { formatListenAddress } from "../config/schema/values.ts";
import { activatedSockets } from "../daemon/activated-sockets.ts";
import { logBackgroundBugs } from "../daemon/background-bugs.ts";
import { type Daemon, startDaemon, stateLeases } from "../daemon/daemon.ts";
import { tuneHeap } from "../daemon/heap.ts";
import { joined } from "../daemon/joined.ts";
import { messageIn } from "../daemon/listen-problem.ts";
import { BoundSockets } from "../daemon/listen-sockets.ts";
import { type Log, type Logger, openLog } from "../daemon/log.ts";
import { messageOf } from "../daemon/message-of.ts";
import { startWorkers } from "../daemon/primary.ts";
import { nameProcess } from "../daemon/process-name.ts";
import { showLife, tellServiceManager } from "../daemon/service-manager.ts";
import {
  type ConfigurationOptions,
  configurationOption,
  exitConfiguration,
  hasWorkingDirectory,
  loadOptions,
  loadOrExplain,
  stateDirectoryOption,
} from "./configuration-option.ts";
import { helpText } from "./help-text.ts";
import type { Signal, Signals } from "./signals.ts";

export function serveCommand(signals: Signals): Command {
  return new Command("serve")
    .addOption(configurationOption())
    .addOption(stateDirectoryOption())
    .addHelpText(
      "after",
      helpText(`
Signals:
  SIGHUP           reload the configuration; errors are reported and the old configuration is kept
  SIGTERM, SIGINT  finish requests in progress, then stop; a second one stops at once

Exit status: 0 after a signal, 78 when the configuration has errors, as postern check shows them, 1 when it cannot serve for another reason,
such as a socket that another program has. The unit starts it again after 1, and not after 78.`),
    )
    .action((options: ConfigurationOptions) => serve(options, signals));
}

async function serve(options: ConfigurationOptions, signals: Signals): Promise<void> {
  nameProcess("postern");
  // What is loaded now is newer than a SIGHUP until now.
  if (signals.takeHeld().some((signal) => signal !== "SIGHUP")) return;
  const configuration = loadOrExplain(options);
  if (configuration === undefined) {
    process.exitCode = exitConfiguration;
    return;
  }
  leaveRemovedFolder();
  tuneHeap();
  const workers = workersOf(configuration);
  const log = openLog(configuration.log, workers > 1 ? {} : undefined);
  logBackgroundBugs(log.logger);
  const sockets = new BoundSockets(log.logger, { pauses: workers > 1, activated: activatedSockets(process.env) });
  const starting =
    workers > 1 ? startPrimary(configuration, { workers, sockets, log, options }) : startDaemon(configuration, log.logger, { sockets });
  // Before it listens: as soon as it can be reached, it may also get a signal.
  onSignals(signals, starting, log, options, workers);
  try {
    await starting;
  } catch (error) {
    log.logger.error({ event: "start" }, `cannot serve: ${messageIn(configuration, error)}`);
    log.flush();
    process.exit(1);
  }
  introduce(configuration, log);
  tellServiceManager(process.env, "READY=1");
  showLife(process.env);
}

/** No thread starts in a working directory that somebody has removed. Nothing is relative to it then: it would have been an error. */
function leaveRemovedFolder(): void {
  if (!hasWorkingDirectory()) process.chdir("/");
}

function workersOf({ server }: Configuration): number {
  return server.workers === 0 ? availableParallelism() : server.workers;
}

interface PrimaryOptions {
  readonly workers: number;
  readonly sockets: BoundSockets;
  readonly log: Log;
  readonly options: ConfigurationOptions;
}

function startPrimary(configuration: Configuration, { workers, sockets, log: { logger }, options }: PrimaryOptions): Promise<Daemon> {
  const [, program = ""] = process.argv;
  return startWorkers(configuration, {
    workers,
    sockets,
    fork: (channels) =>
      fork(program, ["worker"], { stdio: ["inherit", "inherit", "inherit", "ipc", ...new Array<"pipe">(channels).fill("pipe")] }),
    loadOptions: loadOptions(options),
    leaseState: stateLeases(logger),
    logger,
  });
}

/** For a first try, with the accounts in the configuration itself: what the MTA may ask for, and how to ask without any effect. */
function introduce(configuration: Configuration, { logger }: Log): void {
  introduceScripts(configuration, logger);
  const { directories, listeners } = configuration;
  const domains = new Set([...directories.values()].flatMap((directory) => (directory.type === "memory" ? localDomains(directory) : [])));
  if (domains.size === 0) return;
  const known = `the directory knows only ${[...domains].join(", ")}; mail from outside for other domains is refused`;
  const bind = listeners.find(({ protocol }) => protocol === "policy")?.bind[0];
  const address = bind && `${bind.kind === "inet" ? "inet:" : ""}${formatListenAddress(bind)}`;
  const hint = address && `. To try it, in main.cf: warn_if_reject check_policy_service ${address}`;
  logger.info({ event: "directory" }, `${known}${hint ?? ""}`);
}

/** The first thing to know about a script that seems to do nothing. */
function introduceScripts({ scriptsByStage }: Configuration, logger: Logger): void {
  for (const [stage, scripts] of Object.entries(scriptsByStage)) {
    if (scripts.length > 0) logger.info({ event: "script", stage, scripts }, `scripts enabled at stage ${stage}: ${scripts.join(", ")}`);
  }
}

function localDomains({
  principals,
  domains,
}: {
  principals: readonly { email: readonly string[] }[];
  domains: readonly string[];
}): readonly string[] {
  return [...domains, ...principals.flatMap(({ email }) => email.map((address) => address.slice(address.lastIndexOf("@") + 1)))];
}

function onSignals(signals: Signals, starting: Promise<Daemon>, log: Log, options: ConfigurationOptions, workers: number): void {
  let stopping = false;
  const stop = async (signal: Signal) => {
    if (stopping) process.exit(1);
    stopping = true;
    tellServiceManager(process.env, "STOPPING=1");
    log.logger.info({ event: "stop", signal }, "finishing requests in progress, then stopping");
    const status = await (await starting).stop().then(
      () => 0,
      (error: unknown) => {
        log.logger.error({ event: "stop" }, `${messageOf(error)}; it ends all the same`);
        return 1;
      },
    );
    log.flush();
    process.exit(status);
  };
  const reloadAgain = joined(async () => reload(await starting, log, options, workers));
  signals.handle((signal) => {
    if (signal === "SIGHUP") reloadAgain();
    else void stop(signal);
  });
}

/** Whatever it meets, the daemon serves on. */
async function reload(daemon: Daemon, { logger, format }: Log, options: ConfigurationOptions, workers: number): Promise<void> {
  let loaded: Configuration | undefined;
  try {
    const { configuration, problems } = loadConfiguration(options.config, loadOptions(options));
    loaded = configuration;
    for (const problem of problems)
      logger[problem.severity === "error" ? "error" : "warn"]({ event: "configuration" }, formatProblem(problem));
    if (configuration === undefined) throw new Error("the configuration has errors");
    await daemon.reload(configuration);
    logger.level = configuration.log.level;
    if (configuration.log.format !== format) logger.warn({ event: "reload" }, "log.format takes effect at the next start");
    if (workersOf(configuration) !== workers) logger.warn({ event: "reload" }, "server.workers takes effect at the next start");
    introduceScripts(configuration, logger);
    logger.info({ event: "reload" }, "configuration reloaded");
  } catch (error) {
    daemon.notReloaded();
    const message = messageIn(loaded, error);
    const stays = message.endsWith(".") ? " The previous configuration stays active." : "; the previous configuration stays active";
    logger.error({ event: "reload" }, `${message}${stays}`);
  }
}
