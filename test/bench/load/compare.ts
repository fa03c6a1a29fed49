/** Servers compared with one that gives every request the same answer: in turn, round by round, as ratios within each round. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inTurn, printTable, quantile, roundsOf, type Spread, shown, spread } from "../figures.ts";
import type { ProtocolName } from "./dialogue.ts";
import { Generator } from "./generator.ts";
import { cpuOf, makeDirectory, rssOf, type Server } from "./server.ts";

/** One kind of requests to one server. */
export interface Subject {
  readonly name: string;
  readonly protocol: ProtocolName;
  readonly server: Server;
  /** The number of the first request in a round. */
  readonly first: (round: number) => number;
  /** The part of the clients that are content. */
  readonly content: number;
  /** What its ratios are to. Left out: the first subject. */
  readonly of?: Subject;
}

interface Sample {
  readonly perSecond: number;
  readonly cpu: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

export interface Comparison {
  readonly name: string;
  readonly rounds: number;
  readonly perSecond: Spread;
  readonly perSecondRatio: Spread;
  readonly cpuMicroseconds: Spread;
  readonly cpuRatio: Spread;
  readonly p50: Spread;
  readonly p99: Spread;
  readonly p999: Spread;
  /** Octets, at the end. */
  readonly rss: number;
}

export interface Rounds {
  /** Of the closed loop, in a round; the open loop has a third of them, at a third of the rate. Both are multiples of `mix`. */
  readonly count: number;
  readonly clients: number;
}

/** Of one round, in both loops. */
export const perRound = ({ count }: Rounds): number => count + openCount(count);

const mostRounds = 7;

const openCount = (count: number) => Math.floor(count / 3);

export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), "postern-bench-"));
  readonly #generator = new Generator();
  readonly #rounds: Rounds;
  readonly #servers: Server[] = [];
  #run = 0;

  constructor(rounds: Rounds) {
    this.#rounds = rounds;
    makeDirectory(this.folder);
  }

  async start(starting: Promise<Server>): Promise<Server> {
    const server = await starting;
    this.#servers.push(server);
    return server;
  }

  async warmUp({ protocol, server: { port }, content, name }: Subject, first: number, count: number): Promise<void> {
    const { clients } = this.#rounds;
    const loaded = await this.#generator.run({ protocol, port, clients, first, count, run: this.#run++ });
    expectContent(name, loaded.content, content * count);
  }

  async compare(subjects: readonly Subject[]): Promise<readonly Comparison[]> {
    const samples = new Map<Subject, Sample[]>(subjects.map((subject) => [subject, []]));
    for (const round of roundsOf(mostRounds)) {
      for (const subject of inTurn(subjects, round)) samples.get(subject)?.push(await this.#sample(subject, subject.first(round)));
    }
    return [...samples].map(([{ name, server, of = subjects[0] }, taken]) => {
      const base = (of && samples.get(of)) ?? [];
      return {
        name,
        rounds: taken.length,
        perSecond: spread(taken.map(({ perSecond }) => perSecond)),
        perSecondRatio: spread(taken.map(({ perSecond }, round) => perSecond / (base[round]?.perSecond ?? Number.NaN))),
        cpuMicroseconds: spread(taken.map(({ cpu }) => cpu)),
        cpuRatio: spread(taken.map(({ cpu }, round) => cpu / (base[round]?.cpu ?? Number.NaN))),
        p50: spread(taken.map(({ p50 }) => p50)),
        p99: spread(taken.map(({ p99 }) => p99)),
        p999: spread(taken.map(({ p999 }) => p999)),
        rss: rssOf(server.pid),
      };
    });
  }

  async stop(): Promise<void> {
    this.#generator.stop();
    await Promise.all(this.#servers.map((server) => server.stop()));
    rmSync(this.folder, { recursive: true });
  }

  async #sample({ name, protocol, server: { pid, port }, content }: Subject, first: number): Promise<Sample> {
    const { count, clients } = this.#rounds;
    const load = { protocol, port, clients, run: this.#run++ };
    const before = cpuOf(pid);
    const closed = await this.#generator.run({ ...load, first, count });
    const cpu = (cpuOf(pid) - before) / count;
    const perSecond = count / closed.seconds;
    const later = openCount(count);
    const open = await this.#generator.run({ ...load, first: first + count, count: later, perSecond: perSecond / 3 });
    expectContent(name, closed.content + open.content, content * (count + later));
    const [p50 = 0, p99 = 0, p999 = 0] = [0.5, 0.99, 0.999].map((part) => quantile(open.milliseconds, part));
    return { perSecond, cpu, p50, p99, p999 };
  }
}

function expectContent(name: string, actual: number, expected: number): void {
  if (actual !== Math.round(expected)) throw new Error(`${name}: ${actual} clients were content, and ${Math.round(expected)} should be`);
}

export function printComparison(unit: string, { count, clients }: Rounds, rows: readonly Comparison[]): void {
  console.log(
    `${rows[0]?.rounds} rounds of ${count} ${unit}s in a closed loop of ${clients} clients, then ${openCount(count)} at a third of that rate`,
  );
  printTable(
    ["server", `${unit}s/s`, "ratio", `CPU µs/${unit}`, "ratio", "p50 ms", "p99 ms", "p99.9 ms", "RSS MB"],
    rows.map(({ name, perSecond, perSecondRatio, cpuMicroseconds, cpuRatio, p50, p99, p999, rss }) => [
      name,
      shown(perSecond),
      shown(perSecondRatio, 2),
      shown(cpuMicroseconds, 1),
      shown(cpuRatio, 2),
      shown(p50, 2),
      shown(p99, 2),
      shown(p999, 1),
      (rss / 1e6).toFixed(0),
    ]),
  );
}
