import { expect, it } from "vitest";
import { logBackgroundBugs } from "../../../src/daemon/background-bugs.ts";
import type { Logger } from "../../../src/daemon/log.ts";

it("logs a rejection that nobody waits for, once", () => {
  const lines: object[] = [];
  // What a bug is logged by.
  const logger = { error: (fields: object) => lines.push(fields) } as Pick<Logger, "error"> as Logger;
  const before = process.listeners("unhandledRejection");
  logBackgroundBugs(logger);
  const [listener] = process.listeners("unhandledRejection").filter((each) => !before.includes(each));
  if (listener === undefined) throw new Error("nobody listens");
  process.off("unhandledRejection", listener);
  const rejected = new Promise<never>(() => {});
  for (const reason of [new TypeError("odd"), "a text", "a text"]) listener(reason, rejected);
  expect(lines).toEqual([
    { event: "internal-error", error: expect.stringMatching(/^TypeError: odd\n +at /) },
    { event: "internal-error", error: "a text" },
  ]);
});
