/** The files of databases as they are created. */
import { chownSync, existsSync, mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createPrivately } from "../../../src/store/private-file.ts";

const folder = mkdtempSync(join(tmpdir(), "postern-private-"));
afterAll(() => rmSync(folder, { recursive: true }));

it("only the daemon may read one", () => {
  const path = join(folder, "new", "state.sqlite");
  createPrivately(path);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

describe.skipIf(process.geteuid?.() !== 0)("made by root", () => {
  const theirs = mkdtempSync(join(folder, "theirs-"));
  chownSync(theirs, 12_345, 54_321);

  it("is of the owner of its folder", () => {
    const path = join(theirs, "state.sqlite");
    createPrivately(path);
    expect(statSync(path)).toMatchObject({ uid: 12_345, gid: 54_321 });
  });

  it("stays root's where a link leads elsewhere", () => {
    const elsewhere = join(folder, "elsewhere");
    symlinkSync(elsewhere, join(theirs, "linked.sqlite"));
    createPrivately(join(theirs, "linked.sqlite"));
    expect(existsSync(elsewhere)).toBe(true);
    expect(statSync(elsewhere)).toMatchObject({ uid: 0, gid: 0 });
  });
});
