/** A list in memory: exact keys first, then globs in their order. */
import type { Value } from "../expr/value.ts";
import type { Lookup } from "../stage/sources.ts";
import { KeyTable } from "../text/key-table.ts";
import { parseGlob } from "./glob.ts";
import { GlobIndex } from "./glob-index.ts";
import { canonicalKey } from "./list-key.ts";
import type { LookupEntry } from "./lookup-settings.ts";

/** Of equal keys the first counts. */
export class MemoryLookup implements Lookup {
  readonly waits = false;
  readonly #fold: (key: string) => string;
  readonly #exact: KeyTable;
  readonly #globs = new GlobIndex<Value>();

  /** There will be about so many keys. */
  constructor(entries: Iterable<LookupEntry>, caseSensitive = false, expected = 0) {
    this.#exact = new KeyTable(expected);
    this.#fold = caseSensitive ? (key) => key : canonicalKey;
    for (const entry of entries) this.add(entry);
  }

  add({ key, glob, value }: LookupEntry): void {
    const folded = this.#fold(key);
    const pattern = glob ? parseGlob(folded) : folded;
    if (typeof pattern !== "string") this.#globs.add(pattern, value);
    else this.#exact.add(pattern, encode(value));
  }

  /** A member of a set, in canonical form, in octets of ASCII that hold more. */
  addPart(octets: Uint8Array, start: number, end: number): void {
    this.#exact.addPart(octets, start, end, encode(1));
  }

  get(key: string): Value | undefined {
    const folded = this.#fold(key);
    const text = this.#exact.get(folded);
    if (text !== undefined) return decode(text);
    if (this.#globs.size === 0) return undefined;
    return this.#globs.find(folded)?.value;
  }
}

/** Nothing for the member of a set, of which there are most. */
function encode(value: Value): string {
  return value === 1 ? "" : JSON.stringify(value);
}

function decode(text: string): Value {
  // It was encoded here.
  return text === "" ? 1 : (JSON.parse(text) as Value);
}
