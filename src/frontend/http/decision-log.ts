/** The last decisions of one process, for people who look. They are kept as text, and read only when somebody does. */
import { setImmediate as turn } from "node:timers/promises";
import { LastTexts } from "../../text/last-texts.ts";
import type { WrittenDecision } from "../written-decision.ts";
import type { DecisionPage, KeptDecision, Mark } from "./api.ts";
import { type DecisionFilter, matches } from "./decision-filter.ts";

/** How many are kept, whatever they hold. */
export const maxDecisions = 10_000;
/** Over all of them. */
const maxOctets = 16 * 1_048_576;

/** Read in one turn of the loop, so that nobody who waits for a decision waits for those who look. */
const readPerTurn = 500;

export class DecisionLog {
  readonly #process: string;
  readonly #now: () => number;
  readonly #texts: LastTexts;
  /** Milliseconds since 1970, by number modulo how many are kept. */
  readonly #times: Float64Array;
  readonly #watchers = new Set<(decision: string) => void>();

  /** `process` tells its decisions from those of others, in letters that JSON does not escape. `now`: milliseconds since 1970. */
  constructor(process: string, now: () => number, max = maxDecisions) {
    this.#process = process;
    this.#now = now;
    this.#texts = new LastTexts(max, maxOctets);
    this.#times = new Float64Array(max);
  }

  /** When it was added, in milliseconds since 1970. */
  add(decision: WrittenDecision): number {
    const at = this.#now();
    const { json } = decision;
    const number = this.#texts.next;
    this.#times[number % this.#times.length] = at;
    this.#texts.add(json);
    for (const watcher of this.#watchers) watcher(this.#keptJson(number, at, json));
    return at;
  }

  /** The last ones that match. `since`: only those that were not there yet, and how many of them are more than `limit`. */
  async last(filter: DecisionFilter, limit: number, since?: Mark): Promise<DecisionPage> {
    const from = since?.[this.#process] ?? 0;
    const next = this.#texts.next;
    const mustCount = since !== undefined && Object.keys(filter).length > 0;
    const found: KeptDecision[] = [];
    let beyond = 0;
    let number = next;
    while (number > Math.max(this.#texts.first, from) && (found.length < limit || mustCount)) {
      number -= 1;
      const decision = this.#decision(number);
      if (matches(decision, filter)) {
        if (found.length < limit) found.push(decision);
        else beyond += 1;
      }
      if ((next - number) % readPerTurn === 0) await turn();
    }
    const missed = since === undefined ? 0 : beyond + Math.max(0, number - from);
    return { decisions: found.reverse(), missed, mark: { [this.#process]: next } };
  }

  /** Calls with each that follows, as the JSON of a `KeptDecision`, until what it returns is called. */
  watch(onDecision: (decision: string) => void): () => void {
    this.#watchers.add(onDecision);
    return () => this.#watchers.delete(onDecision);
  }

  #decision(number: number): KeptDecision {
    const at = this.#times[number % this.#times.length] ?? 0;
    // It was written here.
    return JSON.parse(this.#keptJson(number, at, this.#texts.text(number))) as KeptDecision;
  }

  #keptJson(number: number, at: number, json: string): string {
    return `{"id":"${this.#process}${number}","time":"${new Date(at).toISOString()}",${json.slice(1)}`;
  }
}
