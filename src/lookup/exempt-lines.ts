/** The lines of postgrey's whitelists: one entry each, `#` begins a comment. */

export interface ExemptLine {
  /** From 1. */
  readonly line: number;
  readonly entry: string;
}

export function entriesIn(text: string): readonly ExemptLine[] {
  return text
    .split("\n")
    .map((line, index) => ({ line: index + 1, entry: line.replace(/#.*$/s, "").trim() }))
    .filter(({ entry }) => entry !== "");
}
