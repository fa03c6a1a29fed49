/** The units of contrib/systemd as systemd itself reads them. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const unit = (name: string) => new URL(`../../contrib/systemd/postern.${name}`, import.meta.url).pathname;
const analyze = (...words: readonly string[]) => spawnSync("systemd-analyze", words, { encoding: "utf8" });
const isMissing = analyze("--version").status !== 0;
if (isMissing) console.warn("Skipped: the tests of the systemd unit need systemd-analyze");

describe.skipIf(isMissing)("the units", () => {
  it("have no mistake", () => {
    const directory = mkdtempSync(join(tmpdir(), "postern-unit-"));
    const copies = ["service", "socket"].map((name) => {
      const copy = join(directory, `postern.${name}`);
      // The program need not be installed here.
      writeFileSync(copy, readFileSync(unit(name), "utf8").replaceAll("=postern ", "=/bin/true "));
      return copy;
    });
    const { status, stderr } = analyze("verify", "--man=no", ...copies);
    rmSync(directory, { recursive: true });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  it("are rated as well protected", () => {
    // In tenths.
    expect(analyze("security", "--offline=true", "--threshold=15", unit("service")).status).toBe(0);
  });
});
