/** What a SQL database finds for a greylist question: the columns of both rows, as an array, which costs half of an object with names. */
import type { GreylistRows } from "./decide.ts";

/** `null` where a table has no such row; then those that follow from it are `null`, too. */
export type GreylistColumns = readonly [
  firstSeen: number | null,
  lastSeen: number,
  passed: number | null,
  expires: number,
  passes: number | null,
  seen: number,
  addressExpires: number,
];

/** Of the first columns; others may follow. */
export function greylistRowsOf(columns: readonly [...GreylistColumns, ...others: readonly unknown[]]): GreylistRows {
  // By number: that makes no iterator.
  const firstSeen = columns[0];
  const passes = columns[4];
  return {
    triplet: firstSeen === null ? undefined : { firstSeen, lastSeen: columns[1], passed: columns[2] ?? undefined, expires: columns[3] },
    address: passes === null ? undefined : { passes, seen: columns[5], expires: columns[6] },
  };
}
