/** Decisions kept for days in a file, off the way of requests: they are handed to a thread in batches, and what it cannot take is lost. */
import { once } from "node:events";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { Availability, type OnAvailability } from "../answer/availability.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import type { ArchiveSearch, ArchiveSpan } from "../frontend/http/api.ts";
import type { ArchiveLimits, CountedRefused, Found } from "./archive-file.ts";
import type { ArchiveQuestion, ArchiveThreadData, MessageFromArchive, MessageToArchive } from "./archive-thread.ts";
import { RemoteQuestions } from "./remote-questions.ts";

/** From a decision to the write that has it. */
const writeMs = 500;
/** What is too old goes, too, where nothing is decided. */
const removeMs = 60_000;
/** Of one write. */
const maxBatch = 500;
/** Characters of decisions that wait for the disk; further ones are lost. */
const maxWaiting = 8 * 1_048_576;
const maxSearches = 8;
const searchMs = 10_000;
const closeMs = 5000;

// A checkout runs `.ts`, the package `.js`.
const program = fileURLToPath(new URL(`./archive-thread${extname(import.meta.url)}`, import.meta.url));

export interface DecisionArchiveOptions {
  readonly path: string;
  readonly limits: ArchiveLimits;
  /** Decisions are lost, or are kept again. */
  readonly onAvailability: OnAvailability;
}

export class DecisionArchive {
  readonly #options: DecisionArchiveOptions;
  readonly #availability: Availability;
  readonly #removing = setInterval(() => this.#write(), removeMs).unref();
  #thread: Worker | undefined;
  #searches: RemoteQuestions<ArchiveQuestion, Found | CountedRefused> | undefined;
  #searching = 0;
  #waiting: string[] = [];
  #waitingLength = 0;
  #isWriting = false;
  #writing: NodeJS.Timeout | undefined;

  constructor(options: DecisionArchiveOptions) {
    this.#options = options;
    this.#availability = new Availability(options.path, options.onAvailability);
    // What grew too old while the daemon was stopped.
    this.#write();
  }

  /** A `KeptDecision` as JSON. */
  keep(decision: string): void {
    if (this.#waitingLength + decision.length > maxWaiting) {
      this.#availability.failed("", new Error("decisions come faster than the disk takes them"));
      return;
    }
    this.#waiting.push(decision);
    this.#waitingLength += decision.length;
    if (this.#waiting.length >= maxBatch) this.#write();
    else this.#writing ??= setTimeout(() => this.#write(), writeMs).unref();
  }

  /** Rejects with a `TemporaryError`. */
  async search(search: ArchiveSearch): Promise<Found> {
    const answer = await this.#ask({ kind: "search", search });
    return answer as Found; // As it was asked.
  }

  /** Likewise. */
  async countRefused(span: ArchiveSpan): Promise<CountedRefused> {
    const answer = await this.#ask({ kind: "refused", span });
    return answer as CountedRefused; // As it was asked.
  }

  async #ask(question: ArchiveQuestion): Promise<Found | CountedRefused> {
    if (this.#searching >= maxSearches) throw new TemporaryError(`${maxSearches} others search at this moment. Try again`);
    this.#searching += 1;
    try {
      const thread = this.#started();
      this.#searches ??= new RemoteQuestions({
        ...{ process: "thread of kept decisions", deadlineMs: () => searchMs, onAvailability: () => {} },
        send: (questions) => post(thread, { kind: "search", questions }),
      });
      return await this.#searches.ask(question);
    } finally {
      this.#searching -= 1;
    }
  }

  /** What waits is written first. */
  async close(): Promise<void> {
    clearInterval(this.#removing);
    clearTimeout(this.#writing);
    const thread = this.#thread;
    if (thread === undefined) return;
    while (this.#waiting.length > 0) this.#send(thread);
    thread.removeAllListeners("message");
    post(thread, { kind: "close" });
    const late = setTimeout(() => void thread.terminate(), closeMs);
    await once(thread, "exit");
    clearTimeout(late);
  }

  #write(): void {
    clearTimeout(this.#writing);
    this.#writing = undefined;
    // What waits then comes with the next one.
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#send(this.#started());
  }

  #send(thread: Worker): void {
    const decisions = this.#waiting.splice(0, maxBatch);
    for (const { length } of decisions) this.#waitingLength -= length;
    post(thread, { kind: "write", decisions });
  }

  #written(error: string | undefined): void {
    this.#isWriting = false;
    if (error === undefined) this.#availability.worked("");
    else this.#availability.failed("", new Error(error));
    if (this.#waiting.length >= maxBatch) this.#write();
    else if (this.#waiting.length > 0) this.#writing ??= setTimeout(() => this.#write(), writeMs).unref();
  }

  #started(): Worker {
    if (this.#thread !== undefined) return this.#thread;
    const { path, limits } = this.#options;
    const workerData: ArchiveThreadData = { path, limits };
    const thread = new Worker(program, { workerData, execArgv: [], env: {} });
    thread.unref();
    // The program sends nothing else.
    thread.on("message", (message: MessageFromArchive) => {
      if (message.kind === "written") this.#written(message.error);
      else this.#searches?.take(message.outcomes);
    });
    thread.on("error", (cause) => this.#availability.failed("", cause));
    thread.on("exit", () => {
      this.#thread = undefined;
      this.#searches?.lose();
      this.#searches = undefined;
      this.#isWriting = false;
    });
    this.#thread = thread;
    return thread;
  }
}

function post(thread: Worker, message: MessageToArchive): void {
  thread.postMessage(message);
}
