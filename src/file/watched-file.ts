/** A text file that is read again when it changes. The previous contents stay in use while it is missing or does not parse. */
import { type BigIntStats, readFileSync, statSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { Availability, type OnAvailability } from "../answer/availability.ts";

const maxBytes = 256 * 1024 * 1024;

/** Says what is wrong in line `line`, counted from 1. With a warning the file is used, without what the line says. */
export type LineProblem = (line: number, what: string, severity?: "warning") => undefined;

/** Why a file cannot be used: each as `file:line: what`, or `file: what` when it cannot be read. */
export class FileProblem extends Error {
  override name = "FileProblem";
  readonly path: string;
  /** `line` undefined: the whole file. */
  readonly problems: readonly { readonly line: number | undefined; readonly what: string }[];

  constructor(path: string, problems: FileProblem["problems"], cause?: unknown) {
    super(problems.map(({ line, what }) => `${path}${line === undefined ? "" : `:${line}`}: ${what}`).join("\n"), { cause });
    this.path = path;
    this.problems = problems;
  }
}

export class WatchedFile<T> {
  readonly #path: string;
  readonly #parse: (text: string, problem: LineProblem) => T;
  readonly #availability: Availability;
  #content: T;
  /** Of what `content` was read from. */
  #read: string;
  /** What was read last did not parse. */
  #isBad = false;
  /** Of the last look. */
  #seen: string;

  /** Reads the file; throws a `FileProblem`. `name` is what `onAvailability` reports. */
  constructor(name: string, path: string, parse: (text: string, problem: LineProblem) => T, onAvailability: OnAvailability) {
    this.#path = path;
    this.#parse = parse;
    this.#availability = new Availability(name, onAvailability);
    try {
      this.#read = signatureOf(statSync(path, { bigint: true }));
      this.#content = this.#parsed(readFileSync(path, "utf8"));
    } catch (error) {
      throw this.#problem(error);
    }
    this.#seen = this.#read;
  }

  get content(): T {
    return this.#content;
  }

  /**
   * A look at the file; true when `content` changed. A file is read when two looks in a row find it the same, so that
   * one that is being written is not taken for a short one.
   */
  async refresh(): Promise<boolean> {
    try {
      const seen = signatureOf(await stat(this.#path, { bigint: true }));
      const isSettled = seen === this.#seen;
      this.#seen = seen;
      if (!isSettled) return false;
      if (seen === this.#read) {
        if (!this.#isBad) this.#availability.worked("missing", "wrong");
        return false;
      }
      const text = await readFile(this.#path, "utf8");
      if (signatureOf(await stat(this.#path, { bigint: true })) !== seen) return false;
      // A file that does not parse is read once, too.
      this.#read = seen;
      this.#isBad = true;
      this.#content = this.#parsed(text);
      this.#isBad = false;
      this.#availability.worked("missing", "wrong");
      return true;
    } catch (error) {
      // A file that is back, but wrong, is news.
      this.#availability.failed(this.#isBad ? "wrong" : "missing", this.#problem(error));
      return false;
    }
  }

  #parsed(text: string): T {
    const problems: { line: number; what: string }[] = [];
    const content = this.#parse(text, (line, what, severity) => {
      if (severity === undefined) problems.push({ line, what });
    });
    if (problems.length > 0) throw new FileProblem(this.#path, problems);
    return content;
  }

  #problem(error: unknown): FileProblem {
    if (error instanceof FileProblem) return error;
    return new FileProblem(this.#path, [{ line: undefined, what: error instanceof Error ? error.message : String(error) }], error);
  }
}

function signatureOf({ mtimeNs, size, dev, ino, mode }: BigIntStats & { readonly mtimeNs: bigint }): string {
  if (size > maxBytes) throw new Error(`larger than ${maxBytes} bytes`);
  return `${mtimeNs} ${size} ${dev} ${ino} ${mode}`;
}
