/**
 * The rows of some tables, by hashes of their keys, in flat arrays that the garbage collector need not walk: where all of them are here, a
 * question of the greylist reads nothing from the file. A store with too many of them does without.
 */
import type { HashedKey } from "../../text/hashed-key.ts";
import { type Columns, gone, readColumns, width, writeColumns } from "./columns.ts";

/** The rows are spread over so many arrays, of which none takes long to grow. */
const shards = 64;
const firstSlots = 16;
/** Of each array: 63 MB in all, for 1,100,000 rows. */
const defaultSlots = 24_576;
/** The part of the slots that is taken at most, and when an array has grown. */
const maxLoad = 0.8;
const grownLoad = 0.6;

class Shard {
  /** Pairs of words; two zeros are a free slot. */
  hashes = new Int32Array(2 * firstSlots);
  numbers = new Float64Array(width * firstSlots);
  /** With rows that are gone. */
  count = 0;

  get slots(): number {
    return this.hashes.length / 2;
  }

  /** Of the row, or where it would be. */
  slotOf(low: number, high: number): number {
    const { hashes, slots } = this;
    for (let slot = Math.floor((low >>> 0) * (slots / 2 ** 32)); ; slot = slot + 1 === slots ? 0 : slot + 1) {
      const [a, b] = [hashes[2 * slot], hashes[2 * slot + 1]];
      if ((a === low && b === high) || (a === 0 && b === 0)) return slot;
    }
  }

  isFree(slot: number): boolean {
    return this.hashes[2 * slot] === 0 && this.hashes[2 * slot + 1] === 0;
  }
}

export class KnownRows {
  #shards = Array.from({ length: shards }, () => new Shard());
  readonly #maxSlots: number;
  /** All rows are here, so that what is not here is nowhere. */
  isComplete = false;
  /** There are too many. */
  isFull = false;
  /** Rows that expired before have been removed, and need not be kept. */
  #removedUntil = Number.NEGATIVE_INFINITY;

  constructor(maxSlots = defaultSlots) {
    this.#maxSlots = maxSlots;
  }

  /** Rows are removed that expired before `now`. */
  expire(now: number): void {
    this.#removedUntil = now;
  }

  /** What is asked at `now` may have been written after a clock that was ahead has removed what it found. */
  asked(now: number): void {
    if (now < this.#removedUntil) this.#removedUntil = now;
  }

  /** `undefined`: it is not known; `null`: there is none. */
  get(key: HashedKey): Columns | undefined {
    const shard = this.#shardOf(key);
    const slot = shard.slotOf(key.low, key.high);
    if (shard.isFree(slot)) return this.isComplete ? null : undefined;
    return readColumns(shard.numbers, slot);
  }

  set(key: HashedKey, columns: Columns): void {
    this.#put(key, columns, true);
  }

  /** From its table: what is known already is newer. */
  add(key: HashedKey, columns: Columns): void {
    this.#put(key, columns, false);
  }

  #put(key: HashedKey, columns: Columns, replaces: boolean): void {
    if (this.isFull) return;
    const { low, high } = key;
    const shard = this.#shardOf(key);
    const slot = shard.slotOf(low, high);
    const isFree = shard.isFree(slot);
    if (!isFree && !replaces) return;
    shard.hashes[2 * slot] = low;
    shard.hashes[2 * slot + 1] = high;
    writeColumns(shard.numbers, slot, columns);
    if (!isFree) return;
    shard.count += 1;
    if (shard.count > maxLoad * shard.slots) this.#grow(shard);
  }

  clear(): void {
    this.#shards = Array.from({ length: shards }, () => new Shard());
    this.isComplete = false;
    this.isFull = false;
  }

  #shardOf({ high }: HashedKey): Shard {
    // The index is within the length.
    return this.#shards[high & (shards - 1)] as Shard;
  }

  #grow(shard: Shard): void {
    const { hashes, numbers, slots } = shard;
    const kept: number[] = [];
    for (let slot = 0; slot < slots; slot += 1)
      if (!shard.isFree(slot) && (numbers[width * slot + 3] ?? gone) >= this.#removedUntil) kept.push(slot);
    // Else it would soon have to grow again.
    if (kept.length > ((maxLoad + grownLoad) / 2) * this.#maxSlots) {
      this.clear();
      this.isFull = true;
      return;
    }
    const larger = Math.min(Math.max(firstSlots, Math.ceil(kept.length / grownLoad)), this.#maxSlots);
    shard.hashes = new Int32Array(2 * larger);
    shard.numbers = new Float64Array(width * larger);
    shard.count = kept.length;
    for (const slot of kept) {
      const [low = 0, high = 0] = [hashes[2 * slot], hashes[2 * slot + 1]];
      const to = shard.slotOf(low, high);
      shard.hashes[2 * to] = low;
      shard.hashes[2 * to + 1] = high;
      shard.numbers.set(numbers.subarray(width * slot, width * slot + width), width * to);
    }
  }
}
