/**
 * A daemon of several processes. The primary one, which runs this, has the sockets and the state; it hands each connection
 * that it accepts to the worker that has the fewest, and starts another worker for one that ends by itself.
 */
import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import type { Configuration } from "../config/configuration.ts";
import type { LoadOptions } from "../config/load.ts";
import { ConnectionLimit } from "../frontend/connection/connection-limit.ts";
import { answerQuestions } from "../state/remote.ts";
import { type Daemon, formerCoreMs, graceMs } from "./daemon.ts";
import { BoundSockets } from "./listen-sockets.ts";
import { type Logger, logNotice } from "./log.ts";
import type { StateLease } from "./state-lease.ts";
import { type Connection, WorkerProcess } from "./worker-process.ts";

export interface WorkersOptions {
  /** How many. */
  readonly workers: number;
  /** A process that does `runWorker`. */
  readonly fork: () => ChildProcess;
  /** Each worker loads the configuration by the same ones. */
  readonly loadOptions: LoadOptions;
  readonly leaseState: (configuration: Configuration) => StateLease;
  readonly logger: Logger;
}

/** Beyond the grace that each worker gives its connections. */
const workerGraceMs = graceMs + 5000;

/** A worker that ends earlier than this after its start is started again no sooner. */
const restartPauseMs = 1000;

/** Throws when a socket cannot be bound or no worker can start. */
export async function startWorkers(configuration: Configuration, options: WorkersOptions): Promise<Daemon> {
  const daemon = new RunningWorkers(configuration, options);
  await daemon.start();
  return daemon;
}

/** The connections of one listener, over all workers. */
interface Count {
  open: number;
  max: number;
  readonly limit: ConnectionLimit;
}

class RunningWorkers implements Daemon {
  readonly #options: WorkersOptions;
  #configuration: Configuration;
  #state: StateLease;
  readonly #sockets: BoundSockets;
  readonly #counts = new Map<string, Count>();
  /** By number, from 1 on. */
  readonly #workers = new Map<number, WorkerProcess>();
  /** Connections that came while no worker was ready. */
  readonly #unassigned: Connection[] = [];
  readonly #restarts = new Set<NodeJS.Timeout>();
  /** States that workers may still ask for a former configuration, each with the timer that releases it. */
  readonly #former = new Map<StateLease, NodeJS.Timeout>();
  #isStopping = false;

  constructor(configuration: Configuration, options: WorkersOptions) {
    this.#configuration = configuration;
    this.#options = options;
    this.#state = options.leaseState(configuration);
    this.#sockets = new BoundSockets(options.logger, { pauses: true });
  }

  async start(): Promise<void> {
    try {
      await this.#serve(this.#configuration);
      const numbers = Array.from({ length: this.#options.workers }, (_, index) => index + 1);
      const errors = await Promise.all(numbers.map((number) => this.#startWorker(number)));
      if (errors.every((error) => error !== undefined)) throw new Error(`no worker process can start: ${errors[0]}`);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async reload(configuration: Configuration): Promise<void> {
    const { logger, leaseState } = this.#options;
    const next = leaseState(configuration);
    try {
      await this.#serve(configuration);
    } catch (error) {
      await next.release();
      throw error;
    }
    const former = this.#state;
    this.#state = next;
    this.#configuration = configuration;
    this.#former.set(
      former,
      setTimeout(() => void this.#release(former), formerCoreMs),
    );
    await Promise.all(
      [...this.#workers].map(async ([number, worker]) => {
        const error = await this.#configure(number, worker);
        if (error !== undefined) logger.error({ event: "worker", worker: number }, `did not take the configuration: ${error}`);
      }),
    );
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#sockets.close();
    for (const restart of this.#restarts) clearTimeout(restart);
    for (const connection of this.#unassigned.splice(0)) this.#drop(connection);
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop(workerGraceMs)));
    await Promise.all([...this.#former.keys()].map((former) => this.#release(former)));
    await this.#state.release();
  }

  /** Throws with all as it was when a socket cannot be opened. */
  async #serve({ listeners }: Configuration): Promise<void> {
    await this.#sockets.change(listeners, ({ name, maxConnections }) => {
      const count = this.#counts.get(name) ?? this.#startCount(name);
      count.max = maxConnections;
      return (socket) => this.#take(name, count, socket);
    });
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

  #take(listener: string, count: Count, socket: Socket): void {
    // Without a listener for it, an error of this socket would end the process.
    socket.on("error", () => {});
    if (!count.limit.admits()) {
      socket.destroy();
      return;
    }
    count.open += 1;
    this.#assign({ listener, socket });
  }

  #assign(connection: Connection): void {
    const [first, ...others] = [...this.#workers.values()].filter(({ isReady }) => isReady);
    if (this.#isStopping) this.#drop(connection);
    else if (first === undefined) this.#unassigned.push(connection);
    else others.reduce((least, worker) => (worker.load < least.load ? worker : least), first).give(connection);
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

  /** What hindered it, or `undefined`; it is tried again then. */
  async #startWorker(number: number): Promise<string | undefined> {
    const { fork, logger } = this.#options;
    const startedAt = performance.now();
    const worker: WorkerProcess = new WorkerProcess({
      child: fork(),
      onQuestions: answerQuestions(
        () => this.#state.state,
        (outcomes) => worker.send({ kind: "outcomes", outcomes }),
      ),
      onClosed: (listener, count) => this.#closed(listener, count),
      onEnd: (how, left) => {
        this.#workers.delete(number);
        for (const connection of left) this.#assign(connection);
        if (this.#isStopping) return;
        logger.error({ event: "worker", worker: number, pid: worker.pid, ended: how }, "a worker process ended; another is started");
        this.#restart(number, restartPauseMs - (performance.now() - startedAt));
      },
    });
    this.#workers.set(number, worker);
    const error = await this.#configure(number, worker);
    if (this.#isStopping) return error;
    if (error === undefined) {
      logger.info({ event: "worker", worker: number, pid: worker.pid }, "a worker process serves");
      for (const connection of this.#unassigned.splice(0)) this.#assign(connection);
    } else logger.error({ event: "worker", worker: number }, `a worker process cannot start: ${error}`);
    return error;
  }

  #restart(number: number, pauseMs: number): void {
    const restart = setTimeout(
      () => {
        this.#restarts.delete(restart);
        void this.#startWorker(number);
      },
      Math.max(0, pauseMs),
    );
    this.#restarts.add(restart);
  }

  #configure(worker: number, process: WorkerProcess): Promise<string | undefined> {
    const { file, text } = this.#configuration;
    const { loadOptions: options, workers } = this.#options;
    return process.configure({ kind: "configure", file, text, options, worker, workers });
  }

  async #release(former: StateLease): Promise<void> {
    clearTimeout(this.#former.get(former));
    this.#former.delete(former);
    await former.release();
  }
}
