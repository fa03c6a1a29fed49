/** Questions to the file of the state: those of a few turns of the loop are one transaction, and are answered after its commit. */
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { Availability, type OnAvailability } from "../../answer/availability.ts";
import type { WaitedFor } from "../../answer/patience.ts";
import { TemporaryError } from "../../answer/temporary-error.ts";
import { resultCodeOf, SQLITE_BUSY, SQLITE_FULL } from "../../store/sqlite-result-codes.ts";
import type { SqliteSettings } from "../../store/store-settings.ts";
import { waitedFor } from "../../store/waited-for.ts";
import { codeOf } from "../../text/error-code.ts";
import { errorMessage } from "../../text/error-message.ts";
import { isBroken } from "./broken-file.ts";
import { Checkpoints } from "./checkpoints.ts";
import { Opening, type OpeningOptions } from "./opening.ts";
import type { StateFile } from "./state-file.ts";

/** Questions that wait; a further one fails at once. */
const maxQueue = 10_000;
/** Questions of one transaction, so that the loop is soon free for others. */
const maxBatch = 500;
/**
 * A transaction takes as long as ten questions: while each turn of the loop brings further ones, it waits for them, until they are so many
 * or it has waited for so many turns.
 */
const enoughQuestions = 16;
const mostTurns = 4;
/** What another process wrote, such as a command of the administrator, is known after so long at the latest. */
const lookMs = 10;
/** Another process writes: the next try. */
const busyRetryMs = 5;

interface QueuedWork {
  /** In the transaction; again in the next one if that fails. */
  perform(file: StateFile): void;
  /** After the commit. */
  answer(): void;
  fail(error: unknown): void;
}

/** A question, and who waits for its answer. */
class WaitingQuestion<Q, A> implements QueuedWork {
  readonly #ask: (file: StateFile, question: Q) => A;
  readonly #question: Q;
  readonly #resolve: (answer: A) => void;
  readonly fail: (error: unknown) => void;
  #answer: A | undefined;

  constructor(ask: (file: StateFile, question: Q) => A, question: Q, resolve: (answer: A) => void, reject: (error: unknown) => void) {
    this.#ask = ask;
    this.#question = question;
    this.#resolve = resolve;
    this.fail = reject;
  }

  perform(file: StateFile): void {
    this.#answer = this.#ask(file, this.#question);
  }

  answer(): void {
    // It was performed.
    this.#resolve(this.#answer as A);
  }
}

export class Transactions {
  readonly source: WaitedFor;
  readonly #opening: Opening;
  readonly #maxTries: number;
  readonly #availability: Availability;
  #file: StateFile | undefined;
  /** When it was last looked for what other processes have written, by the clock of the questions. */
  #refreshedAt = Number.NEGATIVE_INFINITY;
  #waiting: QueuedWork[] = [];
  #isFlushing = false;
  #busyTries = 0;
  readonly #checkpoints: Checkpoints;
  #isClosed = false;

  constructor(settings: SqliteSettings, onAvailability: OnAvailability, opening: OpeningOptions) {
    this.#opening = new Opening(settings.path, opening);
    this.#maxTries = Math.ceil(settings.timeoutMs / busyRetryMs);
    this.#availability = new Availability(settings.name, onAvailability);
    this.source = { ...waitedFor(settings, this.#availability), keepsDeadline: true };
    this.#checkpoints = new Checkpoints({
      path: settings.path,
      isWanted: () => this.#isFileCurrent(),
      onDone: (error) => {
        if (error !== undefined) this.#availability.failed("", this.#error(new Error(`checkpoint: ${error}`)));
      },
      onResume: () => {
        if (!this.#isFlushing && this.#waiting.length > 0) this.#flushSoon();
      },
    });
  }

  /** While it is open. */
  get file(): StateFile | undefined {
    return this.#file;
  }

  /** The file, if it is open and knows what other processes have written. A transaction takes that in any case. */
  freshFile(now: number): StateFile | undefined {
    return !this.#isClosed && this.#file !== undefined && this.#isFresh(this.#file, now) ? this.#file : undefined;
  }

  /** `ask` is called in the transaction, and again in the next one if that fails. Rejects with a `TemporaryError` when it cannot tell. */
  ask<Q, A>(ask: (file: StateFile, question: Q) => A, question: Q): Promise<A> {
    if (this.#isClosed) return Promise.reject(this.#error(new Error("it is closed")));
    if (this.#waiting.length >= maxQueue) {
      const error = this.#error(new Error(`${maxQueue} questions wait already`));
      this.#availability.failed("", error);
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push(new WaitingQuestion(ask, question, resolve, reject));
      if (!this.#isFlushing && !this.#checkpoints.pausesCommits) this.#flushSoon();
    });
  }

  /** What `work` finds, in a turn of the loop of its own; it writes nothing. */
  async read<T>(work: (file: StateFile) => T): Promise<T> {
    await nextTurn();
    for (let tries = 1; ; tries++) {
      if (this.#isClosed) throw this.#error(new Error("it is closed"));
      try {
        this.#file ??= this.#opening.open();
        return this.#file.read(work);
      } catch (cause) {
        this.#closeFile();
        if (resultCodeOf(cause) !== SQLITE_BUSY || tries >= this.#maxTries) throw this.#unavailable(this.#opening.afterUse(cause));
      }
      await delay(busyRetryMs);
    }
  }

  /** What `work` does outside of transactions. `undefined`: the file is not open, or it failed. */
  whileOpen<T>(work: (file: StateFile) => T): T | undefined {
    const file = this.#file;
    return file === undefined ? undefined : this.#try(() => work(file));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    const stopped = this.#checkpoints.stop();
    // It does not wait for a lock of another process.
    for (let before = Infinity; this.#waiting.length > 0 && this.#waiting.length < before; ) {
      before = this.#waiting.length;
      this.#flush();
    }
    this.#isClosed = true;
    const left = this.#waiting;
    this.#waiting = [];
    for (const pending of left) pending.fail(this.#error(new Error("it is closed")));
    await stopped;
    this.#closeFile();
  }

  #isFresh(file: StateFile, now: number): boolean {
    if (now >= this.#refreshedAt && now < this.#refreshedAt + lookMs) return true;
    try {
      file.refresh();
    } catch {
      // The transaction that is asked then meets the same problem, and tells of it.
      return false;
    }
    this.#refreshedAt = now;
    // That the file was replaced is noticed when a checkpoint would begin.
    this.#checkpoints.startLater();
    return true;
  }

  #flushSoon(): void {
    this.#isFlushing = true;
    setImmediate(() => this.#flushAfter(1, 0));
  }

  /** After so many turns of the loop; `before`: what waited a turn ago. */
  #flushAfter(turns: number, before: number): void {
    const count = this.#waiting.length;
    if (count === before || count >= enoughQuestions || turns === mostTurns) this.#flush();
    else setImmediate(() => this.#flushAfter(turns + 1, count));
  }

  #flush(): void {
    this.#isFlushing = false;
    if (this.#checkpoints.pausesCommits || this.#isClosed || this.#waiting.length === 0) return;
    const batch = this.#waiting.slice(0, maxBatch);
    let rows: number;
    try {
      this.#file ??= this.#opening.open();
      this.#file.begin();
      for (const work of batch) work.perform(this.#file);
      rows = this.#file.commit();
    } catch (cause) {
      this.#failed(cause, batch.length);
      return;
    }
    this.#busyTries = 0;
    this.#waiting.splice(0, batch.length);
    for (const work of batch) work.answer();
    this.#availability.worked("");
    this.#checkpoints.soon(rows);
    if (this.#waiting.length > 0) this.#flushSoon();
  }

  #failed(cause: unknown, count: number): void {
    if (resultCodeOf(cause) === SQLITE_BUSY && ++this.#busyTries < this.#maxTries) {
      this.#try(() => this.#file?.rollback());
      this.#isFlushing = true;
      setTimeout(() => this.#flush(), busyRetryMs);
      return;
    }
    this.#busyTries = 0;
    // A bug of this program is reported as one, and not as a failure of the store. Other failures concern all who wait, whose deadline is near.
    const isBug = !isBroken(cause) && (cause instanceof TypeError || cause instanceof RangeError);
    const failed = this.#waiting.splice(0, isBug ? count : this.#waiting.length);
    if (resultCodeOf(cause) === SQLITE_FULL) this.#try(() => this.#file?.rollback());
    // It may work when it is opened again: after the file was repaired or the folder created.
    else this.#closeFile();
    const error = isBug ? cause : this.#unavailable(this.#opening.afterUse(cause));
    for (const pending of failed) pending.fail(error);
    if (this.#waiting.length > 0 && !this.#isFlushing) this.#flushSoon();
  }

  #isFileCurrent(): boolean {
    if (this.#file === undefined || this.#isClosed) return false;
    if (this.#try(() => this.#file?.isCurrent)) return true;
    // Another file is there now; what is written to this one would be lost.
    this.#closeFile();
    return false;
  }

  #closeFile(): void {
    const file = this.#file;
    this.#file = undefined;
    this.#try(() => file?.close());
    if (file !== undefined) this.#checkpoints.restart();
  }

  /** `undefined` when it fails: the next question meets the same problem. */
  #try<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (resultCodeOf(error) === undefined && codeOf(error) === "") throw error;
      return undefined;
    }
  }

  #unavailable(cause: unknown): TemporaryError {
    const error = this.#error(cause);
    this.#availability.failed("", error);
    return error;
  }

  #error(cause: unknown): TemporaryError {
    return new TemporaryError(`${this.source.name}: ${errorMessage(cause)}`, { cause });
  }
}
