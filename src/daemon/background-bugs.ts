/** Bugs in work that nobody waits for, such as the removal of old rows: they are logged, and the daemon serves on. */
import { SayOnce } from "../frontend/say-once.ts";
import { hourMs } from "../text/duration.ts";
import { stackOf } from "../text/error-message.ts";
import type { Logger } from "./log.ts";

/** Without this they would end the process. One that comes again is logged once an hour. */
export function logBackgroundBugs(logger: Logger): void {
  const said = new SayOnce(hourMs);
  process.on("unhandledRejection", (reason) => {
    const error = stackOf(reason);
    if (said.allows(error)) logger.error({ event: "internal-error", error }, "a bug in the background; requests are still answered");
  });
}
