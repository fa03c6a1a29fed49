/** A number of 32 bits for a text, spread evenly: for a place in a table, not against somebody who looks for two texts that have the same. */
export function textHash(text: string): number {
  let hash = 0;
  for (let at = 0; at < text.length; at++) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0;
  // Without this, texts that differ at their ends alone would be neighbours.
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return hash ^ (hash >>> 16);
}
