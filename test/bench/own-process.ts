/** A program that measures in a process of its own, and sends what it has found. */
import { fork } from "node:child_process";
import { once } from "node:events";

/** `flags`: of Node. */
export async function foundBy(program: string, flags: readonly string[] = []): Promise<unknown> {
  const child = fork(new URL(program), { execArgv: [...flags], stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const [found] = await Promise.race([once(child, "message"), once(child, "exit")]);
  if (typeof found !== "object" || found === null) throw new Error(`${program} has found nothing`);
  return found;
}

export function send(found: unknown): void {
  process.send?.(found, () => process.exit());
}
