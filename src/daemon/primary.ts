/**
 * A daemon of several processes. The primary one, which runs this, has the sockets and the state; it gives each connection
 * that it accepts to a worker, mostly the one that has the fewest, and replaces a worker that ends by itself.
 */
import type { ChildProcess } from "node:child_process";
import { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import type { Answer } from "../answer/answer.ts";
import type { Configuration, HttpSettings, ListenerSettings } from "../config/configuration.ts";
import type { LoadOptions } from "../config/load.ts";
import { ConnectionLimit } from "../frontend/connection/connection-limit.ts";
import { hourMs } from "../text/duration.ts";
import { CallReports } from "./call-reports.ts";
import { type Daemon, graceMs, maxFormerMs } from "./daemon.ts";
import type { HttpService } from "./http-service.ts";
import type { BoundSockets } from "./listen-sockets.ts";
import type { Logger } from "./log.ts";
import { logNotice } from "./log-lines.ts";
import { messageOf } from "./message-of.ts";
import { loggedOnce, type Remark } from "./remarks.ts";
import { answerQuestions } from "./remote-questions.ts";
import { askState, type StateAnswer, type StateQuestion } from "./remote-state.ts";
import type { StateLease } from "./state-lease.ts";
import { usesState } from "./state-settings.ts";
import { Succession } from "./succession.ts";
import { LoggedTally } from "./tally.ts";
import { firstChannel } from "./worker-message.ts";
import type { WorkerObservations } from "./worker-observations.ts";
import { type Connection, WorkerProcess } from "./worker-process.ts";

export interface WorkersOptions {
  /** How many. */
  readonly workers: number;
  /** Those that pause. */
  readonly sockets: BoundSockets;
  /** A process that does `runWorker`, with so many pipes from `firstChannel` on. */
  readonly fork: (channels: number) => ChildProcess;
  /** Those that each worker loads the configuration with. */
  readonly loadOptions: LoadOptions;
  readonly leaseState: (configuration: Configuration) => StateLease;
  readonly logger: Logger;
}

/** More than each worker gives its connections, also when it has just begun to reload. */
const workerGraceMs = maxFormerMs + graceMs + 2000;

/** Connections beyond the limit that wait until a worker has made room for them. */
const maxBeyond = 100;

/** From one start of a worker to the next, at least. */
const restartPauseMs = 1000;

const tickMs = 1000;

/** Throws when a socket cannot be bound, or when the first worker cannot serve by the configuration. */
export async function startWorkers(configuration: Configuration, options: WorkersOptions): Promise<Daemon> {
  const daemon = new RunningWorkers(options);
  try {
    await daemon.start(configuration);
  } catch (error) {
    await daemon.stop();
    throw error;
  }
  return daemon;
}

/** What the workers serve by, and the state that they ask for. */
interface Generation {
  readonly configuration: Configuration;
  readonly lease: StateLease;
}

/** The connections of one listener, over all workers. */
interface Count {
  open: number;
  max: number;
  readonly limit: ConnectionLimit;
}

class RunningWorkers implements Daemon {
  readonly #options: WorkersOptions;
  readonly #generations = new Succession<Generation>(({ lease }) => lease.release());
  /** Of a reload that is under way: some workers serve by it already. */
  #next: Generation | undefined;
  readonly #sockets: BoundSockets;
  readonly #counts = new Map<string, Count>();
  /** By number, from 1 on. */
  readonly #workers = new Map<number, WorkerProcess>();
  /** Connections that came while no worker was ready. */
  readonly #unassigned: Connection[] = [];
  readonly #restarts = new Set<NodeJS.Timeout>();
  /** Both only where there is an http listener. */
  #observations: WorkerObservations | undefined;
  #http: HttpService | undefined;
  /** Of all workers. */
  readonly #tally: LoggedTally;
  readonly #calls: CallReports;
  readonly #remark: (remark: Remark) => void;
  readonly #ticking = setInterval(() => this.#tally.tick(Date.now()), tickMs);
  #isStopping = false;

  constructor(options: WorkersOptions) {
    this.#options = options;
    this.#tally = new LoggedTally(options.logger);
    this.#calls = new CallReports(options.logger);
    this.#remark = loggedOnce(options.logger);
    this.#sockets = options.sockets;
  }

  async start(configuration: Configuration): Promise<void> {
    await this.#change(configuration);
    // The first one shows whether the configuration works.
    const error = await this.#startWorker(1);
    if (error !== undefined) throw new Error(error);
    const others = Array.from({ length: this.#options.workers - 1 }, (_, index) => index + 2);
    await Promise.all(others.map((number) => this.#startWorker(number)));
    await this.#openHttp(configuration);
    await this.#serve(configuration);
    await this.#changeHttp(configuration);
  }

  async reload(configuration: Configuration): Promise<void> {
    const first = [...this.#workers].find(([, { isReady }]) => isReady);
    const configured = new Set<WorkerProcess>();
    await this.#openHttp(configuration);
    await this.#change(configuration, () =>
      this.#serve(configuration, async () => {
        const error = first && (await this.#configure(...first, configuration));
        if (error !== undefined) throw new Error(error);
        if (first !== undefined) configured.add(first[1]);
        // All that serve know the listeners before their connections come.
        await this.#configureOthers(configuration, configured, ({ isReady }) => isReady);
      }),
    );
    // Others were starting, or have been started meanwhile.
    await this.#configureOthers(configuration, configured, () => true);
    for (const worker of this.#workers.values()) if (configured.has(worker)) worker.send({ kind: "switched" });
    await this.#changeHttp(configuration);
  }

  async #configureOthers(
    configuration: Configuration,
    configured: Set<WorkerProcess>,
    isMeant: (worker: WorkerProcess) => boolean,
  ): Promise<void> {
    const others = [...this.#workers].filter(([, worker]) => !configured.has(worker) && isMeant(worker));
    await Promise.all(
      others.map(async ([number, worker]) => {
        const error = await this.#configure(number, worker, configuration);
        if (error === undefined) configured.add(worker);
        else this.#options.logger.error({ event: "worker", worker: number }, `configuration not applied: ${error}`);
      }),
    );
  }

  notReloaded(): void {
    this.#http?.refused();
  }

  /** From the first configuration with an http listener on. */
  async #openHttp({ httpListeners }: Configuration): Promise<void> {
    if (httpListeners.length === 0 || this.#http !== undefined) return;
    const [{ HttpService: Service }, { WorkerObservations: Observations }] = await Promise.all([
      import("./http-service.ts"),
      import("./worker-observations.ts"),
    ]);
    this.#observations = new Observations();
    for (const [number, worker] of this.#workers) if (worker.isReady) this.#askAlso(number, worker);
    const { logger, workers } = this.#options;
    this.#http = new Service({ gathered: this.#observations, logger, workers });
  }

  #askAlso(number: number, worker: WorkerProcess): void {
    this.#observations?.add(number, (questions) => worker.send({ kind: "observe", questions }));
  }

  #httpService(): HttpService {
    if (this.#http === undefined) throw new Error("no http service is open");
    return this.#http;
  }

  async #changeHttp(configuration: Configuration): Promise<void> {
    const { administration, health } = this.#generations.current.lease;
    await this.#http?.change(configuration, administration, health);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#ticking);
    this.#sockets.close();
    for (const restart of this.#restarts) clearTimeout(restart);
    for (const connection of this.#unassigned.splice(0)) this.#drop(connection);
    await Promise.all([this.#http?.stop(graceMs), ...[...this.#workers.values()].map((worker) => worker.stop(workerGraceMs))]);
    await this.#generations.close();
  }

  async #change(configuration: Configuration, prepare?: () => Promise<void>): Promise<void> {
    const next = { configuration, lease: this.#options.leaseState(configuration) };
    this.#next = next;
    try {
      await this.#generations.change(next, prepare);
    } finally {
      this.#next = undefined;
    }
  }

  /** What a worker asks, by whichever configuration it serves. */
  #askState(question: StateQuestion): Answer<StateAnswer> {
    if (this.#next !== undefined && usesState(this.#next.configuration)) return askState(this.#next.lease.state, question);
    return this.#generations.use(({ lease }) => askState(lease.state, question));
  }

  /** Throws, without any change, when a socket cannot be opened or `prepare` fails. */
  async #serve({ listeners, httpListeners }: Configuration, prepare?: () => Promise<void>): Promise<void> {
    const handlerOf = (settings: ListenerSettings | HttpSettings) => {
      if (settings.protocol === "http") return this.#httpService().handlerOf(settings);
      const { name, maxConnections } = settings;
      const count = this.#counts.get(name) ?? this.#startCount(name);
      count.max = maxConnections;
      return (socket: Socket) => this.#take(name, count, socket);
    };
    await this.#sockets.change([...listeners, ...httpListeners], handlerOf, prepare);
    void this.#http?.keep(httpListeners, graceMs);
  }

  #startCount(listener: string): Count {
    const limit = new ConnectionLimit({
      listener,
      max: () => count.max,
      count: () => count.open,
      onNotice: (notice) => logNotice(this.#options.logger, notice),
    });
    const count: Count = { open: 0, max: 0, limit };
    this.#counts.set(listener, count);
    return count;
  }

  #take(listener: string, count: Count, socket: Socket): boolean {
    // Without a listener for it, an error of this socket would end the process.
    socket.on("error", () => {});
    const mustMakeRoom = !count.limit.hasRoom();
    if (mustMakeRoom && count.open >= count.max + maxBeyond) {
      count.limit.refused();
      socket.destroy();
      return false;
    }
    count.open += 1;
    this.#assign({ listener, socket, mustMakeRoom });
    return true;
  }

  #assign(connection: Connection): void {
    const [best] = [...this.#workers.values()]
      .filter(({ isReady }) => isReady)
      .sort((a, b) => a.refusedAt(connection) - b.refusedAt(connection) || a.load - b.load);
    if (this.#isStopping) this.#drop(connection);
    else if (best === undefined) this.#unassigned.push(connection);
    else best.give(connection);
  }

  #drop({ listener, socket }: Connection): void {
    socket.destroy();
    this.#closed(listener, 1);
  }

  #closed(listener: string, closed: number): void {
    const count = this.#counts.get(listener);
    if (count === undefined) return;
    count.open -= closed;
    count.limit.closed();
  }

  /** `undefined`, or why it cannot serve; it is then started again. */
  async #startWorker(number: number): Promise<string | undefined> {
    const { fork, logger } = this.#options;
    const startedAt = performance.now();
    const others = [...this.#workers];
    const child = fork(others.length);
    const worker: WorkerProcess = new WorkerProcess({
      child,
      onQuestions: answerQuestions(
        (question: StateQuestion) => this.#askState(question),
        (outcomes) => worker.send({ kind: "outcomes", outcomes }),
      ),
      onObserved: (outcomes) => this.#observations?.take(number, outcomes),
      onTally: (tally) => this.#tally.add(tally),
      onRemark: (remark) => this.#remark(remark),
      onCalled: (called) => this.#calls.take(number, called, this.#generations.current.configuration.settings),
      onDecisions: (decisions) => this.#observations?.decided(decisions),
      onRefused: (listener) => this.#counts.get(listener)?.limit.refused(),
      onUntaken: (left) => {
        this.#filesUsedUp(number);
        for (const connection of left) this.#assign(connection);
      },
      onClosed: (listener, count) => this.#closed(listener, count),
      onEnd: (how, left) => {
        this.#workers.delete(number);
        this.#observations?.lose(number);
        for (const connection of left) this.#assign(connection);
        if (this.#isStopping) return;
        logger.error({ event: "worker", worker: number, pid: worker.pid, ended: how }, "a worker process ended; another is started");
        this.#restart(number, restartPauseMs - (performance.now() - startedAt));
      },
    });
    this.#workers.set(number, worker);
    const configured = this.#configure(number, worker, this.#generations.current.configuration);
    for (const [index, [peer, other]] of others.entries()) {
      const descriptor = firstChannel + index;
      const socket = child.stdio?.[descriptor];
      // There is none when the process could not be started.
      if (socket instanceof Socket)
        other.connect({ worker: number, socket, onTaken: () => worker.send({ kind: "channel", worker: peer, descriptor }) });
    }
    const error = await configured;
    if (this.#isStopping) return error;
    if (error === undefined) {
      logger.info({ event: "worker", worker: number, pid: worker.pid }, "a worker process serves");
      this.#askAlso(number, worker);
      for (const connection of this.#unassigned.splice(0)) this.#assign(connection);
    } else logger.error({ event: "worker", worker: number }, `a worker process cannot start: ${error}`);
    return error;
  }

  #filesUsedUp(worker: number): void {
    this.#remark({
      ...{ about: `files-used-up ${worker}`, againAfterMs: hourMs, level: "error" },
      fields: { event: "files-used-up", worker },
      text: "a worker may open no more files; connections that it cannot take are closed. Raise LimitNOFILE (ulimit -n)",
    });
  }

  #restart(number: number, pauseMs: number): void {
    const restart = setTimeout(
      () => {
        this.#restarts.delete(restart);
        this.#startWorker(number).catch((error: unknown) => {
          this.#options.logger.error({ event: "worker", worker: number }, `a worker process cannot be started: ${messageOf(error)}`);
          this.#restart(number, restartPauseMs);
        });
      },
      Math.max(0, pauseMs),
    );
    this.#restarts.add(restart);
  }

  #configure(number: number, worker: WorkerProcess, { file, text, texts }: Configuration): Promise<string | undefined> {
    const { loadOptions: options, workers } = this.#options;
    return worker.configure({ kind: "configure", file, text, texts: [...texts], options, worker: number, workers });
  }
}
