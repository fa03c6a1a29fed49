/**
 * When a file that changed is taken. A careful program writes another file and renames it, which makes it complete at once;
 * one that writes in place leaves it empty or cut off for a while, or for good when it dies.
 */

/** What the file system says of one state of a file. */
export interface FileFacts {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mode: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly birthtimeNs: bigint;
}

/** What is in use. */
export interface Taken {
  readonly facts: FileFacts;
  readonly entries: number;
}

/** What the file holds now. Times in milliseconds of one clock that never goes back. */
export interface Found extends Taken {
  /** It has been like this since then. */
  readonly since: number;
  /** There was no file before. */
  readonly wasMissing: boolean;
}

export type ChangeDecision =
  | { readonly kind: "take" }
  /** `lost`: so many entries are gone that the administrator has to know at once. */
  | { readonly kind: "wait"; readonly lost: boolean };

/** What was written in place is complete when nothing more was written for so long. */
export const settledMs = 10_000;

/** The same of what lost so much that it is more likely a part. */
export const lostMs = 60_000;

/** A file created, written and renamed within so short a time may show no trace of the renaming. */
const burstNs = 100_000_000n;

export function isSame(one: FileFacts, other: FileFacts): boolean {
  return isSameFile(one, other) && one.mtimeNs === other.mtimeNs && one.size === other.size && one.mode === other.mode;
}

function isSameFile(one: FileFacts, other: FileFacts): boolean {
  return one.ino === other.ino && one.dev === other.dev;
}

/** Whether the file was put in the place of the other one as a whole. One that was deleted and is written anew is another file, too. */
export function isReplacement(taken: FileFacts, { facts, wasMissing }: Pick<Found, "facts" | "wasMissing">): boolean {
  if (isSameFile(taken, facts)) return false;
  // Renaming changes the inode, writing its contents as well.
  if (facts.ctimeNs > facts.mtimeNs) return true;
  return !wasMissing && facts.size > 0n && facts.mtimeNs - facts.birthtimeNs <= burstNs;
}

/** `needsEntries`: without any, all mail would be refused. */
export function decide(taken: Taken, found: Found, needsEntries: boolean, now: number): ChangeDecision {
  const lostAll = needsEntries && found.entries === 0 && taken.entries > 0;
  const isReplaced = isReplacement(taken.facts, found);
  if (isReplaced && !lostAll) return { kind: "take" };
  const lost = lostAll || found.entries * 2 < taken.entries;
  const isSettled = now >= found.since + (lost ? lostMs : settledMs);
  return isSettled ? { kind: "take" } : { kind: "wait", lost };
}
