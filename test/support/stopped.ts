/** SIGSTOP takes effect some time after it was sent, and a process may answer meanwhile. */
import { readdirSync, readFileSync } from "node:fs";
import { expect } from "vitest";

/** Resolves when all threads of the process have stopped. */
export async function untilStopped(pid: number | undefined): Promise<void> {
  const tasks = `/proc/${pid}/task`;
  // The name of the program, in parentheses, may have spaces.
  const stateOf = (task: string) =>
    readFileSync(`${tasks}/${task}/stat`, "latin1")
      .replace(/^.*\) /, "")
      .charAt(0);
  await expect.poll(() => readdirSync(tasks).every((task) => stateOf(task) === "T")).toBe(true);
}
