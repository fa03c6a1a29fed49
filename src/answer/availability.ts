/** Whether a source works, reported once a change, so that an outage is one log line and its end another. */

/** `up` false comes with its `cause`; true means that all is well again. */
export type OnAvailability = (name: string, up: boolean, cause?: unknown) => void;

/** More kinds of failure at once than this are one failure. */
const maxFailing = 100;

/** What fails is named: the whole source, or one statement of it that cannot work while others do. */
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
    this.#failing.add(what);
    this.#onAvailability(this.#name, false, cause);
  }

  worked(...what: readonly string[]): void {
    if (this.#failing.size === 0) return;
    for (const each of what) this.#failing.delete(each);
    if (this.#failing.size === 0) this.#onAvailability(this.#name, true);
  }
}
