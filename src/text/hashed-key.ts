/** A text with its hash, for tables in which it is looked up more than once. */
import { keyedHash64 } from "./keyed-hash.ts";

/** The two words are not both 0. */
export interface HashedKey {
  readonly text: string;
  readonly low: number;
  readonly high: number;
}

export function hashedKey(text: string): HashedKey {
  keyedHash64(text, words);
  const [low = 0, high = 0] = words;
  return { text, low, high: low === 0 && high === 0 ? 1 : high };
}

const words = new Int32Array(2);
