/** The files of databases as they are created. */
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createPrivately } from "../../../src/store/private-file.ts";

const source = new URL("../../../src/store/private-file.ts", import.meta.url).href;
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

  it.for<[why: string, command: string, ...options: string[]]>([
    ["root lacks the right to", "setpriv", "--bounding-set", "-chown"],
    ["the owner has no number in the namespace", "unshare", "--map-root-user"],
  ])("stays root's where it may not be given away: %s", ([, command, ...options], { skip }) => {
    const run = (...args: readonly string[]) => spawnSync(command, [...options, process.execPath, "--input-type=module", ...args]);
    skip(run("-e", "").status !== 0);
    const shared = mkdtempSync(join(folder, "shared-"));
    chownSync(shared, 12_345, 54_321);
    chmodSync(shared, 0o777);
    const path = join(shared, "state.sqlite");
    const program = `const { createPrivately } = await import(${JSON.stringify(source)}); createPrivately(${JSON.stringify(path)})`;
    expect(String(run("-e", program).stderr)).toBe("");
    expect(statSync(path)).toMatchObject({ uid: 0, gid: 0 });
  });

  it("stays root's where a link leads elsewhere", () => {
    const elsewhere = join(folder, "elsewhere");
    symlinkSync(elsewhere, join(theirs, "linked.sqlite"));
    createPrivately(join(theirs, "linked.sqlite"));
    expect(existsSync(elsewhere)).toBe(true);
    expect(statSync(elsewhere)).toMatchObject({ uid: 0, gid: 0 });
  });
});
