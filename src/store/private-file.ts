/** What only the daemon may read: its databases, whatever the umask is. */
import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";

/** Creates the file of a database, if there is none, and its folder. SQLite gives its other files the mode of this one. */
export function createPrivately(path: string): void {
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
  closeSync(openSync(path, "a", 0o600));
}
