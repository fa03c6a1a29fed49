/** What `ps`, `ss` and `systemctl status` call this process. */
import { writeFileSync } from "node:fs";

/** Node calls it "MainThread". At most 15 characters. */
export function nameProcess(name: string): void {
  try {
    writeFileSync("/proc/self/comm", name);
  } catch {
    // Only Linux has this file, and it serves as well under another name.
  }
}
