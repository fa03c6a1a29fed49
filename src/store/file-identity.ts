/** Which file is at a path, so that another one that takes its place is noticed. */
import { type BigIntStats, existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createPrivately } from "./private-file.ts";

/** By device and inode. Throws, as node:fs does, when there is none. */
export function identityOf(path: string): string {
  const { dev, ino } = statSync(path);
  return `${dev}:${ino}`;
}

/** Differs also when another file was copied over this one with its times (`cp -p`), or this one was written to. Throws, as node:fs does, when there is none. */
export function stateOf(path: string): string {
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
}

/** The identities of a file and of the WAL that was beside it. */
interface WalOfFile {
  readonly file: string;
  readonly wal: string;
}

/** Where the daemon keeps which WAL was of a file, for whoever reads the file after it. */
export interface WalMemory {
  readonly path: string;
  /** False: it is only read. */
  readonly isKept: boolean;
}

/**
 * Which WAL was of the file that is read. SQLite leaves it where a reader has the file open when its last writer closes it, and then takes it
 * for that of another file that was renamed into the place of this one.
 */
export class ReadFile {
  readonly #path: string;
  readonly #wal: string;
  readonly #memory: WalMemory | undefined;
  /** `undefined`: there was no WAL. */
  #seen: WalOfFile | undefined;

  constructor(path: string, memory: WalMemory | undefined) {
    this.#path = path;
    this.#wal = `${path}-wal`;
    this.#memory = memory;
    this.#seen = memory && recall(memory.path);
  }

  /** `file`: the identity of the file that was opened. */
  used(file: string): void {
    const before = this.#seen;
    const stat = statOf(this.#wal);
    this.#seen = stat && { file, wal: bornAs(stat) };
    if (this.#memory?.isKept && (before?.file !== this.#seen?.file || before?.wal !== this.#seen?.wal)) keep(this.#seen, this.#memory.path);
  }

  /** To be called before the file is opened: the WAL at the path is not that of the file before, or is empty. */
  requireOwnWal(): void {
    if (this.#seen === undefined || identityOf(this.#path) === this.#seen.file) return;
    const stat = statOf(this.#wal);
    if (stat === undefined || stat.size === 0n || bornAs(stat) !== this.#seen.wal) return;
    throw new Error(
      `another file has taken its place, and ${this.#wal} is of the one before, which SQLite would read as part of this one. ` +
        `Remove ${this.#wal} and ${this.#path}-shm while no program has the file open`,
    );
  }
}

function statOf(path: string): BigIntStats | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false });
}

/** File systems give the inode of a file that was removed to the next one. */
function bornAs({ dev, ino, birthtimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${birthtimeNs}`;
}

/** Nothing, if it cannot be read: then it is as if the file had never been read. */
function recall(path: string): WalOfFile | undefined {
  try {
    const kept: unknown = JSON.parse(readFileSync(path, "utf8"));
    return isWalOfFile(kept) ? kept : undefined;
  } catch {
    return undefined;
  }
}

function isWalOfFile(value: unknown): value is WalOfFile {
  return typeof value === "object" && value !== null && "file" in value && "wal" in value;
}

/** Where that fails, as on a full disk, addresses can be told all the same. */
function keep(seen: WalOfFile | undefined, path: string): void {
  try {
    if (seen === undefined) rmSync(path, { force: true });
    else {
      const written = `${path}.new`;
      createPrivately(written);
      writeFileSync(written, JSON.stringify(seen));
      renameSync(written, path);
    }
  } catch {
    // Only this process knows it then.
  }
}

/** The file of an SQLite database that is open. */
export class OpenFile {
  readonly #path: string;
  readonly #identify: (path: string) => string;
  readonly #identity: string;
  /** Of the WAL and its index, by their paths. */
  readonly #beside = new Map<string, string>();

  /** `identify`: how another file is told from this one. Throws, as node:fs does, when there is none. */
  constructor(path: string, identify = identityOf) {
    this.#path = path;
    this.#identify = identify;
    this.#identity = identify(path);
  }

  /** Throws, as node:fs does, when there is none at its path any more. */
  get isCurrent(): boolean {
    return this.#identify(this.#path) === this.#identity;
  }

  /** SQLite has read or written it: its WAL is there from then on. */
  used(): void {
    if (this.#beside.size > 0) return;
    for (const path of [`${this.#path}-wal`, `${this.#path}-shm`]) if (existsSync(path)) this.#beside.set(path, identityOf(path));
  }

  /** SQLite has closed it. It leaves the WAL of a file whose place another one has taken, and would then read it as that one's. */
  closed(): void {
    if (!existsSync(this.#path) || this.isCurrent) return;
    for (const [path, identity] of this.#beside) if (existsSync(path) && identityOf(path) === identity) rmSync(path);
  }
}
