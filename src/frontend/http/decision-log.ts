/** The last decisions of one process, for people who look. */
import type { Decision } from "../decision.ts";
import type { KeptDecision } from "./api.ts";
import { type DecisionFilter, matches } from "./decision-filter.ts";

/** How many are kept, whatever they hold. */
export const maxDecisions = 10_000;
/** Over all of them. */
const maxOctets = 16 * 1_048_576;

/** What one takes besides its texts. */
const entryOctets = 500;
/** Of a list; the log has them all. */
const maxResolved = 20;

interface Entry {
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly decision: Decision;
  readonly error: string | undefined;
  readonly octets: number;
}

interface Watcher {
  readonly filter: DecisionFilter;
  readonly onDecision: (decision: KeptDecision) => void;
}

export class DecisionLog {
  readonly #process: string;
  readonly #now: () => number;
  readonly #entries: (Entry | undefined)[];
  /** Of the next one. */
  #number = 0;
  /** Of the oldest one. */
  #first = 0;
  #octets = 0;
  readonly #watchers = new Set<Watcher>();

  /** `process` tells its decisions from those of others. `now`: milliseconds since 1970. */
  constructor(process: string, now: () => number, max = maxDecisions) {
    this.#process = process;
    this.#now = now;
    this.#entries = new Array<Entry | undefined>(max);
  }

  get octets(): number {
    return this.#octets;
  }

  /** When it was added, in milliseconds since 1970. */
  add(decision: Decision, error: string | undefined): number {
    const kept = decision.resolved.length > maxResolved ? { ...decision, resolved: decision.resolved.slice(0, maxResolved) } : decision;
    const at = this.#now();
    const entry: Entry = { number: this.#number, at, decision: kept, error, octets: octetsOf(kept, error) };
    if (this.#number - this.#first === this.#entries.length) this.#drop();
    this.#entries[this.#number % this.#entries.length] = entry;
    this.#number += 1;
    this.#octets += entry.octets;
    while (this.#octets > maxOctets) this.#drop();
    for (const { filter, onDecision } of this.#watchers) if (matches(kept, filter)) onDecision(this.#shown(entry));
    return at;
  }

  /** The last ones that match, oldest first. */
  last(filter: DecisionFilter, limit: number): readonly KeptDecision[] {
    const found: KeptDecision[] = [];
    for (let number = this.#number - 1; number >= this.#first && found.length < limit; number--) {
      const entry = this.#entries[number % this.#entries.length];
      if (entry !== undefined && matches(entry.decision, filter)) found.push(this.#shown(entry));
    }
    return found.reverse();
  }

  /** Calls with each that follows and matches, until what it returns is called. */
  watch(filter: DecisionFilter, onDecision: (decision: KeptDecision) => void): () => void {
    const watcher: Watcher = { filter, onDecision };
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #drop(): void {
    const index = this.#first % this.#entries.length;
    this.#octets -= this.#entries[index]?.octets ?? 0;
    this.#entries[index] = undefined;
    this.#first += 1;
  }

  #shown({ number, at, decision, error }: Entry): KeptDecision {
    const time = new Date(at).toISOString();
    return { id: `${this.#process}${number}`, time, ...decision, ...(error !== undefined && { error }) };
  }
}

/** At most, since letters beyond Latin-1 take two. */
function octetsOf({ clientName, helo, auth, sender, recipient, instance, reply, resolved }: Decision, error = ""): number {
  let letters =
    clientName.length + helo.length + auth.length + sender.length + recipient.length + instance.length + reply.length + error.length;
  for (const address of resolved) letters += address.length;
  return entryOctets + 2 * letters;
}
