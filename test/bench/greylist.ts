/** Greylisting by policy delegation on SQLite, answered after the commit: first attempts, retries, and what has passed before. */

import { Bench, type Comparison, perRound, printComparison, type Rounds } from "./load/compare.ts";
import { startConstant } from "./load/constant.ts";
import { mailboxes, mix } from "./load/mail.ts";
import { startServing } from "./load/server.ts";

const rounds: Rounds = { count: 6000, clients: 50 };

export async function benchGreylist(): Promise<readonly Comparison[]> {
  const bench = new Bench(rounds);
  try {
    const batch = perRound(rounds);
    const constant = {
      name: "constant",
      protocol: "policy",
      server: await bench.start(startConstant("policy")),
      first: () => 0,
      content: 1,
    } as const;
    const greylist = {
      protocol: "policy",
      server: await bench.start(startServing(`${bench.folder}/greylist`, { protocol: "policy", level: "info", greylist: true })),
      content: 1 - 1 / mix,
    } as const;
    // A batch is new in one round, is retried in the next one, and has passed in the one after that.
    const fresh = { ...greylist, name: "greylist, first attempts", first: (round: number) => (round + 2) * batch, content: 0 };
    const retry = { ...greylist, name: "greylist, retries", first: (round: number) => (round + 1) * batch };
    const warm = { ...greylist, name: "greylist, passed before", first: (round: number) => round * batch };
    await bench.warmUp(constant, 0, mailboxes);
    await bench.warmUp(fresh, 0, 2 * batch);
    await bench.warmUp(retry, 0, batch);
    const rows = await bench.compare([constant, fresh, retry, warm]);
    printComparison("request", rounds, rows);
    return rows;
  } finally {
    await bench.stop();
  }
}
