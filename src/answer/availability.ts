/** Whether a source works, reported at each change; and which changes make one outage. */
import { kindOf } from "./cause-kind.ts";

/** `up` false comes with its `cause`; true means that all is well again. `isSame`: what failed already fails by another cause now. */
export type OnAvailability = (name: string, up: boolean, cause?: unknown, isSame?: boolean) => void;

/** More kinds of failure at once than this are one failure. */
const maxFailing = 100;

/** The whole source, as opposed to one statement of it. */
const all = "";

/** What fails is named: the whole source by "", or one statement of it that cannot work while others do. */
export class Availability {
  readonly #name: string;
  readonly #onAvailability: OnAvailability;
  /** By which kind of cause. */
  readonly #failing = new Map<string, string>();

  constructor(name: string, onAvailability: OnAvailability) {
    this.#name = name;
    this.#onAvailability = onAvailability;
  }

  failed(what: string, cause: unknown): void {
    const kind = kindOf(cause);
    const known = this.#failing.get(what);
    if (known === kind || (known === undefined && this.#failing.size >= maxFailing)) return;
    // While all of the source fails, that one of its statements does is not news.
    const isNews = what === all || !this.#failing.has(all);
    this.#failing.set(what, kind);
    if (isNews) this.#onAvailability(this.#name, false, cause, known !== undefined);
  }

  worked(...what: readonly string[]): void {
    if (this.#failing.size === 0) return;
    for (const each of what) this.#failing.delete(each);
    if (this.#failing.size === 0) this.#onAvailability(this.#name, true);
  }
}

/** An outage is over when the source has worked for so long without failing again: one answer proves little. */
const steadyMs = 10_000;

/** Calls once when `ms` have passed, unless it is cancelled by what it returns. */
export type Later = (call: () => void, ms: number) => () => void;

/** Another cause is news when it is there a minute after the last report: what goes down or comes up fails in several ways. */
const sameCauseMs = 60_000;

/** What fails in more ways in one outage has been said often enough. */
const maxCauses = 8;

/** Of one source. */
interface Outage {
  /** The kinds of its causes that were reported. */
  readonly said: Set<string>;
  /** Not reported yet, and what fails now. */
  next: { readonly cause: unknown } | undefined;
  /** While it works: keeps the outage from ending. */
  cancelEnd: (() => void) | undefined;
  /** While a further cause waits. */
  cancelQuiet: (() => void) | undefined;
}

/**
 * Reports each outage once and its end once, also of a source that fails and works in turns, as a slow one does; and each further cause
 * in it.
 */
export function reportOutages(report: OnAvailability, later: Later): OnAvailability {
  const outages = new Map<string, Outage>();
  const say = (name: string, outage: Outage, cause: unknown) => {
    outage.next = undefined;
    outage.said.add(kindOf(cause));
    outage.cancelQuiet?.();
    outage.cancelQuiet = later(() => {
      outage.cancelQuiet = undefined;
      if (outage.next !== undefined && outage.cancelEnd === undefined) say(name, outage, outage.next.cause);
    }, sameCauseMs);
    report(name, false, cause);
  };
  return (name, up, cause, isSame = false) => {
    const known = outages.get(name);
    const outage = known ?? { said: new Set(), next: undefined, cancelEnd: undefined, cancelQuiet: undefined };
    const isRelapse = outage.cancelEnd !== undefined;
    outage.cancelEnd?.();
    outage.cancelEnd = undefined;
    outages.set(name, outage);
    if (up) {
      outage.cancelEnd = later(() => {
        outage.cancelQuiet?.();
        outages.delete(name);
        report(name, true);
      }, steadyMs);
      return;
    }
    // A further failure of another kind is news at once.
    if (known === undefined || !(isRelapse || isSame)) return say(name, outage, cause);
    outage.next = outage.said.has(kindOf(cause)) || outage.said.size >= maxCauses ? undefined : { cause };
    if (outage.next !== undefined && outage.cancelQuiet === undefined) say(name, outage, cause);
  };
}
