/** Rows of the state to their columns and back. */
import type { AddressRow, GreylistRow, ThrottleRow, TokenRow } from "../decide.ts";
import type { Columns } from "./columns.ts";

// A row has the columns of its table.

export function tripletColumns({ firstSeen, lastSeen, passed, expires }: GreylistRow): Columns {
  return [firstSeen, lastSeen, passed ?? null, expires];
}

export function addressColumns({ passes, seen, expires }: AddressRow): Columns {
  return [passes, seen, expires];
}

export function tripletOf(columns: Columns): GreylistRow | undefined {
  if (columns === null) return undefined;
  const [firstSeen, lastSeen, passed, expires] = columns as readonly [number, number, number | null, number];
  return { firstSeen, lastSeen, passed: passed ?? undefined, expires };
}

export function addressOf(columns: Columns): AddressRow | undefined {
  if (columns === null) return undefined;
  const [passes, seen, expires] = columns as readonly [number, number, number];
  return { passes, seen, expires };
}

export function throttleOf(columns: Columns): ThrottleRow | undefined {
  if (columns === null) return undefined;
  const [period, taken, previous, expires] = columns as readonly [number, number, number, number];
  return { period, taken, previous, expires };
}

export function tokenOf(columns: Columns): TokenRow | undefined {
  if (columns === null) return undefined;
  const [period, expires] = columns as readonly [number, number];
  return { period, expires };
}
