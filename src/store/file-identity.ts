/** Which file is at a path, so that another one that takes its place is noticed. */
import { statSync } from "node:fs";

/** By device and inode. Throws, as node:fs does, when there is none. */
export function identityOf(path: string): string {
  const { dev, ino } = statSync(path);
  return `${dev}:${ino}`;
}
