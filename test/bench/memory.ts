/** What connections, remembered sessions and cached addresses take, and how many of them the configuration allows. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { cached } from "../../src/directory/cache.ts";
import type { Directory } from "../../src/stage/sources.ts";
import { octetsInUse } from "../support/kept.ts";
import { settings } from "../support/settings.ts";
import { sourcesOf } from "../support/sources.ts";
import { printTable } from "./figures.ts";
import { policy, warmDirectory } from "./hot-paths.ts";
import { milterOffer, milterPackets } from "./load/dialogue.ts";
import { addressOf } from "./load/mail.ts";
import { makeDirectory, rssOf, startServing } from "./load/server.ts";
import { foundBy, send } from "./own-process.ts";

interface MemoryFigure {
  readonly what: string;
  readonly octets: number;
  /** What bounds their number. */
  readonly bound: string;
}

const firstConnections = 500;
const moreConnections = 4000;

/** Of a daemon, by the growth of the whole process from one number of connections to another. */
async function connections(folder: string, protocol: "policy" | "milter", open: (socket: Socket) => Promise<void>) {
  const daemon = await startServing(join(folder, protocol), { protocol });
  const sockets: Socket[] = [];
  const openMore = async (count: number): Promise<number> => {
    for (let left = count; left > 0; left -= 1) {
      const socket = connect({ host: "127.0.0.1", port: daemon.port, noDelay: true });
      await once(socket, "connect");
      await open(socket);
      sockets.push(socket);
    }
    // Idle, so that the process gives back what it does not need.
    await setTimeout(1000);
    return rssOf(daemon.pid);
  };
  try {
    const empty = await openMore(0);
    const before = await openMore(firstConnections);
    const after = await openMore(moreConnections);
    return { empty, each: (after - before) / moreConnections };
  } finally {
    for (const socket of sockets) socket.destroy();
    await daemon.stop();
  }
}

/** Up to HELO. */
async function greet(socket: Socket): Promise<void> {
  const [connecting, greeting] = milterPackets(1, 1, 0);
  for (const bytes of [milterOffer(0), connecting, greeting]) {
    socket.write(bytes ?? "");
    await once(socket, "data");
  }
}

const sessions = 15_000;
const cachedAddresses = 50_000;

/** Those of a first request; one more recipient of the same message adds what its address takes. */
async function sessionOctets(): Promise<number> {
  const core = { settings: settings(), sources: sourcesOf([await warmDirectory()]) };
  const path = policy({ core: () => core });
  const ask = (count: number) => {
    const work = path(count);
    for (let index = 0; index < count; index += 1) work(index);
  };
  ask(1000);
  const before = octetsInUse();
  for (let asked = 0; asked < sessions; asked += 1000) ask(1000);
  const octets = (octetsInUse() - before) / sessions;
  // It is still in use, and so is what it remembers.
  ask(1);
  return octets;
}

async function addressOctets(): Promise<number> {
  const directory: Directory = {
    name: "accounts",
    waits: true,
    isLocalDomain: () => true,
    recipient: (address) => ({ kind: "mailbox", primaries: [address] }),
    verify: () => [],
    expand: () => undefined,
  };
  const hour = 3_600_000;
  const before = octetsInUse();
  const cache = cached(directory, { entries: cachedAddresses, positiveMs: hour, negativeMs: hour, staleMs: 0 }, () => 0);
  for (let number = 0; number < cachedAddresses; number += 1) await cache.recipient(addressOf(number));
  const octets = (octetsInUse() - before) / cachedAddresses;
  await cache.recipient(addressOf(0));
  return octets;
}

interface HeapOctets {
  readonly session: number;
  readonly address: number;
}

export async function benchMemory(): Promise<readonly MemoryFigure[]> {
  const folder = mkdtempSync(join(tmpdir(), "postern-bench-"));
  try {
    makeDirectory(folder);
    const ofPolicy = await connections(folder, "policy", async () => {});
    const ofMilter = await connections(folder, "milter", greet);
    // Only the program below sends them.
    const { session, address } = (await foundBy(import.meta.url)) as HeapOctets;
    const figures = [
      { what: "daemon, before its first connection", octets: ofPolicy.empty, bound: "" },
      { what: "idle policy connection", octets: ofPolicy.each, bound: "`max-connections` of the listener, 2,000" },
      { what: "idle milter session", octets: ofMilter.each, bound: "`max-connections` of the listener, 2,000" },
      { what: "remembered policy session", octets: session, bound: "40,000 of a listener, and 64 MiB for all of them" },
      { what: "cached address", octets: address, bound: "`cache.entries` of the directory, 50,000, and as many that do not exist" },
    ];
    printTable(
      ["what", "octets", "bound"],
      figures.map(({ what, octets, bound }) => [what, octets.toFixed(0), bound]),
    );
    return figures;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (import.meta.main) send({ session: await sessionOctets(), address: await addressOctets() } satisfies HeapOctets);
