/** Where the parts of the configuration say what is wrong, by path; the places come from the tree. */

import { locate, type Path, type Table } from "../syntax/tree.ts";
import type { Problem } from "./problem.ts";

export class Report {
  readonly file: string;
  readonly #root: Table;
  readonly #problems: Problem[] = [];

  constructor(file: string, root: Table) {
    this.file = file;
    this.#root = root;
  }

  /** `index`: the character of the string that stands there. */
  error(path: Path, message: string, index?: number): void {
    this.#problems.push({ severity: "error", file: this.file, ...locate(this.#root, path, index), message });
  }

  /** As `error` would tell it. */
  placeOf(path: Path, index?: number): ReturnType<typeof locate> {
    return locate(this.#root, path, index);
  }

  warning(path: Path, message: string): void {
    this.#problems.push({ severity: "warning", file: this.file, ...locate(this.#root, path), message });
  }

  /** Without a `file`: in the configuration itself. */
  add(problem: Omit<Problem, "file"> & { readonly file?: string }): void {
    this.#problems.push({ file: this.file, ...problem });
  }

  /** In the order of the file, then those in other files. */
  get problems(): readonly Problem[] {
    const files = [...new Set([this.file, ...this.#problems.map(({ file }) => file)])];
    return this.#problems.toSorted((a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column);
  }
}
