import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { patienceMs } from "./support/patience.ts";

const root = join(import.meta.dirname, "..");

/** What counts work or memory, or replaces a module for all of its process. */
const needsOwnProcess = /"[./]+support\/(?:count-work|kept|allocated)\.ts"|\bvi\.mock\(/;
const alone = globSync("test/**/*.test.ts", { cwd: root }).filter((file) => needsOwnProcess.test(readFileSync(join(root, file), "utf8")));

/** Daemons and MTAs take longest, and leave time to others while they wait: they come first, so that no worker is left with one at the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => /\/test\/(?:mta|daemon|browser)\//.test(moduleId);
    return (await super.sort(files)).sort((one, other) => Number(isLong(other)) - Number(isLong(one)));
  }
}

export default defineConfig({
  test: {
    root,
    globalSetup: join(import.meta.dirname, "support/global-setup.ts"),
    testTimeout: 1.5 * patienceMs,
    hookTimeout: 2.5 * patienceMs,
    expect: { poll: { timeout: patienceMs } },
    // One more than the cores of a small machine: many tests wait.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    // Most of what a small file takes is the start of its process and its imports. So files follow each other in processes that they share.
    projects: [
      { extends: true, test: { name: "alone", include: alone } },
      { extends: true, test: { name: "together", include: ["test/**/*.test.ts"], exclude: alone, isolate: false } },
    ],
  },
});
