/** All files that are watched. One that is still in use is handed out again, so that a reload goes on with what is known of it. */
import { FileProblem } from "./file-problem.ts";
import type { FileFormat } from "./read-file.ts";
import { type Calendar, type FileNews, WatchedFile } from "./watched-file.ts";

export interface FileUse<T> {
  /** What uses the file. */
  readonly name: string;
  /** How it reads the file: the same for the same format. */
  readonly variant: string;
  readonly path: string;
  readonly format: FileFormat<T>;
  /** Without any entry, all mail would be refused. */
  readonly needsEntries: boolean;
}

export type OnFileNews = (source: string, news: FileNews) => void;

export class Files {
  readonly #now: () => number;
  readonly #onNews: OnFileNews;
  readonly #calendar: Calendar | undefined;
  /** Forgotten with the last core that uses it. */
  readonly #watched = new Map<string, WeakRef<WatchedFile<unknown>>>();
  #lastRead: Promise<unknown> = Promise.resolve();

  /** `now` in milliseconds; it never goes back. `calendar`: see `WatchedFileOptions`. */
  constructor(now: () => number, onNews: OnFileNews, calendar?: Calendar) {
    this.#now = now;
    this.#onNews = onNews;
    this.#calendar = calendar;
  }

  /** Nothing is read before its `refresh`. */
  watch<T>({ name, variant, path, format, needsEntries }: FileUse<T>): WatchedFile<T> {
    const key = JSON.stringify([name, variant, path]);
    const same = this.#watched.get(key)?.deref();
    // It has the same format.
    if (same !== undefined) return same as WatchedFile<T>;
    const onNews = (news: FileNews) => this.#onNews(`${name}: ${path}`, news);
    const file = new WatchedFile({
      ...{ path, format, needsEntries, now: this.#now, calendar: this.#calendar, onNews },
      inTurn: (read) => this.#inTurn(read),
    });
    for (const [other, reference] of this.#watched) if (reference.deref() === undefined) this.#watched.delete(other);
    this.#watched.set(key, new WeakRef(file));
    return file;
  }

  /** In use now. */
  all(): readonly WatchedFile<unknown>[] {
    return [...this.#watched.values()].flatMap((reference) => reference.deref() ?? []);
  }

  #inTurn<R>(read: () => Promise<R>): Promise<R> {
    const result = this.#lastRead.then(read);
    this.#lastRead = result.catch(() => {});
    return result;
  }
}

/** Rejects with one `FileProblem` that has the problems of all. */
export async function refreshAll(refreshes: readonly (() => Promise<void>)[]): Promise<void> {
  const results = await Promise.allSettled(refreshes.map((refresh) => refresh()));
  const messages = results.flatMap((result) => {
    if (result.status === "fulfilled") return [];
    if (!(result.reason instanceof FileProblem)) throw result.reason;
    return [result.reason.message];
  });
  if (messages.length > 0) throw new FileProblem(messages.join("\n"));
}
