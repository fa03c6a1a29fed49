/** The policy front end of the daemon: quiet; with a log line for each decision; counted for metrics, too; with a console that watches. */
import { once } from "node:events";
import { request } from "node:http";
import type { Readable } from "node:stream";
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
    const counted = {
      ...subject,
      name: "policy, logged and counted, of logged",
      of: logged,
      server: await bench.start(startServing(`${bench.folder}/counted`, { protocol: "policy", level: "info", http: true })),
    };
    const watched = {
      ...subject,
      name: "policy, logged and watched, of logged",
      of: logged,
      server: await bench.start(startServing(`${bench.folder}/watched`, { protocol: "policy", level: "info", http: true })),
    };
    const watching = await watch(`${bench.folder}/watched/web`);
    const subjects = [constant, quiet, logged, counted, watched];
    for (const each of subjects) await bench.warmUp(each, 0, mailboxes);
    const rows = await bench.compare(subjects);
    watching.destroy();
    printComparison("request", rounds, rows);
    return rows;
  } finally {
    await bench.stop();
  }
}

/** As the console does where no filter is set. */
async function watch(socketPath: string): Promise<Readable> {
  const headers = { host: "localhost", accept: "text/event-stream" };
  const asking = request({ socketPath, path: "/api/decisions", headers }).end();
  const [response] = await once(asking, "response");
  return response.resume();
}
