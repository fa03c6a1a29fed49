/** Which file is at a path, so that another one that takes its place is noticed. */
import { existsSync, rmSync, type Stats, statSync } from "node:fs";

/** By device and inode. Throws, as node:fs does, when there is none. */
export function identityOf(path: string): string {
  return identityIn(statSync(path));
}

function identityIn({ dev, ino }: Stats): string {
  return `${dev}:${ino}`;
}

/** Differs also when another file was copied over this one with its times (`cp -p`), or this one was written to. Throws, as node:fs does, when there is none. */
export function stateOf(path: string): string {
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
}

/** The identities of a file and of the WAL that was beside it. */
export interface WalOfFile {
  readonly file: string;
  readonly wal: string;
}

/**
 * Which WAL was of the file that is read. SQLite leaves it where a reader has the file open when its last writer closes it, and then takes it
 * for that of another file that was renamed into the place of this one.
 */
export class ReadFile {
  readonly #path: string;
  readonly #wal: string;
  #seen: WalOfFile | undefined;

  /** `seen`: by a process before this one. */
  constructor(path: string, seen: WalOfFile | undefined) {
    this.#path = path;
    this.#wal = `${path}-wal`;
    this.#seen = seen;
  }

  /** `undefined`: there was no WAL. */
  get seen(): WalOfFile | undefined {
    return this.#seen;
  }

  /** `file`: the identity of the file that was opened. */
  used(file: string): void {
    const stat = statSync(this.#wal, { throwIfNoEntry: false });
    this.#seen = stat && { file, wal: identityIn(stat) };
  }

  /** To be called before the file is opened: the WAL at the path is not that of the file before, or is empty. */
  requireOwnWal(): void {
    if (this.#seen === undefined || identityOf(this.#path) === this.#seen.file) return;
    const stat = statSync(this.#wal, { throwIfNoEntry: false });
    if (stat === undefined || stat.size === 0 || identityIn(stat) !== this.#seen.wal) return;
    throw new Error(
      `another file has taken its place, and ${this.#wal} is of the one before, which SQLite would read as part of this one. ` +
        `Remove ${this.#wal} and ${this.#path}-shm while no program has the file open`,
    );
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
