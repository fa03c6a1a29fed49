/** The milter front end: a session of one message to two recipients, where the MTA waits for every reply and where it need not. */

import { Bench, type Comparison, perRound, printComparison, type Rounds } from "./load/compare.ts";
import { startConstant } from "./load/constant.ts";
import { startServing } from "./load/server.ts";

const rounds: Rounds = { count: 600, clients: 50 };

export async function benchMilter(): Promise<readonly (readonly Comparison[])[]> {
  const bench = new Bench(rounds);
  try {
    const constant = await bench.start(startConstant("milter, no-reply"));
    const daemon = await bench.start(startServing(`${bench.folder}/milter`, { protocol: "milter" }));
    const compared: (readonly Comparison[])[] = [];
    for (const protocol of ["milter, all replies", "milter, no-reply"] as const) {
      const common = { protocol, first: () => 0, content: 1 };
      const subjects = [
        { ...common, name: `constant ${protocol}`, server: constant },
        { ...common, name: protocol, server: daemon },
      ];
      for (const subject of subjects) await bench.warmUp(subject, 0, 2 * perRound(rounds));
      const rows = await bench.compare(subjects);
      printComparison("session", rounds, rows);
      compared.push(rows);
    }
    return compared;
  } finally {
    await bench.stop();
  }
}
