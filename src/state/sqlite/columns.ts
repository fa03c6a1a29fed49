/** What rows of the state have besides their keys, as numbers in flat arrays, which the garbage collector need not walk. */

/** In the order of its table; the last one is when it expires. `null`: the row is removed. */
export type Columns = readonly (number | null)[] | null;

/** Numbers of a row. */
export const width = 4;
/** In place of the last one: the row is removed. */
const gone = Number.NEGATIVE_INFINITY;

/** Of a row with fewer columns, the last one is written again. */
export function writeColumns(numbers: Float64Array, row: number, columns: Columns): void {
  const at = width * row;
  if (columns === null) {
    numbers[at + width - 1] = gone;
    return;
  }
  const last = columns.length - 1;
  for (let index = 0; index < width; index += 1) numbers[at + index] = columns[index < last ? index : last] ?? Number.NaN;
}

/** Also the columns that were written again. */
export function readColumns(numbers: Float64Array, row: number): Columns {
  const at = width * row;
  const [first = 0, second = 0, third = 0, fourth = gone] = [numbers[at], numbers[at + 1], numbers[at + 2], numbers[at + 3]];
  return fourth === gone ? null : [first, second, Number.isNaN(third) ? null : third, fourth];
}

export function copyColumns(from: Float64Array, row: number, to: Float64Array, toRow: number): void {
  for (let index = 0; index < width; index += 1) to[width * toRow + index] = from[width * row + index] ?? gone;
}

/** Of a row that is removed: before any time. */
export function expiresAt(numbers: Float64Array, row: number): number {
  return numbers[width * row + width - 1] ?? gone;
}
