/** All lines leave in their order, however long they are. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
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

test("a flush leaves nothing", () => {
  const { output, written } = openOutput(false);
  output.write("one");
  output.write("two");
  expect(written()).toBe("");
  output.flush();
  expect(written()).toBe("one\ntwo\n");
});
