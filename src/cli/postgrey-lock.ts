/** Whether postgrey runs: what it knows is in its memory, and its files are as old as its last checkpoint. */
import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

/** postgrey locks a file beside its databases, which stays when it has ended. False where that cannot be seen. */
export function isPostgreyRunning(database: string): boolean {
  try {
    const { ino } = statSync(join(dirname(database), "postgrey.lock"));
    return isLocked(readFileSync("/proc/locks", "utf8"), ino);
  } catch {
    return false;
  }
}

/** The number of a device is not compared: some file systems show another to stat. */
function isLocked(locks: string, inode: number): boolean {
  // 1: FLOCK  ADVISORY  WRITE 812 fe:00:2148208 0 EOF
  return locks.split("\n").some((line) => / FLOCK .*:(\d+) 0 EOF$/.exec(line)?.[1] === String(inode));
}
