/** A text file that is read again when it changes. What is in use stays in use until the file has something complete to offer. */
import { errorMessage } from "../text/error-message.ts";
import {
  blurredMs,
  decide,
  type FileFacts,
  type Found,
  type Interrupted,
  interrupt,
  isEqual,
  isSame,
  isUnwritten,
  lostMs,
  mayBeReplacement,
  settledMs,
  sinceWhen,
  type Taken,
  unquietMs,
  writingMs,
} from "./change.ts";
import { FileProblem, maxCheckedOctets } from "./file-problem.ts";
import { type FileContent, type FileFormat, readFile, statFile } from "./read-file.ts";

/** What an administrator should know. Until `taken` or `restored` the previous contents stay in use. */
export type FileNews =
  /** The first contents are still being written, so that they may be a part; what they do not have is doubted for `seconds`. */
  | { readonly kind: "writing"; readonly seconds: number }
  /** It is being written in place; taken when nothing more was written for `seconds`. */
  | { readonly kind: "changing"; readonly seconds: number }
  /** So many of its entries are gone that it is taken only when it has been so for `seconds`. */
  | { readonly kind: "lost"; readonly seconds: number; readonly before: number; readonly entries: number }
  | { readonly kind: "failed"; readonly problem: FileProblem }
  /** `wasWarned`: after `lost` or `failed`. `warnings`: what is wrong with lines of it, unless it is reported with the configuration. */
  | { readonly kind: "taken"; readonly entries: number; readonly warnings: readonly string[]; readonly wasWarned: boolean }
  /** What is in use is in the file again. */
  | { readonly kind: "restored"; readonly wasWarned: boolean };

/** By which it is known at the first look whether somebody is writing to the file. */
export interface Calendar {
  /** Milliseconds since 1970, as the times of files. */
  readonly today: () => number;
  readonly pause: (ms: number) => Promise<unknown>;
}

export interface WatchedFileOptions<T> {
  readonly path: string;
  readonly format: FileFormat<T>;
  /** Without any entry, all mail would be refused. */
  readonly needsEntries: boolean;
  /** Milliseconds; it never goes back. */
  readonly now: () => number;
  /** `undefined`: the file is taken as it is at the first look. */
  readonly calendar: Calendar | undefined;
  readonly onNews: (news: FileNews) => void;
  /** Lets files be read one after the other. */
  readonly inTurn: <R>(read: () => Promise<R>) => Promise<R>;
}

/** A state of the file that is not in use. */
interface Pending<T> {
  readonly facts: FileFacts;
  since: number;
  /** Nothing that is written to it from now on leaves its times as they are. */
  readonly isSharp: boolean;
  /** `undefined`: not read yet. */
  outcome?: FileContent<T> | "wrong";
}

/** `undefined`: it was not read, or says nothing. */
function foundOf<T>(pending: Pending<T> | undefined): Found | undefined {
  if (pending?.outcome === undefined || pending.outcome === "wrong") return undefined;
  const { entries, checksum } = pending.outcome;
  return { facts: pending.facts, since: pending.since, entries, checksum };
}

const changing: FileNews = { kind: "changing", seconds: settledMs / 1000 };

export class WatchedFile<T> {
  readonly path: string;
  readonly #options: WatchedFileOptions<T>;
  #content: T;
  /** `undefined`: nothing was read yet. */
  #taken: Taken | undefined;
  /** So long the first contents are not trusted to be all. */
  #doubtUntil = 0;
  /** It was written to while it was looked at for the first time. */
  #isBeingWritten = false;
  #pending: Pending<T> | undefined;
  /** What the file may come back to. */
  #interrupted: Interrupted | undefined;
  /** What was read while it could still be written to without a trace: from `until` on it is read again, once. */
  #blurred: { readonly facts: FileFacts; readonly until: number } | undefined;
  #isAvailable = true;
  /** Why it cannot be read, or what is wrong with it. */
  #failure: string | undefined;
  /** What was reported since the contents were taken. */
  readonly #reported = new Set<string>();
  #looking: Promise<void> | undefined;

  constructor(options: WatchedFileOptions<T>) {
    this.path = options.path;
    this.#options = options;
    this.#content = options.format.create();
  }

  get content(): T {
    return this.#content;
  }

  get entries(): number {
    return this.#taken?.entries ?? 0;
  }

  /** False: the file says, or may say, something else than `content`. */
  get isCurrent(): boolean {
    return this.doubt === undefined;
  }

  /** What is to be said of a file that is not current, after its name; `undefined`: it is. */
  get doubt(): string | undefined {
    if (this.#taken === undefined) return "was not read yet";
    if (this.#isAvailable && this.#pending?.outcome === "wrong") return "has become wrong";
    if (this.#failure !== undefined) return `cannot be read: ${this.#failure}`;
    if (this.#pending !== undefined) return "is being written";
    if (this.#options.now() >= this.#doubtUntil) return undefined;
    return this.entries === 0 ? "has no entries yet" : "was being written when it was read, so perhaps not whole yet";
  }

  /** Looks at the file, and takes what is complete. The first time it rejects with a `FileProblem`; later, a problem is news. */
  refresh(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    let facts: FileFacts;
    try {
      facts = await statFile(this.path);
      if (this.#taken === undefined) facts = await this.#whenQuiet(facts);
    } catch (error) {
      this.#isAvailable = false;
      this.#fail(error, "unavailable");
      return;
    }
    const pending = this.#found(facts);
    try {
      if (pending !== undefined) await this.#consider(pending);
    } finally {
      this.#isAvailable = true;
    }
  }

  /** Before the first contents are read: they are all that there is, unless somebody goes on writing. */
  async #whenQuiet(facts: FileFacts): Promise<FileFacts> {
    const { calendar } = this.#options;
    const waitMs = calendar === undefined ? 0 : unquietMs(facts, calendar.today(), writingMs);
    if (waitMs === 0) return facts;
    await calendar?.pause(waitMs);
    const later = await statFile(this.path);
    this.#isBeingWritten = !isSame(facts, later);
    return later;
  }

  /** What is to be read, if it was not yet. `undefined`: what is in use, or what may be read at the next look. */
  #found(facts: FileFacts): Pending<T> | undefined {
    const last = this.#pending;
    const since = this.#options.now();
    const isSharp = this.#blurred !== undefined && since >= this.#blurred.until && isSame(this.#blurred.facts, facts);
    const next: Pending<T> = { facts, since, isSharp };
    // First: it may have been written to without another trace since the same was taken.
    if (last !== undefined && isSame(last.facts, facts) && !isSharp) return last;
    if (this.#taken !== undefined && isSame(this.#taken.facts, facts)) {
      if (isSharp) return next;
      this.#keep(facts);
      return undefined;
    }
    // Nothing is doubted while it is read.
    if (this.#taken !== undefined && isUnwritten(this.#taken.facts, facts)) return next;
    this.#begin(next);
    // Perhaps the same was written again: nothing is known before it is read.
    if (facts.size === this.#taken?.facts.size || facts.size === last?.facts.size) return next;
    if (this.#taken === undefined || mayBeReplacement(this.#taken.facts, facts)) return next;
    // It is read when the next look finds the same: what is being written is not to be read again and again.
    this.#report(changing);
    return undefined;
  }

  async #consider(pending: Pending<T>): Promise<void> {
    const { format, inTurn, needsEntries, now } = this.#options;
    try {
      const isFirstRead = pending.outcome === undefined;
      if (pending.outcome === undefined) {
        this.#blur(pending);
        pending.outcome = await inTurn(() => readFile(this.path, format));
        // Before it is compared with what is in use, only what is in doubt anyway may lose its reason.
        if (this.#pending === pending) this.#failure = undefined;
      }
      const { outcome } = pending;
      if (outcome === "wrong") return;
      const { entries, content, checksum } = outcome;
      const isChecked = this.#taken === undefined && pending.facts.size <= maxCheckedOctets;
      const warnings = isChecked ? [] : outcome.warnings;
      if (this.#taken === undefined) {
        this.#doubt(pending.facts, entries === 0);
      } else {
        if (!isSame(await statFile(this.path), pending.facts)) {
          // Written to while it was read.
          delete pending.outcome;
          this.#begin(pending);
          this.#report(changing);
          return;
        }
        if (isEqual(this.#taken, { ...pending, entries, checksum })) {
          if (mayBeReplacement(this.#taken.facts, pending.facts)) this.#doubtUntil = 0;
          this.#keep(pending.facts);
          return;
        }
        this.#begin(pending);
        if (isFirstRead) pending.since = sinceWhen(this.#taken, { ...pending, entries, checksum }, this.#interrupted);
        const decision = decide(this.#taken, { ...pending, entries }, needsEntries, now());
        if (decision.kind === "wait") {
          this.#report(decision.lost ? { kind: "lost", seconds: lostMs / 1000, before: this.entries, entries } : changing);
          return;
        }
      }
      if (this.#taken !== undefined) this.#doubtUntil = 0;
      this.#content = content;
      this.#taken = { facts: pending.facts, entries, checksum };
      this.#settle((wasWarned) => ({ kind: "taken", entries, warnings, wasWarned }));
    } catch (error) {
      this.#begin(pending);
      // What cannot be opened is tried again, what has a wrong line is not.
      if (error instanceof FileProblem) pending.outcome = "wrong";
      this.#fail(error, "wrong");
    }
  }

  /** Before it is read. */
  #blur({ facts, isSharp }: Pending<T>): void {
    const { calendar, now } = this.#options;
    const ms = isSharp || calendar === undefined ? 0 : blurredMs(facts, calendar.today());
    this.#blurred = ms === 0 ? undefined : { facts, until: now() + ms };
  }

  /** It is not what is in use, as far as anybody knows. */
  #begin(pending: Pending<T>): void {
    const last = this.#pending;
    if (last === pending) return;
    this.#interrupted = interrupt(this.#interrupted, foundOf(last), pending.facts, pending.since);
    this.#pending = pending;
    this.#failure = undefined;
  }

  /** The file has what is in use. */
  #keep(facts: FileFacts): void {
    if (this.#taken === undefined) return;
    this.#taken = { ...this.#taken, facts };
    // What was not reported is over without news.
    if (this.#reported.size === 0) this.#forget();
    else this.#settle((wasWarned) => ({ kind: "restored", wasWarned }));
  }

  /** What a part of it does not have would be refused: of what needs no entries only where something refuses by it, and so without news. */
  #doubt(first: FileFacts, isEmpty: boolean): void {
    const { needsEntries, calendar, now, onNews } = this.#options;
    const writtenMs = calendar === undefined || !this.#isBeingWritten ? 0 : unquietMs(first, calendar.today(), settledMs);
    this.#doubtUntil = now() + (needsEntries && isEmpty ? lostMs : writtenMs);
    if (needsEntries && writtenMs > 0) onNews({ kind: "writing", seconds: Math.ceil(writtenMs / 1000) });
  }

  #fail(error: unknown, about: string): void {
    const message = errorMessage(error);
    // Without the path, which stands before it.
    this.#failure = message.replace(/, (?:open|stat|read)(?: .*)?$/s, "");
    const problem = error instanceof FileProblem ? error : new FileProblem(`${this.path}: ${message}`, { cause: error });
    if (this.#taken === undefined) {
      // It is read again for whoever opens it next, who has to know the problem, too.
      this.#pending = undefined;
      throw problem;
    }
    this.#report({ kind: "failed", problem }, about);
  }

  #settle(news: (wasWarned: boolean) => FileNews): void {
    const wasWarned = [...this.#reported].some((about) => about !== "changing");
    this.#forget();
    this.#options.onNews(news(wasWarned));
  }

  #forget(): void {
    this.#pending = undefined;
    this.#failure = undefined;
    this.#interrupted = undefined;
    this.#reported.clear();
  }

  /** Once until the contents are taken or restored. */
  #report(news: FileNews, about: string = news.kind): void {
    if (this.#reported.has(about)) return;
    this.#reported.add(about);
    this.#options.onNews(news);
  }
}
