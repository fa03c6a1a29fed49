/** Where an alias leads when it is followed until nothing changes: the same from every place on the way. */

import type { Steps } from "../answer/steps.ts";
import { TemporaryError } from "../answer/temporary-error.ts";

/** An alias that leads through more others, one after the other or over all, is a mistake: a rule that makes ever new addresses. */
const maxDepth = 100;
const maxAddresses = 20_000;

export interface Ends {
  /** The address itself where it leads nowhere. Never empty. */
  readonly addresses: readonly string[];
  /** Those of them that only lead back to themselves, and so stay as they are. */
  readonly loops: readonly string[];
}

/** `next`: where one address leads in one step; none, or itself, when it ends there. */
export function* follow(start: string, next: (address: string) => Steps<readonly string[]>): Steps<Ends> {
  const graph = yield* graphFrom(start, next);
  const ends = (address: string) => {
    const further = graph.get(address) ?? [];
    return further.length === 0 || further.includes(address);
  };
  const arriving = leadingTo([...graph.keys()].filter(ends), graph);
  const addresses: string[] = [];
  const loops: string[] = [];
  const seen = new Set<string>();
  const stack = [start];
  for (let address = stack.pop(); address !== undefined; address = stack.pop()) {
    if (seen.has(address)) continue;
    seen.add(address);
    const isLoop = !arriving.has(address);
    if (isLoop) loops.push(address);
    // A list may hold itself; its other members still get their copy.
    if (isLoop || ends(address)) addresses.push(address);
    if (!isLoop) for (const further of (graph.get(address) ?? []).toReversed()) stack.push(further);
  }
  return { addresses, loops };
}

type Graph = ReadonlyMap<string, readonly string[]>;

function* graphFrom(start: string, next: (address: string) => Steps<readonly string[]>): Steps<Graph> {
  const graph = new Map<string, readonly string[]>();
  let level: readonly string[] = [start];
  for (let depth = 0; level.length > 0; depth += 1) {
    const further = new Set<string>();
    for (const address of level) {
      if (depth > maxDepth || graph.size >= maxAddresses) throw new TemporaryError(`${start} leads to ever more addresses`);
      const targets = yield* next(address);
      graph.set(address, targets);
      for (const target of targets) further.add(target);
    }
    level = [...further].filter((address) => !graph.has(address));
  }
  return graph;
}

/** The ends, and all from which one of them is reached. */
function leadingTo(ends: readonly string[], graph: Graph): ReadonlySet<string> {
  const before = new Map<string, string[]>();
  for (const [address, targets] of graph) {
    for (const target of targets) {
      const known = before.get(target);
      if (known) known.push(address);
      else before.set(target, [address]);
    }
  }
  const reached = new Set(ends);
  for (const address of reached) for (const previous of before.get(address) ?? []) reached.add(previous);
  return reached;
}
