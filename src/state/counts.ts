/** What the statistics of a greylist count, a part of the rows at a time. */
import type { GreylistStats } from "./state-store.ts";

/** `oldest` null: there is none. */
export type Counts = Omit<GreylistStats, "bytes" | "oldest"> & { readonly oldest: number | null };

export const nothingCounted: Counts = {
  ...{ waiting: 0, passed: 0, addresses: 0, allowedAddresses: 0, throttles: 0, tokens: 0, correspondents: 0 },
  oldest: null,
};

export function sumOf(a: Counts, b: Counts): Counts {
  return {
    waiting: a.waiting + b.waiting,
    passed: a.passed + b.passed,
    addresses: a.addresses + b.addresses,
    allowedAddresses: a.allowedAddresses + b.allowedAddresses,
    oldest: a.oldest === null || b.oldest === null ? (a.oldest ?? b.oldest) : Math.min(a.oldest, b.oldest),
    throttles: a.throttles + b.throttles,
    tokens: a.tokens + b.tokens,
    correspondents: a.correspondents + b.correspondents,
  };
}
