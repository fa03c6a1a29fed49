/** Who is told that another daemon keeps its state in the same file, and when. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type SoleUse, watchSoleUse } from "../../../src/state/sqlite/sole-use.ts";

let folder: string;
let path: string;
let watched: Set<SoleUse>;
beforeEach(() => {
  vi.useFakeTimers();
  folder = mkdtempSync(join(tmpdir(), "postern-sole-use-"));
  path = join(folder, "new", "state.sqlite");
  watched = new Set();
});
afterEach(() => {
  for (const use of watched) use.stop();
  rmSync(folder, { recursive: true });
  vi.useRealTimers();
});

function watch(to = path): { readonly said: string[]; stop(): void } {
  const said: string[] = [];
  const use = watchSoleUse(to, (other) => said.push(other === undefined ? "alone" : "other"));
  watched.add(use);
  const stop = () => {
    watched.delete(use);
    use.stop();
  };
  return { said, stop };
}

it("the later of two, once, and again when the other is gone", () => {
  const first = watch();
  const second = watch();
  expect(second.said).toEqual(["other"]);
  vi.advanceTimersByTime(60_000);
  expect(second.said).toEqual(["other"]);
  first.stop();
  vi.advanceTimersByTime(10_000);
  expect(second.said).toEqual(["other", "alone"]);
  expect(first.said).toEqual([]);
});

it("a third, when the second has taken the place of the first", () => {
  const first = watch();
  watch();
  first.stop();
  vi.advanceTimersByTime(10_000);
  expect(watch().said).toEqual(["other"]);
});

it("nobody whose file is another, or whose predecessor has stopped", () => {
  watch().stop();
  expect(watch().said).toEqual([]);
  expect(watch(`${path}2`).said).toEqual([]);
});

it("nobody while the lock cannot be made, and then as ever", () => {
  writeFileSync(join(folder, "new"), "");
  const first = watch();
  rmSync(join(folder, "new"));
  vi.advanceTimersByTime(10_000);
  expect(first.said).toEqual([]);
  expect(watch().said).toEqual(["other"]);
});
