/** Whether a source works, reported at each change; and which changes make one outage. */

/** `up` false comes with its `cause`; true means that all is well again. */
export type OnAvailability = (name: string, up: boolean, cause?: unknown) => void;

/** More kinds of failure at once than this are one failure. */
const maxFailing = 100;

/** The whole source, as opposed to one statement of it. */
const all = "";

/** What fails is named: the whole source by "", or one statement of it that cannot work while others do. */
export class Availability {
  readonly #name: string;
  readonly #onAvailability: OnAvailability;
  readonly #failing = new Set<string>();

  constructor(name: string, onAvailability: OnAvailability) {
    this.#name = name;
    this.#onAvailability = onAvailability;
  }

  failed(what: string, cause: unknown): void {
    if (this.#failing.has(what) || this.#failing.size >= maxFailing) return;
    // While all of the source fails, that one of its statements does is not news.
    const isNews = !this.#failing.has(all);
    this.#failing.add(what);
    if (isNews) this.#onAvailability(this.#name, false, cause);
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

/** Reports each outage once and its end once, also of a source that fails and works in turns, as a slow one does. */
export function reportOutages(report: OnAvailability, later: Later): OnAvailability {
  /** The sources in an outage; for one that works at present, what cancels the end of the outage. */
  const outages = new Map<string, (() => void) | undefined>();
  return (name, up, cause) => {
    const cancelEnd = outages.get(name);
    cancelEnd?.();
    if (!up) {
      outages.set(name, undefined);
      // A relapse belongs to the outage; a further failure of another kind is news.
      if (cancelEnd === undefined) report(name, false, cause);
      return;
    }
    const end = () => {
      outages.delete(name);
      report(name, true);
    };
    outages.set(name, later(end, steadyMs));
  };
}
