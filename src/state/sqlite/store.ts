/**
 * State in a file of SQLite. What memory tells of the greylist, where nothing is to be written, is answered at once; all else in a
 * transaction.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Answer } from "../../answer/answer.ts";
import type { OnAvailability } from "../../answer/availability.ts";
import type { WaitedFor } from "../../answer/patience.ts";
import { TemporaryError } from "../../answer/temporary-error.ts";
import type { CorrespondentQuestion, GreylistAnswer, ThrottleAnswer, ThrottleQuestion } from "../../stage/state.ts";
import type { SqliteSettings } from "../../store/store-settings.ts";
import { nothingCounted, sumOf } from "../counts.ts";
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
import type { OpeningOptions } from "./opening.ts";
import { type HashedTriplet, type StateFile, withKeys } from "./state-file.ts";
import { Transactions } from "./transactions.ts";
import type { Place } from "./walks.ts";

/** That are imported, or put into their tables before they are listed. */
const rowsPerTransaction = 500;
/** Between two reads into memory: those who wait for an answer go first. */
const learnPauseMs = 10;

const askGreylist = (file: StateFile, question: HashedTriplet) => file.greylist(question);
const askThrottle = (file: StateFile, question: ThrottleQuestion) => file.throttle(question);
const giveBack = (file: StateFile, question: ThrottleQuestion) => file.giveBack(question);
const remember = (file: StateFile, question: CorrespondentQuestion) => file.remember(question);
const areCorrespondents = (file: StateFile, question: CorrespondentQuestion) => file.areCorrespondents(question);

export class SqliteState implements StateStore {
  readonly source: WaitedFor;
  readonly #transactions: Transactions;
  #isLearning = false;

  constructor(settings: SqliteSettings, onAvailability: OnAvailability, opening: OpeningOptions) {
    this.#transactions = new Transactions(settings, onAvailability, opening);
    this.source = this.#transactions.source;
  }

  greylist(question: TripletQuestion): Answer<GreylistAnswer> {
    if (this.#transactions.file?.mayLearn && !this.#isLearning) void this.#learn();
    const asked = withKeys(question);
    const { now } = question;
    return this.#transactions.freshFile(now)?.answerFromMemory(asked) ?? this.#transactions.ask(askGreylist, asked);
  }

  throttle(question: ThrottleQuestion): Promise<ThrottleAnswer> {
    return this.#transactions.ask(askThrottle, question);
  }

  giveBack(question: ThrottleQuestion): Promise<void> {
    return this.#transactions.ask(giveBack, question);
  }

  remember(question: CorrespondentQuestion): Promise<void> {
    return this.#transactions.ask(remember, question);
  }

  areCorrespondents(question: CorrespondentQuestion): Promise<boolean> {
    return this.#transactions.ask(areCorrespondents, question);
  }

  /** In small steps: a filter may walk through all that there is. */
  async list(filter: EntryFilter, { after, limit }: Page<Triplet>): Promise<readonly GreylistEntry[]> {
    const found: GreylistEntry[] = [];
    await this.#settle();
    for (let from = after; ; ) {
      const page = { limit: limit - found.length, ...(from && { after: from }) };
      const { entries, reached } = await this.#transactions.read((file) => file.walks.listFrom(filter, page));
      for (const entry of entries) found.push(entry);
      if (reached === undefined || found.length >= limit) return found;
      from = reached;
    }
  }

  async listAddresses(part: string, page: Page<string>): Promise<readonly AddressEntry[]> {
    await this.#settle();
    return this.#transactions.read((file) => file.listAddresses(part, page));
  }

  triplet(triplet: Triplet): Promise<GreylistRow | undefined> {
    return this.#transactions.read((file) => file.triplet(triplet));
  }

  address(address: string): Promise<AddressRow | undefined> {
    return this.#transactions.read((file) => file.address(address));
  }

  allow(subject: Triplet | string, now: number): Promise<void> {
    return this.#transactions.ask((file) => file.allow(subject, now), undefined);
  }

  forget(subject: Triplet | string): Promise<boolean> {
    return this.#transactions.ask((file) => file.forget(subject), undefined);
  }

  async listThrottles(prefix: string, page: Page<string>): Promise<readonly ThrottleEntry[]> {
    await this.#settle();
    return this.#transactions.read((file) => file.listThrottles(prefix, page));
  }

  resetThrottles(keys: readonly string[]): Promise<number> {
    return this.#transactions.ask((file) => keys.filter((key) => file.resetThrottle(key)).length, undefined);
  }

  /** In small steps, too. */
  async stats(now: number): Promise<GreylistStats> {
    let sums = nothingCounted;
    await this.#settle();
    for (let place: Place | undefined = { table: 0, after: undefined }; place !== undefined; ) {
      const from: Place = place;
      const { counts, next } = await this.#transactions.read((file) => file.walks.countFrom(from, now));
      sums = sumOf(sums, counts);
      place = next;
    }
    return { ...sums, oldest: sums.oldest ?? undefined, bytes: await this.#transactions.read((file) => file.octets) };
  }

  async importEntries(entries: Iterable<ImportedEntry> | AsyncIterable<ImportedEntry>, now: number): Promise<number> {
    let count = 0;
    let some: ImportedEntry[] = [];
    const flush = async () => {
      const chunk = some;
      some = [];
      count += await this.#transactions.ask((file) => chunk.filter((entry) => file.importEntry(entry, now)).length, undefined);
    };
    for await (const entry of entries) if (some.push(entry) === rowsPerTransaction) await flush();
    await flush();
    return count;
  }

  async expire(now: number, limit: number): Promise<boolean> {
    const goesOn = await this.#transactions.ask((file) => file.expire(now, limit), undefined);
    return this.#transactions.whileOpen((file) => file.shrink()) || goesOn;
  }

  close(): Promise<void> {
    return this.#transactions.close();
  }

  /** Reads what the greylist asks about into memory. After a bug it is not tried again: the file tells as well. */
  async #learn(): Promise<void> {
    this.#isLearning = true;
    try {
      while (await this.#transactions.ask((file) => file.learn(), undefined)) await delay(learnPauseMs, undefined, { ref: false });
    } catch (error) {
      // Whoever asks next is told.
      if (!(error instanceof TemporaryError)) throw error;
    }
    this.#isLearning = false;
  }

  /** Puts what was written up to now into the tables, through which lists and statistics walk. */
  async #settle(): Promise<void> {
    const record = await this.#transactions.read((file) => file.lastRecord);
    while (await this.#transactions.ask((file) => file.settle(record, rowsPerTransaction), undefined));
  }
}
