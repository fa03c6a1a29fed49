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
  readonly checksum: number;
}

/** What the file holds now. Times in milliseconds of one clock that never goes back. */
export interface Found extends Taken {
  /** It has been like this since then. */
  readonly since: number;
}

export type ChangeDecision =
  | { readonly kind: "take" }
  /** `lost`: so many entries are gone that the administrator has to know at once. */
  | { readonly kind: "wait"; readonly lost: boolean };

/** What was written in place is complete when nothing more was written for so long. */
export const settledMs = 10_000;

/** The same of what lost so much that it is more likely a part. */
export const lostMs = 60_000;

/** What is being written shows it within so long, if it is looked at for the first time. */
export const writingMs = 1000;

/** Nothing happened to the file. Whoever writes to one can set its mtime back, but not its ctime. */
export function isSame(one: FileFacts, other: FileFacts): boolean {
  const isUntouched = one.ctimeNs === other.ctimeNs && one.mtimeNs === other.mtimeNs;
  return isUntouched && isSameFile(one, other) && one.size === other.size && one.mode === other.mode;
}

/** Of file systems that keep whole seconds, or each second one: FAT, older formats of others, and servers of files on these. */
const coarseMs = 2000;

/** By so much the clock of such a server may be wrong. */
const skewMs = 60_000;

/** Of the others, which take the time when the clock of the kernel ticked last. */
const tickMs = 20;

/**
 * For so many milliseconds from now, what is written to the file may leave all that is known of it as it is, but for its contents. 0: it was
 * written to so long ago that another time would be seen. `today`: as for `unquietMs`.
 */
export function blurredMs({ mtimeNs, ctimeNs }: FileFacts, today: number): number {
  const age = today - Number((ctimeNs > mtimeNs ? ctimeNs : mtimeNs) / 1_000_000n);
  if (mtimeNs % 1_000_000_000n === 0n) return age < skewMs ? coarseMs : 0;
  return age < tickMs ? tickMs : 0;
}

/** Only its mode or the number of its names has changed, unless somebody has set its time back. */
export function isUnwritten(one: FileFacts, other: FileFacts): boolean {
  return isSameFile(one, other) && one.size === other.size && one.mtimeNs === other.mtimeNs;
}

/** Inode numbers are given out again, by some file systems at once. */
function isSameFile(one: FileFacts, other: FileFacts): boolean {
  return isSameInode(one, other) && one.birthtimeNs === other.birthtimeNs;
}

function isSameInode(one: FileFacts, other: FileFacts): boolean {
  return one.ino === other.ino && one.dev === other.dev;
}

/** What was read of a state of the file. */
interface Read extends Pick<Taken, "checksum" | "entries"> {
  readonly facts: Pick<FileFacts, "size">;
}

/** Whether the contents are, whatever was done to the file. */
export function isEqual(one: Read, other: Read): boolean {
  return one.facts.size === other.facts.size && one.checksum === other.checksum && one.entries === other.entries;
}

/** Contents that were there until the file was written again. */
export interface Interrupted extends Found {
  readonly until: number;
}

/**
 * What a file that is written to now, at `now`, may come back to. `last`: what was in it, unless nobody read it. Whoever writes the same
 * again and again leaves the file empty or cut off for a moment each time; what grows beyond something does not come back to it.
 */
export function interrupt(interrupted: Interrupted | undefined, last: Found | undefined, facts: FileFacts, now: number) {
  const isLonger = interrupted !== undefined && last !== undefined && now - last.since < interrupted.until - interrupted.since;
  const longest = last === undefined || isLonger ? interrupted : { ...last, until: now };
  return longest !== undefined && facts.size > longest.facts.size ? undefined : longest;
}

/**
 * Since when there has been what was found, but for an interruption that was shorter. What has lost most of its entries is asked how long
 * these have been gone: each time it may have another date in it. It counts once nothing more was written for as long as otherwise.
 */
export function sinceWhen(taken: Pick<Taken, "entries">, found: Found, interrupted: Interrupted | undefined): number {
  if (interrupted === undefined) return found.since;
  const { since, until } = interrupted;
  if (found.since - until >= until - since) return found.since;
  if (isEqual(found, interrupted)) return since;
  const isAsWhole = hasLost(taken, found) && found.entries >= interrupted.entries && found.facts.size <= interrupted.facts.size;
  return isAsWhole ? Math.max(since, found.since - (lostMs - settledMs)) : found.since;
}

/** So many entries are gone that it is more likely a part. */
function hasLost(taken: Pick<Taken, "entries">, found: Pick<Found, "entries">): boolean {
  return found.entries * 2 < taken.entries;
}

/** A file created, written and renamed within so short a time may show no trace of the renaming. */
const burstNs = 100_000_000n;

/**
 * Whether the file may have been complete when it got its name. One that was deleted and is written anew is another file, too. The time of
 * birth says nothing here: overlays change it when they copy what is written to, and where there is none, it is that of the last change.
 */
export function mayBeReplacement(taken: FileFacts, found: FileFacts): boolean {
  return !isSameInode(taken, found) && (isWhole(found) || isOfOneBurst(found));
}

/** Renaming, or setting its times, changes the inode; writing changes the contents as well. */
function isWhole({ ctimeNs, mtimeNs }: FileFacts): boolean {
  return ctimeNs > mtimeNs;
}

function isOfOneBurst({ mtimeNs, birthtimeNs, size }: FileFacts): boolean {
  return size > 0n && mtimeNs - birthtimeNs <= burstNs;
}

/**
 * For so many milliseconds yet it is less than `quietMs` since the file was written to in place. `today`: the time as files have it, in
 * milliseconds.
 */
export function unquietMs(facts: FileFacts, today: number, quietMs: number): number {
  if (isWhole(facts)) return 0;
  const age = today - Number(facts.mtimeNs / 1_000_000n);
  return Math.min(quietMs, Math.max(0, quietMs - age));
}

/** `needsEntries`: without any, all mail would be refused. */
export function decide(taken: Omit<Taken, "checksum">, found: Omit<Found, "checksum">, needsEntries: boolean, now: number): ChangeDecision {
  const lostAll = needsEntries && found.entries === 0 && taken.entries > 0;
  // What has only been begun has fewer entries than there were.
  const isReplaced = mayBeReplacement(taken.facts, found.facts) && (isWhole(found.facts) || found.entries >= taken.entries);
  if (isReplaced && !lostAll) return { kind: "take" };
  const lost = lostAll || hasLost(taken, found);
  const isSettled = now >= found.since + (lost ? lostMs : settledMs);
  return isSettled ? { kind: "take" } : { kind: "wait", lost };
}
