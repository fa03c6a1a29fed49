/** When the WAL of state.sqlite is copied into the file: soon after each commit, by a thread, and to its end before it grows too long. */
import { closeSync, fstatSync, openSync } from "node:fs";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { identityOf } from "../../store/file-identity.ts";
import { errorMessage } from "../../text/error-message.ts";
import type { Checkpoint, CheckpointThreadData, CheckpointWanted } from "./checkpoint-thread.ts";

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
/** Copied in a moment, and in some 20 ms. */
const fewPages = { moment: 50, some: 500 };
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
  /** Of them, those that were copied last. */
  #part = 0;
  #wanted: CheckpointWanted = "checkpoint";
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
    if (this.#rows <= maxRows) this.startLater();
    else if (this.#isUnderWay) this.#pause();
    else this.#start();
  }

  /** The path is another file now. */
  restart(): void {
    void this.#endWorker().then(closeRemoved);
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

  /** One begins after a moment, whether or not anything was committed. */
  startLater(): void {
    this.#timer ??= setTimeout(() => this.#start(), checkpointMs).unref();
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#isUnderWay) {
      this.startLater();
      return;
    }
    if (!this.#options.isWanted()) return;
    try {
      this.#worker ??= this.#startWorker();
    } catch (error) {
      // Such as too many open files; the next commit tries again.
      this.#options.onDone(errorMessage(error));
      return;
    }
    this.#checkpoint(this.#worker, "checkpoint");
  }

  #checkpoint(worker: Worker, wanted: CheckpointWanted): void {
    this.#isUnderWay = true;
    this.#rows = 0;
    this.#wanted = wanted;
    worker.postMessage(wanted);
  }

  #startWorker(): Worker {
    const { path } = this.#options;
    const workerData: CheckpointThreadData = { path, descriptor: descriptorOf(path) };
    const worker = new Worker(program, { workerData, execArgv: [], env: {} });
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
    const part = log < this.#copied ? log : log - this.#copied;
    // As long as each time leaves half of the one before, the next one leaves less to wait for.
    const isSoonDone = part <= fewPages.moment || (part <= fewPages.some && 2 * part > this.#part);
    this.#copied = log;
    this.#part = part;
    const isLong = log > walPages.soon && !wasPaused;
    // SQLite brings the file to the disk when all of the WAL is copied, while commits would wait for that.
    const wasSynced = this.#wanted === "sync";
    if (isLong && (wasSynced || log > walPages.most)) this.#pause();
    else this.#resume();
    this.#isUnderWay = false;
    // At once, so that less was committed meanwhile.
    if (isLong) this.#checkpoint(worker, isSoonDone && !wasSynced ? "sync" : "checkpoint");
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

/**
 * By the identity of the file. None is closed as long as its file is there: a process that closes any descriptor of a file loses its locks on it
 * (POSIX.1, fcntl), which are those of SQLite.
 */
const descriptors = new Map<string, number>();

function descriptorOf(path: string): number {
  const file = identityOf(path);
  const known = descriptors.get(file);
  if (known !== undefined) return known;
  const descriptor = openSync(path, "r");
  descriptors.set(file, descriptor);
  return descriptor;
}

/** A file that was removed would take its room on the disk until the end of the process. */
function closeRemoved(): void {
  for (const [file, descriptor] of descriptors) {
    if (fstatSync(descriptor).nlink > 0) continue;
    descriptors.delete(file);
    closeSync(descriptor);
  }
}
