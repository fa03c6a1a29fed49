/** What was made of answers of the DNS, kept until the first of them has to be asked for again: whoever is known costs one look into a cache. */
import type { Answer } from "../answer/answer.ts";
import { AnswerCache, type AnswerText, notFresh } from "../answer/answer-cache.ts";
import type { DnsType } from "../expr/ask.ts";
import type { DnsSource, KeepingDns } from "./dns.ts";

interface OutcomesOptions<T> {
  readonly dns: KeepingDns;
  /** Milliseconds; it never goes back. */
  readonly now: () => number;
  /** Kept, and as many for which there is nothing in the DNS; 0 keeps none. */
  readonly entries: number;
  /** Whether there is something. */
  readonly exists: (outcome: T) => boolean;
  readonly text: AnswerText<T>;
}

export class Outcomes<T> {
  readonly #options: OutcomesOptions<T>;
  readonly #kept: AnswerCache<T>;

  constructor(options: OutcomesOptions<T>) {
    this.#options = options;
    this.#kept = new AnswerCache(options.entries, options.text);
  }

  /** `undefined`: none is kept, or no longer. */
  get(key: string): T | undefined {
    const fresh = this.#kept.fresh(key, this.#options.now());
    return fresh === notFresh ? undefined : fresh;
  }

  /** `key` is all that the outcome depends on, besides the DNS. */
  make(key: string, make: (grounds: Grounds) => Answer<T>): Answer<T> {
    const grounds = new Grounds(this.#options.dns);
    const made = make(grounds);
    return made instanceof Promise ? made.then((outcome) => this.#keep(key, outcome, grounds)) : this.#keep(key, made, grounds);
  }

  #keep(key: string, value: T, { freshUntil }: Grounds): T {
    const { now, exists } = this.#options;
    if (now() < freshUntil) this.#kept.set(key, { value, exists: exists(value), freshUntil, staleUntil: freshUntil });
    return value;
  }
}

/** What an outcome stands on. */
export class Grounds implements DnsSource {
  readonly #dns: KeepingDns;
  #freshUntil = Number.POSITIVE_INFINITY;

  constructor(dns: KeepingDns) {
    this.#dns = dns;
  }

  get freshUntil(): number {
    return this.#freshUntil;
  }

  query(name: string, type: DnsType): Answer<readonly string[] | undefined> {
    try {
      const answer = this.#dns.query(name, type);
      if (answer instanceof Promise) return answer.finally(() => this.#note(name, type));
      this.#note(name, type);
      return answer;
    } catch (error) {
      this.keepNothing();
      throw error;
    }
  }

  /** The outcome is that of this time only. */
  keepNothing(): void {
    this.#freshUntil = Number.NEGATIVE_INFINITY;
  }

  /** What nobody can tell is not kept. */
  #note(name: string, type: DnsType): void {
    this.#freshUntil = Math.min(this.#freshUntil, this.#dns.freshUntil(name, type));
  }
}
