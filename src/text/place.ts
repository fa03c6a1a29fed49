/** Offsets into a text, in UTF-16 units, to lines and columns. */

/** Both from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export type Places = (offset: number) => Place;

/** Reads the text once; a question is a binary search. */
export function placesIn(source: string): Places {
  const lineEnds: number[] = [];
  for (let at = source.indexOf("\n"); at >= 0; at = source.indexOf("\n", at + 1)) lineEnds.push(at);
  return (offset) => {
    const before = countBefore(offset, lineEnds);
    return { line: before + 1, column: offset - (lineEnds[before - 1] ?? -1) };
  };
}

/** How many of the offsets, which ascend, are before this one. */
export function countBefore(offset: number, offsets: readonly number[]): number {
  let low = 0;
  let high = offsets.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((offsets[middle] ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
