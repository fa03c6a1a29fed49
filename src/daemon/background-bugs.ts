/** Bugs in work that nobody waits for, such as the removal of old rows: they are logged, and the daemon serves on. */
import { SayOnce } from "../frontend/say-once.ts";
import type { Logger } from "./log.ts";

/** One that comes again is logged so often. */
const againMs = 60 * 60 * 1000;

/** Without this they would end the process. */
export function logBackgroundBugs(logger: Logger): void {
  const said = new SayOnce(againMs);
  process.on("unhandledRejection", (reason) => {
    const error = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
    if (said.allows(error)) logger.error({ event: "internal-error", error }, "a bug in the background; requests are still answered");
  });
}
