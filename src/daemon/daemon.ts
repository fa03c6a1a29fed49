/** The daemon: a configuration, the core made from it, and the listeners that ask the core. A reload opens a new core, then puts it in the place of the old one. */
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import type { Answer } from "../answer/answer.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import { formatProblem } from "../config/check/report.ts";
import type { Configuration, ListenerSettings } from "../config/configuration.ts";
import { Files } from "../file/files.ts";
import { aboutCall, type CalledListener, Calls, callProblems } from "../frontend/calls.ts";
import { DelayedReplies } from "../frontend/connection/delayed-replies.ts";
import { type Listener, openListener } from "../frontend/connection/listener.ts";
import type { Decision } from "../frontend/decision.ts";
import type { DecisionLog } from "../frontend/http/decision-log.ts";
import type { Observation } from "../frontend/http/observation.ts";
import { milterProtocol, openMilter } from "../frontend/milter/milter.ts";
import type { Notice } from "../frontend/notice.ts";
import { answerPolicy } from "../frontend/policy/policy.ts";
import { SayOnce } from "../frontend/say-once.ts";
import { answerSocketmap } from "../frontend/socketmap/socketmap.ts";
import { domainOf } from "../mail/address.ts";
import type { FailedScript, ThrottledKey } from "../stage/core.ts";
import type { Settings } from "../stage/stage-settings.ts";
import type { Verdict } from "../stage/verdict.ts";
import { PolicyDecoder } from "../wire/policy.ts";
import { SocketmapDecoder } from "../wire/socketmap.ts";
import type { HttpService } from "./http-service.ts";
import { BoundSockets, type ListenSockets } from "./listen-sockets.ts";
import {
  isLogged,
  type Logger,
  logCallProblem,
  logDecision,
  logDnsList,
  logFile,
  logNotice,
  logOtherDaemon,
  logOutages,
  logScriptFailure,
  logScriptLine,
  logSource,
  logStateStore,
  logSummary,
  logTakesAll,
  logThrottled,
  logThrottledFull,
  logThrottleOver,
  logWaitingFull,
} from "./log.ts";
import type { Gauges, Observer } from "./observer.ts";
import { type OpenCore, openCore, SharedSources } from "./open-core.ts";
import type { AnswerPolicy } from "./session-routing.ts";
import { type StateLease, StateStores } from "./state-lease.ts";
import { Succession } from "./succession.ts";
import { Summary } from "./summary.ts";
import { ThrottledKeys } from "./throttled-keys.ts";

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
  /** The number of this worker; the http listeners are those of the primary process, and ask it. Default: it is alone, and has them. */
  readonly worker?: number;
}

/** How long connections have to take their last replies when a listener stops. */
export const graceMs = 5000;

/** How often it is said that too many greylist entries of a client wait. */
const waitingFullMs = 3_600_000;

/** How often it is said that too many keys are at the limit of a throttle. */
const throttledFullMs = 3_600_000;

/** How long a reload waits for the questions that the core before the present one was asked. */
const maxFormerMs = 10_000;

/** How often files are looked at. */
const refreshMs = 1000;

/** One that is asked by the primary process, perhaps. */
export interface ObservedDaemon extends Daemon {
  /** What it has counted; `undefined`: it has no http listener. */
  readonly observed: Observed | undefined;
}

export interface Observed {
  observation(): Observation;
  readonly log: DecisionLog;
}

/** Throws when a file cannot be read, a socket cannot be bound or the SQL of a script cannot work. */
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

/** A listener, with the settings that it answers by: a reload may change those while its connections stay. */
interface Served {
  settings: ListenerSettings;
  readonly calls: Calls;
  readonly listener: Listener;
}

/** How often a script that keeps failing is logged. */
const failureAgainMs = 60 * 60 * 1000;

class RunningDaemon implements ObservedDaemon {
  readonly #logger: Logger;
  readonly #leaseState: (configuration: Configuration) => StateLease;
  readonly #routePolicy: (listener: string, answer: AnswerPolicy) => AnswerPolicy;
  readonly #cores = new Succession<OpenCore>((core) => core.close());
  readonly #shared = new SharedSources();
  readonly #files: Files;
  #served: readonly Served[] = [];
  readonly #sockets: ListenSockets;
  readonly #delayed = new DelayedReplies(() => this.#cores.current.configuration.maxWaiting);
  readonly #postmasters = new SayOnce();
  readonly #failures = new SayOnce(failureAgainMs);
  readonly #summary = new Summary(Date.now());
  readonly #onDnsList = logOutages((list, up, cause) => {
    logDnsList(this.#logger, list, up, cause);
    this.#observer?.available(`DNS list ${list}`, up, cause);
  });
  readonly #onAvailability = logOutages((source, up, cause) => {
    logSource(this.#logger, source, up, cause);
    this.#observer?.available(source, up, cause);
  });
  readonly #worker: number | undefined;
  /** Only where there is an http listener. */
  #observer: Observer | undefined;
  #http: HttpService | undefined;
  readonly #callProblems = new SayOnce();
  readonly #throttledKeys = new ThrottledKeys();
  readonly #throttledFull = new SayOnce(throttledFullMs);
  #refreshing: NodeJS.Timeout | undefined;
  /** Ends when what was asked for so far is in force; one change comes after the other. */
  #changing: Promise<unknown> = Promise.resolve();
  /** Listeners that a reload has taken away, until their connections are closed. */
  readonly #finishing = new Set<Promise<void>>();

  constructor(logger: Logger, options: DaemonOptions) {
    const { sockets = new BoundSockets(logger), leaseState = stateLeases(logger), routePolicy = (_, answer) => answer } = options;
    this.#logger = logger;
    this.#files = new Files(
      () => performance.now(),
      (source, news) => logFile(logger, source, news),
    );
    this.#sockets = sockets;
    this.#leaseState = leaseState;
    this.#routePolicy = routePolicy;
    this.#worker = options.worker;
  }

  get observed(): Observed | undefined {
    const observer = this.#observer;
    return observer && { observation: () => observer.observation(this.#gauges()), log: observer.log };
  }

  notReloaded(): void {
    this.#http?.refused();
  }

  reload(configuration: Configuration): Promise<void> {
    const change = this.#changing.then(() => this.#change(configuration));
    this.#changing = change.catch(() => {});
    return change;
  }

  async #change(configuration: Configuration): Promise<void> {
    await this.#observe(configuration);
    await this.#formerClosed();
    const next = this.#openCore(configuration);
    await this.#cores.change(next, async () => {
      await next.refresh();
      await this.#checkStatements(next);
      await this.#serve(configuration);
    });
    this.#observer?.expect(configuration);
    await this.#http?.change(configuration, next.administration);
    this.#initialise(next);
    next.testDnsLists();
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
    const summed = this.#summary.due(Date.now());
    if (summed !== undefined) logSummary(this.#logger, summed);
    for (const over of this.#throttledKeys.over(Date.now())) logThrottleOver(this.#logger, over);
    this.#checkCalls(current.configuration.settings);
  }

  /** Each problem is logged once. */
  #checkCalls(settings: Settings): void {
    for (const problem of callProblems(this.#called(), settings))
      if (this.#callProblems.allows(aboutCall(problem))) logCallProblem(this.#logger, problem);
  }

  #called(): readonly CalledListener[] {
    return this.#served.flatMap(({ settings: { name, protocol }, calls }) =>
      protocol === "socketmap" ? [] : [{ name, protocol, calls: calls.status() }],
    );
  }

  /** From the first configuration with an http listener on. */
  async #observe({ httpListeners }: Configuration): Promise<void> {
    if (httpListeners.length === 0 || this.#observer !== undefined) return;
    const { Observer: ObserverOf } = await import("./observer.ts");
    const observer = new ObserverOf(`${this.#worker ?? 0}-${Date.now().toString(36)}-`, Date.now);
    this.#observer = observer;
    if (this.#worker !== undefined) return;
    const { HttpService: Service } = await import("./http-service.ts");
    this.#http = new Service({
      ...{ logger: this.#logger, workers: 1, shared: this.#shared, files: this.#files },
      gathered: {
        observation: async () => observer.observation(this.#gauges()),
        decisions: async (filter, limit, since) => observer.log.last(filter, limit, since),
        watch: (onDecision) => observer.log.watch(onDecision),
      },
    });
  }

  #httpService(): HttpService {
    if (this.#http === undefined) throw new Error("no http service is open");
    return this.#http;
  }

  #gauges(): Gauges {
    return {
      connections: this.#served.map(({ settings, listener }) => ({ name: settings.name, connections: listener.count })),
      caches: [...this.#cores.current.caches].map(([directory, { hits, misses }]) => ({ directory, hits, misses })),
      heldReplies: this.#delayed.count,
      called: this.#called(),
    };
  }

  async stop(): Promise<void> {
    await this.#changing;
    clearInterval(this.#refreshing);
    this.#sockets.close();
    for (const { listener } of this.#served) this.#finish(listener);
    await Promise.all([...this.#finishing, this.#http?.stop(graceMs)]);
    await this.#cores.close();
  }

  #finish(listener: Listener): void {
    const finishing = listener.finish(graceMs).finally(() => this.#finishing.delete(finishing));
    this.#finishing.add(finishing);
  }

  /** Throws when the SQL of a script cannot work. An unavailable store is not a reason to stop. */
  async #checkStatements(open: OpenCore): Promise<void> {
    const problems = await open.checkStatements();
    for (const problem of problems)
      this.#logger.error({ event: "configuration" }, formatProblem(open.configuration.problemInScript(problem)));
    const scripts = new Set(problems.map(({ script }) => script));
    if (scripts.size > 0) throw new Error(`the SQL of scripts cannot work, in ${[...scripts].join(", ")}`);
  }

  /** A listener keeps its connections as long as its name and protocol stay. Throws, without any change, when a socket cannot be opened. */
  async #serve({ listeners, httpListeners }: Configuration): Promise<void> {
    const served: Served[] = [];
    const http = this.#http;
    const wanted = http === undefined ? listeners : [...listeners, ...httpListeners];
    await this.#sockets.change(wanted, (settings) => {
      if (settings.protocol === "http") return this.#httpService().handlerOf(settings);
      const same = this.#served.find((one) => one.settings.name === settings.name && one.settings.protocol === settings.protocol);
      const one = same ?? this.#openListener(settings);
      one.settings = settings;
      served.push(one);
      return (socket, mustMakeRoom) => one.listener.take(socket, mustMakeRoom);
    });
    for (const previous of this.#served) if (!served.includes(previous)) this.#finish(previous.listener);
    this.#served = served;
    void http?.keep(httpListeners, graceMs);
  }

  #openListener(first: ListenerSettings): Served {
    // Nobody asks for the settings before the listener is there.
    const calls = new Calls();
    const served: Served = { settings: first, calls, listener: this.#openProtocol(first, () => served.settings, calls) };
    return served;
  }

  #openProtocol({ name, protocol }: ListenerSettings, settings: () => ListenerSettings, calls: Calls): Listener {
    const logger = this.#logger;
    const delayed = this.#delayed;
    const onNotice = (notice: Notice) => logNotice(logger, notice);
    const common = { name, maxConnections: () => settings().maxConnections, onNotice };
    const frontEnd = {
      listener: name,
      core: () => this.#cores.current.forRequest(),
      mode: () => settings().mode,
      isTrusted: (address: string) => settings().trustedNetworks.contains(address),
      localPort: () => settings().localPort,
      onDecision: (decision: Decision, cause: unknown) => this.#decided(decision, cause),
      calls,
      reads: ({ reason }: Verdict) => reason === "postmaster" || this.#observer !== undefined || logger.isLevelEnabled("info"),
      onNotice,
    };
    switch (protocol) {
      case "policy": {
        const answer = this.#routePolicy(name, this.#byCurrentCore(answerPolicy(frontEnd)));
        return openListener({ ...common, protocol: () => ({ decoder: new PolicyDecoder(), answer, delayed }) });
      }
      case "milter": {
        const open = openMilter({ ...frontEnd, settings });
        return openListener({
          ...common,
          protocol: () => {
            const conversation = milterProtocol(open(), delayed);
            return { ...conversation, answer: this.#byCurrentCore(conversation.answer) };
          },
        });
      }
      case "socketmap": {
        const answer = this.#byCurrentCore(answerSocketmap({ ...frontEnd, onLookup: (lookup) => logger.debug(lookup) }));
        return openListener({ ...common, protocol: () => ({ decoder: new SocketmapDecoder(), answer, delayed }) });
      }
    }
  }

  /** The core that a front end asks when a request comes stays open until it is answered. */
  #byCurrentCore<Request, Reply>(answer: (request: Request) => Answer<Reply>): (request: Request) => Answer<Reply> {
    const ask = (_: OpenCore, request: Request) => answer(request);
    return (request) => this.#cores.use(ask, request);
  }

  #decided(decision: Decision, cause: unknown): void {
    this.#summary.count(decision);
    if (isLogged(decision, this.#cores.current.configuration.log.decisions)) logDecision(this.#logger, decision, cause);
    this.#observer?.decided(decision, cause);
    const { reason, recipient } = decision;
    if (reason !== "postmaster" || domainOf(recipient) === undefined || !this.#postmasters.allows(recipient)) return;
    this.#logger.warn(
      { event: "postmaster", recipient },
      "accepted although the directory does not know it. Give it a mailbox or an alias",
    );
  }

  #scriptFailed(failure: FailedScript): void {
    const { script = failure.stage, line, column, cause } = failure;
    // Not by the message, which may contain what a client sent and differ each time.
    const about = `${script}:${line}:${column}:${cause === undefined}`;
    if (this.#failures.allows(about)) logScriptFailure(this.#logger, failure);
  }

  #throttled(key: ThrottledKey): void {
    const atLimit = this.#throttledKeys.refused(key);
    if (atLimit === undefined) return;
    if (atLimit !== "full") logThrottled(this.#logger, atLimit);
    else if (this.#throttledFull.allows(key.throttle.name)) logThrottledFull(this.#logger, key.throttle);
  }

  #openCore(configuration: Configuration): OpenCore {
    return openCore(configuration, {
      now: () => performance.now(),
      clock: Date.now,
      shared: this.#shared,
      files: this.#files,
      leaseState: () => this.#leaseState(configuration),
      onScriptFailure: (failure) => this.#scriptFailed(failure),
      onScriptLine: (line) => logScriptLine(this.#logger, line),
      onThrottled: (key) => this.#throttled(key),
      onAvailability: this.#onAvailability,
      onDnsList: this.#onDnsList,
      onTakesAll: (...news) => logTakesAll(this.#logger, ...news),
      ...(this.#observer && { onWaited: this.#observer.waited, counted: this.#observer.counted, onListed: this.#observer.listed }),
    });
  }

  /** A store that is unavailable now runs its `init` when it is available. */
  #initialise(open: OpenCore): void {
    open.initialise().catch((error: unknown) => {
      if (!(error instanceof TemporaryError)) throw error;
    });
  }
}

/** Opens the state store when a core first asks it. */
export function stateLeases(logger: Logger): (configuration: Configuration) => StateLease {
  const full = new SayOnce(waitingFullMs);
  const states = new StateStores(
    Date.now,
    logOutages((source, up, cause) => logStateStore(logger, source, up, cause)),
    {
      onOtherDaemon: (path, other) => logOtherDaemon(logger, path, other),
      onWaitingFull(client) {
        if (full.allows(client)) logWaitingFull(logger, client);
      },
    },
  );
  return (configuration) => states.lease(configuration);
}
