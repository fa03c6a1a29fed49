/** The package is made once, before the tests: what they run as a process is what people install, and starts in a third of the time. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";

export default function build(): void {
  const root = join(import.meta.dirname, "../..");
  execFileSync(process.execPath, ["node_modules/rolldown/bin/cli.mjs", "-c", ".rolldown.config.ts"], { cwd: root, stdio: "pipe" });
}
