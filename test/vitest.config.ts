import { defineConfig } from "vitest/config";
import { patienceMs } from "./support/patience.ts";

export default defineConfig({
  test: {
    root: new URL("..", import.meta.url).pathname,
    globalSetup: new URL("support/build.ts", import.meta.url).pathname,
    include: ["test/**/*.test.ts"],
    testTimeout: 1.5 * patienceMs,
    hookTimeout: 2.5 * patienceMs,
    expect: { poll: { timeout: patienceMs } },
    maxWorkers: 2,
  },
});
