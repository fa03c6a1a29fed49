/** Opening state.sqlite: tried again at growing intervals while it fails. A broken file is moved aside for a new one, or stays. */
import { existsSync, renameSync } from "node:fs";
import { resultCodeOf, SQLITE_BUSY } from "../../store/sqlite-result-codes.ts";
import { errorMessage } from "../../text/error-message.ts";
import { isBroken } from "./broken-file.ts";
import { StateFile } from "./state-file.ts";

/** From a failure to the next try, doubled each time. */
const intervalMs = { first: 1000, most: 60_000 };
/** When the new file is broken within this time, the disk is at fault, and moving files does not help. */
const replaceAgainMs = 60_000;
/** The file itself comes last, so that a move that was interrupted is made again. */
const suffixes = ["-wal", "-shm", ""];

export interface OpeningOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly replacesBroken: boolean;
}

export class Opening {
  readonly #path: string;
  readonly #options: OpeningOptions;
  #failure: { readonly error: unknown; readonly at: number; readonly intervalMs: number } | undefined;
  #replacedAt = -Infinity;

  constructor(path: string, options: OpeningOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** Until it is time for the next try, throws what the last one threw. A file that another process holds may be tried at any time. */
  open(): StateFile {
    const last = this.#failure;
    if (last !== undefined && this.#isSince(last.at, last.intervalMs)) throw last.error;
    try {
      return new StateFile(this.#path);
    } catch (cause) {
      if (resultCodeOf(cause) === SQLITE_BUSY) throw cause;
      throw this.#tryLater(this.#replaces(cause) ? this.#replace(cause) : cause);
    }
  }

  /** What became of a file that failed when it was open, and is closed, as an error. A broken one that stays is tried later. */
  afterUse(error: unknown): unknown {
    const isOfOpening = error === this.#failure?.error;
    if (isOfOpening || !isBroken(error)) return error;
    return this.#replaces(error) ? this.#replace(error) : this.#tryLater(error);
  }

  #tryLater(error: unknown): unknown {
    const last = this.#failure;
    // One that can be opened, and is found broken later, has not worked meanwhile.
    const isSame = last !== undefined && this.#isSince(last.at, last.intervalMs + intervalMs.most);
    const next = isSame ? Math.min(last.intervalMs * 2, intervalMs.most) : intervalMs.first;
    this.#failure = { error, at: this.#options.now(), intervalMs: next };
    return error;
  }

  #replaces(error: unknown): boolean {
    return this.#options.replacesBroken && isBroken(error) && !this.#isSince(this.#replacedAt, replaceAgainMs);
  }

  #replace(error: unknown): Error {
    const now = this.#options.now();
    const aside = `${this.#path}.broken-${new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, "")}`;
    try {
      for (const suffix of suffixes) if (existsSync(this.#path + suffix)) renameSync(this.#path + suffix, aside + suffix);
    } catch (cause) {
      return new Error(`${errorMessage(error)}; it cannot be moved aside: ${errorMessage(cause)}`, { cause: error });
    }
    this.#replacedAt = now;
    return new Error(`${errorMessage(error)}; moved to ${aside}, a new file takes its place`, { cause: error });
  }

  /** A clock that was set back prolongs nothing. */
  #isSince(then: number, ms: number): boolean {
    const now = this.#options.now();
    return now >= then && now < then + ms;
  }
}
