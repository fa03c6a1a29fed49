/** Pairs of a key and a text, one after the other in flat pages that are never copied once they are full. */

import { type Source, unitAt } from "./units.ts";

/** How the UTF-16 units of texts are kept. */
export interface UnitFormat {
  /** Of a page; a power of two. */
  readonly create: (length: number) => Uint8Array | Uint16Array;
  readonly encoding: "latin1" | "utf16le";
  readonly octets: number;
  /** A unit and a length are less than this, and than its square. */
  readonly base: number;
}

/** For texts whose characters are all in Latin-1, which take half the room. */
export const narrow: UnitFormat = { create: (length) => new Uint8Array(length), encoding: "latin1", octets: 1, base: 0x100 };
export const wide: UnitFormat = { create: (length) => new Uint16Array(length), encoding: "utf16le", octets: 2, base: 0x10000 };

/** Of a text, or a part of one. */
export function fits(text: Source, { base }: UnitFormat, start = 0, end = text.length): boolean {
  if (end - start >= base * base) return false;
  if (typeof text !== "string") return true;
  for (let at = start; at < end; at++) if (text.charCodeAt(at) >= base) return false;
  return true;
}

/** The lengths of a key and its text, each as its low and high digit, come before their units. */
const header = 4;
/** A power of two. A longer record has a page of its own. */
const pageUnits = 32_768;
/** Of the first page, which grows: most tables are small. */
const leastUnits = 256;

interface Page {
  units: Uint8Array | Uint16Array;
  end: number;
  count: number;
}

/** Added to, never deleted from. */
export class TextRecords {
  readonly #format: UnitFormat;
  readonly #pages: Page[];

  constructor(format: UnitFormat) {
    this.#format = format;
    this.#pages = [this.#newPage(leastUnits)];
  }

  /** The key is a part of a text. The number of the record, which is never 0. Both fit the format. */
  add(source: Source, start: number, end: number, text: string): number {
    const length = end - start;
    const page = this.#pageFor(header + length + text.length);
    const { units, end: at } = page;
    this.#setLength(units, at, length);
    this.#setLength(units, at + 2, text.length);
    write(units, at + header, source, start, end);
    write(units, at + header + length, text, 0, text.length);
    page.end = at + header + length + text.length;
    page.count += 1;
    return (this.#pages.length - 1) * pageUnits + at;
  }

  hasKey(record: number, source: Source, start: number, end: number): boolean {
    const { units } = this.#pageOf(record);
    const at = record % pageUnits;
    if (this.#length(units, at) !== end - start) return false;
    const shift = at + header - start;
    for (let index = start; index < end; index++) if (units[shift + index] !== unitAt(source, index)) return false;
    return true;
  }

  text(record: number): string {
    const { units } = this.#pageOf(record);
    const start = record % pageUnits;
    return this.#read(units, start + header + this.#length(units, start), this.#length(units, start + 2));
  }

  /** Those that contain the word, and perhaps others, without making a string of each; the empty word is in all. About `most` are looked through. */
  *search(word: string, most: number): Generator<readonly [key: string, text: string]> {
    if (!fits(word, this.#format)) return;
    let searched = 0;
    for (const page of this.#pages) {
      if (searched >= most) return;
      yield* this.#searchPage(page, word);
      searched += page.count;
    }
  }

  *#searchPage({ units, end: used }: Page, word: string): Generator<readonly [key: string, text: string]> {
    const { encoding, octets } = this.#format;
    const bytes = Buffer.from(units.buffer, 0, octets * used);
    let found = bytes.indexOf(word, 0, encoding);
    for (let start = 1; start < used && found >= 0; ) {
      const [at, keyLength, textLength] = [start + header, this.#length(units, start), this.#length(units, start + 2)];
      const end = at + keyLength + textLength;
      if (found < octets * end) {
        yield [this.#read(units, at, keyLength), this.#read(units, at + keyLength, textLength)];
        found = bytes.indexOf(word, octets * end, encoding);
      }
      start = end;
    }
  }

  #pageOf(record: number): Page {
    // A record is on a page.
    return this.#pages[Math.floor(record / pageUnits)] as Page;
  }

  #pageFor(length: number): Page {
    // There is always one.
    const last = this.#pages.at(-1) as Page;
    const end = last.end + length;
    if (end <= last.units.length) return last;
    if (end <= pageUnits) {
      const { units } = last;
      last.units = this.#format.create(Math.min(pageUnits, 2 * end));
      last.units.set(units);
      return last;
    }
    const page = this.#newPage(Math.max(pageUnits, 1 + length));
    this.#pages.push(page);
    return page;
  }

  /** The first unit is not used. */
  #newPage(length: number): Page {
    return { units: this.#format.create(length), end: 1, count: 0 };
  }

  #length(units: Uint8Array | Uint16Array, at: number): number {
    return (units[at] ?? 0) + (units[at + 1] ?? 0) * this.#format.base;
  }

  #setLength(units: Uint8Array | Uint16Array, at: number, length: number): void {
    units[at] = length % this.#format.base;
    units[at + 1] = Math.floor(length / this.#format.base);
  }

  #read(units: Uint8Array | Uint16Array, start: number, length: number): string {
    const { encoding, octets } = this.#format;
    return length === 0 ? "" : Buffer.from(units.buffer, octets * start, octets * length).toString(encoding);
  }
}

function write(units: Uint8Array | Uint16Array, to: number, source: Source, start: number, end: number): void {
  for (let at = start; at < end; at++) units[to + at - start] = unitAt(source, at);
}
