/**
 * Texts by exact keys, in flat arrays: a hash table that the garbage collector need not walk, and that touches two places in memory a
 * lookup. A Map of 100,000 strings touches five, and costs a lookup four times what a Map of 100 does.
 */
import { textHash } from "./text-hash.ts";
import { fits, narrow, TextRecords, wide } from "./text-records.ts";
import type { Source } from "./units.ts";

/** The places of a table of more keys are split once, into so many arrays that none of them takes long to grow. */
const splitCount = 8192;
const splitInto = 32;
const minSlots = 16;

/** Added to, never deleted from. */
export class KeyTable {
  readonly #records = new KeyRecords();
  /** One, or `splitInto` by the high bits of the hash. */
  #places: readonly Places[];

  /** There will be about so many keys: with that number they need not be placed anew as they become more. */
  constructor(expected = 0) {
    this.#places = this.#placesFor(expected, expected > splitCount ? splitInto : 1);
  }

  /** Nothing changes when the key is there already. */
  add(key: string, text: string): void {
    this.#add(key, 0, key.length, text);
  }

  /** The same of a key in octets of Latin-1 that hold more. */
  addPart(octets: Uint8Array, start: number, end: number, text: string): void {
    this.#add(octets, start, end, text);
  }

  has(key: string): boolean {
    return this.#find(key) !== 0;
  }

  get(key: string): string | undefined {
    const record = this.#find(key);
    return record === 0 ? undefined : this.#records.text(record);
  }

  /** Those whose key or text contains the word, and perhaps others. About `most` keys of a kind are looked through. */
  search(word: string, most: number): Generator<readonly [key: string, text: string]> {
    return this.#records.search(word, most);
  }

  #add(source: Source, start: number, end: number, text: string): void {
    const hash = textHash(source, start, end);
    const places = this.#placesOf(hash);
    places.add(source, start, end, hash, text);
    if (this.#places.length === 1 && places.count > splitCount) this.#split(places);
  }

  #find(key: string): number {
    const hash = textHash(key);
    return this.#placesOf(hash).find(key, hash);
  }

  #placesOf(hash: number): Places {
    // The index is within the length.
    return this.#places[(hash >>> 27) & (this.#places.length - 1)] as Places;
  }

  #placesFor(keys: number, parts: number): readonly Places[] {
    const size = 2 ** Math.ceil(Math.log2(Math.max(minSlots, (2 * keys) / parts)));
    return Array.from({ length: parts }, () => new Places(this.#records, size));
  }

  #split(whole: Places): void {
    this.#places = this.#placesFor(2 * splitCount, splitInto);
    whole.each((hash, record) => this.#placesOf(hash).put(hash, record));
  }
}

/** Each key with its text, by a number: those below 0 are of the wide ones. */
class KeyRecords {
  readonly #narrow = new TextRecords(narrow);
  #wide: TextRecords | undefined;

  add(source: Source, start: number, end: number, text: string): number {
    if (fits(source, narrow, start, end) && fits(text, narrow)) return this.#narrow.add(source, start, end, text);
    this.#wide ??= new TextRecords(wide);
    return -this.#wide.add(source, start, end, text);
  }

  hasKey(record: number, source: Source, start: number, end: number): boolean {
    return record > 0 ? this.#narrow.hasKey(record, source, start, end) : this.#wide?.hasKey(-record, source, start, end) === true;
  }

  text(record: number): string | undefined {
    return record > 0 ? this.#narrow.text(record) : this.#wide?.text(-record);
  }

  *search(word: string, most: number): Generator<readonly [key: string, text: string]> {
    yield* this.#narrow.search(word, most);
    if (this.#wide !== undefined) yield* this.#wide.search(word, most);
  }
}

/** Where the records of keys are, by their hashes. */
class Places {
  readonly #records: KeyRecords;
  /** Pairs of a hash and a record; 0 is a free slot. At least half are free. */
  #slots: Int32Array;
  #mask: number;
  count = 0;

  /** `size`: a power of two. */
  constructor(records: KeyRecords, size: number) {
    this.#records = records;
    this.#slots = new Int32Array(2 * size);
    this.#mask = size - 1;
  }

  /** 0: it is not there. */
  find(key: string, hash: number): number {
    return this.#slots[this.#slot(key, 0, key.length, hash) + 1] ?? 0;
  }

  add(source: Source, start: number, end: number, hash: number, text: string): void {
    const slot = this.#slot(source, start, end, hash);
    if (this.#slots[slot + 1] === 0) this.#fill(slot, hash, this.#records.add(source, start, end, text));
  }

  /** Of a key that is not there. */
  put(hash: number, record: number): void {
    let index = hash & this.#mask;
    while (this.#slots[2 * index + 1] !== 0) index = (index + 1) & this.#mask;
    this.#fill(2 * index, hash, record);
  }

  /** Calls `put` with each. */
  each(put: (hash: number, record: number) => void): void {
    const slots = this.#slots;
    for (let slot = 0; slot < slots.length; slot += 2) {
      const [hash = 0, record = 0] = [slots[slot], slots[slot + 1]];
      if (record !== 0) put(hash, record);
    }
  }

  /** The slot of the key, or the free one that it would take. */
  #slot(source: Source, start: number, end: number, hash: number): number {
    const slots = this.#slots;
    for (let index = hash & this.#mask; ; index = (index + 1) & this.#mask) {
      const record = slots[2 * index + 1] ?? 0;
      if (record === 0 || (slots[2 * index] === hash && this.#records.hasKey(record, source, start, end))) return 2 * index;
    }
  }

  #fill(slot: number, hash: number, record: number): void {
    this.#slots[slot] = hash;
    this.#slots[slot + 1] = record;
    this.count += 1;
    if (this.count * 2 > this.#mask) this.#grow();
  }

  #grow(): void {
    const larger = new Places(this.#records, 2 * (this.#mask + 1));
    this.each((hash, record) => larger.put(hash, record));
    this.#slots = larger.#slots;
    this.#mask = larger.#mask;
  }
}
