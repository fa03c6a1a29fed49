/**
 * Values by texts that come and go. V8 makes a new table for a Map whenever as many entries have been added as the last one had room for,
 * and the last one holds the new one: what was in each of them at its end is then kept until the old generation is collected. Here
 * an entry takes the place of one that has gone.
 */
import type { HashedKey } from "./hashed-key.ts";

const firstPlaces = 16;

export class KeyedTable<V> {
  /** At least half of the places are free. */
  #keys: (HashedKey | undefined)[] = places(firstPlaces);
  #values: (V | undefined)[] = places(firstPlaces);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: HashedKey): V | undefined {
    return this.#values[this.#placeOf(key)];
  }

  set(key: HashedKey, value: V): void {
    const place = this.#placeOf(key);
    if (this.#keys[place] === undefined) {
      this.#keys[place] = key;
      this.#size += 1;
    }
    this.#values[place] = value;
    if (2 * this.#size > this.#keys.length) this.#grow();
  }

  delete(key: HashedKey): void {
    let free = this.#placeOf(key);
    if (this.#keys[free] === undefined) return;
    this.#size -= 1;
    // Those after it that would no longer be found move up.
    const mask = this.#keys.length - 1;
    for (let place = (free + 1) & mask; ; place = (place + 1) & mask) {
      const next = this.#keys[place];
      if (next === undefined) break;
      if (((place - next.low) & mask) < ((place - free) & mask)) continue;
      this.#keys[free] = next;
      this.#values[free] = this.#values[place];
      free = place;
    }
    this.#keys[free] = undefined;
    this.#values[free] = undefined;
  }

  *values(): Generator<V> {
    for (const value of this.#values) if (value !== undefined) yield value;
  }

  /** Of the key, or the free one that it would take. */
  #placeOf({ text, low, high }: HashedKey): number {
    const mask = this.#keys.length - 1;
    for (let place = low & mask; ; place = (place + 1) & mask) {
      const key = this.#keys[place];
      if (key === undefined || (key.low === low && key.high === high && key.text === text)) return place;
    }
  }

  #grow(): void {
    const [keys, values] = [this.#keys, this.#values];
    this.#keys = places(2 * keys.length);
    this.#values = places(2 * keys.length);
    for (const [index, key] of keys.entries()) {
      if (key === undefined) continue;
      const place = this.#placeOf(key);
      this.#keys[place] = key;
      this.#values[place] = values[index];
    }
  }
}

function places<T>(count: number): (T | undefined)[] {
  return new Array<T | undefined>(count).fill(undefined);
}
