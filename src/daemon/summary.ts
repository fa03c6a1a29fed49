/** How often each thing was decided, for a line in the log now and then. */
import type { Decision } from "../frontend/decision.ts";
import { hourMs } from "../text/duration.ts";

export interface Summed {
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly decisions: number;
  /** By verdict and reason, as `reject unknown-mailbox`, the most frequent first; in shadow mode `would-reject unknown-mailbox`. */
  readonly counts: Readonly<Record<string, number>>;
}

export function summedAs({ verdict, would, reason }: Pick<Decision, "verdict" | "would" | "reason">): string {
  return `${would === undefined ? verdict : `would-${would}`} ${reason}`;
}

export class Summary {
  #since: number;
  /** Verdicts and reasons are few. */
  #counts = new Map<string, number>();

  /** `now`: milliseconds since 1970, as in `due`. */
  constructor(now: number) {
    this.#since = now;
  }

  /** `what`: as `summedAs` has it. */
  count(what: string, count: number): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + count);
  }

  /** Once an hour what was counted meanwhile; `undefined`: nothing, or it is too early. */
  due(now: number): Summed | undefined {
    if (now >= this.#since && now - this.#since < hourMs) return undefined;
    const since = this.#since;
    const sorted = [...this.#counts].sort(([, one], [, other]) => other - one);
    this.#since = now;
    this.#counts = new Map();
    if (sorted.length === 0) return undefined;
    return { since, decisions: sorted.reduce((sum, [, count]) => sum + count, 0), counts: Object.fromEntries(sorted) };
  }
}
