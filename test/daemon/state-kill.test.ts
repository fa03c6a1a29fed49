/** kill -9 under the requests of MTAs: every client that was greylisted is known afterwards, with the time of its first attempt. */
import { mkdtempSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openState } from "../../src/state/open-state.ts";
import type { GreylistEntry } from "../../src/state/state-store.ts";
import type { StateSettings } from "../../src/store/store-settings.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { freePorts } from "../support/mta.ts";
import { openPolicy } from "../support/policy-client.ts";
import { loadPolicy, type PolicyAnswer } from "../support/policy-load.ts";
import { TestPostgres } from "../support/postgres.ts";
import { isLong } from "../support/runs.ts";
import { postgresqlSettings, sqliteSettings } from "../support/stores.ts";

const connections = 50;
const delayMs = 1000;

const config = (port: number, workers: number, postgres?: number) => `
[server]
workers = ${workers}
[log]
level = "warn"
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:${port}"]
max-connections = 200
${postgres === undefined ? "" : `[store.pg]\ntype = "postgresql"\nurl = "postgresql://postgres@127.0.0.1:${postgres}/postgres"\n[storage]\nstate = "pg"`}
[directory.mta]
type = "mta"
[session.rcpt.greylist]
enable = true
delay = "${delayMs}ms"
auto-whitelist = 0
header = true
`;

const wait = "DEFER_IF_PERMIT 4.7.1 Greylisted, please try again in a few moments.";

let folder: string;
let daemon: Daemon | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-kill-"));
});
afterEach(async () => {
  await daemon?.stop();
  rmSync(folder, { recursive: true });
});

const serve = (port: number, workers: number, postgres?: number) =>
  startDaemon({ directory: folder, config: config(port, workers, postgres), listening: [{ host: "127.0.0.1", port }] });

/** First attempts without end, each for another recipient, until `kill` is done; those that were greylisted. */
async function attempts(port: number, run: number, kill: () => Promise<void>): Promise<Map<string, PolicyAnswer>> {
  const greylisted = new Map<string, PolicyAnswer>();
  // At a moment that has nothing to do with the rhythm of commits.
  const [enough, pauseMs] = [1 + Math.floor(Math.random() * (isLong ? 3000 : 600)), Math.random() * 20];
  let number = 0;
  let killed: Promise<void> | undefined;
  let isOver = false;
  await loadPolicy({
    port,
    connections,
    next: () => (isOver ? undefined : { recipient: `${run}.${number++}@example.org` }),
    onAnswer({ recipient = "" }, answer) {
      if (answer.action === wait) greylisted.set(recipient, answer);
      else expect(answer.action).toBe("DUNNO");
      if (greylisted.size < enough || killed !== undefined) return;
      killed = new Promise((resolve) => setTimeout(resolve, pauseMs)).then(kill).finally(() => {
        isOver = true;
      });
    },
  });
  await killed;
  return greylisted;
}

async function expectRemembered(settings: StateSettings, greylisted: ReadonlyMap<string, PolicyAnswer>): Promise<void> {
  const state = openState(settings, { onAvailability: () => {} });
  const entries = new Map<string, GreylistEntry>();
  for (const entry of await state.list({}, { limit: 1_000_000 })) entries.set(entry.recipient, entry);
  await state.close();
  const wrong = [...greylisted].filter(([recipient, { asked, answered }]) => {
    const entry = entries.get(recipient);
    return entry === undefined || entry.firstSeen < asked || entry.firstSeen > answered;
  });
  expect(wrong).toEqual([]);
}

/** Each is asked once more, when the last of them has waited long enough. */
async function expectPassed(port: number, greylisted: ReadonlyMap<string, PolicyAnswer>): Promise<void> {
  const last = [...greylisted.keys()].at(-1) ?? "";
  const probe = await openPolicy(port);
  const delayed = expect.stringMatching(/^PREPEND X-Greylist: delayed \d+ seconds/);
  await expect.poll(() => probe.ask({ recipient: last })).toEqual(delayed);
  probe.end();
  const left = [...greylisted.keys()].filter((recipient) => recipient !== last);
  const actions: string[] = [];
  await loadPolicy({
    port,
    connections,
    next() {
      const recipient = left.pop();
      return recipient === undefined ? undefined : { recipient };
    },
    onAnswer: (_, { action }) => actions.push(action),
  });
  expect(actions).toHaveLength(greylisted.size - 1);
  expect(actions.filter((action) => !action.startsWith("PREPEND X-Greylist: delayed"))).toEqual([]);
}

describe("after kill -9", () => {
  it.each([
    [1, isLong ? 20 : 2],
    [2, isLong ? 10 : 1],
  ])("of the daemon with workers = %s, on SQLite", async (workers, times) => {
    const [port = 0] = await freePorts(1);
    let total = 0;
    for (let run = 0; run < times; run++) {
      daemon = await serve(port, workers);
      const { kill } = daemon;
      const greylisted = await attempts(port, run, kill);
      await expectRemembered(sqliteSettings(join(folder, "state", "state.sqlite")), greylisted);
      daemon = await serve(port, workers);
      await expectPassed(port, greylisted);
      expect(daemon.untaken()).toEqual([]);
      await daemon.stop();
      total += greylisted.size;
    }
    if (isLong)
      console.info(`workers = ${workers}: ${total} first attempts were answered in ${times} runs that ended by kill -9 of the daemon`);
  });

  // SQLite maps that file into memory: reading what is not there any more ends the process by SIGBUS.
  it.each([1, 2])("of the daemon by who truncated state.sqlite-shm, with workers = %s", async (workers) => {
    const [port = 0] = await freePorts(1);
    const file = join(folder, "state", "state.sqlite");
    daemon = await serve(port, workers);
    const { ended } = daemon;
    const greylisted = await attempts(port, 0, async () => {
      truncateSync(`${file}-shm`);
      await ended;
    });
    await expectRemembered(sqliteSettings(file), greylisted);
    daemon = await serve(port, workers);
    await expectPassed(port, greylisted);
    expect(daemon.untaken()).toEqual([]);
  });

  it("of PostgreSQL", async () => {
    const [port = 0] = await freePorts(1);
    const postgres = await TestPostgres.create(["fsync=on"]);
    daemon = await serve(port, 1, postgres.port);
    let total = 0;
    for (let run = 0; run < (isLong ? 12 : 1); run++) {
      const greylisted = await attempts(port, run, () => postgres.kill());
      await expect.poll(() => postgres.start().then(() => true, String)).toBe(true);
      await expectRemembered(postgresqlSettings(postgres.port), greylisted);
      await expectPassed(port, greylisted);
      total += greylisted.size;
    }
    if (isLong) console.info(`${total} first attempts were answered in 12 runs that ended by kill -9 of PostgreSQL`);
    await daemon.stop();
    await postgres.remove();
  });
});
