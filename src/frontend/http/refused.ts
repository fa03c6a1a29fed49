/** What is refused most, among decisions. */
import { networkOf } from "../../mail/ip.ts";
import type { Counted, KeptDecision, Refused } from "./api.ts";
import { outcomeOf } from "./decision-filter.ts";

/** Of each kind. */
export const shownRefused = 20;
/** The same, of a part that is added to others. */
export const mostCounted = 1000;

export class RefusedCount {
  #since: string | null = null;
  #decisions = 0;
  #refused = 0;
  readonly #reasons = new Map<string, number>();
  readonly #networks = new Map<string, number>();
  readonly #recipients = new Map<string, number>();

  add(decision: KeptDecision): void {
    const { time, reason, client, recipient } = decision;
    this.#from(time);
    this.#decisions += 1;
    if (outcomeOf(decision) === "pass") return;
    this.#refused += 1;
    count(this.#reasons, reason, 1);
    count(this.#networks, client === "" ? "" : networkOf(client, 24, 64), 1);
    count(this.#recipients, recipient.toLowerCase(), 1);
  }

  /** What others were counted to. */
  addCounted({ since, decisions, refused, byReason, byNetwork, byRecipient }: Refused): void {
    if (since !== null) this.#from(since);
    this.#decisions += decisions;
    this.#refused += refused;
    for (const each of byReason) count(this.#reasons, each.value, each.count);
    for (const each of byNetwork) count(this.#networks, each.value, each.count);
    for (const each of byRecipient) count(this.#recipients, each.value, each.count);
  }

  /** The most frequent, so many of each kind. */
  most(number: number): Refused {
    return {
      ...{ since: this.#since, decisions: this.#decisions, refused: this.#refused },
      byReason: mostFrequent(this.#reasons, number),
      byNetwork: mostFrequent(this.#networks, number),
      byRecipient: mostFrequent(this.#recipients, number),
    };
  }

  /** All times are written alike. */
  #from(time: string): void {
    if (this.#since === null || time < this.#since) this.#since = time;
  }
}

function count(counts: Map<string, number>, value: string, times: number): void {
  if (value !== "") counts.set(value, (counts.get(value) ?? 0) + times);
}

function mostFrequent(counts: ReadonlyMap<string, number>, number: number): readonly Counted[] {
  return [...counts]
    .map(([value, times]) => ({ value, count: times }))
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
    .slice(0, number);
}
