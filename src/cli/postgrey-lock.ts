/** Whether postgrey runs: what it knows is in its memory, and its files are as old as its last checkpoint. */
import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

/** postgrey locks a file beside its databases, which stays when it has ended. False where that cannot be seen. */
export function isPostgreyRunning(database: string): boolean {
  try {
    const { ino, dev } = statSync(join(dirname(database), "postgrey.lock"));
    const file = `${deviceOf(dev)}:${ino}`;
    return readFileSync("/proc/locks", "utf8")
      .split("\n")
      .some((line) => isHeld(line, file, ino));
  } catch {
    return false;
  }
}

/** `1: FLOCK  ADVISORY  WRITE 812 fe:00:2148208 0 EOF`. Some file systems show another device to stat: then it tells who holds the lock. */
function isHeld(lock: string, file: string, inode: number): boolean {
  const [, process = "", held = "", number] = / FLOCK .* (\d+) ([\da-f]+:[\da-f]+:(\d+)) 0 EOF$/.exec(lock) ?? [];
  if (number !== String(inode)) return false;
  return held === file || readFileSync(`/proc/${process}/cmdline`, "utf8").includes("postgrey");
}

/** Its numbers as the kernel writes them there (makedev(3)). */
function deviceOf(device: number): string {
  const major = ((device >> 8) & 0xfff).toString(16);
  const minor = ((device & 0xff) | ((device >> 12) & 0xfff00)).toString(16);
  return `${major.padStart(2, "0")}:${minor.padStart(2, "0")}`;
}
