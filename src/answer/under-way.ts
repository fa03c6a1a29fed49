/**
 * What has begun and has not ended, in no order. Where much begins and ends, a Set would leave one table after the other behind, of which
 * each holds the next (see `KeyedTable`).
 */

export interface Begun<T> {
  readonly value: T;
  /** Where it is among the others. */
  place: number;
}

export class UnderWay<T> {
  readonly #begun: Begun<T>[] = [];

  get size(): number {
    return this.#begun.length;
  }

  /** Those that are under way now. */
  get values(): readonly T[] {
    return this.#begun.map(({ value }) => value);
  }

  begin(value: T): Begun<T> {
    const begun = { value, place: this.#begun.length };
    this.#begun.push(begun);
    return begun;
  }

  end(begun: Begun<T>): void {
    if (this.#begun[begun.place] !== begun) return;
    const last = this.#begun.pop();
    if (last === undefined || last === begun) return;
    this.#begun[begun.place] = last;
    last.place = begun.place;
  }
}
