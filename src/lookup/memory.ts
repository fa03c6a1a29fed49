/** A list in memory: exact keys first, then globs in their order, then `.domain` for the sub-domains of a domain, the nearest first. */
import type { Value } from "../expr/value.ts";
import type { Lookup } from "../stage/sources.ts";
import { dot } from "../text/ascii.ts";
import { KeyTable } from "../text/key-table.ts";
import { parseGlob } from "./glob.ts";
import { GlobIndex } from "./glob-index.ts";
import { canonicalKey } from "./list-key.ts";
import type { LookupEntry } from "./lookup-settings.ts";

/** RFC 1035 2.3.4. */
const maxDomainOctets = 255;

/** Of equal keys the first counts. */
export class MemoryLookup implements Lookup {
  readonly waits = false;
  readonly #fold: (key: string) => string;
  readonly #exact: KeyTable;
  readonly #globs = new GlobIndex<Value>();
  /** There are keys that begin with a dot. */
  #hasParents = false;

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
    else {
      this.#exact.add(pattern, encode(value));
      this.#hasParents ||= pattern.startsWith(".");
    }
  }

  /** A member of a set, in canonical form, in octets of ASCII that hold more. */
  addPart(octets: Uint8Array, start: number, end: number): void {
    this.#exact.addPart(octets, start, end, encode(1));
    this.#hasParents ||= octets[start] === dot;
  }

  get(key: string): Value | undefined {
    const folded = this.#fold(key);
    const text = this.#exact.get(folded);
    if (text !== undefined) return decode(text);
    const found = this.#globs.size === 0 ? undefined : this.#globs.find(folded);
    return found || !this.#hasParents ? found?.value : this.#ofParent(folded);
  }

  /** As the tables of Postfix and Sendmail have them. Addresses are no names. */
  #ofParent(name: string): Value | undefined {
    if (name.length > maxDomainOctets || name.includes("@")) return undefined;
    for (let at = name.indexOf(".", 1); at >= 0 && at < name.length - 1; at = name.indexOf(".", at + 1)) {
      const text = this.#exact.get(name.slice(at));
      if (text !== undefined) return decode(text);
    }
    return undefined;
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
