/** The unit of contrib/systemd as systemd itself reads it. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const unit = new URL("../../contrib/systemd/postern.service", import.meta.url).pathname;
const analyze = (...words: readonly string[]) => spawnSync("systemd-analyze", words, { encoding: "utf8" });
const isMissing = analyze("--version").status !== 0;
if (isMissing) console.warn("Skipped: the tests of the systemd unit need systemd-analyze");

describe.skipIf(isMissing)("postern.service", () => {
  it("has no mistake", () => {
    const directory = mkdtempSync(join(tmpdir(), "postern-unit-"));
    const copy = join(directory, "postern.service");
    // The program need not be installed here.
    writeFileSync(copy, readFileSync(unit, "utf8").replaceAll("/usr/bin/postern", "/bin/true"));
    const { status, stderr } = analyze("verify", "--man=no", copy);
    rmSync(directory, { recursive: true });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  it("is rated as well protected", () => {
    // In tenths; systemd calls up to 2.0 "OK".
    expect(analyze("security", "--offline=true", "--threshold=20", unit).status).toBe(0);
  });
});
