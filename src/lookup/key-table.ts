/**
 * Exact keys in flat arrays: a hash table that the garbage collector need not walk, and that touches two places in memory a lookup.
 * A Map of 100,000 strings touches five, and costs a lookup four times what a Map of 100 does.
 */

/** Length and value number, each as its low and high half, come before the units of a key. */
const header = 4;

/** Added to, never deleted from. */
export class KeyTable<V> {
  /** Pairs of a hash and where the record of the key starts; 0 is a free slot. At least half are free. */
  #slots = new Int32Array(2 * 16);
  #mask = 15;
  #count = 0;
  /** Records: header and UTF-16 units of a key. The first unit is not used. */
  #records = new Uint16Array(256);
  #end = 1;
  /** Each value once: a set has a single one. */
  #values: V[] = [];
  #numbers = new Map<V, number>();

  /** Nothing changes when the key is there already. */
  add(key: string, value: V): void {
    const hash = hashOf(key);
    const slot = this.#find(key, hash);
    if (this.#slots[slot + 1] !== 0) return;
    this.#slots[slot] = hash;
    this.#slots[slot + 1] = this.#append(key, this.#numberOf(value));
    this.#count += 1;
    if (this.#count * 2 > this.#mask) this.#grow();
  }

  get(key: string): V | undefined {
    const start = this.#slots[this.#find(key, hashOf(key)) + 1] ?? 0;
    return start === 0 ? undefined : this.#values[this.#pair(start + 2)];
  }

  /** The slot of the key, or the free one that it would take. */
  #find(key: string, hash: number): number {
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

  #append(key: string, number: number): number {
    const start = this.#end;
    this.#end += header + key.length;
    if (this.#end > this.#records.length) {
      const larger = new Uint16Array(this.#end * 2);
      larger.set(this.#records);
      this.#records = larger;
    }
    this.#records.set([key.length, key.length >>> 16, number, number >>> 16], start);
    for (let at = 0; at < key.length; at++) this.#records[start + header + at] = key.charCodeAt(at);
    return start;
  }

  #numberOf(value: V): number {
    const known = this.#numbers.get(value);
    if (known !== undefined) return known;
    this.#numbers.set(value, this.#values.length);
    return this.#values.push(value) - 1;
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

function hashOf(key: string): number {
  let hash = 0;
  for (let at = 0; at < key.length; at++) hash = (Math.imul(hash, 31) + key.charCodeAt(at)) | 0;
  // Without this, keys that differ at their ends alone would be neighbours.
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return hash ^ (hash >>> 16);
}
