/** Where an alias leads when it is followed until nothing changes: the same from every place on the way. */

import { type Answer, after } from "../answer/answer.ts";
import { firstOutcome } from "../answer/steps.ts";
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
export function follow(start: string, next: (address: string) => Answer<readonly string[]>): Answer<Ends> {
  return after(levelFrom({ start, next, graph: new Map(), level: [start], depth: 0 }), (graph) => endsIn(graph, start));
}

function endsIn(graph: Graph, start: string): Ends {
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

interface Walk {
  readonly start: string;
  readonly next: (address: string) => Answer<readonly string[]>;
  /** What was asked about, with where it leads. */
  readonly graph: Map<string, readonly string[]>;
  /** What the last step led to and was not asked about. */
  readonly level: readonly string[];
  readonly depth: number;
}

function levelFrom(walk: Walk): Answer<Graph> {
  const { graph, level, depth } = walk;
  if (level.length === 0) return graph;
  return after(firstOutcome(level, ask, walk), () => {
    const further = new Set(level.flatMap((address) => graph.get(address) ?? []));
    return levelFrom({ ...walk, level: [...further].filter((address) => !graph.has(address)), depth: depth + 1 });
  });
}

function ask(address: string, { start, next, graph, depth }: Walk): Answer<undefined> {
  if (depth > maxDepth || graph.size >= maxAddresses) throw new TemporaryError(`${start} leads to ever more addresses`);
  return after(next(address), (targets) => {
    graph.set(address, targets);
    return undefined;
  });
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
