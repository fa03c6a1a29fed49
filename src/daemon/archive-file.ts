/** The file of kept decisions: rows in the order of time, the oldest removed by age and by size. Everything is synchronous, for a thread. */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { ArchivePlace, ArchiveSearch, ArchiveSpan, KeptDecision, Refused } from "../frontend/http/api.ts";
import { matches } from "../frontend/http/decision-filter.ts";
import { mostCounted, RefusedCount } from "../frontend/http/refused.ts";
import { OpenFile } from "../store/file-identity.ts";
import { createPrivately } from "../store/private-file.ts";

export interface ArchiveLimits {
  readonly keepMs: number;
  /** Of the file. */
  readonly maxOctets: number;
}

/** What one search found, the newest first. */
export interface Found {
  /** Each a `KeptDecision` as JSON. */
  readonly texts: readonly string[];
  /** Where a further one goes on; `undefined`: all was searched. */
  readonly reached: ArchivePlace | undefined;
}

/** What one search counted. */
export interface CountedRefused {
  readonly refused: Refused;
  /** As of what is found. */
  readonly reached: ArchivePlace | undefined;
}

/** By one search, which takes some tenth of a second: what is to be written waits meanwhile. */
const mostLookedAt = 50_000;
/** Read at once. */
const rowsPerStep = 1000;
/** Removed by one write, besides as many as it adds. */
const removedPerWrite = 2000;
/** Free pages that stay in the file, and those given back by one write. */
const freePages = { kept: 256, perWrite: 256 };

interface Row {
  readonly at: number;
  readonly id: number;
  readonly decision: string;
}

export class ArchiveFile {
  readonly #database: DatabaseSync;
  readonly #file: OpenFile;
  readonly #maxLookedAt: number;
  readonly #add: StatementSync;
  readonly #removeOld: StatementSync;
  readonly #removeFirst: StatementSync;
  readonly #pages: StatementSync;
  readonly #before: StatementSync;

  /** Throws what node:sqlite throws. */
  constructor(path: string, maxLookedAt = mostLookedAt) {
    this.#maxLookedAt = maxLookedAt;
    createPrivately(path);
    this.#database = new DatabaseSync(path, { timeout: 1000 });
    try {
      this.#database.exec(`
        PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
        CREATE TABLE IF NOT EXISTS decision (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, decision TEXT NOT NULL) STRICT;
        CREATE INDEX IF NOT EXISTS decision_at ON decision (at)`);
      const prepare = (sql: string) => this.#database.prepare(sql);
      this.#add = prepare("INSERT INTO decision (at, decision) VALUES (?, ?)");
      this.#removeOld = prepare("DELETE FROM decision WHERE id IN (SELECT id FROM decision WHERE at < ? ORDER BY at LIMIT ?)");
      this.#removeFirst = prepare("DELETE FROM decision WHERE id IN (SELECT id FROM decision ORDER BY at, id LIMIT ?)");
      this.#pages = prepare(`
        SELECT page_count AS pages, freelist_count AS free, page_size AS octets
        FROM pragma_page_count, pragma_freelist_count, pragma_page_size`);
      this.#before = prepare(`
        SELECT at, id, decision FROM decision WHERE at >= ? AND (at, id) < (?, ?) ORDER BY at DESC, id DESC LIMIT ${rowsPerStep}`);
      this.#file = new OpenFile(path);
      this.#file.used();
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** Nobody has removed it, or put another in its place: what is written to it is found again. */
  get isInPlace(): boolean {
    try {
      return this.#file.isCurrent;
    } catch {
      return false;
    }
  }

  /** `decisions`: each a `KeptDecision` as JSON. All of them are there afterwards, or it throws and none is. `now`: milliseconds since 1970. */
  write(decisions: readonly string[], { keepMs, maxOctets }: ArchiveLimits, now: number): void {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const most = decisions.length + removedPerWrite;
      this.#removeOld.run(now - keepMs, most);
      const { pages, free, octets } = this.#space();
      if ((pages - free) * octets > maxOctets) this.#removeFirst.run(most);
      for (const decision of decisions) this.#add.run(timeOf(decision), decision);
      this.#database.exec("COMMIT");
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
    const { free } = this.#space();
    if (free > freePages.kept) this.#database.exec(`PRAGMA incremental_vacuum(${Math.min(free - freePages.kept, freePages.perWrite)})`);
  }

  search({ limit, ...span }: ArchiveSearch): Found {
    const texts: string[] = [];
    const reached = this.#look(span, (_, text) => texts.push(text) >= limit);
    return { texts, reached };
  }

  countRefused(span: ArchiveSpan): CountedRefused {
    const count = new RefusedCount();
    const reached = this.#look(span, (decision) => {
      count.add(decision);
      return false;
    });
    return { refused: count.most(mostCounted), reached };
  }

  /** Calls with each that matches, the newest first, until that says that it is enough; yields where to go on, if there may be more. */
  #look(
    { filter, since, until, after }: ArchiveSpan,
    isEnough: (decision: KeptDecision, text: string) => boolean,
  ): ArchivePlace | undefined {
    let place: ArchivePlace = after ?? { at: until + 1, id: 0 };
    for (let lookedAt = 0; lookedAt < this.#maxLookedAt; lookedAt += rowsPerStep) {
      // The statement names these columns.
      const rows = this.#before.all(since, place.at, place.id) as unknown as readonly Row[];
      for (const { at, id, decision } of rows) {
        place = { at, id };
        // It was written here.
        const kept = JSON.parse(decision) as KeptDecision;
        if (matches(kept, filter) && isEnough(kept, decision)) return place;
      }
      if (rows.length < rowsPerStep) return undefined;
    }
    return place;
  }

  close(): void {
    this.#database.close();
    this.#file.closed();
  }

  #space() {
    // The statement names these columns.
    return this.#pages.get() as { readonly pages: number; readonly free: number; readonly octets: number };
  }
}

function timeOf(decision: string): number {
  return Date.parse((JSON.parse(decision) as KeptDecision).time);
}
