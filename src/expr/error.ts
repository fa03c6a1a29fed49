/** What is wrong with an expression, where, and how to mend it. */

export class ExpressionError extends Error {
  override name = "ExpressionError";
  /** Into the source of the expression, in UTF-16 units; at most its length. */
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** Both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export function positionOf(source: string, offset: number): Position {
  const before = source.slice(0, offset).split("\n");
  return { line: before.length, column: (before.at(-1) ?? "").length + 1 };
}
