/** Plain numbers, counted where things happen and made into an observation when somebody asks. */
import type { StageName } from "../../stage/stage-result.ts";
import type { Decision, VerdictKind } from "../decision.ts";
import { bucketSeconds, type DecisionCount, type Histogram } from "./observation.ts";

export class Timing {
  readonly #counts = new Array<number>(bucketSeconds.length + 1).fill(0);
  #count = 0;
  #sum = 0;
  #max = 0;

  add(seconds: number): void {
    let bucket = 0;
    while (bucket < bucketSeconds.length && seconds > (bucketSeconds[bucket] ?? 0)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count += 1;
    this.#sum += seconds;
    if (seconds > this.#max) this.#max = seconds;
  }

  histogram(): Histogram {
    return { counts: [...this.#counts], count: this.#count, sum: this.#sum, max: this.#max };
  }
}

const stages: readonly StageName[] = ["connect", "ehlo", "mail", "rcpt", "vrfy", "expn"];
const verdicts: readonly VerdictKind[] = ["pass", "reject", "defer", "disconnect"];

/** The verdicts of a stage, then the same in shadow mode. */
const perStage = 2 * verdicts.length;

/** Decisions of one listener. */
export class DecisionCounter {
  /** By reason, of which there are few; then by stage and verdict. */
  readonly #byReason = new Map<string, number[]>();
  /** Milliseconds since 1970. */
  lastAt: number | undefined;

  add({ reason, stage, verdict, would }: Pick<Decision, "reason" | "stage" | "verdict" | "would">): void {
    let counts = this.#byReason.get(reason);
    if (counts === undefined) {
      counts = new Array<number>(stages.length * perStage).fill(0);
      this.#byReason.set(reason, counts);
    }
    const at =
      stages.indexOf(stage) * perStage + (would === undefined ? verdicts.indexOf(verdict) : verdicts.length + verdicts.indexOf(would));
    counts[at] = (counts[at] ?? 0) + 1;
  }

  counts(listener: string): readonly DecisionCount[] {
    return [...this.#byReason].flatMap(([reason, counts]) =>
      counts.flatMap((count, at): readonly DecisionCount[] => {
        const stage = stages[Math.floor(at / perStage)];
        const verdict = verdicts[at % verdicts.length];
        if (count === 0 || stage === undefined || verdict === undefined) return [];
        return [{ listener, stage, verdict, reason, shadow: at % perStage >= verdicts.length, count }];
      }),
    );
  }
}
