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
