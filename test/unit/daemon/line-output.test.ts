/** All lines leave in their order, however long they are. */
import { execFileSync, spawn } from "node:child_process";
import files, { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test, vi } from "vitest";
import { LineOutput } from "../../../src/daemon/line-output.ts";
import { runs } from "../../support/runs.ts";

const scratch = mkdtempSync(join(tmpdir(), "postern-lines-"));
const descriptors: number[] = [];
afterAll(() => {
  for (const descriptor of descriptors) closeSync(descriptor);
  rmSync(scratch, { recursive: true });
});

function openOutput(isShared: boolean) {
  const path = join(scratch, `${descriptors.length}`);
  const descriptor = openSync(path, "w");
  descriptors.push(descriptor);
  return { output: new LineOutput({ descriptor, isShared }), written: () => readFileSync(path, "utf8") };
}

/** To which other processes may write, too. */
function openPipe() {
  const path = join(scratch, "pipe");
  execFileSync("mkfifo", [path]);
  const received: Buffer[] = [];
  const reader = spawn("cat", [path], { stdio: ["ignore", "pipe", "inherit"] });
  reader.stdout.on("data", (bytes: Buffer) => received.push(bytes));
  const descriptor = openSync(path, "w");
  descriptors.push(descriptor);
  return { output: new LineOutput({ descriptor, isShared: true }), written: () => Buffer.concat(received).toString() };
}

const line = fc
  .tuple(fc.constantFrom("x", "ü", "用", "\u{1f600}"), fc.constantFrom(0, 1, 100, 1365, 4094, 4095, 4096, 20_000), fc.nat(9))
  .map(([character, length, more]) => `${character.repeat(length)}${more}`);

test.each([true, false])("they are whole and in order; shared with other processes: %s", async (isShared) => {
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 30 }), async (lines) => {
      const { output, written } = openOutput(isShared);
      for (const one of lines) output.write(one);
      await expect.poll(written).toBe(lines.map((one) => `${one}\n`).join(""));
    }),
    { numRuns: runs(20) },
  );
});

test("what other processes write comes between whole lines: a pipe takes 4096 octets at once", async () => {
  const write = vi.spyOn(files, "write");
  const { output, written } = openPipe();
  const lines = Array.from({ length: 400 }, (_, index) => `${index} ${"用".repeat(index)}`);
  for (const one of lines) output.write(one);
  await expect.poll(written).toBe(lines.map((one) => `${one}\n`).join(""));
  const portions = write.mock.calls.map(([, bytes]) => String(bytes));
  expect(portions.length).toBeGreaterThan(1);
  expect(portions.filter((portion) => !portion.endsWith("\n") || Buffer.byteLength(portion) > 4096)).toEqual([]);
});

test("what has come while lines were written leaves at once, so that a busy process does not say more than it writes", async () => {
  const write = vi.spyOn(files, "write").mockClear();
  const { output, written } = openOutput(false);
  for (let count = 0; count < 20_000; count += 1) output.write("x".repeat(99));
  await expect.poll(() => written().length).toBe(2_000_000);
  expect(write.mock.calls.length).toBeLessThan(5);
});

test("a flush leaves nothing", () => {
  const { output, written } = openOutput(false);
  output.write("one");
  output.write("two");
  expect(written()).toBe("");
  output.flush();
  expect(written()).toBe("one\ntwo\n");
});
