/**
 * Texts by exact keys, in flat arrays: a hash table that the garbage collector need not walk, and that touches two places in memory a
 * lookup. A Map of 100,000 strings touches five, and costs a lookup four times what a Map of 100 does.
 */
import { textHash } from "./text-hash.ts";

/** A table of more keys is split once, into so many that none of them takes long to grow. */
const splitCount = 8192;
const splitInto = 256;

/** Added to, never deleted from. */
export class KeyTable {
  /** One, or `splitInto` by the high bits of the hash. */
  #shards: readonly Shard[] = [new Shard()];

  /** Nothing changes when the key is there already. */
  add(key: string, text: string): void {
    const hash = textHash(key);
    const shard = this.#shardOf(hash);
    shard.add(key, hash, text);
    if (this.#shards.length === 1 && shard.count > splitCount) this.#split(shard);
  }

  has(key: string): boolean {
    const hash = textHash(key);
    return this.#shardOf(hash).has(key, hash);
  }

  get(key: string): string | undefined {
    const hash = textHash(key);
    return this.#shardOf(hash).get(key, hash);
  }

  /** Those whose key or text contains the word, and perhaps others, in no order. About `most` keys are looked through. */
  *search(word: string, most: number): Generator<readonly [key: string, text: string]> {
    let searched = 0;
    for (const shard of this.#shards) {
      if (searched >= most) return;
      yield* shard.search(word);
      searched += shard.count;
    }
  }

  #shardOf(hash: number): Shard {
    // The index is within the length.
    return this.#shards[(hash >>> 24) & (this.#shards.length - 1)] as Shard;
  }

  #split(whole: Shard): void {
    this.#shards = Array.from({ length: splitInto }, () => new Shard());
    for (const [key, text] of whole.search("")) this.add(key, text);
  }
}

/** The lengths of a key and its text, each as its low and high half, come before their units. */
const header = 4;

class Shard {
  /** Pairs of a hash and where the record of the key starts; 0 is a free slot. At least half are free. */
  #slots = new Int32Array(2 * 16);
  #mask = 15;
  /** Records: header, and UTF-16 units of a key and its text. The first unit is not used. */
  #records = new Uint16Array(256);
  #end = 1;
  count = 0;

  has(key: string, hash: number): boolean {
    return this.#slots[this.#slot(key, hash) + 1] !== 0;
  }

  get(key: string, hash: number): string | undefined {
    const start = this.#slots[this.#slot(key, hash) + 1] ?? 0;
    return start === 0 ? undefined : this.#text(start + header + key.length, this.#pair(start + 2));
  }

  add(key: string, hash: number, text: string): void {
    const slot = this.#slot(key, hash);
    if (this.#slots[slot + 1] !== 0) return;
    this.#slots[slot] = hash;
    this.#slots[slot + 1] = this.#append(key, text);
    this.count += 1;
    if (this.count * 2 > this.#mask) this.#grow();
  }

  /** Without making a string of each key; the empty word is in all. */
  *search(word: string): Generator<readonly [key: string, text: string]> {
    const units = Buffer.from(this.#records.buffer, 0, 2 * this.#end);
    let found = units.indexOf(word, 0, "utf16le");
    for (let start = 1; start < this.#end && found >= 0; ) {
      const [at, keyLength, textLength] = [start + header, this.#pair(start), this.#pair(start + 2)];
      const end = at + keyLength + textLength;
      if (found < 2 * end) {
        yield [this.#text(at, keyLength), this.#text(at + keyLength, textLength)];
        found = units.indexOf(word, 2 * end, "utf16le");
      }
      start = end;
    }
  }

  /** The slot of the key, or the free one that it would take. */
  #slot(key: string, hash: number): number {
    const slots = this.#slots;
    for (let index = hash & this.#mask; ; index = (index + 1) & this.#mask) {
      const start = slots[2 * index + 1] ?? 0;
      if (start === 0 || (slots[2 * index] === hash && this.#holds(start, key))) return 2 * index;
    }
  }

  #holds(start: number, key: string): boolean {
    if (this.#pair(start) !== key.length) return false;
    const records = this.#records;
    for (let at = 0; at < key.length; at++) if (records[start + header + at] !== key.charCodeAt(at)) return false;
    return true;
  }

  #pair(at: number): number {
    return (this.#records[at] ?? 0) + (this.#records[at + 1] ?? 0) * 0x10000;
  }

  #text(start: number, length: number): string {
    return length === 0 ? "" : Buffer.from(this.#records.buffer, 2 * start, 2 * length).toString("utf16le");
  }

  #append(key: string, text: string): number {
    const start = this.#end;
    const at = start + header;
    this.#end = at + key.length + text.length;
    if (this.#end > this.#records.length) {
      const larger = new Uint16Array(Math.ceil(this.#end * 1.5));
      larger.set(this.#records);
      this.#records = larger;
    }
    this.#records.set([key.length, key.length >>> 16, text.length, text.length >>> 16], start);
    this.#write(key, at);
    this.#write(text, at + key.length);
    return start;
  }

  #write(text: string, start: number): void {
    for (let at = 0; at < text.length; at++) this.#records[start + at] = text.charCodeAt(at);
  }

  #grow(): void {
    const old = this.#slots;
    this.#mask = this.#mask * 2 + 1;
    this.#slots = new Int32Array(2 * (this.#mask + 1));
    for (let slot = 0; slot < old.length; slot += 2) {
      const [hash = 0, start = 0] = [old[slot], old[slot + 1]];
      if (start === 0) continue;
      let index = hash & this.#mask;
      while (this.#slots[2 * index + 1] !== 0) index = (index + 1) & this.#mask;
      this.#slots[2 * index] = hash;
      this.#slots[2 * index + 1] = start;
    }
  }
}
