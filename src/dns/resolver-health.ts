/** Whether the resolvers work: when they cannot tell of several names in a row, and then not of the root either, they do not. */
import type { Availability } from "../answer/availability.ts";

/** Names in a row. Of a few of them any resolver cannot tell: whose servers are away, or wrong. */
const maxUntold = 3;

export class ResolverHealth {
  readonly #askRoot: () => Promise<unknown>;
  readonly #availability: Availability;
  readonly #untold = new Set<string>();
  #isDown = false;
  #isAsking = false;
  #isClosed = false;

  /** `askRoot` rejects when nobody can tell. */
  constructor(askRoot: () => Promise<unknown>, availability: Availability) {
    this.#askRoot = askRoot;
    this.#availability = availability;
  }

  /** That there is none is an answer. */
  answered(): void {
    if (this.#untold.size === 0) return;
    this.#untold.clear();
    this.#isDown = false;
    this.#availability.worked("");
  }

  failed(name: string): void {
    if (this.#untold.size >= maxUntold) return;
    this.#untold.add(name);
    if (this.#untold.size === maxUntold) void this.#ask();
  }

  /** To be called now and then: an outage ends though nobody asks. */
  refresh(): void {
    if (this.#isDown) void this.#ask();
  }

  close(): void {
    this.#isClosed = true;
  }

  async #ask(): Promise<void> {
    if (this.#isAsking || this.#isClosed) return;
    this.#isAsking = true;
    try {
      await this.#askRoot();
      if (!this.#isClosed) this.answered();
    } catch (error) {
      // There may have been an answer meanwhile.
      if (this.#isClosed || this.#untold.size < maxUntold) return;
      this.#isDown = true;
      this.#availability.failed("", error);
    } finally {
      this.#isAsking = false;
    }
  }
}
