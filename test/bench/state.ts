/** What state stores of 10,000, 100,000 and 1,000,000 entries cost: the figures of contrib/sql/sizing.md. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { GreylistQuestion } from "../../src/stage/state.ts";
import { startExpiry } from "../../src/state/expiry.ts";
import { openState } from "../../src/state/open-state.ts";
import type { StateStore } from "../../src/state/state-store.ts";
import { TestPostgres } from "../support/postgres.ts";
import { greylistQuestion, start } from "../support/state-question.ts";
import { postgresqlSettings, sqliteSettings } from "../support/stores.ts";
import { quantile } from "./figures.ts";

const day = 86_400_000;
const connections = 200;
const perRun = 40_000;
const sizes = [10_000, 100_000, 1_000_000];
/** Half of the entries wait, and expire two days after `start`; half have passed. */
const later = start + 4 * day;

/** Of a typical length: about 70 octets for the three. The order of numbers is not the order of keys. */
function triplet(index: number): GreylistQuestion {
  const mixed = Math.imul(index + 1, 0x9e3779b1) >>> 0;
  return greylistQuestion({
    client: `${mixed >>> 24}.${(mixed >>> 16) & 255}.${(mixed >>> 8) & 255}.0/24`,
    sender: `sender${mixed.toString(36)}@example${index % 997}.org`,
    recipient: `user${index % 5003}@example.net`,
    autoWhitelist: { address: `${mixed >>> 24}.${(mixed >>> 16) & 255}.${(mixed >>> 8) & 255}.${mixed & 255}`, passes: 5 },
    now: start + (index % 200_000),
    lifetimeMs: 35 * day,
  });
}

/** Every connection asks its next question when the previous one is answered. */
async function closedLoop(count: number, ask: (index: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const from = performance.now();
  await Promise.all(
    Array.from({ length: connections }, async () => {
      for (let index = next++; index < count; index = next++) {
        await ask(index);
        // The answer goes to a socket, and the next question comes from one.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }),
  );
  return (1000 * count) / (performance.now() - from);
}

/** Milliseconds to each answer at a steady rate, from when the question was due; the timer of this loop adds up to one of them. */
async function openLoop(perSecond: number, isDone: () => boolean, ask: (index: number) => Promise<unknown>): Promise<number[]> {
  const took: number[] = [];
  const pending: Promise<unknown>[] = [];
  const from = performance.now();
  for (let index = 0; !isDone(); ) {
    for (let due = from + (1000 * index) / perSecond; due <= performance.now(); due = from + (1000 * index) / perSecond) {
      pending.push(ask(index++).then(() => took.push(performance.now() - due)));
    }
    // Not in every turn: a process that never sleeps is the first to wait for a core.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(pending);
  return took;
}

async function measure(name: string, store: StateStore): Promise<void> {
  const ask = async (question: GreylistQuestion) => store.greylist(question);
  let filled = 0;
  let fresh = 2_000_000;
  for (const size of sizes) {
    const from = filled;
    const fillRate = await closedLoop(size - from, (index) => ask(triplet(from + index)));
    await closedLoop((size - from) >> 1, (index) => ask({ ...triplet(from + 2 * index), now: start + day }));
    filled = size;
    const bytes = (await store.stats(start)).bytes / size;
    const known = (index: number) => {
      const entry = (index * 7919) % size;
      return { ...triplet(entry), now: entry % 2 === 0 ? start + day + 1 : start + 1 };
    };
    const rates = { fresh: [] as number[], known: [] as number[] };
    for (let round = 0; round < 3; round++) {
      const base = fresh;
      fresh += perRun;
      rates.fresh.push(await closedLoop(perRun, (index) => ask({ ...triplet(base + index), retryWindowMs: 1, now: start + day })));
      rates.known.push(await closedLoop(perRun, (index) => ask(known(index))));
    }
    while (await store.expire(start + day + 2, 500));
    const { heapUsed } = process.memoryUsage();
    console.log(
      `${name} ${size}: fill ${fillRate.toFixed(0)}/s, fresh ${quantile(rates.fresh, 0.5).toFixed(0)}/s, known ${quantile(rates.known, 0.5).toFixed(0)}/s, ` +
        `${bytes.toFixed(0)} bytes an entry, RSS ${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB, heap ${(heapUsed / 1e6).toFixed(0)} MB`,
    );
  }
  const throttled = await closedLoop(perRun, (index) =>
    Promise.resolve(
      store.throttle({ key: `${index % 5000}`, now: start, count: 5, periodMs: 3_600_000, window: "fixed", token: `${index}` }),
    ),
  );
  console.log(`${name} throttles with tokens: ${throttled.toFixed(0)}/s`);

  const rate = 2000;
  const mixed = (index: number) => ask({ ...triplet(index % 4 === 0 ? fresh++ : 2 * ((index * 7919) % 500_000)), now: start + day + 2 });
  const until = performance.now() + 5000;
  const before = await openLoop(rate, () => performance.now() > until, mixed);
  let isDone = false;
  const round = async (now: number, limit: number) => {
    const goesOn = await store.expire(now, limit);
    isDone ||= !goesOn;
    return goesOn;
  };
  const began = performance.now();
  const expiry = startExpiry({ expire: round }, () => later);
  const during = await openLoop(rate, () => isDone, mixed);
  const seconds = (performance.now() - began) / 1000;
  expiry.stop();
  const { waiting, passed, bytes } = await store.stats(later);
  const show = (took: readonly number[]) =>
    `p50 ${quantile(took, 0.5).toFixed(2)}, p99 ${quantile(took, 0.99).toFixed(2)}, p99.99 ${quantile(took, 0.9999).toFixed(1)} ms`;
  console.log(
    `${name} ${rate}/s before: ${show(before)}; while 500,000 expire: ${show(during)}; ${seconds.toFixed(0)} s, ${waiting + passed} left`,
  );
  console.log(`${name} afterwards: ${(bytes / 1e6).toFixed(0)} MB`);
  await store.close();
}

/** Takes some minutes. */
export async function benchState(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "postern-bench-"));
  const path = join(folder, "state.sqlite");
  const onAvailability = (_: string, up: boolean, cause?: unknown) => console.log(up ? "available again" : String(cause));
  await measure("SQLite", openState(sqliteSettings(path), { onAvailability }));
  rmSync(folder, { recursive: true });

  const postgres = await TestPostgres.create(["fsync=on", "shared_buffers=256MB", "max_wal_size=2GB"]);
  await measure("PostgreSQL", openState(postgresqlSettings(postgres.port), { onAvailability }));
  await postgres.remove();
}
