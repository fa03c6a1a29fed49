/** What is wrong with a file, or with lines of it. */

/** Says what is wrong in line `line`, counted from 1. With a warning the file is used, without what the line says. */
export type LineProblem = (line: number, what: string, severity?: "warning") => undefined;

/** Why a file cannot be used: a line for each problem, as `file:line: what` or `file: what`. */
export class FileProblem extends Error {
  override name = "FileProblem";
}

/** Wrong lines that are reported; of the others only the number is. */
const maxReported = 10;

/** Collects the wrong lines of a file. */
export class WrongLines {
  readonly #path: string;
  readonly #first: string[] = [];
  #count = 0;

  constructor(path: string) {
    this.#path = path;
  }

  readonly add: LineProblem = (line, what, severity) => {
    if (severity === "warning") return;
    this.#count += 1;
    if (this.#first.length < maxReported) this.#first.push(`${this.#path}:${line}: ${what}`);
  };

  /** Empty: there are none. */
  messages(): readonly string[] {
    const more = this.#count - this.#first.length;
    return more === 0 ? this.#first : [...this.#first, `${this.#path}: ${more} more lines have errors.`];
  }
}
