/** Offsets into a text to lines and columns. */
import type { Position } from "../expr/error.ts";

export type Places = (offset: number) => Position;

/** Reads the text once; a question is a binary search. */
export function placesIn(source: string): Places {
  const starts = [0];
  for (let at = source.indexOf("\n"); at >= 0; at = source.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}

/** Of a character of a string, if that is written as it is; where it has escapes or is a block, of its beginning. */
export function placeWithin(source: string, text: string, offset: number, within: number): number {
  return source[offset] === '"' && source.startsWith(text.slice(0, within + 1), offset + 1) ? offset + 1 + within : offset;
}
