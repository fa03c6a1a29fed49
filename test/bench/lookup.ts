/** What a lookup costs in a large list, as a multiple of what it costs in a small one. */

import type { LookupEntry } from "../../src/lookup/lookup-settings.ts";
import { MemoryLookup } from "../../src/lookup/memory.ts";
import { quantile } from "./figures.ts";

const keyOf = (index: number) => `host${index}.customer${index % 977}.example.net`;

function entries(keys: number, globs: number): LookupEntry[] {
  return [
    ...Array.from({ length: keys }, (_, index) => ({ key: keyOf(index), glob: false, value: 1 })),
    ...Array.from({ length: globs }, (_, index) => ({ key: `*.spammer${index}.example`, glob: true, value: 1 })),
  ];
}

/** Half of the names are in the list. */
function open(keys: number, globs: number) {
  const lookup = new MemoryLookup(entries(keys, globs));
  const asked = Array.from({ length: 20_000 }, (_, index) =>
    index % 2 === 0 ? keyOf((index * 7919) % keys) : `mail${index}.somewhere${index % 1013}.example.org`,
  );
  /** Nanoseconds for each lookup. */
  return (): number => {
    // New strings, as each request brings its own: V8 keeps the hash of a string that was looked up before.
    const fresh = asked.map((key) => Buffer.from(key).toString());
    let found = 0;
    const start = process.hrtime.bigint();
    for (const key of fresh) if (lookup.get(key) !== undefined) found += 1;
    const took = Number(process.hrtime.bigint() - start);
    if (found !== asked.length / 2) throw new Error(`${found} keys were found`);
    return took / asked.length;
  };
}

interface LookupBench {
  readonly name: string;
  readonly smallNs: number;
  readonly largeNs: number;
  readonly ratio: number;
}

/** 100,000 keys and 1,000 globs against 100 keys; the aim is a ratio of 3 at most. */
export function benchLookup(): LookupBench {
  const small = open(100, 0);
  const large = open(100_000, 1000);
  // In turn, so that other work on the machine slows both.
  const rounds = Array.from({ length: 30 }, () => [small(), large()] as const);
  const smallNs = quantile(
    rounds.map(([ns]) => ns),
    0.5,
  );
  const largeNs = quantile(
    rounds.map(([, ns]) => ns),
    0.5,
  );
  const bench = { name: "lookup: 100,000 keys and 1,000 globs / 100 keys", smallNs, largeNs, ratio: largeNs / smallNs };
  console.log(`${bench.name}: ${smallNs.toFixed(0)} ns, ${largeNs.toFixed(0)} ns, ratio ${bench.ratio.toFixed(2)} (at most 3)`);
  return bench;
}
