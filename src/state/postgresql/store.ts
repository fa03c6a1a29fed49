/** State in PostgreSQL, shared by many nodes. */
import type pg from "pg";
import type { WaitedFor } from "../../answer/patience.ts";
import type { CorrespondentQuestion, GreylistAnswer, GreylistQuestion, ThrottleAnswer, ThrottleQuestion } from "../../stage/state.ts";
import { skewMs } from "../../store/clock-skew.ts";
import type { PostgresqlSettings } from "../../store/store-settings.ts";
import { errorMessage } from "../../text/error-message.ts";
import { nothingCounted, sumOf } from "../counts.ts";
import type { AddressRow, GreylistRow, Triplet } from "../decide.ts";
import type { StateOptions } from "../open-state.ts";
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
import { AdministrationConnection, isConnectionLost, NoConnection } from "./administration-connection.ts";
import { MailQuestions } from "./mail-questions.ts";
import { migrate, mustHaveUnicode, tablesThere } from "./migrations.ts";
import { prepareNothing } from "./prepared.ts";
import { askCorrespondents } from "./statements.ts";
import { type TableName, tableNames } from "./tables.ts";
import { countedTables, countFrom, listAddressesFrom, listFrom, octetsOf, type Step } from "./walks.ts";

export class PostgresqlState implements StateStore {
  readonly source: WaitedFor;
  readonly #readOnly: boolean;
  readonly #now: () => number;
  readonly #onNotExpired: (why: string) => void;
  readonly #questions: MailQuestions;
  readonly #administration: AdministrationConnection;
  /** How far the current round of expiry is. */
  readonly #expired = new Map<string, number>();
  #isClosed = false;

  constructor(settings: PostgresqlSettings, options: Required<Omit<StateOptions, "replacesBroken">>) {
    this.#readOnly = options.readOnly;
    this.#now = options.now;
    this.#onNotExpired = options.onNotExpired;
    const pool = { readOnly: this.#readOnly, prepare: (client: pg.PoolClient) => this.#prepare(client) };
    this.#questions = new MailQuestions(settings, options.onAvailability, pool);
    this.#administration = new AdministrationConnection(settings, pool);
    this.source = this.#questions.source;
  }

  greylist(question: GreylistQuestion): Promise<GreylistAnswer> {
    return this.#questions.greylist(question);
  }

  throttle(question: ThrottleQuestion): Promise<ThrottleAnswer> {
    return this.#questions.throttle(question);
  }

  giveBack(question: ThrottleQuestion): Promise<void> {
    return this.#questions.giveBack(question);
  }

  remember(question: CorrespondentQuestion): Promise<void> {
    return this.#questions.remember(question);
  }

  areCorrespondents(question: CorrespondentQuestion): Promise<boolean> {
    if (!this.#readOnly) return this.#questions.areCorrespondents(question);
    return this.#read("postern_correspondent", async (client) => (await askCorrespondents(client, [question]))[0] ?? false, false);
  }

  list(filter: EntryFilter, { after, limit }: Page<Triplet>): Promise<readonly GreylistEntry[]> {
    const from = after && [after.client, after.sender, after.recipient];
    return this.#walk("postern_greylist", (client, reached) => listFrom(client, filter, reached ?? from), limit);
  }

  listAddresses(part: string, { after, limit }: Page<string>): Promise<readonly AddressEntry[]> {
    const from = after === undefined ? undefined : [after];
    return this.#walk("postern_greylist_address", (client, reached) => listAddressesFrom(client, part, reached ?? from), limit);
  }

  triplet(triplet: Triplet): Promise<GreylistRow | undefined> {
    return this.#read("postern_greylist", (client) => administration.triplet(client, triplet), undefined);
  }

  address(address: string): Promise<AddressRow | undefined> {
    return this.#read("postern_greylist_address", (client) => administration.address(client, address), undefined);
  }

  allow(subject: Triplet | string, now: number): Promise<void> {
    return this.#perform((client) => administration.allow(client, subject, now));
  }

  forget(subject: Triplet | string): Promise<boolean> {
    return this.#perform((client) => administration.forget(client, subject));
  }

  listThrottles(prefix: string, page: Page<string>): Promise<readonly ThrottleEntry[]> {
    return this.#read("postern_throttle", (client) => administration.listThrottles(client, prefix, page), []);
  }

  resetThrottles(keys: readonly string[]): Promise<number> {
    return this.#perform((client) => administration.resetThrottles(client, keys));
  }

  async stats(now: number): Promise<GreylistStats> {
    const there = await this.#tablesThere();
    let counts = nothingCounted;
    for (const table of countedTables.filter(({ name }) => there.includes(name))) {
      for (let after: readonly string[] | undefined; ; ) {
        const from = after;
        const { found, reached } = await this.#perform((client) => countFrom(client, table, from, now));
        counts = sumOf(counts, found);
        after = reached;
        if (reached === undefined) break;
      }
    }
    return { ...counts, oldest: counts.oldest ?? undefined, bytes: await this.#perform((client) => octetsOf(client, there)) };
  }

  async importEntries(entries: Iterable<ImportedEntry> | AsyncIterable<ImportedEntry>, now: number): Promise<number> {
    let count = 0;
    for await (const some of administration.chunks(entries))
      count += await this.#perform((client) => administration.importSome(client, some, now));
    return count;
  }

  /** A node whose clock is wrong would remove what has not expired by the clocks of the others. */
  async expire(now: number, limit: number): Promise<boolean> {
    const apartMs = this.#expired.size === 0 ? await this.#expiring((client) => administration.clockApartMs(client, this.#now)) : 0;
    if (Math.abs(apartMs) <= skewMs) return this.#expiring((client) => administration.expire(client, now, limit, this.#expired));
    const minutes = Math.round(Math.abs(apartMs) / 60_000);
    this.#onNotExpired(
      `the clock here is ${minutes} minutes ${apartMs > 0 ? "ahead of" : "behind"} that of the database. Run NTP on both machines`,
    );
    return false;
  }

  #expiring<T>(work: (client: pg.ClientBase) => Promise<T>): Promise<T> {
    return this.#perform(work, this.#onNotExpired);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#questions.close(), this.#administration.close()]);
  }

  /** `nothing`: what is known where no daemon has made that table yet. */
  async #read<T>(table: TableName, work: (client: pg.ClientBase) => Promise<T>, nothing: T): Promise<T> {
    return (await this.#tablesThere()).includes(table) ? this.#perform(work) : nothing;
  }

  async #walk<T>(
    table: TableName,
    step: (client: pg.ClientBase, reached: readonly string[] | undefined) => Promise<Step<readonly T[]>>,
    limit: number,
  ): Promise<readonly T[]> {
    const entries: T[] = [];
    if (!(await this.#tablesThere()).includes(table)) return entries;
    for (let from: readonly string[] | undefined; ; ) {
      const after = from;
      const { found, reached } = await this.#perform((client) => step(client, after));
      entries.push(...found.slice(0, limit - entries.length));
      if (reached === undefined || entries.length >= limit) return entries;
      from = reached;
    }
  }

  /** A daemon has made all of them. */
  async #tablesThere(): Promise<readonly TableName[]> {
    return this.#readOnly ? this.#perform(tablesThere) : tableNames;
  }

  /**
   * What fails is this statement alone, unless the server is not there: whether the store works is seen by the questions of mail. Where none of
   * them has a connection, nobody else sees that none can be had or used.
   */
  async #perform<T>(work: (client: pg.ClientBase) => Promise<T>, onFailedAlone: (why: string) => void = () => {}): Promise<T> {
    const questions = this.#questions;
    if (this.#isClosed) throw questions.error(new Error("it is closed"));
    const { failures } = questions;
    try {
      const result = await this.#administration.perform(work);
      questions.worked(failures);
      return result;
    } catch (cause) {
      const error = questions.error(cause);
      if (isConnectionLost(cause) || (cause instanceof NoConnection && !questions.isConnected)) questions.failed(error);
      else onFailedAlone(errorMessage(error));
      throw error;
    }
  }

  async #prepare(client: pg.PoolClient): Promise<void> {
    // Not as parameters of the connection, which PgBouncer refuses. The plans are made once, while the tables may be empty.
    await client.query("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; SET jit = off");
    await mustHaveUnicode(client);
    // In a transaction what fails cannot be asked again.
    if (this.#readOnly) prepareNothing(client);
    else await migrate(client);
  }
}
