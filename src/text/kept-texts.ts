/**
 * Texts by keys that strangers choose, each for a while, bounded in number and in octets. They are records in a ring, which the garbage
 * collector need not walk, and of which a question touches two places: a Map of 100,000 objects costs it a dozen. New records come after
 * the last one. The first one makes room, or becomes the last again if it was asked for meanwhile.
 */
import { keyedHash } from "./keyed-hash.ts";

/** Milliseconds. */
export interface KeptTimes {
  readonly freshUntil: number;
  readonly staleUntil: number;
}

/** What the ring is divided into, in octets. */
const unit = 8;

/**
 * A record, in units: `freshUntil`; `staleUntil`; its hash, and its length in units; the octets of key and text, with what became of it in
 * the low bits of the first. Both follow, in UTF-8.
 */
const header = 4;
/** Where the words of a header are, of 4 octets each. */
const hashWord = 4;
const sizeWord = 5;
const keyWord = 6;
const textWord = 7;
const firstCapacity = 512;

const dead = 0;
const alive = 1;
/** And asked for since it was written. */
const asked = 3;
const stateBits = 2;
const stateMask = 3;

const lastAscii = 127;

/** Records that become the last again in a row; the next one goes in any case. */
const maxSpared = 16;

/** A slot of the table in octets, how many there are at least, and for a record at most. */
const slotOctets = 8;
const minSlots = 16;
const slotsPerRecord = 4;

/** Keys and texts are well-formed. */
export class KeptTexts {
  readonly #maxRecords: number;
  readonly #maxCapacity: number;
  /** In units, as all places and sizes below. */
  #capacity = 0;
  #times = new Float64Array();
  #words = new Int32Array();
  #octets = Buffer.alloc(0);
  #first = 0;
  #end = 0;
  /** From `#first` to `#end`, with what is dead or too short for a record. */
  #taken = 0;
  #alive = 0;
  #count = 0;
  /** Pairs of a hash, and the place of its record plus 1; 0 is free. At least half are free. */
  #slots = new Int32Array(2 * minSlots);
  #mask = minSlots - 1;

  constructor(maxRecords: number, maxOctets: number) {
    this.#maxRecords = maxRecords;
    this.#maxCapacity = Math.floor((maxOctets - Math.max(minSlots, maxRecords * slotsPerRecord) * slotOctets) / unit);
    this.#rebuild(Math.min(firstCapacity, this.#maxCapacity));
  }

  get octets(): number {
    return this.#capacity * unit + this.#slots.byteLength;
  }

  /** Where it is, until another is set or deleted; it is noted that somebody asked for it. `hash`: that of the key, where it is known. */
  find(key: string, hash = keyedHash(key)): number | undefined {
    const at = this.#placeOf(key, hash);
    if (at !== undefined) this.#words[2 * at + keyWord] = (this.#keyLength(at) << stateBits) | asked;
    return at;
  }

  text(at: number): string {
    const length = this.#words[2 * at + textWord] ?? 0;
    const start = startOf(at) + this.#keyLength(at);
    return length === 0 ? "" : this.#octets.toString("utf8", start, start + length);
  }

  freshUntil(at: number): number {
    return this.#times[at] ?? 0;
  }

  staleUntil(at: number): number {
    return this.#times[at + 1] ?? 0;
  }

  /** One that is too long for all of the room is not kept. */
  set(key: string, text: string, { freshUntil, staleUntil }: KeptTimes): void {
    const hash = keyedHash(key);
    this.#delete(key, hash);
    const [keyLength, textLength] = [Buffer.byteLength(key), Buffer.byteLength(text)];
    const size = header + Math.ceil((keyLength + textLength) / unit);
    if (size > this.#maxCapacity) return;
    this.#makeRoom(size);
    const at = this.#take(size);
    this.#times[at] = freshUntil;
    this.#times[at + 1] = staleUntil;
    this.#words[2 * at + hashWord] = hash;
    this.#words[2 * at + sizeWord] = size;
    this.#words[2 * at + keyWord] = (keyLength << stateBits) | alive;
    this.#words[2 * at + textWord] = textLength;
    this.#octets.write(key, startOf(at));
    this.#octets.write(text, startOf(at) + keyLength);
    this.#alive += size;
    this.#count += 1;
    if (this.#count * 2 > this.#mask) this.#growSlots();
    this.#addSlot(hash, at);
  }

  delete(key: string): void {
    this.#delete(key, keyedHash(key));
  }

  #delete(key: string, hash: number): void {
    const at = this.#placeOf(key, hash);
    if (at !== undefined) this.#drop(at);
  }

  #makeRoom(size: number): void {
    for (let spared = 0; this.#count >= this.#maxRecords || !this.#fits(size); ) {
      const isFull = this.#count >= this.#maxRecords;
      if (!isFull && (this.#alive + size) * 2 <= this.#capacity) this.#rebuild(this.#capacity);
      else if (!isFull && this.#capacity < this.#maxCapacity) this.#rebuild(Math.min(2 * this.#capacity, this.#maxCapacity));
      else spared += this.#leaveFirst(spared < maxSpared);
    }
  }

  /** Whether it does in one piece. */
  #fits(size: number): boolean {
    if (this.#taken === 0) return size <= this.#capacity;
    if (this.#end <= this.#first) return this.#first - this.#end >= size;
    return this.#capacity - this.#end >= size || this.#first >= size;
  }

  /** It fits. */
  #take(size: number): number {
    if (this.#taken === 0) {
      this.#first = 0;
      this.#end = 0;
    } else if (this.#end > this.#first && this.#capacity - this.#end < size) {
      this.#fill(this.#capacity - this.#end);
      this.#end = 0;
    }
    const at = this.#end;
    this.#end = (at + size) % this.#capacity;
    this.#taken += size;
    return at;
  }

  #fill(size: number): void {
    this.#taken += size;
    // What is shorter is known by that.
    if (size < header) return;
    this.#words[2 * this.#end + sizeWord] = size;
    this.#words[2 * this.#end + keyWord] = dead;
  }

  /** What comes first goes, or becomes the last: the result is how many did. */
  #leaveFirst(mayBeSpared: boolean): number {
    const at = this.#first;
    if (this.#capacity - at < header) {
      this.#pass(this.#capacity - at);
      return 0;
    }
    const size = this.#words[2 * at + sizeWord] ?? 0;
    const state = (this.#words[2 * at + keyWord] ?? 0) & stateMask;
    this.#pass(size);
    if (state === asked && mayBeSpared && this.#fits(size)) {
      this.#moveLast(at, size);
      return 1;
    }
    if (state !== dead) this.#drop(at);
    return 0;
  }

  #pass(size: number): void {
    this.#first = (this.#first + size) % this.#capacity;
    this.#taken -= size;
  }

  #moveLast(at: number, size: number): void {
    const hash = this.#words[2 * at + hashWord] ?? 0;
    const slot = this.#slotOf(hash, at);
    const to = this.#take(size);
    this.#times.copyWithin(to, at, at + size);
    this.#words[2 * to + keyWord] = (this.#keyLength(to) << stateBits) | alive;
    this.#slots[2 * slot + 1] = to + 1;
  }

  #drop(at: number): void {
    this.#removeSlot(this.#slotOf(this.#words[2 * at + hashWord] ?? 0, at));
    this.#alive -= this.#words[2 * at + sizeWord] ?? 0;
    this.#words[2 * at + keyWord] = dead;
    this.#count -= 1;
  }

  /** With nothing dead. */
  #rebuild(capacity: number): void {
    const [times, words, first, taken, oldCapacity] = [this.#times, this.#words, this.#first, this.#taken, this.#capacity];
    const octets = new ArrayBuffer(capacity * unit);
    this.#times = new Float64Array(octets);
    this.#words = new Int32Array(octets);
    this.#octets = Buffer.from(octets);
    this.#slots.fill(0);
    let end = 0;
    for (let passed = 0; passed < taken; ) {
      const at = (first + passed) % oldCapacity;
      const isShort = oldCapacity - at < header;
      const size = isShort ? oldCapacity - at : (words[2 * at + sizeWord] ?? 0);
      passed += size;
      if (isShort || ((words[2 * at + keyWord] ?? 0) & stateMask) === dead) continue;
      this.#times.set(times.subarray(at, at + size), end);
      this.#addSlot(words[2 * at + hashWord] ?? 0, end);
      end += size;
    }
    this.#capacity = capacity;
    this.#first = 0;
    this.#end = end % capacity;
    this.#taken = end;
  }

  #placeOf(key: string, hash: number): number | undefined {
    const slots = this.#slots;
    for (let index = hash & this.#mask; ; index = (index + 1) & this.#mask) {
      const place = slots[2 * index + 1] ?? 0;
      if (place === 0) return undefined;
      if (slots[2 * index] === hash && this.#holds(place - 1, key)) return place - 1;
    }
  }

  #holds(at: number, key: string): boolean {
    const length = this.#keyLength(at);
    const octets = this.#octets;
    const start = startOf(at);
    // Most keys are ASCII; no other has as many octets as units.
    if (length !== key.length) return length > key.length && octets.toString("utf8", start, start + length) === key;
    for (let index = 0; index < length; index += 1) {
      const code = key.charCodeAt(index);
      if (octets[start + index] !== code || code > lastAscii) return false;
    }
    return true;
  }

  #keyLength(at: number): number {
    return (this.#words[2 * at + keyWord] ?? 0) >>> stateBits;
  }

  #addSlot(hash: number, at: number): void {
    let index = hash & this.#mask;
    while (this.#slots[2 * index + 1] !== 0) index = (index + 1) & this.#mask;
    this.#slots[2 * index] = hash;
    this.#slots[2 * index + 1] = at + 1;
  }

  /** Where the record is known to be in the table. */
  #slotOf(hash: number, at: number): number {
    let index = hash & this.#mask;
    while (this.#slots[2 * index + 1] !== at + 1) index = (index + 1) & this.#mask;
    return index;
  }

  /** Those after it that would no longer be found move up. */
  #removeSlot(removed: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    let free = removed;
    for (let index = (free + 1) & mask; slots[2 * index + 1] !== 0; index = (index + 1) & mask) {
      const home = (slots[2 * index] ?? 0) & mask;
      if (((index - home) & mask) < ((index - free) & mask)) continue;
      slots[2 * free] = slots[2 * index] ?? 0;
      slots[2 * free + 1] = slots[2 * index + 1] ?? 0;
      free = index;
    }
    slots[2 * free + 1] = 0;
  }

  #growSlots(): void {
    const old = this.#slots;
    this.#mask = 2 * this.#mask + 1;
    this.#slots = new Int32Array(2 * old.length);
    for (let slot = 0; slot < old.length; slot += 2) {
      const place = old[slot + 1] ?? 0;
      if (place !== 0) this.#addSlot(old[slot] ?? 0, place - 1);
    }
  }
}

/** Of its texts, in octets. */
function startOf(at: number): number {
  return (at + header) * unit;
}
