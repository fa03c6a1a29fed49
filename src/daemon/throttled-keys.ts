/** Keys that are at the limit of a throttle: each is reported when it gets there and when it is over, however often it is refused. */

import type { ThrottledKey } from "../stage/core.ts";
import type { Throttle } from "../stage/stage-settings.ts";
import { periodOf } from "../state/decide.ts";
import { cleanText } from "../text/controls.ts";

export interface KeyAtLimit {
  readonly throttle: Pick<Throttle, "id" | "name" | "title" | "periodMs" | "window">;
  /** The values separated by spaces, as `postern throttle` has it. */
  readonly key: string;
  /** Refusals so far. */
  readonly refused: number;
}

/** Of one key; data that processes send each other. */
export interface Refusals extends KeyAtLimit {
  /** Of the last one, in milliseconds since the epoch. */
  readonly now: number;
}

/** At once: whoever comes from many addresses fills neither the log nor the memory. */
export const maxKeys = 100;
const maxKeyLength = 200;
/** So long without a refusal, so that a key that comes and goes is not reported each time. */
const quietMs = 60_000;

interface Followed extends KeyAtLimit {
  refused: number;
  /** Milliseconds since the epoch. */
  overAt: number;
}

export function refusalOf({ throttle: { id, name, title, periodMs, window }, values, now }: ThrottledKey): Refusals {
  return { throttle: { id, name, title, periodMs, window }, key: cleanText(values.join(" ").slice(0, maxKeyLength)), refused: 1, now };
}

export class ThrottledKeys {
  readonly #followed = new Map<string, Followed>();

  /** What is to be reported: `full` when there are too many to follow this one. `undefined`: it was reported. */
  refused({ throttle, key, refused, now }: Refusals): KeyAtLimit | "full" | undefined {
    const id = `${throttle.id} ${key}`;
    const known = this.#followed.get(id);
    const followed = known ?? { throttle, key, refused: 0, overAt: 0 };
    followed.refused += refused;
    followed.overAt = Math.max(now + quietMs, endOf(throttle, now));
    if (known !== undefined) return undefined;
    if (this.#followed.size >= maxKeys) return "full";
    this.#followed.set(id, followed);
    return followed;
  }

  /** Those that are over since this was last asked. */
  over(now: number): readonly KeyAtLimit[] {
    const over = [...this.#followed].filter(([, { overAt }]) => overAt <= now);
    for (const [id] of over) this.#followed.delete(id);
    return over.map(([, followed]) => followed);
  }
}

/** When what counts now has ceased to count, if nothing more comes. */
function endOf({ periodMs, window }: KeyAtLimit["throttle"], now: number): number {
  return window === "fixed" ? (periodOf({ now, periodMs, window }) + 1) * periodMs : now + periodMs;
}
