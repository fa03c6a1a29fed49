/** Feeds bytes to decoders in portions. */
import fc from "fast-check";

interface Decoder<Value> {
  push(bytes: Buffer, octets?: number): void;
  /** Left out: what was pushed never changes. */
  keep?(): void;
  next(): Value | undefined;
}

/** The decoded values, and the error after them, if any. */
interface Decoded<Value> {
  readonly values: readonly Value[];
  readonly error: unknown;
}

/** Where `keep` is there, all portions come in the same memory, as those of all connections do. */
export function decodeAll<Value>(decoder: Decoder<Value>, portions: readonly Buffer[]): Decoded<Value> {
  const values: Value[] = [];
  const shared = Buffer.alloc(portions.reduce((most, { length }) => Math.max(most, length), 0));
  try {
    for (const portion of portions) {
      if (decoder.keep === undefined) decoder.push(portion);
      else decoder.push(inPlace(portion, shared), portion.length);
      for (let value = decoder.next(); value !== undefined; value = decoder.next()) values.push(kept(value));
      decoder.keep?.();
    }
  } catch (error) {
    return { values, error };
  }
  return { values, error: undefined };
}

/** What was there before is overwritten. */
function inPlace(portion: Buffer, shared: Buffer): Buffer {
  shared.fill(0xff);
  portion.copy(shared);
  return shared;
}

function kept<Value>(value: Value): Value {
  return Buffer.isBuffer(value) ? (Buffer.from(value) as typeof value) : value;
}

/** One character a byte. */
export function latin1(bytes: string): Buffer {
  return Buffer.from(bytes, "latin1");
}

/** Cuts bytes at these places; the portions are copies, like those of a socket. */
export function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...ends].map((start, index) => Buffer.from(bytes.subarray(start, ends[index] ?? bytes.length)));
}

export const places = fc.array(fc.nat(100_000), { maxLength: 12 });

export const someBytes = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
