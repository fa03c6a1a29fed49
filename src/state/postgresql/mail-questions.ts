/** What mail asks of PostgreSQL: questions that come while a statement runs become the next statement. Whether the store works is seen here. */
import { Availability, type OnAvailability } from "../../answer/availability.ts";
import type { WaitedFor } from "../../answer/patience.ts";
import { TemporaryError } from "../../answer/temporary-error.ts";
import { UnderWay } from "../../answer/under-way.ts";
import type {
  CorrespondentQuestion,
  GreylistAnswer,
  GreylistQuestion,
  State,
  ThrottleAnswer,
  ThrottleQuestion,
} from "../../stage/state.ts";
import { PendingAnswer } from "../../store/pending-answer.ts";
import { type PoolOptions, PostgresqlPool } from "../../store/postgresql-pool.ts";
import type { PostgresqlSettings } from "../../store/store-settings.ts";
import { waitedFor } from "../../store/waited-for.ts";
import { errorMessage } from "../../text/error-message.ts";
import { type Batch, BatchQueue, isCollision } from "./batch-queue.ts";
import { askCorrespondents, askGiveBack, askGreylist, askRemember, askThrottle, cleanTriplet, greylistGroup } from "./statements.ts";

/** With one statement running on each, more would only make the batches smaller. */
const maxConnections = 2;
/** Beside a statement that runs, another begins at so many questions, or when one has waited for so long. Each costs a commit. */
const enoughWaiting = 100;
const longMs = 20;
/** Questions that wait; a further one fails at once. */
const maxQueue = 10_000;
/** After a failure, questions fail at once until the next try. */
const retryMs = 500;

interface RunningStatement {
  isLong: boolean;
}

export class MailQuestions implements State {
  readonly source: WaitedFor;
  readonly #timeoutMs: number;
  readonly #availability: Availability;
  readonly #pool: PostgresqlPool;
  readonly #connections: number;
  readonly #greylist = new BatchQueue(askGreylist, greylistGroup);
  readonly #throttle = new BatchQueue(askThrottle);
  readonly #giveBack = new BatchQueue(askGiveBack);
  readonly #remember = new BatchQueue(askRemember);
  readonly #correspondents = new BatchQueue(askCorrespondents);
  /** Served in turn, so that no queue waits for the end of another. */
  #queues: readonly { readonly length: number; take(): Batch | undefined }[] = [
    this.#greylist,
    this.#throttle,
    this.#giveBack,
    this.#remember,
    this.#correspondents,
  ];
  readonly #running = new UnderWay<RunningStatement>();
  /** Makes those that run now long. */
  #long: NodeJS.Timeout | undefined;
  #failures = 0;
  #successes = 0;
  /** After a failure one question goes ahead: an answer to it and a failure of another at the same time would contradict each other. */
  #isTrying = false;
  #isPumping = false;
  /** Why questions fail at once. */
  #down: TemporaryError | undefined;
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;
  #drained: (() => void) | undefined;

  constructor(settings: PostgresqlSettings, onAvailability: OnAvailability, pool: PoolOptions) {
    this.#timeoutMs = settings.timeoutMs;
    this.#availability = new Availability(settings.name, onAvailability);
    this.source = { ...waitedFor(settings, this.#availability), keepsDeadline: true };
    this.#connections = Math.min(settings.pool, maxConnections);
    this.#pool = new PostgresqlPool({ ...settings, pool: this.#connections }, pool);
  }

  greylist(question: GreylistQuestion): Promise<GreylistAnswer> {
    return this.#ask(this.#greylist, cleanTriplet(question));
  }

  throttle(question: ThrottleQuestion): Promise<ThrottleAnswer> {
    return this.#ask(this.#throttle, question);
  }

  async giveBack(question: ThrottleQuestion): Promise<void> {
    await this.#ask(this.#giveBack, question);
  }

  async remember(question: CorrespondentQuestion): Promise<void> {
    await this.#ask(this.#remember, question);
  }

  areCorrespondents(question: CorrespondentQuestion): Promise<boolean> {
    return this.#ask(this.#correspondents, question);
  }

  get isConnected(): boolean {
    return this.#pool.isConnected;
  }

  /** So far; see `worked`. */
  get failures(): number {
    return this.#failures;
  }

  /** An answer to what was asked after so many failures. One that was on its way at the last failure does not show that the server is back. */
  worked(failures: number): void {
    if (this.#failures === failures) this.#availability.worked("");
  }

  failed(error: TemporaryError): void {
    this.#failures += 1;
    this.#availability.failed("", error);
  }

  error(cause: unknown): TemporaryError {
    return new TemporaryError(`${this.source.name}: ${errorMessage(cause)}`, { cause });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    const drained = new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
    this.#pump();
    await drained;
    await this.#pool.close();
  }

  #ask<Question, Answer>(queue: BatchQueue<Question, Answer>, question: Question): Promise<Answer> {
    if (this.#isClosed) return Promise.reject(this.error(new Error("it is closed")));
    if (this.#down !== undefined) return Promise.reject(this.#down);
    if (queue.length >= maxQueue) {
      const error = this.error(new Error(`${maxQueue} questions wait already`));
      this.#availability.failed("", error);
      return Promise.reject(error);
    }
    const before = this.#successes;
    const answer = new PendingAnswer<Answer>(this.#timeoutMs, () => {
      const error = this.error(new Error(`no answer in ${this.#timeoutMs} ms`));
      // When others were answered meanwhile, it waited for the end of an outage that is over.
      if (this.#successes === before) this.failed(error);
      return error;
    });
    queue.add({ question, answer, tries: 0 });
    this.#pumpSoon();
    return answer.promise;
  }

  /** What is asked in one turn of the loop goes together. */
  #pumpSoon(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    setImmediate(() => {
      this.#isPumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#mayRun()) {
      const batch = this.#next();
      if (batch === undefined) break;
      const running = this.#running.begin({ isLong: false });
      void this.#run(batch).finally(() => {
        this.#running.end(running);
        clearTimeout(this.#long);
        this.#long = undefined;
        this.#pumpSoon();
      });
    }
    if (this.#running.size > 0 && this.#waiting > 0) this.#long ??= setTimeout(() => this.#waitedLong(), longMs);
    if (this.#isClosed && this.#running.size === 0) this.#drained?.();
  }

  #waitedLong(): void {
    this.#long = undefined;
    for (const statement of this.#running.values) statement.isLong = true;
    this.#pump();
  }

  #mayRun(): boolean {
    if (this.#running.size >= (this.#isTrying ? 1 : this.#connections)) return false;
    return this.#waiting >= enoughWaiting || this.#running.values.every(({ isLong }) => isLong);
  }

  get #waiting(): number {
    return this.#queues.reduce((sum, { length }) => sum + length, 0);
  }

  #next(): Batch | undefined {
    for (const queue of this.#queues) {
      const batch = queue.take();
      if (batch === undefined) continue;
      this.#queues = [...this.#queues.filter((each) => each !== queue), queue];
      return batch;
    }
    return undefined;
  }

  async #run(batch: Batch): Promise<void> {
    const before = this.#failures;
    try {
      await this.#pool.use(this.#timeoutMs, (client) => batch.perform(client));
      this.#isTrying = false;
      this.#successes += 1;
      this.worked(before);
    } catch (cause) {
      const error = this.error(cause);
      if (isCollision(cause)) return batch.again(error);
      this.#fail(error);
      batch.fail(error);
    }
  }

  /** All waiting questions fail, and those that come before the next try. */
  #fail(error: TemporaryError): void {
    this.failed(error);
    this.#isTrying = true;
    this.#down = error;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      this.#down = undefined;
    }, retryMs).unref();
    for (const queue of this.#queues) for (let rest = queue.take(); rest !== undefined; rest = queue.take()) rest.fail(error);
  }
}
