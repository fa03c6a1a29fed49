/** PostgreSQL goes away under requests and comes back: what each daemon answers meanwhile, how soon, and what it logs. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { freePorts } from "../support/mta.ts";
import { openPolicy } from "../support/policy-client.ts";
import { loadPolicy, type PolicyAnswer } from "../support/policy-load.ts";
import { TestPostgres } from "../support/postgres.ts";
import { isLong } from "../support/runs.ts";

/** At least; and until a request has been decided without the store. */
const awayMs = isLong ? 10_000 : 0;
const connections = 20;
/** The deadline of a question. A request asks one here; a busy machine may add to it. */
const deadlineMs = 2000;
const generousMs = 20_000;

/** Without a delay the second attempt passes. */
const config = (port: number, postgres: number, onStoreFailure: string) => `
[log]
level = "warn"
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:${port}"]
[store.pg]
type = "postgresql"
url = "postgresql://postgres@127.0.0.1:${postgres}/postgres"
timeout = "${deadlineMs}ms"
[storage]
state = "pg"
[directory.mta]
type = "mta"
[session.rcpt.greylist]
enable = true
delay = "0s"
auto-whitelist = 0
on-store-failure = "${onStoreFailure}"
`;

const wait = "DEFER_IF_PERMIT 4.7.1 Greylisted, please try again in a few moments.";
const unavailable = "451 4.4.3 Unable to verify address at this time.";

interface Served {
  readonly port: number;
  readonly daemon: Daemon;
}

let postgres: TestPostgres;
let folder: string;
let served: readonly Served[];
beforeAll(async () => {
  postgres = await TestPostgres.create();
  folder = mkdtempSync(join(tmpdir(), "postern-outage-"));
  served = await Promise.all(["accept", "defer"].map(serve));
});
afterAll(async () => {
  await Promise.all(served.map(({ daemon }) => daemon.stop()));
  await postgres.remove();
  rmSync(folder, { recursive: true });
});

async function serve(onStoreFailure: string): Promise<Served> {
  const [port = 0] = await freePorts(1);
  const directory = join(folder, onStoreFailure);
  const listening = [{ host: "127.0.0.1", port }];
  return { port, daemon: await startDaemon({ directory, config: config(port, postgres.port, onStoreFailure), listening }) };
}

interface Decided extends PolicyAnswer {
  readonly isRight: boolean;
}

/** Every other question is about a triplet that has passed, the others about new ones. */
async function load({ port }: Served, domain: string, isOver: () => boolean) {
  const passed = { recipient: `john@${domain}` };
  const probe = await openPolicy(port);
  expect(await probe.ask(passed)).toBe(wait);
  expect(await probe.ask(passed)).toBe("DUNNO");
  probe.end();
  const answers: Decided[] = [];
  let number = 0;
  const ended = loadPolicy({
    ...{ port, connections },
    next() {
      number += 1;
      return isOver() ? undefined : number % 2 === 0 ? passed : { recipient: `${number}@${domain}` };
    },
    onAnswer: (question, answer) => answers.push({ ...answer, isRight: answer.action === (question === passed ? "DUNNO" : wait) }),
  });
  return { answers, ended };
}

describe.each([
  ["stopped", () => postgres.stop(), () => postgres.start()],
  ["killed", () => postgres.kill(), () => postgres.start()],
  ["frozen", () => postgres.freeze(), () => postgres.thaw()],
])("while PostgreSQL is %s", (how, goAway, comeBack) => {
  it("every request is answered by on-store-failure in time, and rightly as soon as it is back", async () => {
    const logged = served.map(({ daemon }) => daemon.untaken().length);
    let isOver = false;
    const loads = await Promise.all(served.map((one, index) => load(one, `${how}.n${index}.example`, () => isOver)));
    await expect.poll(() => loads.every(({ answers }) => answers.length > 500)).toBe(true);

    const left = Date.now();
    await goAway();
    await sleep(awayMs);
    await expect.poll(() => loads.every(({ answers }) => answers.some(({ isRight }) => !isRight))).toBe(true);
    await comeBack();
    const back = Date.now();
    const isWell = ({ asked, isRight }: Decided) => asked > back && isRight;
    await expect.poll(() => loads.every(({ answers }) => answers.slice(-500).every(isWell))).toBe(true);
    isOver = true;
    expect(await Promise.all(loads.map(({ ended }) => ended))).toEqual([0, 0]);

    const actions = loads.map(({ answers }) => new Set(answers.map(({ action }) => action)));
    expect(actions).toEqual([new Set(["DUNNO", wait]), new Set(["DUNNO", wait, unavailable])]);
    for (const [index, { answers }] of loads.entries()) {
      expect(answers.filter(({ answered, isRight }) => answered < left && !isRight)).toEqual([]);
      expect(answers.some(({ isRight }) => !isRight)).toBe(true);
      expect(answers.filter(({ tookMs }) => tookMs > generousMs)).toEqual([]);
      const lines = () => served[index]?.daemon.untaken().slice(logged[index]) ?? [];
      await expect
        .poll(() => lines().map(({ event, source, error }) => [event, source, error === undefined]))
        .toEqual([
          ["state", "pg", false],
          ["state", "pg", true],
        ]);
      if (isLong) console.info(`PostgreSQL ${how} for ${awayMs} ms: ${figures(answers, back)}`);
    }
  });
});

function figures(answers: readonly Decided[], back: number): string {
  const longest = answers.reduce((most, { tookMs }) => Math.max(most, tookMs), 0);
  const lastWrong = answers.reduce((last, { answered, isRight }) => (isRight ? last : Math.max(last, answered)), 0);
  return `${answers.length} requests, the longest ${Math.round(longest)} ms; the last wrong decision ${lastWrong - back} ms after its return`;
}
