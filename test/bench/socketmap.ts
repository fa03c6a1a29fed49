/** The socketmap front end: keys of the map `recipients` whose answer the cache of the directory has. */

import { Bench, type Comparison, printComparison, type Rounds } from "./load/compare.ts";
import { startConstant } from "./load/constant.ts";
import { mailboxes } from "./load/mail.ts";
import { startServing } from "./load/server.ts";

const rounds: Rounds = { count: 10_000, clients: 50 };

export async function benchSocketmap(): Promise<readonly Comparison[]> {
  const bench = new Bench(rounds);
  try {
    const common = { protocol: "socketmap", first: () => 0, content: 1 } as const;
    const subjects = [
      { ...common, name: "constant", server: await bench.start(startConstant("socketmap")) },
      { ...common, name: "socketmap", server: await bench.start(startServing(`${bench.folder}/socketmap`, { protocol: "socketmap" })) },
    ];
    for (const subject of subjects) await bench.warmUp(subject, 0, mailboxes);
    const rows = await bench.compare(subjects);
    printComparison("request", rounds, rows);
    return rows;
  } finally {
    await bench.stop();
  }
}
