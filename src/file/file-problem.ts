/** What is wrong with a file, or with lines of it. */

/** Says what is wrong in line `line`, counted from 1. With a warning the file is used, without what the line says. */
export type LineProblem = (line: number, what: string, severity?: "warning") => undefined;

/** A larger table is read when it is opened alone, without holding up a daemon that serves meanwhile; a smaller one with the configuration, too. */
export const maxCheckedOctets = 64 * 1024;

/** Why a file cannot be used: a line for each problem, as `file:line: what` or `file: what`. */
export class FileProblem extends Error {
  override name = "FileProblem";
}

/** Lines that are reported; of the others only the number is. */
const maxReported = 10;

/** Collects what is wrong with the lines of a file. */
export class LineProblems {
  readonly #path: string;
  readonly #errors = { first: [] as string[], count: 0 };
  readonly #warnings = { first: [] as string[], count: 0 };

  constructor(path: string) {
    this.#path = path;
  }

  readonly add: LineProblem = (line, what, severity) => {
    const list = severity === "warning" ? this.#warnings : this.#errors;
    list.count += 1;
    const label = severity === undefined ? "" : `${severity}: `;
    if (list.first.length < maxReported) list.first.push(`${this.#path}:${line}: ${label}${what}`);
  };

  /** Empty: there are none. */
  errors(): readonly string[] {
    const { first, count } = this.#errors;
    return count === first.length ? first : [...first, `${this.#path}: ${count - first.length} more lines have errors.`];
  }

  /** Empty: there are none. */
  warnings(): readonly string[] {
    const { first, count } = this.#warnings;
    return count === first.length ? first : [...first, `${this.#path}: warning: ${count - first.length} more lines have warnings.`];
  }
}
