/** Rows by their keys, in the order in which the keys were first written. Besides the keys they are flat arrays. */
import type { HashedKey } from "../../text/hashed-key.ts";
import { type Columns, readColumns, width, writeColumns } from "./columns.ts";

const firstCapacity = 64;

export class RowList {
  readonly #keys: string[] = [];
  /** Two words of each row. */
  #hashes = new Int32Array(2 * firstCapacity);
  #numbers = new Float64Array(width * firstCapacity);
  /** The number of a row plus 1, at a place that its hash says, or after it; 0 is free. At least half are free. */
  #places = new Int32Array(2 * firstCapacity);

  get size(): number {
    return this.#keys.length;
  }

  get keys(): readonly string[] {
    return this.#keys;
  }

  /** Of the row with that number. */
  key(row: number): HashedKey {
    return { text: this.#keys[row] ?? "", low: this.#hashes[2 * row] ?? 0, high: this.#hashes[2 * row + 1] ?? 0 };
  }

  /** The number of the row; -1: there is none. */
  find(key: HashedKey): number {
    return (this.#places[this.#placeOf(key)] ?? 0) - 1;
  }

  /** Of the row with that number. */
  columns(row: number): Columns {
    return readColumns(this.#numbers, row);
  }

  /** What the row was; `undefined`: it was not there. */
  put(key: HashedKey, columns: Columns): Columns | undefined {
    const place = this.#placeOf(key);
    const known = (this.#places[place] ?? 0) - 1;
    const before = known < 0 ? undefined : this.columns(known);
    // The numbers may be in another array afterwards.
    const row = known < 0 ? this.#add(key, place) : known;
    writeColumns(this.#numbers, row, columns);
    return before;
  }

  /** Takes the row away that was added last. */
  removeLast(): void {
    const row = this.size - 1;
    // Nothing that was added later was put after it.
    this.#places[this.#nextPlace(this.#hashes[2 * row] ?? 0, row + 1)] = 0;
    this.#keys.pop();
  }

  /** The place of a row, or the free one that it would take. */
  #placeOf({ text, low, high }: HashedKey): number {
    const mask = this.#places.length - 1;
    for (let place = low & mask; ; place = (place + 1) & mask) {
      const row = (this.#places[place] ?? 0) - 1;
      if (row < 0) return place;
      if (this.#hashes[2 * row] === low && this.#hashes[2 * row + 1] === high && this.#keys[row] === text) return place;
    }
  }

  /** The first place with that content. */
  #nextPlace(low: number, content: number): number {
    const mask = this.#places.length - 1;
    let place = low & mask;
    while (this.#places[place] !== content) place = (place + 1) & mask;
    return place;
  }

  #add({ text, low, high }: HashedKey, place: number): number {
    const row = this.size;
    this.#hashes[2 * row] = low;
    this.#hashes[2 * row + 1] = high;
    this.#places[place] = row + 1;
    this.#keys.push(text);
    if (2 * this.size === this.#places.length) this.#grow();
    return row;
  }

  #grow(): void {
    this.#hashes = larger(this.#hashes, Int32Array);
    this.#numbers = larger(this.#numbers, Float64Array);
    this.#places = new Int32Array(2 * this.#places.length);
    // In their order, so that the last one is still after all others.
    for (let row = 0; row < this.size; row += 1) this.#places[this.#nextPlace(this.#hashes[2 * row] ?? 0, 0)] = row + 1;
  }
}

function larger<A extends Int32Array | Float64Array>(array: A, Type: new (length: number) => A): A {
  const twice = new Type(2 * array.length);
  twice.set(array);
  return twice;
}
