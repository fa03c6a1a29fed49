/** Folders that take long to make, and are made by the first test that needs one. */
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where all test files of a run find it: `make` fills an empty folder, which is renamed when it is whole. */
export async function madeOnce(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  process.env.POSTERN_TEST_FOLDER ??= ownFolder();
  const folder = join(process.env.POSTERN_TEST_FOLDER, name);
  if (existsSync(folder)) return folder;
  const own = await mkdtemp(`${folder}-`);
  await make(own);
  try {
    await rename(own, folder);
  } catch (error) {
    // Another process was first.
    if (!existsSync(folder)) throw error;
    await rm(own, { recursive: true });
  }
  return folder;
}

/** Where there is no test run, as in a benchmark. Servers run as other users. */
function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "postern-tests-"));
  chmodSync(folder, 0o755);
  process.once("exit", () => rmSync(folder, { recursive: true }));
  return folder;
}
