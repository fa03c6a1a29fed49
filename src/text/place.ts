/** Offsets into a text, in UTF-16 units, to lines and columns. */

/** Both from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export type Places = (offset: number) => Place;

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
