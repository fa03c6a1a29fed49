/** What has come over a connection and is not yet consumed. */

/** What is read of a socket at once: more than all but a few requests have. */
export const portionOctets = 4096;

/** For two portions there is always room; whoever waits for the end of something longer asks for it first (`frontend/connection/room.ts`). */
const ownOctets = 2 * portionOctets;

export class Backlog {
  readonly #largest: number;
  /** The portion that came last, or a buffer of our own with room at its end. */
  #bytes = nothing;
  #isOwn = false;
  #start = 0;
  #end = 0;

  /** `largest`: octets of the largest thing that is taken. More are there only with the beginning of what follows it. */
  constructor(largest: number) {
    this.#largest = largest;
  }

  get length(): number {
    return this.#end - this.#start;
  }

  /** The most memory that is taken while no more than the largest thing and a portion are there. */
  get most(): number {
    return this.#largest + Math.ceil(this.#largest / 2) + portionOctets;
  }

  /**
   * The first `octets` of the portion, which must not be changed until they are consumed, or until `keep`. In all, three are copied for
   * each at most.
   */
  push(portion: Buffer, octets = portion.length): void {
    if (this.length === 0) {
      this.#bytes = portion;
      this.#isOwn = false;
      this.#start = 0;
      this.#end = octets;
      return;
    }
    if (!this.#isOwn || this.#end + octets > this.#bytes.length) this.#move(this.length + octets);
    portion.copy(this.#bytes, this.#end, 0, octets);
    this.#end += octets;
  }

  /**
   * What is not consumed yet is copied, if it is not already: the portions may change now. A little that is left of much takes no more
   * room than it needs.
   */
  keep(): void {
    const { length } = this;
    if (length === 0) return;
    if (!this.#isOwn || (length <= portionOctets && this.#bytes.length > ownOctets)) this.#moveTo(Buffer.allocUnsafe(length));
  }

  /**
   * Twice the need, so that single bytes are not copied over and over, but no more than the largest thing has, or than there is always room
   * for; and half of that for what follows where others were taken, since a backlog may stay that long.
   */
  #move(needed: number): void {
    const largest = needed <= ownOctets ? Math.min(ownOctets, this.#largest) : this.#largest;
    const most = this.#start === 0 ? largest : Math.max(largest, needed + Math.ceil(largest / 2));
    this.#moveTo(Buffer.allocUnsafe(needed > largest ? 2 * needed : Math.min(2 * needed, most)));
  }

  /** A new buffer each time: what was taken may still be in use. */
  #moveTo(own: Buffer): void {
    this.#bytes.copy(own, 0, this.#start, this.#end);
    this.#bytes = own;
    this.#isOwn = true;
    this.#end -= this.#start;
    this.#start = 0;
  }

  /** `offset` is below `length`. */
  byte(offset: number): number {
    return this.#bytes.readUInt8(this.#start + offset);
  }

  /** Where the octets are, `length` from `start` on, until the next portion. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  get start(): number {
    return this.#start;
  }

  /** `length` is at least 4. */
  uint32(): number {
    return this.#bytes.readUInt32BE(this.#start);
  }

  /** As `skip`. A view, which stays as it is for as long as the portions do. */
  take(count: number): Buffer {
    const taken = this.#bytes.subarray(this.#start, this.#start + count);
    this.skip(count);
    return taken;
  }

  /** The same as text, one character a byte; it begins at `from`. */
  takeText(count: number, from = 0): string {
    const taken = this.#bytes.toString("latin1", this.#start + from, this.#start + count);
    this.skip(count);
    return taken;
  }

  /** Consumes `count` bytes, at most `length`. */
  skip(count: number): void {
    this.#start += count;
    if (this.#start < this.#end) return;
    // An idle connection keeps no memory.
    this.#bytes = nothing;
    this.#isOwn = false;
    this.#start = 0;
    this.#end = 0;
  }
}

const nothing: Buffer = Buffer.alloc(0);
