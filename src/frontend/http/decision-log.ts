/** The last decisions of one process, for people who look. */
import type { Decision } from "../decision.ts";
import type { DecisionPage, KeptDecision, Mark } from "./api.ts";
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

export class DecisionLog {
  readonly #process: string;
  readonly #now: () => number;
  readonly #entries: (Entry | undefined)[];
  /** Of the next one. */
  #number = 0;
  /** Of the oldest one. */
  #first = 0;
  #octets = 0;
  readonly #watchers = new Set<(decision: KeptDecision) => void>();

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
    for (const watcher of this.#watchers) watcher(this.#shown(entry));
    return at;
  }

  /** The last ones that match. `since`: only those that were not there yet, and how many of them are more than `limit`. */
  last(filter: DecisionFilter, limit: number, since?: Mark): DecisionPage {
    const from = since?.[this.#process] ?? 0;
    const found: KeptDecision[] = [];
    let missed = Math.max(0, this.#first - from);
    for (let number = this.#number - 1; number >= Math.max(this.#first, from); number--) {
      const entry = this.#entries[number % this.#entries.length];
      if (entry === undefined || !matches(entry.decision, filter)) continue;
      if (found.length < limit) found.push(this.#shown(entry));
      else if (since === undefined) break;
      else missed += 1;
    }
    return { decisions: found.reverse(), missed: since === undefined ? 0 : missed, mark: { [this.#process]: this.#number } };
  }

  /** Calls with each that follows, until what it returns is called. */
  watch(onDecision: (decision: KeptDecision) => void): () => void {
    this.#watchers.add(onDecision);
    return () => this.#watchers.delete(onDecision);
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
