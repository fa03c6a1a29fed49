/** The last decisions of one process, for people who look. They are kept as text, and read only when somebody does. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { LastTexts } from "../../text/last-texts.ts";
import type { WrittenDecision } from "../written-decision.ts";
import type { DecisionPage, KeptDecision, Mark, Refused } from "./api.ts";
import { type DecisionFilter, matches } from "./decision-filter.ts";
import { mostCounted, RefusedCount } from "./refused.ts";

/** How many are kept, whatever they hold. */
export const maxDecisions = 10_000;
/** Over all of them. */
const maxOctets = 16 * 1_048_576;

/** Read in one turn of the loop, over all who look, so that nobody who waits for a decision waits for them. */
export const readPerTurn = 100;

/** Where those are that somebody asked for, oldest first. */
export interface FoundDecisions {
  readonly numbers: readonly number[];
  /** When they were added, in milliseconds since 1970. */
  readonly times: readonly number[];
  /** As of a `DecisionPage`. */
  readonly missed: number;
  readonly mark: Mark;
}

export class DecisionLog {
  readonly #process: string;
  readonly #now: () => number;
  readonly #texts: LastTexts;
  /** Milliseconds since 1970, by number modulo how many are kept. */
  readonly #times: Float64Array;
  readonly #watchers = new Set<(decision: string) => void>();
  #reading: Promise<void> = Promise.resolve();

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
  async find(filter: DecisionFilter, limit: number, since?: Mark): Promise<FoundDecisions> {
    const from = since?.[this.#process] ?? 0;
    const next = this.#texts.next;
    const isFiltered = Object.keys(filter).length > 0;
    const mustCount = since !== undefined && isFiltered;
    const numbers: number[] = [];
    let beyond = 0;
    let number = next;
    while (number > Math.max(this.#texts.first, from) && (numbers.length < limit || mustCount)) {
      number -= 1;
      if (!isFiltered || matches(this.#decision(number), filter)) {
        if (numbers.length < limit) numbers.push(number);
        else beyond += 1;
      }
      if (isFiltered && (next - number) % readPerTurn === 0) await this.#turn();
    }
    const missed = since === undefined ? 0 : beyond + Math.max(0, number - from);
    numbers.reverse();
    return { numbers, times: numbers.map((each) => this.#timeOf(each)), missed, mark: { [this.#process]: next } };
  }

  /** The same, with what they are. */
  async last(filter: DecisionFilter, limit: number, since?: Mark): Promise<DecisionPage> {
    const { numbers, missed, mark } = await this.find(filter, limit, since);
    return { count: numbers.length, texts: this.#portions(numbers), missed, mark };
  }

  async *#portions(numbers: readonly number[]): AsyncGenerator<readonly string[]> {
    for (let from = 0; from < numbers.length; from += readPerTurn) yield await this.read(numbers.slice(from, from + readPerTurn));
  }

  /** As the JSON of a `KeptDecision` each, at most `readPerTurn`; without those that are kept no longer. */
  async read(numbers: readonly number[]): Promise<readonly string[]> {
    await this.#turn();
    return numbers.filter((number) => number >= this.#texts.first).map((number) => this.#keptText(number));
  }

  /** What is refused most among those that match. */
  async refused(filter: DecisionFilter): Promise<Refused> {
    const count = new RefusedCount();
    const { next } = this.#texts;
    let number = next;
    while (number > this.#texts.first) {
      number -= 1;
      const decision = this.#decision(number);
      if (matches(decision, filter)) count.add(decision);
      if ((next - number) % readPerTurn === 0) await this.#turn();
    }
    return count.most(mostCounted);
  }

  /** Calls with each that follows, as the JSON of a `KeptDecision`, until what it returns is called. */
  watch(onDecision: (decision: string) => void): () => void {
    this.#watchers.add(onDecision);
    return () => this.#watchers.delete(onDecision);
  }

  /** Resolves in a turn of the loop in which nobody else reads. */
  #turn(): Promise<void> {
    this.#reading = this.#reading.then(() => nextTurn());
    return this.#reading;
  }

  #decision(number: number): KeptDecision {
    // It was written here.
    return JSON.parse(this.#keptText(number)) as KeptDecision;
  }

  #keptText(number: number): string {
    return this.#keptJson(number, this.#timeOf(number), this.#texts.text(number));
  }

  #timeOf(number: number): number {
    return this.#times[number % this.#times.length] ?? 0;
  }

  #keptJson(number: number, at: number, json: string): string {
    return `{"id":"${this.#process}${number}","time":"${new Date(at).toISOString()}",${json.slice(1)}`;
  }
}
