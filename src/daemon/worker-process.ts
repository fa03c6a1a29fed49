/** A worker as the primary process sees it: the connections that it has, and those that it is still to be given. */
import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import type { CalledListener } from "../frontend/calls.ts";
import { HandOver } from "./hand-over.ts";
import type { ObserverAnswer } from "./observed-worker.ts";
import type { Remark } from "./remarks.ts";
import type { Answered, Asked } from "./remote-questions.ts";
import type { StateQuestion } from "./remote-state.ts";
import type { SentTally } from "./tally.ts";
import type { Configure, MessageToPrimary, MessageToWorker } from "./worker-message.ts";

export interface Connection {
  readonly listener: string;
  /** Nothing was read from it. */
  readonly socket: Socket;
  /** It is one more than the listener may have. */
  readonly mustMakeRoom: boolean;
}

/** One end of a channel between two workers. */
interface ChannelEnd {
  /** Who has the other one. */
  readonly worker: number;
  readonly socket: Socket;
  readonly onTaken: () => void;
}

export interface WorkerProcessOptions {
  readonly child: ChildProcess;
  readonly onQuestions: (questions: readonly Asked<StateQuestion>[]) => void;
  readonly onObserved: (outcomes: readonly Answered<ObserverAnswer>[]) => void;
  readonly onTally: (tally: SentTally) => void;
  readonly onRemark: (remark: Remark) => void;
  readonly onCalled: (called: readonly CalledListener[]) => void;
  readonly onDecisions: (decisions: readonly string[]) => void;
  /** A connection that had to be made room for, when all others were busy. It is closed, too. */
  readonly onRefused: (listener: string) => void;
  /** It could not take a socket, for want of files, and that is closed. `left`: connections that it was not given yet. */
  readonly onUntaken: (left: readonly Connection[]) => void;
  /** As many connections of the listener were closed. */
  readonly onClosed: (listener: string, count: number) => void;
  /** `left`: connections that it was not given yet. */
  readonly onEnd: (how: string, left: readonly Connection[]) => void;
}

/** How often a worker is asked for a sign of life. */
const beatMs = 5000;
/** So many questions without one, and it is ended: whoever it was to answer is better off with another. */
const maxMissed = 3;
/** While it loads a configuration, which may hold its loop. */
const maxMissedLoading = 12;
/** And the first one, when others load theirs at the same time. */
const maxMissedStarting = 24;
/** Who is refused comes again meanwhile: Postfix a second later. */
const refusedMs = 10_000;

export class WorkerProcess {
  readonly #options: WorkerProcessOptions;
  readonly #waiting: Connection[] = [];
  readonly #channels: ChannelEnd[] = [];
  readonly #open = new Map<string, number>();
  /** Calls of `configure` without an answer yet, in order. */
  readonly #configuring: ((error: string | undefined) => void)[] = [];
  /** Sockets are sent one by one: those in the channel would be lost with the process. */
  #handOver: HandOver | undefined;
  /** When it could not take a socket last. */
  #untakenAt = Number.NEGATIVE_INFINITY;
  #isReady = false;
  #hasEnded = false;
  /** Why it was ended from here. */
  #fault: string | undefined;
  readonly #ended: Promise<void>;
  readonly #beat = setInterval(() => this.#askForLife(), beatMs).unref();
  #missed = 0;
  /** Signs of life that it was asked for, and that it gave: one after the other. */
  #asked = 0;
  #given = 0;
  /** When it last had no idle connection of a listener for one that must make room. */
  readonly #refusedAt = new Map<string, number>();

  constructor(options: WorkerProcessOptions) {
    this.#options = options;
    const { child } = options;
    // Only a worker sends here.
    child.on("message", (message) => this.#take(message as MessageToPrimary));
    this.#ended = new Promise((resolve) => {
      const end = (how: string) => {
        if (this.#hasEnded) return;
        this.#hasEnded = true;
        clearInterval(this.#beat);
        this.#end(this.#fault ?? how);
        resolve();
      };
      child.once("exit", (status, signal) => end(signal ?? `status ${status}`));
      child.on("error", (error) => {
        if (child.pid === undefined) end(error.message);
      });
    });
  }

  get pid(): number | undefined {
    return this.#options.child.pid;
  }

  /** It serves. */
  get isReady(): boolean {
    return this.#isReady && !this.#hasEnded;
  }

  get load(): number {
    return this.#waiting.length + [...this.#open.values()].reduce((sum, count) => sum + count, 0);
  }

  /** When it could not take such a connection, if that is a moment ago; else 0. */
  refusedAt({ listener, mustMakeRoom }: Connection): number {
    // One of its own connections must be idle to make room, and who has just refused one has none.
    const refusedAt = mustMakeRoom ? this.#refusedAt.get(listener) : undefined;
    const at = Math.max(this.#untakenAt, refusedAt ?? Number.NEGATIVE_INFINITY);
    return performance.now() - at < refusedMs ? at : 0;
  }

  /** `undefined`, or why it failed. A worker that cannot start is ended. */
  async configure(message: Configure): Promise<string | undefined> {
    if (this.#hasEnded) return "it has ended";
    this.#send(message);
    const error = await new Promise<string | undefined>((resolve) => this.#configuring.push(resolve));
    if (error === undefined) this.#isReady = true;
    else if (!this.#isReady && !this.#hasEnded) this.#options.child.kill("SIGKILL");
    return error;
  }

  give(connection: Connection): void {
    this.#waiting.push(connection);
    this.#hand();
  }

  /** The other end is that worker's, which may use it from `onTaken` on: what comes before would be lost. */
  connect(end: ChannelEnd): void {
    this.#channels.push(end);
    this.#hand();
  }

  send(message: Extract<MessageToWorker, { readonly kind: "outcomes" | "channel" | "observe" | "switched" }>): void {
    this.#send(message);
  }

  /** Resolves when it has ended; after `graceMs` it is killed. */
  async stop(graceMs: number): Promise<void> {
    if (!this.#hasEnded) this.#send({ kind: "stop" });
    const timer = setTimeout(() => this.#options.child.kill("SIGKILL"), graceMs);
    await this.#ended;
    clearTimeout(timer);
  }

  #take(message: MessageToPrimary): void {
    // It was sent before the end, and its connections are counted as closed already.
    if (this.#hasEnded) return;
    this.#missed = 0;
    switch (message.kind) {
      case "configured":
        this.#configuring.shift()?.(message.error);
        return;
      case "alive":
        this.#given += 1;
        if (this.#handOver?.isLostAfter(this.#given)) this.#untaken();
        return;
      case "taken":
        this.#endHandOver()?.onTaken();
        this.#hand();
        return;
      case "refused":
        this.#refusedAt.set(message.listener, performance.now());
        this.#options.onRefused(message.listener);
        return;
      case "closed":
        this.#closed(message.listener);
        return;
      case "questions":
        this.#options.onQuestions(message.questions);
        return;
      case "observed":
        this.#options.onObserved(message.outcomes);
        return;
      case "tally":
        this.#options.onTally(message.tally);
        return;
      case "remark":
        this.#options.onRemark(message.remark);
        return;
      case "called":
        this.#options.onCalled(message.called);
        return;
      case "decisions":
        this.#options.onDecisions(message.decisions);
        return;
    }
  }

  /** One that is stopped, or never comes to an end, does not end by itself. */
  #askForLife(): void {
    if (this.#missed >= this.#maxMissed) {
      this.#kill(`no answer for ${(this.#missed * beatMs) / 1000} s`);
      return;
    }
    this.#missed += 1;
    this.#sendBeat();
  }

  get #maxMissed(): number {
    if (!this.#isReady) return maxMissedStarting;
    return this.#configuring.length > 0 ? maxMissedLoading : maxMissed;
  }

  #sendBeat(): number {
    this.#send({ kind: "beat" });
    this.#asked += 1;
    return this.#asked;
  }

  #kill(fault: string): void {
    this.#fault ??= fault;
    this.#options.child.kill("SIGKILL");
  }

  #hand(): void {
    if (this.#handOver !== undefined) return;
    const channel = this.#channels.shift();
    if (channel !== undefined) {
      this.#beginHandOver(undefined, channel.onTaken);
      this.#send({ kind: "channel", worker: channel.worker }, channel.socket);
      return;
    }
    const next = this.#waiting.shift();
    if (next === undefined) return;
    const { listener, socket, mustMakeRoom } = next;
    this.#beginHandOver(listener, () => {});
    this.#open.set(listener, (this.#open.get(listener) ?? 0) + 1);
    this.#send({ kind: "connection", listener, mustMakeRoom }, socket);
  }

  #beginHandOver(listener: string | undefined, onTaken: () => void): void {
    this.#handOver = new HandOver({ listener, onTaken, askForLife: () => this.#sendBeat() });
  }

  #endHandOver(): HandOver | undefined {
    const handOver = this.#handOver;
    handOver?.end();
    this.#handOver = undefined;
    return handOver;
  }

  /** Whoever waits is better off with another worker. */
  #untaken(): void {
    const listener = this.#endHandOver()?.listener;
    this.#untakenAt = performance.now();
    if (listener !== undefined) this.#closed(listener);
    this.#options.onUntaken(this.#waiting.splice(0));
    this.#hand();
  }

  #closed(listener: string): void {
    this.#open.set(listener, (this.#open.get(listener) ?? 0) - 1);
    this.#options.onClosed(listener, 1);
  }

  #send(message: MessageToWorker, socket?: Socket): void {
    // A failure comes with the end of the process. One that could not be started has nothing to send by.
    this.#options.child.send?.(message, socket, {}, () => {});
  }

  #end(how: string): void {
    this.#endHandOver();
    for (const resolve of this.#configuring.splice(0)) resolve(`it has ended (${how})`);
    for (const [listener, count] of this.#open) if (count > 0) this.#options.onClosed(listener, count);
    this.#open.clear();
    for (const { socket } of this.#channels.splice(0)) socket.destroy();
    this.#options.onEnd(how, this.#waiting.splice(0));
  }
}
