/** Ten minutes of a daemon with everything on, at a third of what it can do: whether its memory stays as it is. */
import { once } from "node:events";
import { closeSync, createReadStream, openSync } from "node:fs";
import { type ClientRequest, request } from "node:http";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { type DnsEntry, DnsServer } from "../support/dns-server.ts";
import { printTable, quantile } from "./figures.ts";
import { Bench } from "./load/compare.ts";
import { Generator } from "./load/generator.ts";
import { cpuOf, rssOf, serve } from "./load/server.ts";

const minutes = Number(process.env.SOAK_MINUTES ?? 10);
const rowSeconds = 30;
const scrapeMs = 5000;
/** New mails, until the caches are full. */
const warmUp = 150_000;
const clients = 50;
/** That of contrib/systemd/postern.service. */
const environment = { NODE_OPTIONS: "--max-semi-space-size=8", MALLOC_ARENA_MAX: "2" };
/** What comes before is not compared. */
const settlingMinutes = 2;

const configurationOf = (folder: string, resolver: string) => (port: number) =>
  `
[server]
hostname = "mx.example.org"
[log]
level = "info"
[listener.mail]
protocol = "policy"
bind = ["127.0.0.1:${port}"]
[listener.web]
protocol = "http"
bind = ["unix:${folder}/web"]
[dns]
resolvers = ["${resolver}"]
[dns-list]
zen = { zone = "zen.example", of = "client", listed = ["127.0.0.2"] }
other = { zone = "other.example", of = "client", listed = ["127.0.0.2"] }
[auth.spf.verify]
mail-from = "'enforce'"
[auth.iprev]
verify = "'relaxed'"
[store.accounts]
type = "sqlite"
path = "../accounts.sqlite"
[directory.accounts]
type = "sql"
store = "accounts"
cache = { entries = 10000, ttl = { positive = "1m", negative = "1m" } }
[session.ehlo]
require = true
reject-non-fqdn = true
[[session.mail.deny]]
if = "dns_listed('zen') || dns_listed('other')"
[session.rcpt]
directory = "'accounts'"
sub-addressing = true
catch-all = true
max-recipients = 100
greylist = { enable = true, delay = "1s" }
errors = { total = 5, wait = "0s" }
script = "'named'"
[[session.throttle]]
key = ["remote_ip"]
rate = "100000/1h"
[[session.throttle]]
key = ["sender_domain"]
count = "messages"
rate = "100000/1h"
[sieve.trusted.scripts.named]
contents = """
require ["envelope", "reject"];
if envelope :domain :is "from" "never.example" { reject "Not from there."; }
"""
`;

/** Every sender is allowed from everywhere, and no client has a name or is listed. */
class Zone extends Map<string, DnsEntry> {
  override get(name: string): DnsEntry | undefined {
    return name.startsWith("TXT news.") ? [{ type: "TXT", chunks: ["v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all"] }] : undefined;
  }
}

interface Row {
  readonly seconds: number;
  readonly perSecond: number;
  readonly passed: number;
  readonly cpuMicroseconds: number;
  /** Octets, the median of samples that were taken once a second. */
  readonly rss: number;
}

export async function benchSoak(): Promise<object> {
  const bench = new Bench({ count: warmUp, clients });
  const dns = await DnsServer.start({});
  dns.entries = new Zone();
  const folder = join(bench.folder, "soak");
  const log = join(bench.folder, "log");
  const descriptor = openSync(log, "w");
  const server = await bench.start(serve(folder, configurationOf(folder, dns.address), { log: descriptor, environment }));
  const generator = new Generator();
  const stop = new AbortController();
  const looking = [scrape(join(folder, "web"), stop.signal), watch(join(folder, "web"), stop.signal)];
  try {
    const load = { protocol: "policy", port: server.port, clients } as const;
    await generator.run({ ...load, run: 0, first: 0, count: warmUp });
    const { seconds } = await generator.run({ ...load, run: 1, first: warmUp, count: warmUp / 15 });
    const perSecond = Math.round(warmUp / 15 / seconds / 3);
    console.log(`${perSecond} requests a second, a third of what it can do; half of the mail is new, and half comes again`);
    const count = perSecond * rowSeconds;
    const rows: Row[] = [];
    printTable(columns, []);
    const from = performance.now();
    for (let run = 2; (performance.now() - from) / 1000 < 60 * minutes; run += 1) {
      const cpu = cpuOf(server.pid);
      const sampling = sampled(() => rssOf(server.pid));
      const loaded = await generator.run({ ...load, run, first: 2 * warmUp + Math.floor((run * count) / 2), count, perSecond });
      const row: Row = {
        seconds: (performance.now() - from) / 1000,
        perSecond: count / loaded.seconds,
        passed: loaded.content / count,
        cpuMicroseconds: (cpuOf(server.pid) - cpu) / count,
        rss: sampling.median(),
      };
      rows.push(row);
      dns.asked.length = 0;
      console.log(`| ${cellsOf(row).join(" | ")} |`);
    }
    const settled = rows.filter(({ seconds }) => seconds > 60 * settlingMinutes).map(({ rss }) => rss);
    const spread = (Math.max(...settled) - Math.min(...settled)) / quantile(settled, 0.5);
    console.log(`\nafter the first ${settlingMinutes} minutes it varies by ${(100 * spread).toFixed(1)} %`);
    for (const [reason, times] of await reasonsIn(log)) console.log(`${times} ${reason}`);
    return { rows, spread };
  } finally {
    stop.abort();
    await Promise.all(looking);
    generator.stop();
    await bench.stop();
    await dns.stop();
    closeSync(descriptor);
  }
}

const columns = ["s", "requests/s", "passed", "CPU µs/request", "RSS MB"];

function cellsOf({ seconds, perSecond, passed, cpuMicroseconds, rss }: Row): readonly string[] {
  return [seconds.toFixed(0), perSecond.toFixed(0), passed.toFixed(2), cpuMicroseconds.toFixed(0), (rss / 1e6).toFixed(1)];
}

function sampled(sample: () => number) {
  const samples = [sample()];
  const timer = setInterval(() => samples.push(sample()), 1000);
  return {
    median() {
      clearInterval(timer);
      return quantile(samples, 0.5);
    },
  };
}

const headers = { host: "localhost" };

/** As Prometheus, and a console that shows the overview. */
async function scrape(socketPath: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const path of ["/metrics", "/status"]) await read(request({ socketPath, path, headers }).end());
    await delay(scrapeMs, undefined, { signal }).catch(() => {});
  }
}

/** As a console that shows all decisions. */
async function watch(socketPath: string, signal: AbortSignal): Promise<void> {
  const asking = request({ socketPath, path: "/api/decisions", headers: { ...headers, accept: "text/event-stream" } }).end();
  signal.addEventListener("abort", () => asking.destroy());
  await read(asking).catch(() => {});
}

async function read(asking: ClientRequest): Promise<void> {
  const [response] = await once(asking, "response");
  for await (const _ of response);
}

/** The most frequent first. */
async function reasonsIn(log: string): Promise<readonly (readonly [string, number])[]> {
  const counts = new Map<string, number>();
  for await (const line of createInterface(createReadStream(log))) {
    const { event, verdict = "", reason = "", msg = "" } = JSON.parse(line);
    const what = event === "decision" ? `${verdict} ${reason}` : `${event}: ${msg}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return [...counts].sort(([, one], [, other]) => other - one);
}
