/** Many globs at once: the first that matches, found by what it begins or ends with and not by trying each. */
import { codePointsOf, type Glob, matchGlob } from "./glob.ts";

interface Numbered<V> {
  readonly glob: Glob;
  /** Lower comes first. */
  readonly order: number;
  readonly value: V;
}

type Direction = "forward" | "backward";

export class GlobIndex<V> {
  readonly #prefixes = new Affixes<V>("forward");
  readonly #suffixes = new Affixes<V>("backward");
  /** Those that begin and end with a wildcard. */
  readonly #others: Numbered<V>[] = [];
  #count = 0;

  get size(): number {
    return this.#count;
  }

  add(glob: Glob, value: V): void {
    const entry = { glob, order: this.#count++, value };
    if (glob.prefix === "" && glob.suffix === "") this.#others.push(entry);
    else if (glob.prefix.length > glob.suffix.length) this.#prefixes.add(glob.prefix, entry);
    else this.#suffixes.add(glob.suffix, entry);
  }

  /** The value of the first glob, in the order of adding, that matches. */
  find(text: string): { readonly value: V } | undefined {
    const groups = this.#suffixes.candidates(text);
    const others = this.#prefixes.candidates(text);
    if (groups === noGroups && others === noGroups && this.#others.length === 0) return undefined;
    const points = codePointsOf(text);
    let best: Numbered<V> | undefined;
    for (const group of [...groups, ...others, this.#others]) {
      for (const entry of group) {
        if (best !== undefined && entry.order > best.order) break;
        if (!matchGlob(entry.glob, points)) continue;
        best = entry;
        break;
      }
    }
    return best;
  }
}

/** One bit for each value of a folded hash: so many that a thousand globs seldom have the bit of another text. */
const filterBits = 18;

/** Shared, so that the common miss allocates nothing. */
const noGroups: readonly never[] = [];

/** Globs by the text at one end, with a filter that shows, while a key is hashed once from that end, where an entry may be. */
class Affixes<V> {
  readonly #direction: Direction;
  readonly #groups = new Map<string, Numbered<V>[]>();
  readonly #filter = new Uint8Array(1 << (filterBits - 3));
  #maxLength = 0;

  constructor(direction: Direction) {
    this.#direction = direction;
  }

  add(affix: string, entry: Numbered<V>): void {
    const group = this.#groups.get(affix);
    if (group) group.push(entry);
    else this.#groups.set(affix, [entry]);
    this.#maxLength = Math.max(this.#maxLength, affix.length);
    const [first, by] = this.#walk(affix);
    let hash = 0;
    for (let length = 0; length < affix.length; length++) hash = step(hash, affix.charCodeAt(first + by * length));
    const bit = fold(hash);
    this.#filter[bit >> 3] = (this.#filter[bit >> 3] ?? 0) | (1 << (bit & 7));
  }

  candidates(text: string): readonly (readonly Numbered<V>[])[] {
    let found: (readonly Numbered<V>[])[] | undefined;
    const filter = this.#filter;
    const longest = Math.min(this.#maxLength, text.length);
    const [first, by] = this.#walk(text);
    let hash = 0;
    for (let length = 1, at = first; length <= longest; length++, at += by) {
      hash = step(hash, text.charCodeAt(at));
      const bit = fold(hash);
      if (((filter[bit >> 3] ?? 0) & (1 << (bit & 7))) === 0) continue;
      const group = this.#groups.get(by > 0 ? text.slice(0, length) : text.slice(-length));
      if (group === undefined) continue;
      found ??= [];
      found.push(group);
    }
    return found ?? noGroups;
  }

  /** Where the end is, and which way it is left. */
  #walk(text: string): readonly [first: number, by: number] {
    return this.#direction === "forward" ? [0, 1] : [text.length - 1, -1];
  }
}

function step(hash: number, unit: number): number {
  return (Math.imul(hash, 31) + unit) | 0;
}

function fold(hash: number): number {
  return (hash ^ (hash >>> filterBits)) & ((1 << filterBits) - 1);
}
