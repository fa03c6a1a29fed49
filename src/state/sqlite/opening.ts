/** Opening state.sqlite: tried again at growing intervals while it fails. A broken file is moved aside for a new one. */
import { existsSync, renameSync } from "node:fs";
import { StateFile } from "./tables.ts";

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
    const now = this.#options.now();
    const last = this.#failure;
    // A clock that was set back does not prolong the interval.
    if (last !== undefined && now >= last.at && now < last.at + last.intervalMs) throw last.error;
    try {
      const file = new StateFile(this.#path);
      this.#failure = undefined;
      return file;
    } catch (cause) {
      if (codeOf(cause) === SQLITE_BUSY) throw cause;
      const error = this.replaceBroken(cause);
      const next = last === undefined ? intervalMs.first : Math.min(last.intervalMs * 2, intervalMs.most);
      this.#failure = { error, at: now, intervalMs: next };
      throw error;
    }
  }

  /** Moves the file aside when `error` says that it is broken; returns the error with what became of the file. It must be closed. */
  replaceBroken(error: unknown): unknown {
    const code = codeOf(error);
    if (!this.#options.replacesBroken || (code !== SQLITE_CORRUPT && code !== SQLITE_NOTADB)) return error;
    const now = this.#options.now();
    if (now >= this.#replacedAt && now < this.#replacedAt + replaceAgainMs) return error;
    const aside = `${this.#path}.broken-${new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, "")}`;
    try {
      for (const suffix of suffixes) if (existsSync(this.#path + suffix)) renameSync(this.#path + suffix, aside + suffix);
    } catch (cause) {
      return new Error(`${messageOf(error)}; it cannot be moved aside: ${messageOf(cause)}`, { cause: error });
    }
    this.#replacedAt = now;
    return new Error(`${messageOf(error)}; moved to ${aside}, a new file takes its place`, { cause: error });
  }
}

// Primary result codes (sqlite.org/rescode.html).
export const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
export const SQLITE_FULL = 13;
const SQLITE_NOTADB = 26;

export function codeOf(error: unknown): number | undefined {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode & 0xff : undefined;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
