/** Counts the octets that a piece of code allocates on the heap, which is work that no line shows: strings that are joined are copied. */
import { GCProfiler, getHeapStatistics } from "node:v8";

export function octetsAllocated(code: () => unknown): number {
  const allocated = startCounting();
  code();
  return allocated();
}

/** The same of code that waits. */
export async function octetsAllocatedMeanwhile(code: () => Promise<unknown>): Promise<number> {
  const allocated = startCounting();
  await code();
  return allocated();
}

function startCounting(): () => number {
  const profiler = new GCProfiler();
  profiler.start();
  const before = getHeapStatistics().used_heap_size;
  return () => {
    const after = getHeapStatistics().used_heap_size;
    const collected = profiler
      .stop()
      .statistics.map(({ beforeGC, afterGC }) => beforeGC.heapStatistics.usedHeapSize - afterGC.heapStatistics.usedHeapSize);
    return after - before + collected.reduce((sum, octets) => sum + octets, 0);
  };
}
