/** The daemon's own store of state gives the space of what expired back in ten minutes, by the clock that it is given. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterAll, afterEach, beforeEach, expect, it, vi } from "vitest";
import { parseConfiguration } from "../../../src/config/load.ts";
import { StateStores } from "../../../src/daemon/state-lease.ts";
import { patienceMs } from "../../support/patience.ts";
import { greylistQuestion } from "../../support/state-question.ts";

const minuteMs = 60_000;
const folder = mkdtempSync(join(tmpdir(), "postern-space-"));
afterAll(() => rmSync(folder, { recursive: true }));

// The timers of expiry and the clock; what waits for the disk and for threads waits really.
beforeEach(() => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] }));
afterEach(() => vi.useRealTimers());

/** The clock stands still while a step of expiry is running, which has no timer then. */
async function pass(ms: number): Promise<void> {
  let isOver = false;
  setTimeout(() => {
    isOver = true;
  }, ms);
  while (!isOver) {
    await vi.advanceTimersToNextTimerAsync();
    while (!isOver && vi.getTimerCount() < 2) await turn();
  }
}

it("within ten minutes after they expired, at whatever moment of a round that was", async () => {
  const loaded = parseConfiguration("[session.rcpt.greylist]\nenable = true\n", "/etc/postern/postern.toml", () => "", {
    ...{ serves: false, stateDirectory: folder },
  });
  if (loaded.configuration === undefined) throw new Error("not loaded");
  const held = new StateStores(Date.now, (_, __, cause) => {
    throw cause;
  }).lease(loaded.configuration);
  const path = join(folder, "state.sqlite");
  const size = () => statSync(path).size;

  for (const [round, offsetMs] of [0, 90_000, 200_000].entries()) {
    // Not before the first round of expiry has passed over what is there.
    await pass(offsetMs);
    const lifetimes = { delayMs: 0, retryWindowMs: minuteMs, maxWaiting: 1_000_000 };
    for (let from = 0; from < 40_000; from += 500) {
      const some = Array.from({ length: 500 }, (_, index) => {
        const mixed = Math.imul(from + index + 1, 0x9e3779b1) >>> 0;
        return greylistQuestion({ client: `${round} ${mixed}`, sender: "s".repeat(60), now: Date.now(), ...lifetimes });
      });
      await Promise.all(some.map((question) => held.state.greylist(question)));
    }
    await pass(minuteMs);
    await vi.waitFor(() => expect(size()).toBeGreaterThan(4_000_000), { timeout: patienceMs });
    await pass(10 * minuteMs);
    // The thread that writes the file may still be at it.
    await vi.waitFor(() => expect(size()).toBeLessThan(1_300_000), { timeout: patienceMs });
  }
  await held.release();
});
