/** When a file that changed is taken. */
import { describe, expect, it, test } from "vitest";
import { decide, type FileFacts, type Found, isReplacement, lostMs, settledMs } from "../../../src/file/change.ts";

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

test.each<[what: string, facts: FileFacts, wasMissing: boolean, expected: boolean]>([
  ["written in place", inPlace, false, false],
  ["written in place, then chmod", { ...inPlace, ctimeNs: 20n * second }, false, false],
  ["renamed", renamed, false, true],
  ["renamed after it was missing", renamed, true, true],
  ["on another file system", { ...renamed, ino: 1n, dev: 2n }, false, true],
  ["written and renamed at once", renamedAtOnce, false, true],
  ["missing, then written at once", renamedAtOnce, true, false],
  ["created and still empty", { ...renamedAtOnce, size: 0n }, false, false],
  ["deleted and written anew", writtenAnew, false, false],
])("a replacement: %s: %s", (_, facts, wasMissing, expected) => {
  expect(isReplacement(before, { facts, wasMissing })).toBe(expected);
});

describe("of a hundred entries", () => {
  const row = (facts: FileFacts, entries: number): Pick<Found, "facts" | "entries"> => ({ facts, entries });
  /** Milliseconds that it waits; `lost` when the administrator has to know. */
  test.each<[what: string, found: Pick<Found, "facts" | "entries">, table: number | string, list: number | string]>([
    ["renamed", row(renamed, 90), 0, 0],
    ["renamed, with few", row(renamed, 1), 0, 0],
    ["renamed, with none", row(renamed, 0), `lost ${lostMs}`, 0],
    ["in place, with more", row(inPlace, 1000), settledMs, settledMs],
    ["in place, with half", row(inPlace, 50), settledMs, settledMs],
    ["in place, with less than half", row(inPlace, 49), `lost ${lostMs}`, `lost ${lostMs}`],
    ["in place, with none", row(inPlace, 0), `lost ${lostMs}`, `lost ${lostMs}`],
    ["anew, with more", row(writtenAnew, 101), settledMs, settledMs],
    ["anew, with less than half", row(writtenAnew, 37), `lost ${lostMs}`, `lost ${lostMs}`],
  ])("%s", (_, found, ...expected) => {
    const waits = [true, false].map((needsEntries) => {
      const at = (now: number) =>
        decide({ facts: before, entries: 100 }, { ...found, since: 5000, wasMissing: false }, needsEntries, 5000 + now);
      const first = at(0);
      if (first.kind === "take") return 0;
      const wait = first.lost ? lostMs : settledMs;
      expect([at(wait - 1), at(wait)]).toEqual([first, { kind: "take" }]);
      return first.lost ? `lost ${wait}` : wait;
    });
    expect(waits).toEqual(expected);
  });

  it("a table that had none may have none", () => {
    const found = { facts: renamed, entries: 0, since: 0, wasMissing: false };
    expect(decide({ facts: before, entries: 0 }, found, true, 0)).toEqual({ kind: "take" });
  });
});
