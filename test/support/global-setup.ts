/** What all test files have in common is made once, before them. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

/** Vitest asks once for each of its projects. */
export default function setUp(): (() => void) | undefined {
  if (process.env.POSTERN_TEST_FOLDER !== undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "postern-tests-"));
  // Servers run as other users.
  chmodSync(folder, 0o755);
  process.env.POSTERN_TEST_FOLDER = folder;
  // The processes that tests start compile the package and its dependencies once. They may write there when they end, after all tests.
  process.env.NODE_COMPILE_CACHE = join(root, "node_modules/.cache/compiled");
  buildPackage();
  return () => rmSync(folder, { recursive: true, force: true });
}

/** What tests run as a process is what people install, and starts in a third of the time. */
function buildPackage(): void {
  execFileSync(process.execPath, ["node_modules/rolldown/bin/cli.mjs", "-c", ".rolldown.config.ts"], { cwd: root, stdio: "pipe" });
}
