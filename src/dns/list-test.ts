/** Whether a DNS list answers as lists do: what it says of its test points (RFC 5782 section 5), each of which is judged by itself. */
import type { Answer } from "../answer/answer.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import type { DnsListSubject } from "../expr/ask.ts";
import { hourMs } from "../text/duration.ts";
import { type TestPoint, testPoints } from "./list-name.ts";

/** How often all are asked, and how soon again those that have no answer. */
const testMs = hourMs;
const testAgainMs = 60_000;

interface Tested extends TestPoint {
  /** What was said last; `undefined`: nothing yet. */
  isThere?: boolean;
  /** The last question had no answer. */
  failure?: TemporaryError | undefined;
}

export class ListTest {
  readonly #points: readonly Tested[];
  readonly #isThere: (name: string) => Answer<boolean>;
  readonly #now: () => number;
  #allAt = Number.NEGATIVE_INFINITY;
  #againAt = Number.POSITIVE_INFINITY;

  /** `isThere` asks about a name below the zone; `now` is in milliseconds. */
  constructor(of: DnsListSubject, isThere: (name: string) => Answer<boolean>, now: () => number) {
    this.#points = testPoints(of);
    this.#isThere = isThere;
    this.#now = now;
  }

  get hasBegun(): boolean {
    return this.#allAt > Number.NEGATIVE_INFINITY;
  }

  get isDue(): boolean {
    return this.#now() >= Math.min(this.#allAt, this.#againAt);
  }

  /** Those that are due. */
  async askDue(): Promise<void> {
    if (this.#now() >= this.#allAt) return this.askAll();
    await this.#ask(this.#points.filter(({ failure }) => failure !== undefined));
  }

  async askAll(): Promise<void> {
    this.#allAt = this.#now() + testMs;
    await this.#ask(this.#points);
  }

  async #ask(points: readonly Tested[]): Promise<void> {
    this.#againAt = Number.POSITIVE_INFINITY;
    await Promise.all(points.map((point) => this.#askOne(point)));
    if (this.failures.length > 0) this.#againAt = this.#now() + testAgainMs;
  }

  async #askOne(point: Tested): Promise<void> {
    try {
      point.isThere = await this.#isThere(point.name);
      point.failure = undefined;
    } catch (error) {
      if (!(error instanceof TemporaryError)) throw error;
      point.failure = error;
    }
  }

  /** What it must not have, but has. */
  get wrong(): string | undefined {
    return this.#points.find(({ isListed, isThere }) => !isListed && isThere)?.about;
  }

  /** What it must have, but has not. */
  get missing(): string | undefined {
    return this.#points.find(({ isListed, isThere }) => isListed && isThere === false)?.about;
  }

  get failures(): readonly TemporaryError[] {
    return this.#points.flatMap(({ failure }) => failure ?? []);
  }

  get allFailed(): boolean {
    return this.failures.length === this.#points.length;
  }
}
