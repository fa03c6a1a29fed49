/** A worker: a process that serves the connections that the primary process accepts. It ends when the primary process says so or is gone. */
import { Socket } from "node:net";
import type { WaitedFor } from "../answer/patience.ts";
import type { Configuration } from "../config/configuration.ts";
import { sameConfiguration } from "../config/load.ts";
import type { CalledListener } from "../frontend/calls.ts";
import { sourceName } from "../store/waited-for.ts";
import { logBackgroundBugs } from "./background-bugs.ts";
import { type DaemonOptions, type ObservedDaemon, startDaemon } from "./daemon.ts";
import { tuneHeap } from "./heap.ts";
import { InheritedSockets } from "./listen-sockets.ts";
import { type Log, openLog } from "./log.ts";
import { logOutages, logStateStore, logWorker } from "./log-lines.ts";
import { messageOf } from "./message-of.ts";
import { ObservedWorker, type ObserverQuestion } from "./observed-worker.ts";
import { nameProcess } from "./process-name.ts";
import { remarks } from "./remarks.ts";
import { answerQuestions, RemoteQuestions } from "./remote-questions.ts";
import { remoteState, type StateAnswer, type StateQuestion } from "./remote-state.ts";
import { type RoutedMessage, SessionRouting } from "./session-routing.ts";
import { stateSettings } from "./state-settings.ts";
import { WorkerTally } from "./tally.ts";
import { WorkerChannel } from "./worker-channel.ts";
import type { Configure, MessageToPrimary, MessageToWorker } from "./worker-message.ts";

/** Serves until the process ends. Only for a process that was forked by `startWorkers`. */
export function runWorker(): void {
  nameProcess("postern worker");
  tuneHeap();
  const worker = new Worker();
  // Only the primary process sends here.
  process.on("message", (message, handle) => worker.take(message as MessageToWorker, handle));
  process.on("disconnect", () => worker.primaryGone());
}

/** Added to the deadline of the primary process's store, for the way there and back. */
const channelMs = 1000;

class Worker {
  readonly #sockets = new InheritedSockets();
  readonly #stateQuestions = new RemoteQuestions<StateQuestion, StateAnswer>({
    process: "primary process",
    send: (questions) => sendToPrimary({ kind: "questions", questions }),
    deadlineMs: () => this.#deadlineMs,
    onAvailability: logOutages((source, up, cause) => {
      if (this.#log !== undefined) logStateStore(this.#log.logger, source, up, cause);
    }),
  });
  readonly #state = remoteState((question) => this.#stateQuestions.ask(question));
  #routing: SessionRouting | undefined;
  /** To other workers. */
  readonly #channels = new Map<number, WorkerChannel<RoutedMessage>>();
  #deadlineMs = 0;
  /** By so many calls, when the primary process was told last. */
  #passed = 0;
  #log: Log | undefined;
  #daemon: ObservedDaemon | undefined;
  readonly #observed = new ObservedWorker(
    () => this.#daemon?.observed,
    (decisions) => sendToPrimary({ kind: "decisions", decisions }),
  );
  readonly #answerPrimary = answerQuestions(
    (question: ObserverQuestion) => this.#observed.answer(question),
    (outcomes) => sendToPrimary({ kind: "observed", outcomes }),
  );
  /** Resolves when all configurations so far are applied. */
  #configured: Promise<void> = Promise.resolve();
  /** Of the last configuration that was applied. */
  #endFormer = (): void => {};
  #isStopping = false;

  take(message: MessageToWorker, handle: unknown): void {
    switch (message.kind) {
      case "configure":
        this.#routing ??= this.#openRouting(message);
        this.#configured = this.#configured.then(() => this.#configure(message));
        return;
      case "switched":
        this.#sockets.dropFormer();
        this.#endFormer();
        return;
      case "connection":
        this.#connect(message, handle);
        return;
      case "observe":
        this.#answerPrimary(message.questions);
        return;
      case "outcomes":
        this.#stateQuestions.take(message.outcomes);
        return;
      case "channel":
        this.#openChannel(message, handle);
        return;
      case "beat":
        sendToPrimary({ kind: "alive" });
        return;
      case "stop":
        void this.#stop(0);
        return;
    }
  }

  primaryGone(): void {
    this.#stateQuestions.lose();
    // The primary process stopped at once, or did not wait any longer.
    if (this.#isStopping) process.exit(1);
    this.#log?.logger.error({ event: "worker" }, "the primary process is gone; finishing requests in progress, then stopping");
    void this.#stop(1);
  }

  async #configure(message: Configure): Promise<void> {
    try {
      await this.#apply(message);
      sendToPrimary({ kind: "configured" });
    } catch (error) {
      // Without a daemon the process is ended at once.
      this.#log?.flush();
      sendToPrimary({ kind: "configured", error: messageOf(error) });
    }
  }

  async #apply({ file, text, texts, options, worker, workers }: Configure): Promise<void> {
    const configuration = sameConfiguration({ file, text, texts: new Map(texts) }, options);
    this.#deadlineMs = this.#sourceOf(configuration).timeoutMs;
    const share: Configuration = { ...configuration, maxWaiting: Math.ceil(configuration.maxWaiting / workers) };
    this.#log ??= this.#openLog(share, worker);
    const { logger } = this.#log;
    if (this.#daemon === undefined) {
      const leaseState = (own: Configuration) => ({ state: { ...this.#state, source: this.#sourceOf(own) }, release: async () => {} });
      const routePolicy: DaemonOptions["routePolicy"] = (listener, answer) => this.#routing?.route(listener, answer) ?? answer;
      this.#daemon = await startDaemon(share, logger, {
        ...{ sockets: this.#sockets, leaseState, routePolicy, worker },
        tally: new WorkerTally((tally) => sendToPrimary({ kind: "tally", tally })),
        remarks: remarks((remark) => sendToPrimary({ kind: "remark", remark })),
        onCalled: (called) => this.#tellCalled(called),
        whenSwitched: (endFormer) => {
          this.#endFormer = endFormer;
        },
      });
    } else {
      await this.#daemon.reload(share);
      logger.level = share.log.level;
    }
  }

  #openLog(configuration: Configuration, worker: number): Log {
    const log = openLog(configuration.log, { worker });
    logBackgroundBugs(log.logger);
    return log;
  }

  #tellCalled(called: readonly CalledListener[]): void {
    const passed = called.reduce((sum, { calls }) => sum + calls.passed, 0);
    if (passed === this.#passed) return;
    this.#passed = passed;
    sendToPrimary({ kind: "called", called });
  }

  #openRouting({ worker, workers }: Configure): SessionRouting {
    return new SessionRouting({
      worker,
      workers,
      send: (to, message) => this.#channels.get(to)?.send(message) ?? false,
      onAvailability: (name, up) => {
        if (this.#log !== undefined) logWorker(this.#log.logger, name, up);
      },
    });
  }

  #openChannel({ worker, descriptor }: Extract<MessageToWorker, { kind: "channel" }>, handle: unknown): void {
    if (descriptor === undefined) sendToPrimary({ kind: "taken" });
    const socket = descriptor === undefined ? handle : new Socket({ fd: descriptor });
    // The other worker may have ended meanwhile.
    if (!(socket instanceof Socket)) return;
    const channel = new WorkerChannel<RoutedMessage>({
      socket,
      take: (message) => this.#routing?.take(worker, message),
      onEnd: () => {
        if (this.#channels.get(worker) !== channel) return;
        this.#channels.delete(worker);
        this.#routing?.lose(worker);
      },
    });
    this.#channels.set(worker, channel);
  }

  /** The store, as far away as it is from here. */
  #sourceOf(configuration: Configuration): WaitedFor {
    const settings = stateSettings(configuration);
    return { name: sourceName(settings), timeoutMs: settings.timeoutMs + channelMs, keepsDeadline: true, onLate: () => {} };
  }

  #connect({ listener, mustMakeRoom }: Extract<MessageToWorker, { kind: "connection" }>, handle: unknown): void {
    sendToPrimary({ kind: "taken" });
    // It may have been closed meanwhile.
    if (!(handle instanceof Socket)) {
      sendToPrimary({ kind: "closed", listener });
      return;
    }
    // The setting is not sent with it. Exim ends its side before it reads the reply.
    handle.allowHalfOpen = true;
    handle.on("error", () => {});
    handle.once("close", () => sendToPrimary({ kind: "closed", listener }));
    const serve = () => {
      if (!this.#sockets.take(listener, handle, mustMakeRoom)) sendToPrimary({ kind: "refused", listener });
    };
    // One that is not known yet is one of a configuration that is being applied.
    if (this.#sockets.has(listener)) serve();
    else void this.#configured.then(serve);
  }

  async #stop(status: number): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    await this.#configured;
    try {
      await this.#daemon?.stop();
    } catch (error) {
      this.#log?.logger.error({ event: "stop" }, `${messageOf(error)}; it ends all the same`);
    }
    this.#log?.flush();
    process.exit(status);
  }
}

function sendToPrimary(message: MessageToPrimary): void {
  // A failure comes with `disconnect`.
  process.send?.(message, undefined, {}, () => {});
}
