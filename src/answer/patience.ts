/** How long one request waits: for each source, in all, only so long as one question to it may take, however many it has. */
import type { Answer } from "./answer.ts";
import type { Later } from "./availability.ts";
import { TemporaryError } from "./temporary-error.ts";

/** Whatever may keep those who ask it waiting. */
export interface WaitedFor {
  /** As messages name it; two of one name are one source. */
  readonly name: string;
  /** Deadline of one question. */
  readonly timeoutMs: number;
  /** Each answer comes, or fails, within that time by itself. Default: an answer may take several questions. */
  readonly keepsDeadline?: boolean;
  /** That an answer says that nobody can tell. Default: whoever cannot tell fails. */
  readonly failureOf?: (answer: unknown) => TemporaryError | undefined;
  /** Called when a request waits no longer, though each answer may still have come within its deadline. */
  readonly onLate: (error: TemporaryError) => void;
}

/** An answer that had to be waited for has come after so long, or has failed. */
export type OnWaited = (source: WaitedFor, ms: number, error?: unknown) => void;

export class Patience {
  readonly #now: () => number;
  readonly #later: Later;
  readonly #onWaited: OnWaited | undefined;
  readonly #asks: boolean;
  /** By the name of the source. */
  #waitedMs: Map<string, number> | undefined;
  /** That keeps its deadline, which is ours as well. How long it took is measured when the next one is asked, and mostly none is. */
  #trusted: WaitedFor | undefined;
  #trustedSince = 0;

  /** For one request. `now` in milliseconds; it never goes back. `asks` false: it waits for nothing at all. */
  constructor(now: () => number, later: Later, onWaited?: OnWaited, asks = true) {
    this.#asks = asks;
    this.#now = now;
    this.#later = later;
    this.#onWaited = onWaited;
  }

  /** Asks nothing when the time for this source is up. What is asked goes on when nobody waits for it any longer, and may be kept. */
  wait<T>(source: WaitedFor, ask: () => Answer<T>): Answer<T> {
    if (!this.#asks) return Promise.reject(new TemporaryError(`${source.name} is not asked`));
    this.#measure();
    const leftMs = source.timeoutMs - this.#waited(source);
    if (leftMs <= 0) return Promise.reject(tooLate(source));
    const answer = ask();
    if (!(answer instanceof Promise)) return answer;
    if (this.#onWaited !== undefined) this.#report(source, answer, this.#onWaited);
    if (source.keepsDeadline !== true || leftMs < source.timeoutMs) return this.#within(leftMs, source, answer);
    this.#trusted = source;
    this.#trustedSince = this.#now();
    return answer;
  }

  #report(source: WaitedFor, answer: Promise<unknown>, onWaited: OnWaited): void {
    const startedAt = this.#now();
    answer.then(
      (value) => onWaited(source, this.#now() - startedAt, source.failureOf?.(value)),
      (error: unknown) => onWaited(source, this.#now() - startedAt, error),
    );
  }

  #measure(): void {
    if (this.#trusted === undefined) return;
    this.#add(this.#trusted, this.#now() - this.#trustedSince);
    this.#trusted = undefined;
  }

  #within<T>(leftMs: number, source: WaitedFor, answer: Promise<T>): Promise<T> {
    const startedAt = this.#now();
    return new Promise((resolve, reject) => {
      const callOff = this.#later(() => {
        this.#add(source, leftMs);
        reject(tooLate(source));
      }, leftMs);
      const answered = () => {
        callOff();
        this.#add(source, this.#now() - startedAt);
      };
      answer.then(
        (value) => {
          answered();
          resolve(value);
        },
        (error: unknown) => {
          answered();
          reject(error);
        },
      );
    });
  }

  #waited({ name }: WaitedFor): number {
    return this.#waitedMs?.get(name) ?? 0;
  }

  #add(source: WaitedFor, ms: number): void {
    this.#waitedMs ??= new Map();
    this.#waitedMs.set(source.name, this.#waited(source) + ms);
  }
}

/** Without a source there is nothing to wait for; without patience it is waited for as long as it takes. */
export function waitPatiently<T>(patience: Patience | undefined, source: WaitedFor | undefined, ask: () => Answer<T>): Answer<T> {
  return patience === undefined || source === undefined ? ask() : patience.wait(source, ask);
}

function tooLate(source: WaitedFor): TemporaryError {
  const error = new TemporaryError(`${source.name}: one request has waited ${source.timeoutMs} ms for its answers`);
  source.onLate(error);
  return error;
}
