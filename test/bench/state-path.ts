/**
 * Greylisting as an MTA sees it: requests a second of real daemons, one for each size of the store, over unix sockets. The
 * daemons take turns, and new entries are removed between the rounds, so that a store keeps its size.
 */
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import pg from "pg";
import { openState } from "../../src/state/open-state.ts";
import type { ImportedEntry } from "../../src/state/state-store.ts";
import type { StateSettings } from "../../src/store/store-settings.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { TestPostgres } from "../support/postgres.ts";
import { postgresqlSettings, sqliteSettings } from "../support/stores.ts";
import { inTurn, shown, spread } from "./figures.ts";
import { rcptRequest } from "./load/dialogue.ts";
import { letters } from "./load/mail.ts";

const day = 86_400_000;
const connections = 60;
const rounds = 9;
const perRound = 10_000;
const sizes = [10_000, 100_000, 1_000_000] as const;
/** Numbers of new triplets begin here, above every size. */
const firstFresh = 2_000_000;

/** Parts of a request, and the triplet that the greylist makes of them. The order of numbers is not the order of keys. */
function messageOf(index: number) {
  const mixed = Math.imul(index + 1, 0x9e3779b1) >>> 0;
  const network = `${20 + ((mixed >>> 24) % 100)}.${(mixed >>> 16) & 255}.${(mixed >>> 8) & 255}`;
  const domain = `example${String.fromCharCode(97 + (index % 26))}.org`;
  return {
    address: `${network}.${1 + (mixed % 250)}`,
    network: `${network}.0/24`,
    sender: `sender.${letters(mixed)}@${domain}`,
    recipient: `user${index % 5003}@example.net`,
  };
}

/** Even ones have passed within the last hour, odd ones wait: a question about either writes nothing. */
function* entries(size: number, now: number): Generator<ImportedEntry> {
  for (let index = 0; index < size; index += 1) {
    const { address, network: client, sender, recipient } = messageOf(index);
    const [firstSeen, isPassed] = [now, index % 2 === 0];
    const life = { passed: isPassed ? now : undefined, expires: now + (isPassed ? 35 : 2) * day };
    yield { kind: "triplet", client, sender, recipient, firstSeen, lastSeen: now, ...life };
    if (isPassed) yield { kind: "address", address, passes: 1, seen: now, expires: now + 35 * day };
  }
}

let serial = 0;

/** Each in a new session. */
function requestOf(index: number): Buffer {
  serial += 1;
  const { address: client, sender, recipient } = messageOf(index);
  const [port, instance] = [1024 + (serial % 60_000), `1000.67000000.${serial.toString(16)}.0`];
  return rcptRequest({ client, port, name: "unknown", helo: "mx.example.com", sender, recipient, instance });
}

interface Served {
  readonly size: number;
  readonly settings: StateSettings;
  readonly daemon: Daemon;
  readonly path: string;
  /** Requests a second of each round. */
  readonly rates: Record<Kind, number[]>;
}

const kinds = ["fresh", "known", "both"] as const;
type Kind = (typeof kinds)[number];

async function serve(folder: string, size: number, settings: StateSettings): Promise<Served> {
  const now = Date.now();
  mkdirSync(join(folder, "state"), { recursive: true });
  const store = openState(settings, { onAvailability: (_, up, cause) => up || console.error(cause) });
  await store.importEntries(entries(size, now), now);
  await store.close();
  const path = join(folder, "policy.sock");
  const config = `
[log]
level = "warn"
[listener.smtp]
protocol = "policy"
bind = ["unix:${path}"]
max-connections = 1000
${settings.type === "postgresql" ? `[store.pg]\ntype = "postgresql"\nurl = "postgresql://postgres@127.0.0.1:${settings.port}/${settings.database}"\n[storage]\nstate = "pg"` : ""}
[directory.mta]
type = "mta"
[session.rcpt.greylist]
enable = true
delay = "1d"
max-waiting = 10000000
`;
  const daemon = await startDaemon({ directory: folder, config, listening: [{ path }] });
  return { size, settings, daemon, path, rates: { fresh: [], known: [], both: [] } };
}

/** One request outstanding on each connection, as smtpd has it. */
async function load(path: string, count: number, indexOf: (number: number) => number): Promise<number> {
  const sockets = await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect(path).setEncoding("latin1");
      await once(socket, "connect");
      return socket;
    }),
  );
  let next = 0;
  const from = performance.now();
  await Promise.all(sockets.map((socket) => converse(socket, () => (next < count ? indexOf(next++) : undefined))));
  return (1000 * count) / (performance.now() - from);
}

function converse(socket: Socket, another: () => number | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    let expected = "";
    const ask = () => {
      const index = another();
      if (index === undefined) {
        socket.destroy();
        resolve();
        return;
      }
      expected = index < firstFresh && index % 2 === 0 ? "action=DUNNO\n\n" : "action=DEFER_IF_PERMIT 4.7.1 ";
      socket.write(requestOf(index));
    };
    socket.on("data", (reply: string) => {
      if (reply.startsWith(expected)) ask();
      else reject(new Error(`an unexpected reply: ${JSON.stringify(reply)}`));
    });
    socket.on("error", reject);
    ask();
  });
}

async function forgetFresh({ settings }: Served, from: number, to: number): Promise<void> {
  const store = openState(settings, { onAvailability: () => {} });
  for (let index = from; index < to; index += 500) {
    const some = Array.from({ length: Math.min(500, to - index) }, (_, offset) => messageOf(index + offset));
    const forgotten = await Promise.all(some.map(({ network: client, sender, recipient }) => store.forget({ client, sender, recipient })));
    if (!forgotten.every(Boolean)) throw new Error("the daemon does not know what it was asked");
  }
  await store.close();
}

async function measureRound(served: Served, round: number, fresh: { next: number }): Promise<void> {
  const known = (number: number) => ((round * perRound + number) * 7919) % served.size;
  const first = fresh.next;
  const rates = {
    fresh: await load(served.path, perRound, () => fresh.next++),
    known: await load(served.path, perRound, known),
    both: await load(served.path, perRound, (number) => (number % 2 === 0 ? fresh.next++ : known(number))),
  };
  // The first round warms up.
  if (round > 0) for (const kind of kinds) served.rates[kind].push(rates[kind]);
  await forgetFresh(served, first, fresh.next);
}

function print(name: string, all: readonly Served[]): void {
  for (const { size, rates } of all) {
    const cells = kinds.map((kind) => {
      const taken = spread(rates[kind]);
      const part = taken.median / spread(all[0]?.rates[kind] ?? []).median;
      return `${shown(taken)}, ${part.toFixed(2)}`;
    });
    console.log(`| ${name} | ${size} | ${cells.join(" | ")} |`);
  }
}

async function measure(name: string, folder: string, settingsOf: (size: number, folder: string) => StateSettings): Promise<void> {
  const all: Served[] = [];
  const fresh = { next: firstFresh };
  try {
    for (const size of sizes) {
      const own = join(folder, `${name}-${size}`);
      all.push(await serve(own, size, settingsOf(size, own)));
    }
    for (let round = 0; round <= rounds; round += 1) {
      for (const served of inTurn(all, round)) await measureRound(served, round, fresh);
    }
  } finally {
    await Promise.all(all.map(({ daemon }) => daemon.stop()));
  }
  print(name, all);
}

/** Takes about ten minutes. */
export async function benchStatePath(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "postern-bench-"));
  console.log(
    `greylisting over a unix socket, ${connections} connections, medians (range, part of the smallest) of ${rounds} × ${perRound} requests`,
  );
  console.log("| store | entries | fresh | known | half of each |\n|---|---|---|---|---|");
  try {
    await measure("SQLite", folder, (_, own) => sqliteSettings(join(own, "state", "state.sqlite")));
    const postgres = await TestPostgres.create(["fsync=on", "shared_buffers=256MB", "max_wal_size=2GB"]);
    try {
      const client = new pg.Client({ host: "127.0.0.1", port: postgres.port, user: "postgres", database: "postgres" });
      await client.connect();
      for (const size of sizes) await client.query(`CREATE DATABASE entries_${size}`);
      await client.end();
      await measure("PostgreSQL", folder, (size) => postgresqlSettings(postgres.port, { database: `entries_${size}` }));
    } finally {
      await postgres.remove();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}
