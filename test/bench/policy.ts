/** The policy front end of the daemon, quiet and with a log line for each decision. */

import { Bench, type Comparison, perRound, printComparison, type Rounds } from "./load/compare.ts";
import { startConstant } from "./load/constant.ts";
import { mailboxes, mix } from "./load/mail.ts";
import { startServing } from "./load/server.ts";

const rounds: Rounds = { count: 9000, clients: 50 };

export async function benchPolicy(): Promise<readonly Comparison[]> {
  const bench = new Bench(rounds);
  try {
    const common = { protocol: "policy", first: (round: number) => mailboxes + round * perRound(rounds) } as const;
    const subject = { ...common, content: 1 - 1 / mix };
    const constant = { ...common, name: "constant", server: await bench.start(startConstant("policy")), content: 1 };
    const quiet = { ...subject, name: "policy", server: await bench.start(startServing(`${bench.folder}/quiet`, { protocol: "policy" })) };
    const logged = {
      ...subject,
      name: "policy, logged",
      server: await bench.start(startServing(`${bench.folder}/logged`, { protocol: "policy", level: "info" })),
    };
    const subjects = [constant, quiet, logged];
    for (const each of subjects) await bench.warmUp(each, 0, mailboxes);
    const rows = await bench.compare(subjects);
    printComparison("request", rounds, rows);
    return rows;
  } finally {
    await bench.stop();
  }
}
