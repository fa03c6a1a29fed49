/** What is wrong with a configuration, where, and how to fix it. */

import { escapeControls } from "../../text/controls.ts";
import type { Place } from "../../text/place.ts";
import { isWritten, type KeyPath, locate, type Table } from "../syntax/tree.ts";

export interface Problem {
  readonly severity: "error" | "warning";
  readonly file: string;
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
  /** Dotted, as the file spells it; `""` when it is about the text and not about a key. */
  readonly key: string;
  /** What is wrong and how to fix it, each a sentence. */
  readonly message: string;
}

/** `file:line:column: key: what is wrong. How to fix it.`, on one line whatever was written; a warning says so before the key. */
export function formatProblem({ severity, file, line, column, key, message }: Problem): string {
  const parts = [`${file}:${line}:${column}`, ...(severity === "warning" ? ["warning"] : []), ...(key === "" ? [] : [key]), message];
  return escapeControls(parts.join(": "));
}

/** Where the parts of the configuration say what is wrong, by path; the places come from the tree. */
export class ProblemReport {
  readonly file: string;
  readonly #root: Table;
  readonly #problems: Problem[] = [];

  constructor(file: string, root: Table) {
    this.file = file;
    this.#root = root;
  }

  /** `index`: the character of the string that is there. */
  error(path: KeyPath, message: string, index?: number): void {
    this.#problems.push({ severity: "error", file: this.file, ...locate(this.#root, path, index), message });
  }

  /** When there is a message. */
  errorIf(path: KeyPath, message: string | undefined): void {
    if (message !== undefined) this.error(path, message);
  }

  /** Of a node of the tree, by its own place or that of its key. */
  errorAt(at: Place, key: string, message: string): void {
    this.#problems.push({ severity: "error", file: this.file, ...at, key, message });
  }

  /** The file itself has this key. */
  isWritten(path: KeyPath): boolean {
    return isWritten(this.#root, path);
  }

  placeOf(path: KeyPath, index?: number): ReturnType<typeof locate> {
    return locate(this.#root, path, index);
  }

  /** As `error` would report it. */
  problemAt(path: KeyPath, index: number): (message: string) => Problem {
    const at = { file: this.file, ...locate(this.#root, path, index) };
    return (message) => ({ severity: "error", ...at, message });
  }

  warning(path: KeyPath, message: string, index?: number): void {
    this.#problems.push({ severity: "warning", file: this.file, ...locate(this.#root, path, index), message });
  }

  /** When there is a message. */
  warningIf(path: KeyPath, message: string | undefined): void {
    if (message !== undefined) this.warning(path, message);
  }

  /** Without a `file`: in the configuration itself. */
  add(problem: Omit<Problem, "file"> & { readonly file?: string }): void {
    this.#problems.push({ file: this.file, ...problem });
  }

  /** That a value was wrong has been said: it is not missing, though the document lacks it. */
  hasErrorAt(path: KeyPath): boolean {
    const { key } = locate(this.#root, path);
    return this.#problems.some((problem) => problem.severity === "error" && problem.key === key);
  }

  /** In the order of the file, then those in other files. */
  get problems(): readonly Problem[] {
    const files = [...new Set([this.file, ...this.#problems.map(({ file }) => file)])];
    return this.#problems.toSorted((a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column);
  }
}
