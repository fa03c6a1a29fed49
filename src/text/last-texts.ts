/**
 * The last of many texts, by their numbers, bounded in number and in octets. They are in a ring, which the garbage collector need not walk:
 * as objects they would become old before they go, and be copied and marked for that.
 */

/** The ring at first, in octets. */
const firstCapacity = 1_048_576;

/** Texts are well-formed and not empty. */
export class LastTexts {
  readonly #maxOctets: number;
  #octets: Buffer;
  /** Where each begins and ends, by its number modulo how many are kept. */
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;
  #first = 0;
  #next = 0;

  constructor(maxTexts: number, maxOctets: number) {
    this.#maxOctets = maxOctets;
    this.#octets = Buffer.allocUnsafeSlow(Math.min(firstCapacity, maxOctets));
    this.#starts = new Uint32Array(maxTexts);
    this.#ends = new Uint32Array(maxTexts);
  }

  /** Number of the oldest one that is kept; `next`: there is none. */
  get first(): number {
    return this.#first;
  }

  /** Number of the one that will be added next; the first one has 0. */
  get next(): number {
    return this.#next;
  }

  /** One that is too long for all of the room is not kept, nor are those before it. */
  add(text: string): void {
    const size = Buffer.byteLength(text);
    const number = this.#next;
    if (size > this.#maxOctets) {
      this.#next += 1;
      this.#first = this.#next;
      return;
    }
    if (number - this.#first === this.#starts.length) this.#first += 1;
    const start = this.#makeRoom(size);
    this.#octets.write(text, start);
    this.#place(number, start, start + size);
    this.#next += 1;
  }

  /** `number`: from `first` on, before `next`. */
  text(number: number): string {
    return this.#octets.toString("utf8", this.#startOf(number), this.#endOf(number));
  }

  /** Where so many octets are free in one piece. */
  #makeRoom(size: number): number {
    for (;;) {
      const start = this.#free(size);
      if (start !== undefined) return start;
      if (this.#octets.length < this.#maxOctets) this.#grow();
      else this.#first += 1;
    }
  }

  #free(size: number): number | undefined {
    const isEmpty = this.#first === this.#next;
    const [oldest, latest, end] = isEmpty
      ? [0, 0, 0]
      : [this.#startOf(this.#first), this.#startOf(this.#next - 1), this.#endOf(this.#next - 1)];
    if (latest < oldest) return oldest - end >= size ? end : undefined;
    if (this.#octets.length - end >= size) return end;
    return oldest >= size ? 0 : undefined;
  }

  #grow(): void {
    const larger = Buffer.allocUnsafeSlow(Math.min(2 * this.#octets.length, this.#maxOctets));
    let end = 0;
    for (let number = this.#first; number < this.#next; number += 1) {
      const start = end;
      end += this.#octets.copy(larger, start, this.#startOf(number), this.#endOf(number));
      this.#place(number, start, end);
    }
    this.#octets = larger;
  }

  #place(number: number, start: number, end: number): void {
    const index = number % this.#starts.length;
    this.#starts[index] = start;
    this.#ends[index] = end;
  }

  #startOf(number: number): number {
    return this.#starts[number % this.#starts.length] ?? 0;
  }

  #endOf(number: number): number {
    return this.#ends[number % this.#ends.length] ?? 0;
  }
}
