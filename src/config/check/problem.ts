/** What is wrong with a configuration, where, and how to mend it. */

export interface Problem {
  readonly severity: "error" | "warning";
  readonly file: string;
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
  /** Dotted, as the file spells it; `""` when it is about the text and not about a key. */
  readonly key: string;
  /** What is wrong and how to mend it, each a sentence. */
  readonly message: string;
}

/** `file:line:column: key: what is wrong. How to mend it.`; a warning says so before the key. */
export function formatProblem({ severity, file, line, column, key, message }: Problem): string {
  const parts = [`${file}:${line}:${column}`, ...(severity === "warning" ? ["warning"] : []), ...(key === "" ? [] : [key]), message];
  return parts.join(": ");
}
