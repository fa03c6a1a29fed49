/** Where the line of a place ends, and how many quotes it has. A line may be a whole script: it is looked at once, until another is asked about. */

export const quoteOrEscape = /\\.|"/gs;

export class LineQuotes {
  readonly #source: string;
  #start = 0;
  #end = -1;
  #quotes: number | undefined;

  constructor(source: string) {
    this.#source = source;
  }

  endOfLine(at: number): number {
    this.#goTo(at);
    return this.#end;
  }

  /** Escaped ones do not count. */
  quotesOnLine(at: number): number {
    this.#goTo(at);
    this.#quotes ??= this.#source
      .slice(this.#start, this.#end)
      .match(quoteOrEscape)
      ?.filter((found) => found === '"').length;
    return this.#quotes ?? 0;
  }

  #goTo(at: number): void {
    if (at >= this.#start && at <= this.#end) return;
    const end = this.#source.indexOf("\n", at);
    this.#end = end < 0 ? this.#source.length : end;
    this.#start = this.#source.lastIndexOf("\n", at) + 1;
    this.#quotes = undefined;
  }
}
