/** How much there was of what over the last day, minute by minute, for plots. */
import type { Series, SeriesName } from "./api.ts";
import { greylistEvents, type Observation } from "./observation.ts";

export const stepSeconds = 60;
const maxSteps = (24 * 3600) / stepSeconds;

const names: readonly SeriesName[] = ["pass", "reject", "defer", "disconnect", "would", ...greylistEvents];

type Totals = Readonly<Record<SeriesName, number>>;

export class History {
  #totals: Totals | undefined;
  readonly #times: number[] = [];
  readonly #series: Readonly<Record<SeriesName, number[]>>;

  constructor() {
    this.#series = perName(() => []);
  }

  /** To be called once a step; `at`: milliseconds since 1970. */
  sample(observation: Observation, at: number): void {
    const totals = totalsOf(observation);
    const before = this.#totals;
    this.#totals = totals;
    if (before === undefined) return;
    this.#times.push(Math.floor(at / 1000));
    for (const name of names) this.#series[name].push(Math.max(0, totals[name] - before[name]));
    if (this.#times.length <= maxSteps) return;
    this.#times.shift();
    for (const name of names) this.#series[name].shift();
  }

  series(): Series {
    return { stepSeconds, times: this.#times, series: this.#series };
  }
}

function totalsOf({ decisions, greylist }: Observation): Totals {
  const totals = perName((name) => (name in greylist ? greylist[name as keyof typeof greylist] : 0));
  for (const { verdict, shadow, count } of decisions) totals[shadow ? "would" : verdict] += count;
  return totals;
}

function perName<T>(of: (name: SeriesName) => T): Record<SeriesName, T> {
  return {
    ...{ pass: of("pass"), reject: of("reject"), defer: of("defer"), disconnect: of("disconnect") },
    ...{ would: of("would"), new: of("new"), early: of("early"), passed: of("passed") },
    ...{ known: of("known"), whitelisted: of("whitelisted") },
  };
}
