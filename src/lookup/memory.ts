/** A list in memory: exact keys first, then globs in their order. */
import type { Value } from "../expr/value.ts";
import type { Lookup } from "../stage/sources.ts";
import { parseGlob } from "./glob.ts";
import { GlobIndex } from "./glob-index.ts";
import { KeyTable } from "./key-table.ts";
import { canonicalKey } from "./list-key.ts";
import type { LookupEntry } from "./lookup-settings.ts";

export interface MemoryLookup extends Lookup {
  get(key: string): Value | undefined;
}

/** Of equal keys the first counts. */
export function openMemoryLookup(entries: Iterable<LookupEntry>, caseSensitive = false): MemoryLookup {
  const fold = caseSensitive ? (key: string) => key : canonicalKey;
  const exact = new KeyTable<Value>();
  const globs = new GlobIndex<Value>();
  for (const { key, glob, value } of entries) {
    const folded = fold(key);
    const pattern = glob ? parseGlob(folded) : folded;
    if (typeof pattern !== "string") globs.add(pattern, value);
    else exact.add(pattern, value);
  }
  return {
    waits: false,
    get(key) {
      const folded = fold(key);
      const value = exact.get(folded);
      if (value !== undefined || globs.size === 0) return value;
      return globs.find(folded)?.value;
    },
  };
}
