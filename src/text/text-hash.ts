import { type Source, unitAt } from "./units.ts";

/** A number of 32 bits for a text or a part of one, spread evenly: for a table, not against somebody who looks for two that have the same. */
export function textHash(text: Source, start = 0, end = text.length): number {
  let hash = 0;
  for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + unitAt(text, at)) | 0;
  // Without this, texts that differ at their ends alone would be neighbours.
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return hash ^ (hash >>> 16);
}
