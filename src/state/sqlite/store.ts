/**
 * State in a file of SQLite: what is asked in a few turns of the loop is one transaction, and is answered after its commit. What memory tells
 * of the greylist, where nothing is to be written, is answered at once.
 */
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import type { Answer } from "../../answer/answer.ts";
import { Availability, type OnAvailability } from "../../answer/availability.ts";
import type { WaitedFor } from "../../answer/patience.ts";
import { TemporaryError } from "../../answer/temporary-error.ts";
import type { CorrespondentQuestion, GreylistAnswer, ThrottleAnswer, ThrottleQuestion } from "../../stage/state.ts";
import type { SqliteSettings } from "../../store/store-settings.ts";
import { waitedFor } from "../../store/waited-for.ts";
import { errorMessage } from "../../text/error-message.ts";
import type { AddressRow, GreylistRow, Triplet, TripletQuestion } from "../decide.ts";
import type {
  AddressEntry,
  EntryFilter,
  GreylistEntry,
  GreylistStats,
  ImportedEntry,
  Page,
  StateStore,
  ThrottleEntry,
} from "../state-store.ts";
import { Checkpoints } from "./checkpoints.ts";
import { codeOf, Opening, type OpeningOptions, SQLITE_BUSY, SQLITE_FULL } from "./opening.ts";
import { type HashedTriplet, type StateFile, withKeys } from "./state-file.ts";
import { type Counts, nothingCounted, type Place } from "./walks.ts";

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
/** That are imported, or put into their tables before they are listed. */
const rowsPerTransaction = 500;
/** Between two reads into memory: those who wait for an answer go first. */
const learnPauseMs = 10;
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

const askGreylist = (file: StateFile, question: HashedTriplet) => file.greylist(question);
const askThrottle = (file: StateFile, question: ThrottleQuestion) => file.throttle(question);
const giveBack = (file: StateFile, question: ThrottleQuestion) => file.giveBack(question);
const remember = (file: StateFile, question: CorrespondentQuestion) => file.remember(question);
const areCorrespondents = (file: StateFile, question: CorrespondentQuestion) => file.areCorrespondents(question);

export class SqliteState implements StateStore {
  readonly source: WaitedFor;
  readonly #opening: Opening;
  readonly #maxTries: number;
  readonly #availability: Availability;
  #file: StateFile | undefined;
  #isLearning = false;
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

  greylist(question: TripletQuestion): Answer<GreylistAnswer> {
    if (this.#file?.mayLearn && !this.#isLearning) void this.#learn();
    const asked = withKeys(question);
    return this.#fromMemory(asked) ?? this.#ask(askGreylist, asked);
  }

  throttle(question: ThrottleQuestion): Promise<ThrottleAnswer> {
    return this.#ask(askThrottle, question);
  }

  giveBack(question: ThrottleQuestion): Promise<void> {
    return this.#ask(giveBack, question);
  }

  remember(question: CorrespondentQuestion): Promise<void> {
    return this.#ask(remember, question);
  }

  areCorrespondents(question: CorrespondentQuestion): Promise<boolean> {
    return this.#ask(areCorrespondents, question);
  }

  /** In small steps: a filter may walk through all that there is. */
  async list(filter: EntryFilter, { after, limit }: Page<Triplet>): Promise<readonly GreylistEntry[]> {
    const found: GreylistEntry[] = [];
    await this.#settle();
    for (let from = after; ; ) {
      const page = { limit: limit - found.length, ...(from && { after: from }) };
      const { entries, reached } = await this.#read((file) => file.walks.listFrom(filter, page));
      for (const entry of entries) found.push(entry);
      if (reached === undefined || found.length >= limit) return found;
      from = reached;
    }
  }

  async listAddresses(part: string, page: Page<string>): Promise<readonly AddressEntry[]> {
    await this.#settle();
    return this.#read((file) => file.listAddresses(part, page));
  }

  triplet(triplet: Triplet): Promise<GreylistRow | undefined> {
    return this.#read((file) => file.triplet(triplet));
  }

  address(address: string): Promise<AddressRow | undefined> {
    return this.#read((file) => file.address(address));
  }

  allow(subject: Triplet | string, now: number): Promise<void> {
    return this.#ask((file) => file.allow(subject, now), undefined);
  }

  forget(subject: Triplet | string): Promise<boolean> {
    return this.#ask((file) => file.forget(subject), undefined);
  }

  async listThrottles(prefix: string, page: Page<string>): Promise<readonly ThrottleEntry[]> {
    await this.#settle();
    return this.#read((file) => file.listThrottles(prefix, page));
  }

  resetThrottles(keys: readonly string[]): Promise<number> {
    return this.#ask((file) => keys.filter((key) => file.resetThrottle(key)).length, undefined);
  }

  /** In small steps, too. */
  async stats(now: number): Promise<GreylistStats> {
    let sums = nothingCounted;
    await this.#settle();
    for (let place: Place | undefined = { table: 0, after: undefined }; place !== undefined; ) {
      const from: Place = place;
      const { counts, next } = await this.#read((file) => file.walks.countFrom(from, now));
      sums = sumOf(sums, counts);
      place = next;
    }
    return { ...sums, oldest: sums.oldest ?? undefined, bytes: await this.#read((file) => file.octets) };
  }

  async importEntries(entries: Iterable<ImportedEntry> | AsyncIterable<ImportedEntry>): Promise<number> {
    let count = 0;
    let some: ImportedEntry[] = [];
    const flush = async () => {
      const chunk = some;
      some = [];
      count += await this.#ask((file) => chunk.filter((entry) => file.importEntry(entry)).length, undefined);
    };
    for await (const entry of entries) if (some.push(entry) === rowsPerTransaction) await flush();
    await flush();
    return count;
  }

  async expire(now: number, limit: number): Promise<boolean> {
    const goesOn = await this.#ask((file) => file.expire(now, limit), undefined);
    return this.#try(() => this.#file?.shrink() ?? false) || goesOn;
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

  /** `undefined`: it must be asked in a transaction. */
  #fromMemory(asked: HashedTriplet): GreylistAnswer | undefined {
    if (this.#isClosed || this.#file === undefined || !this.#isFresh(this.#file, asked.question.now)) return undefined;
    return this.#file.answerFromMemory(asked);
  }

  /** A transaction takes what other processes have written in any case. */
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

  #ask<Q, A>(ask: (file: StateFile, question: Q) => A, question: Q): Promise<A> {
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

  /** Reads what the greylist asks about into memory. */
  async #learn(): Promise<void> {
    this.#isLearning = true;
    try {
      while (await this.#ask((file) => file.learn(), undefined)) await delay(learnPauseMs, undefined, { ref: false });
    } catch (error) {
      // Whoever asks next is told.
      if (!(error instanceof TemporaryError)) throw error;
    }
    this.#isLearning = false;
  }

  /** Puts what was written up to now into the tables, through which lists and statistics walk. */
  async #settle(): Promise<void> {
    const record = await this.#read((file) => file.lastRecord);
    while (await this.#ask((file) => file.settle(record, rowsPerTransaction), undefined));
  }

  /** In a turn of the loop of its own. */
  async #read<T>(work: (file: StateFile) => T): Promise<T> {
    await nextTurn();
    for (let tries = 1; ; tries++) {
      if (this.#isClosed) throw this.#error(new Error("it is closed"));
      try {
        this.#file ??= this.#opening.open();
        return this.#file.read(work);
      } catch (cause) {
        this.#closeFile();
        if (codeOf(cause) !== SQLITE_BUSY || tries >= this.#maxTries) throw this.#unavailable(cause);
      }
      await delay(busyRetryMs);
    }
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
    if (codeOf(cause) === SQLITE_BUSY && ++this.#busyTries < this.#maxTries) {
      this.#try(() => this.#file?.rollback());
      this.#isFlushing = true;
      setTimeout(() => this.#flush(), busyRetryMs);
      return;
    }
    this.#busyTries = 0;
    // A bug of this program is reported as one, and not as a failure of the store. Other failures concern all who wait, whose deadline is near.
    const isBug = cause instanceof TypeError || cause instanceof RangeError;
    const failed = this.#waiting.splice(0, isBug ? count : this.#waiting.length);
    if (codeOf(cause) === SQLITE_FULL) this.#try(() => this.#file?.rollback());
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
      if (codeOf(error) === undefined && !(error instanceof Error && "code" in error)) throw error;
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

function sumOf(a: Counts, b: Counts): Counts {
  return {
    waiting: a.waiting + b.waiting,
    passed: a.passed + b.passed,
    addresses: a.addresses + b.addresses,
    allowedAddresses: a.allowedAddresses + b.allowedAddresses,
    oldest: a.oldest === null || b.oldest === null ? (a.oldest ?? b.oldest) : Math.min(a.oldest, b.oldest),
    throttles: a.throttles + b.throttles,
    tokens: a.tokens + b.tokens,
    correspondents: a.correspondents + b.correspondents,
  };
}
