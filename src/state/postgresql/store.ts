/** State in PostgreSQL, shared by many nodes: questions that come while a statement runs become the next statement. */
import type pg from "pg";
import { Availability, type OnAvailability } from "../../answer/availability.ts";
import type { WaitedFor } from "../../answer/patience.ts";
import { TemporaryError } from "../../answer/temporary-error.ts";
import { UnderWay } from "../../answer/under-way.ts";
import type { CorrespondentQuestion, GreylistAnswer, GreylistQuestion, ThrottleAnswer, ThrottleQuestion } from "../../stage/state.ts";
import { messageOf } from "../../store/connections.ts";
import { PendingAnswer } from "../../store/pending-answer.ts";
import { PostgresqlPool, sqlStateOf } from "../../store/postgresql-pool.ts";
import type { PostgresqlSettings } from "../../store/store-settings.ts";
import { waitedFor } from "../../store/waited-for.ts";
import type { AddressRow, GreylistRow, Triplet } from "../decide.ts";
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
import * as administration from "./administration.ts";
import { type Batch, BatchQueue, oneByOne } from "./batch-queue.ts";
import { hasTables, migrate, mustHaveUnicode } from "./migrations.ts";
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

type ClientWork = (client: pg.ClientBase) => Promise<unknown>;

interface RunningStatement {
  isLong: boolean;
}

export class PostgresqlState implements StateStore {
  readonly source: WaitedFor;
  readonly #timeoutMs: number;
  readonly #readOnly: boolean;
  readonly #availability: Availability;
  readonly #pool: PostgresqlPool;
  readonly #connections: number;
  readonly #greylist = new BatchQueue(askGreylist, greylistGroup);
  readonly #throttle = new BatchQueue(askThrottle);
  readonly #giveBack = new BatchQueue(askGiveBack);
  readonly #remember = new BatchQueue(askRemember);
  readonly #correspondents = new BatchQueue(askCorrespondents);
  readonly #work = new BatchQueue(async (client: pg.ClientBase, works: readonly ClientWork[]) => [await works[0]?.(client)], oneByOne);
  /** Served in turn, so that no queue waits for the end of another. */
  #queues: readonly { readonly length: number; take(): Batch | undefined }[] = [
    this.#greylist,
    this.#throttle,
    this.#giveBack,
    this.#remember,
    this.#correspondents,
    this.#work,
  ];
  /** How far the current round of expiry is. */
  readonly #expired = new Map<string, number>();
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

  constructor(settings: PostgresqlSettings, onAvailability: OnAvailability, readOnly: boolean) {
    this.#timeoutMs = settings.timeoutMs;
    this.#readOnly = readOnly;
    this.#availability = new Availability(settings.name, onAvailability);
    this.source = { ...waitedFor(settings, this.#availability), keepsDeadline: true };
    this.#connections = Math.min(settings.pool, maxConnections);
    this.#pool = new PostgresqlPool({ ...settings, pool: this.#connections }, { prepare: (client) => this.#prepare(client) });
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

  list(filter: EntryFilter, page: Page<Triplet>): Promise<readonly GreylistEntry[]> {
    return this.#read((client) => administration.list(client, filter, page), []);
  }

  listAddresses(part: string, page: Page<string>): Promise<readonly AddressEntry[]> {
    return this.#read((client) => administration.listAddresses(client, part, page), []);
  }

  triplet(triplet: Triplet): Promise<GreylistRow | undefined> {
    return this.#read((client) => administration.triplet(client, triplet), undefined);
  }

  address(address: string): Promise<AddressRow | undefined> {
    return this.#read((client) => administration.address(client, address), undefined);
  }

  allow(subject: Triplet | string, now: number): Promise<void> {
    return this.#perform((client) => administration.allow(client, subject, now));
  }

  forget(subject: Triplet | string): Promise<boolean> {
    return this.#perform((client) => administration.forget(client, subject));
  }

  listThrottles(prefix: string, page: Page<string>): Promise<readonly ThrottleEntry[]> {
    return this.#read((client) => administration.listThrottles(client, prefix, page), []);
  }

  resetThrottles(keys: readonly string[]): Promise<number> {
    return this.#perform((client) => administration.resetThrottles(client, keys));
  }

  stats(now: number): Promise<GreylistStats> {
    return this.#read((client) => administration.stats(client, now), administration.noStats);
  }

  async importEntries(entries: Iterable<ImportedEntry> | AsyncIterable<ImportedEntry>, now: number): Promise<number> {
    let count = 0;
    for await (const some of administration.chunks(entries))
      count += await this.#perform((client) => administration.importSome(client, some, now));
    return count;
  }

  expire(now: number, limit: number): Promise<boolean> {
    return this.#perform((client) => administration.expire(client, now, limit, this.#expired));
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

  /** `nothing`: what is known where no daemon has made the tables yet. */
  #read<T>(work: (client: pg.ClientBase) => Promise<T>, nothing: T): Promise<T> {
    return this.#perform(async (client) => (!this.#readOnly || (await hasTables(client)) ? work(client) : nothing));
  }

  async #perform<T>(work: (client: pg.ClientBase) => Promise<T>): Promise<T> {
    let result: { readonly value: T } | undefined;
    await this.#ask(this.#work, async (client) => {
      result = { value: await work(client) };
      return true;
    });
    if (result === undefined) throw new Error("answered without having been performed");
    return result.value;
  }

  #ask<Question, Answer>(queue: BatchQueue<Question, Answer>, question: Question): Promise<Answer> {
    if (this.#isClosed) return Promise.reject(this.#error(new Error("it is closed")));
    if (this.#down !== undefined) return Promise.reject(this.#down);
    if (queue.length >= maxQueue) {
      const error = this.#error(new Error(`${maxQueue} questions wait already`));
      this.#availability.failed("", error);
      return Promise.reject(error);
    }
    const before = this.#successes;
    const answer = new PendingAnswer<Answer>(this.#timeoutMs, () => {
      const error = this.#error(new Error(`no answer in ${this.#timeoutMs} ms`));
      // When others were answered meanwhile, it waited for the end of an outage that is over.
      if (this.#successes === before) this.#failed(error);
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
      // A statement that was running when another failed does not show that the server is back.
      if (this.#failures === before) this.#availability.worked("");
    } catch (cause) {
      const error = this.#error(cause);
      // Serialization failure or deadlock: nothing was done, and it may work now.
      if (/^40(001|P01)/.test(sqlStateOf(cause))) return batch.again(error);
      this.#fail(error);
      batch.fail(error);
    }
  }

  /** All waiting questions fail, and those that come before the next try. */
  #fail(error: TemporaryError): void {
    this.#failed(error);
    this.#isTrying = true;
    this.#down = error;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      this.#down = undefined;
    }, retryMs).unref();
    for (const queue of this.#queues) for (let rest = queue.take(); rest !== undefined; rest = queue.take()) rest.fail(error);
  }

  #failed(error: TemporaryError): void {
    this.#failures += 1;
    this.#availability.failed("", error);
  }

  async #prepare(client: pg.PoolClient): Promise<void> {
    // Not as parameters of the connection, which PgBouncer refuses. The plans are made once, while the tables may be empty.
    await client.query("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; SET jit = off");
    await mustHaveUnicode(client);
    if (this.#readOnly) await client.query("SET default_transaction_read_only = on");
    else await migrate(client);
  }

  #error(cause: unknown): TemporaryError {
    return new TemporaryError(`${this.source.name}: ${messageOf(cause)}`, { cause });
  }
}
