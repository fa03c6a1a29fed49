/** The daemon: a configuration, the core made from it, and the listeners that ask the core. A reload opens a new core, then puts it in the place of the old one. */
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { TemporaryError } from "../answer/temporary-error.ts";
import { formatProblem } from "../config/check/report.ts";
import type { Configuration } from "../config/configuration.ts";
import { Files } from "../file/files.ts";
import type { CalledListener } from "../frontend/calls.ts";
import { maxAnswerMs } from "../frontend/connection/deadline.ts";
import { DelayedReplies } from "../frontend/connection/delayed-replies.ts";
import type { Decision } from "../frontend/decision.ts";
import type { Notice, Once } from "../frontend/notice.ts";
import type { AnswerPolicy } from "../frontend/policy/policy.ts";
import { SayOnce } from "../frontend/say-once.ts";
import { WrittenDecision } from "../frontend/written-decision.ts";
import type { Settings } from "../stage/stage-settings.ts";
import { dayMs, hourMs } from "../text/duration.ts";
import { CallReports } from "./call-reports.ts";
import { DecisionReports } from "./decision-reports.ts";
import { BoundSockets, type ListenSockets } from "./listen-sockets.ts";
import type { Logger } from "./log.ts";
import {
  logDnsList,
  logFile,
  logNotExpired,
  logNotice,
  logOtherDaemon,
  logOutages,
  logScriptLine,
  logSource,
  logStateStore,
  logTakesAll,
  logWaitingFull,
} from "./log-lines.ts";
import { messageOf } from "./message-of.ts";
import { MtaListeners } from "./mta-listeners.ts";
import type { Gauges } from "./observer.ts";
import { type Observed, Observing } from "./observing.ts";
import { type OpenCore, openCore, SharedSources } from "./open-core.ts";
import { neededBySessions, preload } from "./preload.ts";
import { type LineLog, loggedOnce, type Remarks, remarks } from "./remarks.ts";
import { type StateLease, StateStores } from "./state-lease.ts";
import { Succession } from "./succession.ts";
import { LoggedTally, type Tally } from "./tally.ts";

export interface Daemon {
  /** Serves by another configuration from now on. When that fails, it throws, and nothing has changed. */
  reload(configuration: Configuration): Promise<void>;
  /** What was to be reloaded could not be. */
  notReloaded(): void;
  /** Finishes requests in progress, then closes. */
  stop(): Promise<void>;
}

export interface DaemonOptions {
  /** Default: sockets of its own. */
  readonly sockets?: ListenSockets;
  /** Where state is kept. Default: by the configuration. */
  readonly leaseState?: (configuration: Configuration) => StateLease;
  /** Who answers the policy requests of a listener. Default: `answer`. */
  readonly routePolicy?: (listener: string, answer: AnswerPolicy) => AnswerPolicy;
  /** Who reports what decisions come to. Default: this process. */
  readonly tally?: Tally;
  /** Where what is to be said once is said. Default: here. */
  readonly remarks?: Remarks;
  /** Told once a second by what the listeners were called so far. Default: what is to be said of it is said here. */
  readonly onCalled?: OnCalled;
  /** Calls `endFormer` when no connection comes any more for a listener that a change has taken away. Default: at once. */
  readonly whenSwitched?: (endFormer: () => void) => void;
  /** The number of this worker; the http listeners are those of the primary process, and ask it. Default: it is alone, and has them. */
  readonly worker?: number;
}

type OnCalled = (called: readonly CalledListener[], settings: Settings) => void;

/** How long connections have when a listener stops: for the answers to their requests, and to take them. */
export const graceMs = maxAnswerMs + 1000;

/** How long a reload waits for the questions that the core before the present one was asked. */
export const maxFormerMs = 10_000;

/** How often files are looked at. */
const refreshMs = 1000;

/** One that is asked by the primary process, perhaps. */
export interface ObservedDaemon extends Daemon {
  /** What it has counted; `undefined`: it has no http listener. */
  readonly observed: Observed | undefined;
}

/** Throws when a file cannot be read, a socket cannot be bound or the SQL of a rule or script cannot work. */
export async function startDaemon(configuration: Configuration, logger: Logger, options: DaemonOptions = {}): Promise<ObservedDaemon> {
  const daemon = new RunningDaemon(logger, options);
  try {
    await daemon.reload(configuration);
  } catch (error) {
    await daemon.stop();
    throw error;
  }
  return daemon;
}

class RunningDaemon implements ObservedDaemon {
  readonly #logger: Logger;
  readonly #leaseState: (configuration: Configuration) => StateLease;
  readonly #cores = new Succession<OpenCore>((core) => core.close());
  readonly #shared = new SharedSources();
  readonly #files: Files;
  readonly #sockets: ListenSockets;
  readonly #listeners: MtaListeners;
  readonly #observing: Observing;
  readonly #delayed = new DelayedReplies(() => this.#cores.current.configuration.maxWaiting);
  readonly #tally: Tally;
  readonly #remarks: Remarks;
  readonly #reports: DecisionReports;
  readonly #onCalled: OnCalled;
  readonly #whenSwitched: (endFormer: () => void) => void;
  readonly #onDnsList = logOutages((list, up, cause) => {
    logDnsList(this.#logger, list, up, cause);
    this.#observing.observer?.available(`DNS list ${list}`, up, cause);
  });
  readonly #onAvailability = logOutages((source, up, cause) => {
    logSource(this.#logger, source, up, cause);
    this.#observing.observer?.available(source, up, cause);
  });
  #refreshing: NodeJS.Timeout | undefined;
  /** Ends when what was asked for so far is in force; one change comes after the other. */
  #changing: Promise<unknown> = Promise.resolve();

  constructor(logger: Logger, options: DaemonOptions) {
    const { sockets = new BoundSockets(logger), leaseState = stateLeases(logger), routePolicy = (_, answer) => answer, worker } = options;
    this.#logger = logger;
    this.#files = new Files(
      () => performance.now(),
      (source, news) => logFile(logger, source, news),
      { today: Date.now, pause: delay },
    );
    this.#sockets = sockets;
    this.#leaseState = leaseState;
    this.#tally = options.tally ?? new LoggedTally(logger);
    this.#whenSwitched = options.whenSwitched ?? ((endFormer) => endFormer());
    this.#onCalled = options.onCalled ?? reportedHere(logger);
    this.#remarks = options.remarks ?? remarks(loggedOnce(logger));
    this.#reports = new DecisionReports(logger, this.#remarks, () => this.#cores.current.configuration.log.decisions);
    this.#observing = new Observing({
      ...{ logger, shared: this.#shared, files: this.#files, worker, gauges: () => this.#gauges() },
      keptMs: (directory, address) => this.#cores.current.caches.get(directory)?.keptMs(address),
    });
    this.#listeners = new MtaListeners({
      ...{ logger, routePolicy, cores: this.#cores, delayed: this.#delayed },
      events: {
        onDecision: (decision, cause) => this.#decided(decision, cause),
        reads: ({ reason }) => reason === "postmaster" || this.#observing.observer !== undefined || logger.isLevelEnabled("info"),
        onNotice: (notice, once) => logNotice(this.#logOf(notice, once), notice),
      },
    });
  }

  get observed(): Observed | undefined {
    return this.#observing.observed;
  }

  notReloaded(): void {
    this.#observing.notReloaded();
  }

  reload(configuration: Configuration): Promise<void> {
    const change = this.#changing.then(() => this.#change(configuration));
    this.#changing = change.catch(() => {});
    return change;
  }

  async #change(configuration: Configuration): Promise<void> {
    await this.#observing.open(configuration);
    await this.#formerClosed();
    const next = this.#openCore(configuration);
    await this.#cores.change(next, async () => {
      await next.refresh();
      await this.#checkStatements(next);
      await this.#serve(configuration);
    });
    await this.#observing.change(next);
    this.#initialise(next);
    next.testDnsLists();
    preload(neededBySessions(configuration));
    this.#refreshing ??= setInterval(() => this.#refresh(), refreshMs);
  }

  /** One that served before is closed when its last question is answered: so that reloads, however fast they come, leave no more of them open. */
  async #formerClosed(): Promise<void> {
    const late = new AbortController();
    await Promise.race([this.#cores.settled(), delay(maxFormerMs, undefined, { signal: late.signal, ref: false }).catch(() => {})]);
    late.abort();
  }

  #refresh(): void {
    const { current } = this.#cores;
    void current.refresh();
    current.testDnsLists();
    this.#tally.tick(Date.now());
    this.#onCalled(this.#listeners.called, current.configuration.settings);
  }

  #logOf({ kind, listener }: Notice, once: Once | undefined): LineLog {
    return once === undefined ? this.#logger : this.#remarks.about(`${kind} ${listener} ${once.about}`, once.againAfterMs);
  }

  #gauges(): Gauges {
    const { connections, called } = this.#listeners;
    const caches = [...this.#cores.current.caches].map(([directory, { hits, misses }]) => ({ directory, hits, misses }));
    return { connections, called, caches, heldReplies: this.#delayed.count };
  }

  async stop(): Promise<void> {
    await this.#changing;
    clearInterval(this.#refreshing);
    this.#sockets.close();
    await Promise.all([this.#listeners.stop(graceMs), this.#observing.stop(graceMs)]);
    await this.#cores.close();
  }

  /** Throws when the SQL of a rule or script cannot work. An unavailable store is not a reason to stop. */
  async #checkStatements(open: OpenCore): Promise<void> {
    const problems = await open.checkStatements();
    for (const problem of problems)
      this.#logger[problem.severity === "error" ? "error" : "warn"]({ event: "configuration" }, formatProblem(problem));
    const places = new Set(problems.filter(({ severity }) => severity === "error").map(({ file, line }) => `${file}:${line}`));
    if (places.size > 0) throw new Error(`SQL cannot work, in ${[...places].join(", ")}`);
  }

  /** Throws, without any change, when a socket cannot be opened. */
  async #serve(configuration: Configuration): Promise<void> {
    const { listeners } = configuration;
    await this.#sockets.change([...listeners, ...this.#observing.listeners(configuration)], (settings) =>
      settings.protocol === "http" ? this.#observing.handlerOf(settings) : this.#listeners.handlerOf(settings),
    );
    this.#whenSwitched(() => {
      this.#listeners.keep(listeners, graceMs);
      this.#observing.keep(configuration, graceMs);
    });
  }

  #decided(decision: Decision, cause: unknown): void {
    const written = new WrittenDecision(decision, cause === undefined ? undefined : messageOf(cause));
    this.#tally.decided(decision);
    this.#reports.decided(written);
    this.#observing.observer?.decided(written);
  }

  #openCore(configuration: Configuration): OpenCore {
    const { observer } = this.#observing;
    return openCore(configuration, {
      now: () => performance.now(),
      clock: Date.now,
      shared: this.#shared,
      files: this.#files,
      leaseState: () => this.#leaseState(configuration),
      onScriptFailure: (failure) => this.#reports.scriptFailed(failure),
      onScriptLine: (line) => logScriptLine(this.#logger, line),
      onThrottled: (key) => this.#tally.throttled(key),
      onAvailability: this.#onAvailability,
      onDnsList: this.#onDnsList,
      onTakesAll: (...news) => logTakesAll(this.#logger, ...news),
      onShortcoming: (directory, what) => this.#logger.warn({ event: "directory", directory }, what),
      ...(observer && { onWaited: observer.waited, counted: observer.counted, onListed: observer.listed }),
    });
  }

  /** A store that is unavailable now runs its `init` when it is available. */
  #initialise(open: OpenCore): void {
    open.initialise().catch((error: unknown) => {
      if (!(error instanceof TemporaryError)) throw error;
    });
  }
}

function reportedHere(logger: Logger): OnCalled {
  const reports = new CallReports(logger);
  return (called, settings) => reports.take(0, called, settings);
}

/** Opens the state store when a core first asks it. */
export function stateLeases(logger: Logger): (configuration: Configuration) => StateLease {
  const full = new SayOnce(hourMs);
  const notExpired = new SayOnce(dayMs);
  const states = new StateStores(
    Date.now,
    (source, up, cause) => logStateStore(logger, source, up, cause),
    {
      onOtherDaemon: (path, other) => logOtherDaemon(logger, path, other),
      onWaitingFull(client) {
        if (full.allows(client)) logWaitingFull(logger, client);
      },
      onNotExpired(why) {
        if (notExpired.allows(why)) logNotExpired(logger, why);
      },
    },
    logOutages,
  );
  return (configuration) => states.lease(configuration);
}
