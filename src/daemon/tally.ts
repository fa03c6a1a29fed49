/** What many decisions come to: a line in the log now and then, from one process for all that decide. */
import type { Decision } from "../frontend/decision.ts";
import { SayOnce } from "../frontend/say-once.ts";
import type { ThrottledKey } from "../stage/core.ts";
import { hourMs } from "../text/duration.ts";
import type { Logger } from "./log.ts";
import { logSummary, logThrottled, logThrottledFull, logThrottleOver } from "./log-lines.ts";
import { Summary, summedAs } from "./summary.ts";
import { maxKeys, type Refusals, refusalOf, ThrottledKeys } from "./throttled-keys.ts";

export interface Tally {
  decided(decision: Decision): void;
  throttled(key: ThrottledKey): void;
  /** To be called once a second; `now`: milliseconds since 1970. */
  tick(now: number): void;
}

/** What a worker has counted since it last sent this. */
export interface SentTally {
  readonly counts: readonly (readonly [what: string, count: number])[];
  readonly refusals: readonly Refusals[];
}

/** Of the process that reports it. */
export class LoggedTally implements Tally {
  readonly #logger: Logger;
  readonly #summary = new Summary(Date.now());
  readonly #keys = new ThrottledKeys();
  /** Throttles with too many keys at their limit. */
  readonly #full = new SayOnce(hourMs);

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  decided(decision: Decision): void {
    this.#summary.count(summedAs(decision), 1);
  }

  throttled(key: ThrottledKey): void {
    this.#refused(refusalOf(key));
  }

  /** Of another process. */
  add({ counts, refusals }: SentTally): void {
    for (const [what, count] of counts) this.#summary.count(what, count);
    for (const refusal of refusals) this.#refused(refusal);
  }

  tick(now: number): void {
    const summed = this.#summary.due(now);
    if (summed !== undefined) logSummary(this.#logger, summed);
    for (const over of this.#keys.over(now)) logThrottleOver(this.#logger, over);
  }

  #refused(refusals: Refusals): void {
    const atLimit = this.#keys.refused(refusals);
    if (atLimit === undefined) return;
    if (atLimit !== "full") logThrottled(this.#logger, atLimit);
    else if (this.#full.allows(refusals.throttle.name)) logThrottledFull(this.#logger, refusals.throttle);
  }
}

/** Of a worker, which sends what it has counted once a second. */
export class WorkerTally implements Tally {
  readonly #send: (tally: SentTally) => void;
  #counts = new Map<string, number>();
  #refusals = new Map<string, Refusals>();

  constructor(send: (tally: SentTally) => void) {
    this.#send = send;
  }

  decided(decision: Decision): void {
    const what = summedAs(decision);
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  throttled(throttled: ThrottledKey): void {
    const refusal = refusalOf(throttled);
    const id = `${refusal.throttle.id} ${refusal.key}`;
    const known = this.#refusals.get(id);
    // With one more than can be followed it shows that they are too many.
    if (known === undefined && this.#refusals.size > maxKeys) return;
    this.#refusals.set(id, known === undefined ? refusal : { ...refusal, refused: known.refused + 1 });
  }

  tick(): void {
    if (this.#counts.size === 0 && this.#refusals.size === 0) return;
    this.#send({ counts: [...this.#counts], refusals: [...this.#refusals.values()] });
    this.#counts = new Map();
    this.#refusals = new Map();
  }
}
