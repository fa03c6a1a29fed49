/**
 * A number of 32 or 64 bits for a text that nobody can foretell outside of this process: strangers choose texts that are kept in tables, and must
 * not be able to choose many for one place. HalfSipHash-1-3 (Aumasson and Bernstein) of the UTF-16 units.
 */
import { randomBytes } from "node:crypto";

/** Drawn when it is first used: most commands need none. */
let hasKey = false;
let key0 = 0;
let key1 = 0;

function drawKey(): void {
  const key = randomBytes(8);
  [key0, key1] = [key.readInt32LE(0), key.readInt32LE(4)];
  hasKey = true;
}

const lastRounds = 3;

export function keyedHash(text: string): number {
  return hashInto(text, undefined);
}

/** As two words of 32 bits. */
export function keyedHash64(text: string, words: Int32Array): void {
  hashInto(text, words);
}

function hashInto(text: string, words: Int32Array | undefined): number {
  if (!hasKey) drawKey();
  const { length } = text;
  const pairs = length >> 1;
  let v0 = key0;
  let v1 = words === undefined ? key1 : key1 ^ 0xee;
  let v2 = key0 ^ 0x6c796765;
  let v3 = key1 ^ 0x74656462;
  const last = pairs + lastRounds;
  const end = words === undefined ? last : last + lastRounds;
  for (let step = 0; step <= end; step += 1) {
    let word = 0;
    if (step < pairs) word = text.charCodeAt(2 * step) | (text.charCodeAt(2 * step + 1) << 16);
    else if (step === pairs) word = (length & 1 ? text.charCodeAt(length - 1) : 0) | (length << 16);
    else if (step === pairs + 1) v2 ^= words === undefined ? 0xff : 0xee;
    else if (step === last + 1) {
      if (words !== undefined) words[0] = v1 ^ v3;
      v1 ^= 0xdd;
    }
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
  }
  if (words !== undefined) words[1] = v1 ^ v3;
  return v1 ^ v3;
}
