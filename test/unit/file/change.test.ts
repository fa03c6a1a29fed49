/** When a file that changed is taken. */
import { describe, expect, it, test } from "vitest";
import {
  blurredMs,
  decide,
  type FileFacts,
  type Found,
  type Interrupted,
  interrupt,
  isSame,
  lostMs,
  mayBeReplacement,
  settledMs,
  sinceWhen,
  unquietMs,
} from "../../../src/file/change.ts";

const second = 1_000_000_000n;
const before: FileFacts = { dev: 1n, ino: 1n, size: 100n, mode: 0o100644n, mtimeNs: 0n, ctimeNs: 0n, birthtimeNs: 0n };

/** Written in place over ten seconds. */
const inPlace: FileFacts = { ...before, size: 90n, mtimeNs: 10n * second, ctimeNs: 10n * second };
/** Another file, written over ten seconds, then renamed. */
const renamed: FileFacts = { ...inPlace, ino: 2n, ctimeNs: 11n * second };
/** The same within one tick of the file system's clock. */
const renamedAtOnce: FileFacts = { ...inPlace, ino: 2n, birthtimeNs: 10n * second };
/** Deleted, and written anew over ten seconds. */
const writtenAnew: FileFacts = { ...inPlace, ino: 2n };

test.each<[what: string, facts: FileFacts, expected: boolean]>([
  ["written in place", inPlace, false],
  ["written in place, then chmod", { ...inPlace, ctimeNs: 20n * second }, false],
  ["renamed", renamed, true],
  ["on another file system", { ...renamed, ino: 1n, dev: 2n }, true],
  ["written and renamed at once", renamedAtOnce, true],
  ["created and still empty", { ...renamedAtOnce, size: 0n }, false],
  ["deleted and written anew", writtenAnew, false],
  ["being written anew, in the same inode", { ...renamedAtOnce, ino: 1n }, false],
  ["written in place, which an overlay has copied", { ...inPlace, birthtimeNs: 9n * second }, false],
  [
    "written in place, then chmod, where the birth is the last change",
    { ...inPlace, ctimeNs: 20n * second, birthtimeNs: 20n * second },
    false,
  ],
])("a replacement: %s: %s", (_, facts, expected) => {
  expect(mayBeReplacement(before, facts)).toBe(expected);
});

test.each<[what: string, facts: FileFacts, expected: boolean]>([
  ["nothing", { ...before }, true],
  ["written with the times and the size of before", { ...before, ctimeNs: second }, false],
  ["deleted and written anew, in the same inode", { ...before, birthtimeNs: second }, false],
  ["chmod", { ...before, mode: 0o100600n }, false],
])("is the same after: %s: %s", (_, facts, expected) => {
  expect(isSame(before, facts)).toBe(expected);
});

test.each<[what: string, facts: FileFacts, today: number, expected: number]>([
  ["being written", inPlace, 10_000, settledMs],
  ["written three seconds ago", inPlace, 13_000, settledMs - 3000],
  ["written long ago", inPlace, 10_000 + settledMs, 0],
  ["written in the future, by a clock that is wrong", inPlace, 0, settledMs],
  ["renamed a moment ago", renamed, 11_000, 0],
  ["written in place, then chmod", { ...inPlace, ctimeNs: 20n * second }, 20_000, 0],
])("may still be being written: %s", (_, facts, today, expected) => {
  expect(unquietMs(facts, today, settledMs)).toBe(expected);
});

test.each<[what: string, facts: FileFacts, today: number, expected: number]>([
  ["a moment ago", { ...inPlace, mtimeNs: 10n * second + 1n, ctimeNs: 10n * second + 1n }, 10_010, 20],
  ["some moments ago", { ...inPlace, mtimeNs: 10n * second + 1n, ctimeNs: 10n * second + 1n }, 10_020, 0],
  ["in the future", { ...inPlace, mtimeNs: 20n * second + 1n }, 10_000, 20],
  ["in whole seconds, a moment ago", inPlace, 10_500, 2000],
  ["in whole seconds, by a clock that is slow", inPlace, 69_999, 2000],
  ["in whole seconds, long ago", inPlace, 70_000, 0],
  ["in whole seconds, and its time set back", { ...inPlace, mtimeNs: 0n }, 10_500, 2000],
])("may be written to without a trace: written %s", (_, facts, today, expected) => {
  expect(blurredMs(facts, today)).toBe(expected);
});

describe("of a hundred entries", () => {
  const row = (facts: FileFacts, entries: number): Pick<Found, "facts" | "entries"> => ({ facts, entries });
  /** Milliseconds that it waits; `lost` when the administrator has to know. */
  test.each<[what: string, found: Pick<Found, "facts" | "entries">, table: number | string, list: number | string]>([
    ["renamed", row(renamed, 90), 0, 0],
    ["renamed, with few", row(renamed, 1), 0, 0],
    ["renamed, with none", row(renamed, 0), `lost ${lostMs}`, 0],
    ["renamed at once, with as many", row(renamedAtOnce, 100), 0, 0],
    ["renamed at once, with fewer", row(renamedAtOnce, 99), settledMs, settledMs],
    ["renamed at once, with less than half", row(renamedAtOnce, 49), `lost ${lostMs}`, `lost ${lostMs}`],
    ["in place, with more", row(inPlace, 1000), settledMs, settledMs],
    ["in place, with half", row(inPlace, 50), settledMs, settledMs],
    ["in place, with less than half", row(inPlace, 49), `lost ${lostMs}`, `lost ${lostMs}`],
    ["in place, with none", row(inPlace, 0), `lost ${lostMs}`, `lost ${lostMs}`],
    ["anew, with more", row(writtenAnew, 101), settledMs, settledMs],
    ["anew at once in the same inode, with more", row({ ...renamedAtOnce, ino: 1n }, 101), settledMs, settledMs],
    ["anew, with less than half", row(writtenAnew, 37), `lost ${lostMs}`, `lost ${lostMs}`],
  ])("%s", (_, found, ...expected) => {
    const waits = [true, false].map((needsEntries) => {
      const at = (now: number) => decide({ facts: before, entries: 100 }, { ...found, since: 5000 }, needsEntries, 5000 + now);
      const first = at(0);
      if (first.kind === "take") return 0;
      const wait = first.lost ? lostMs : settledMs;
      expect([at(wait - 1), at(wait)]).toEqual([first, { kind: "take" }]);
      return first.lost ? `lost ${wait}` : wait;
    });
    expect(waits).toEqual(expected);
  });

  it("a table that had none may have none", () => {
    const found = { facts: renamed, entries: 0, since: 0 };
    expect(decide({ facts: before, entries: 0 }, found, true, 0)).toEqual({ kind: "take" });
  });
});

describe("since when there is what is found, in seconds", () => {
  const found = (checksum: number, since: number, size = 90n): Found => ({ facts: { ...inPlace, size }, entries: 9, checksum, since });
  const interrupted = (checksum: number, since: number, until: number): Interrupted => ({ ...found(checksum, since), until });

  test.each<[what: string, found: Found, interrupted: Interrupted | undefined, expected: number]>([
    ["there was nothing before", found(1, 60), undefined, 60],
    ["written again", found(1, 60), interrupted(1, 0, 60), 0],
    ["written again after a while", found(1, 63), interrupted(1, 0, 60), 0],
    ["interrupted for as long as it was there", found(1, 60), interrupted(1, 0, 30), 60],
    ["something else", found(2, 60), interrupted(1, 0, 60), 60],
    ["something else that is larger", found(1, 60, 91n), interrupted(1, 0, 60), 60],
  ])("%s", (_, now, before, expected) => expect(sinceWhen({ entries: 18 }, now, before)).toBe(expected));

  /** In milliseconds: nine entries until a second ago, and something else now. */
  const [until, now] = [lostMs, lostMs + 1000];
  test.each<[what: string, taken: number, since: number, changes: Partial<Found>, size: bigint, expected: number]>([
    ["with another date", 20, 0, {}, 90n, now - lostMs + settledMs],
    ["with another date, after a few seconds", 20, until - 5000, {}, 90n, until - 5000],
    ["with more entries in fewer octets", 21, 0, { entries: 10 }, 89n, now - lostMs + settledMs],
    ["with fewer entries", 20, 0, { entries: 8 }, 90n, now],
    ["with more octets", 20, 0, {}, 91n, now],
    ["with half of them", 18, 0, {}, 90n, now],
    ["after a longer time without", 20, until - 500, {}, 90n, now],
  ])("most was lost, and it is written again: %s", (_, taken, since, changes, size, expected) => {
    expect(sinceWhen({ entries: taken }, { ...found(2, now, size), ...changes }, interrupted(1, since, until))).toBe(expected);
  });

  test.each<[what: string, before: Interrupted | undefined, last: Found | undefined, size: bigint, expected: Interrupted | undefined]>([
    ["the first", undefined, found(1, 0), 0n, interrupted(1, 0, 60)],
    ["one that nobody has read", undefined, undefined, 0n, undefined],
    ["one that nobody has read, after another", interrupted(1, 0, 50), undefined, 90n, interrupted(1, 0, 50)],
    ["a shorter one after a longer one", interrupted(1, 0, 30), found(2, 50), 90n, interrupted(1, 0, 30)],
    ["a longer one after a shorter one", interrupted(1, 0, 10), found(2, 20), 90n, interrupted(2, 20, 60)],
    ["what grows beyond it", interrupted(1, 0, 50), undefined, 91n, undefined],
  ])("interrupted: %s", (_, before, last, size, expected) => {
    expect(interrupt(before, last, { ...inPlace, size }, 60)).toEqual(expected);
  });
});
