/**
 * The rows of some tables, by hashes of their keys, in flat arrays that the garbage collector need not walk: where all of them are here, a
 * question of the greylist reads nothing from the file. A store with too many of them does without.
 */
import type { HashedKey } from "../../text/hashed-key.ts";
import { type Columns, copyColumns, expiresAt, readColumns, width, writeColumns } from "./columns.ts";

/** The rows are spread over so many arrays, of which none takes long to grow. */
const shards = 64;
const firstSlots = 16;
/** Of each array: 63 MB in all, for 1,100,000 rows. */
const defaultSlots = 24_576;
/** The part of the slots that is taken at most, and when an array has grown. */
const maxLoad = 0.8;
const grownLoad = 0.6;

class Shard {
  readonly slots: number;
  /** Pairs of words; two zeros are a free slot. */
  readonly #hashes: Int32Array;
  readonly #numbers: Float64Array;
  /** With rows that are gone. */
  count = 0;

  constructor(slots: number) {
    this.slots = slots;
    this.#hashes = new Int32Array(2 * slots);
    this.#numbers = new Float64Array(width * slots);
  }

  /** Of the row, or where it would be. */
  slotOf(low: number, high: number): number {
    const { slots } = this;
    const hashes = this.#hashes;
    for (let slot = Math.floor((low >>> 0) * (slots / 2 ** 32)); ; slot = slot + 1 === slots ? 0 : slot + 1) {
      const [a, b] = [hashes[2 * slot], hashes[2 * slot + 1]];
      if ((a === low && b === high) || (a === 0 && b === 0)) return slot;
    }
  }

  isFree(slot: number): boolean {
    return this.#hashes[2 * slot] === 0 && this.#hashes[2 * slot + 1] === 0;
  }

  /** Of a slot that is not free. */
  columns(slot: number): Columns {
    return readColumns(this.#numbers, slot);
  }

  write(slot: number, { low, high }: HashedKey, columns: Columns): void {
    this.#take(slot, low, high);
    writeColumns(this.#numbers, slot, columns);
  }

  /** Whether the row in the slot, if there is one, has not expired before that time. */
  isAlive(slot: number, at: number): boolean {
    return !this.isFree(slot) && expiresAt(this.#numbers, slot) >= at;
  }

  /** With what has not expired before that time; so many slots must be enough. */
  copy(slots: number, at: number): Shard {
    const copy = new Shard(slots);
    for (let slot = 0; slot < this.slots; slot += 1) {
      if (!this.isAlive(slot, at)) continue;
      const [low = 0, high = 0] = [this.#hashes[2 * slot], this.#hashes[2 * slot + 1]];
      const to = copy.slotOf(low, high);
      copy.#take(to, low, high);
      copyColumns(this.#numbers, slot, copy.#numbers, to);
    }
    return copy;
  }

  #take(slot: number, low: number, high: number): void {
    if (this.isFree(slot)) this.count += 1;
    this.#hashes[2 * slot] = low;
    this.#hashes[2 * slot + 1] = high;
  }
}

export class KnownRows {
  #shards = firstShards();
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
    return shard.columns(slot);
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
    const shard = this.#shardOf(key);
    const slot = shard.slotOf(key.low, key.high);
    if (!replaces && !shard.isFree(slot)) return;
    shard.write(slot, key, columns);
    if (shard.count > maxLoad * shard.slots) this.#grow(indexOf(key), shard);
  }

  clear(): void {
    this.#shards = firstShards();
    this.isComplete = false;
    this.isFull = false;
  }

  #shardOf(key: HashedKey): Shard {
    // The index is within the length.
    return this.#shards[indexOf(key)] as Shard;
  }

  #grow(index: number, shard: Shard): void {
    let alive = 0;
    for (let slot = 0; slot < shard.slots; slot += 1) if (shard.isAlive(slot, this.#removedUntil)) alive += 1;
    // Else it would soon have to grow again.
    if (alive > ((maxLoad + grownLoad) / 2) * this.#maxSlots) {
      this.clear();
      this.isFull = true;
      return;
    }
    const slots = Math.min(Math.max(firstSlots, Math.ceil(alive / grownLoad)), this.#maxSlots);
    this.#shards[index] = shard.copy(slots, this.#removedUntil);
  }
}

function firstShards(): Shard[] {
  return Array.from({ length: shards }, () => new Shard(firstSlots));
}

function indexOf({ high }: HashedKey): number {
  return high & (shards - 1);
}
