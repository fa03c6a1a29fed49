/** When the WAL of state.sqlite is copied into the file: soon after each commit, by a thread, and to its end before it grows too long. */
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { errorMessage } from "../../text/error-message.ts";
import type { Checkpoint } from "./checkpoint-thread.ts";

/** From a commit to the checkpoint that copies it: pages that are written again meanwhile are copied once. */
const checkpointMs = 1000;
/**
 * Rows that are committed before a checkpoint begins without delay, and while one is under way before commits wait for it:
 * a row is a page of the WAL, or little more, so that it is bounded however fast they come.
 */
const maxRows = 8192;
/**
 * The WAL starts anew only when all of it is copied, and a busy store has no pause: past `soon` pages commits wait for that
 * if it takes no more than a moment, past `most` in any case. That may take a tenth of a second, so it must be rare.
 */
const walPages = { soon: 4096, most: 25_000 };
/** Copied in some 10 ms. */
const fewPages = 500;
/** Commits wait no longer, however slow the disk is; the WAL grows on meanwhile. */
const maxPauseMs = 1000;

// A checkout runs `.ts`, the package `.js`.
const program = fileURLToPath(new URL(`./checkpoint-thread${extname(import.meta.url)}`, import.meta.url));

export interface CheckpointsOptions {
  readonly path: string;
  /** Asked before each checkpoint. */
  readonly isWanted: () => boolean;
  /** With `error`: it did not work. */
  readonly onDone: (error?: string) => void;
  /** Commits may go on. */
  readonly onResume: () => void;
}

export class Checkpoints {
  readonly #options: CheckpointsOptions;
  #timer: NodeJS.Timeout | undefined;
  #worker: Worker | undefined;
  #isUnderWay = false;
  #pausesCommits = false;
  #pauseEnd: NodeJS.Timeout | undefined;
  /** Pages of the WAL when it was last copied. */
  #copied = 0;
  /** Committed since the last checkpoint began. */
  #rows = 0;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
  }

  /** Commits must wait: the WAL is being copied to its end. */
  get pausesCommits(): boolean {
    return this.#pausesCommits;
  }

  /** Rows were committed. */
  soon(rows: number): void {
    this.#rows += rows;
    if (this.#rows <= maxRows) this.#startLater();
    else if (this.#isUnderWay) this.#pause();
    else this.#start();
  }

  /** The path is another file now. */
  restart(): void {
    void this.#endWorker();
    this.#resume();
  }

  /** Commits may go on; the thread has ended when it resolves. */
  async stop(): Promise<void> {
    this.#pausesCommits = false;
    clearTimeout(this.#pauseEnd);
    clearTimeout(this.#timer);
    await this.#endWorker();
  }

  async #endWorker(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#isUnderWay = false;
    await worker?.terminate();
  }

  #startLater(): void {
    this.#timer ??= setTimeout(() => this.#start(), checkpointMs).unref();
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#isUnderWay) {
      this.#startLater();
      return;
    }
    if (!this.#options.isWanted()) return;
    this.#worker ??= this.#startWorker();
    this.#checkpoint(this.#worker);
  }

  #checkpoint(worker: Worker): void {
    this.#isUnderWay = true;
    this.#rows = 0;
    worker.postMessage("checkpoint");
  }

  #startWorker(): Worker {
    const worker = new Worker(program, { workerData: this.#options.path, execArgv: [], env: {} });
    worker.unref();
    // The program sends nothing else.
    worker.on("message", (checkpoint: Checkpoint) => this.#done(worker, checkpoint));
    worker.on("error", (cause) => this.#done(worker, { log: 0, error: errorMessage(cause) }));
    worker.on("exit", () => {
      if (worker !== this.#worker) return;
      this.#worker = undefined;
      this.#isUnderWay = false;
      this.#resume();
    });
    return worker;
  }

  #done(worker: Worker, { log, error }: Checkpoint): void {
    // It belonged to another file.
    if (worker !== this.#worker) return;
    this.#options.onDone(error);
    const wasPaused = this.#pausesCommits;
    // `log` is from when it began; what was committed meanwhile is not copied, and is about as much as this time.
    const isSoonDone = log >= this.#copied && log - this.#copied <= fewPages;
    this.#copied = log;
    const isLong = log > walPages.soon && !wasPaused;
    if (isLong && (isSoonDone || log > walPages.most)) this.#pause();
    else this.#resume();
    this.#isUnderWay = false;
    // At once, so that less was committed meanwhile.
    if (isLong) this.#checkpoint(worker);
  }

  #pause(): void {
    if (this.#pausesCommits) return;
    this.#pausesCommits = true;
    this.#pauseEnd = setTimeout(() => this.#resume(), maxPauseMs);
  }

  #resume(): void {
    this.#pausesCommits = false;
    clearTimeout(this.#pauseEnd);
    this.#options.onResume();
  }
}
