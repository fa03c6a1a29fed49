/**
 * A DNS list (RFC 5782): which codes it has for an address or a domain. Only codes that the configuration names count; an error of the
 * list is no listing, and a list that lists its test address, hence everything, is not asked until it is well again. Its zone may hold
 * a key, so no message has it.
 */
import type { Answer } from "../answer/answer.ts";
import { asList } from "../answer/answer-cache.ts";
import { Availability, type Later, type OnAvailability } from "../answer/availability.ts";
import type { WaitedFor } from "../answer/patience.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import type { DnsListSubject } from "../expr/ask.ts";
import type { DnsSource, KeepingDns } from "./dns.ts";
import { type CodePattern, parseCodes } from "./list-codes.ts";
import { listName, testPoints } from "./list-name.ts";
import { Outcomes } from "./outcomes.ts";

export interface DnsListSettings {
  readonly name: string;
  /** Canonical; a secret. */
  readonly zone: string;
  readonly of: DnsListSubject;
  /** Codes that count, as they are written. */
  readonly listed: readonly string[];
  /** Codes that mean an error; so do all outside 127.0.0.0/8. */
  readonly errors: readonly string[];
  readonly timeoutMs: number;
}

export interface DnsListOptions {
  readonly dns: KeepingDns;
  /** Milliseconds; it never goes back. */
  readonly now: () => number;
  /** Codes of so many addresses or domains are kept, and so many that are not listed. */
  readonly entries: number;
  readonly later: Later;
  /** By the name of the list: it cannot tell, or works again. */
  readonly onAvailability: OnAvailability;
}

/** A request waits for all lists only as long as for one; each says itself when it is late. */
const sourceName = "DNS lists";

/** How often the test points are asked, and how soon again when they could not be told. */
const testMs = 3_600_000;
const testAgainMs = 60_000;

const notListed: readonly string[] = [];

// Kinds of failure.
const noAnswer = "";
const errorCode = "code";
const everything = "everything";
const nothing = "nothing";

const isLoopback = parseCodes("127.0.0.0/8")?.has ?? (() => false);

export class DnsList {
  readonly source: WaitedFor;
  readonly #settings: DnsListSettings;
  readonly #options: DnsListOptions;
  readonly #availability: Availability;
  readonly #listed: readonly CodePattern[];
  readonly #errors: readonly CodePattern[];
  /** By what was asked about. */
  readonly #kept: Outcomes<readonly string[]>;
  #testAt = Number.NEGATIVE_INFINITY;
  /** While it is the first: nothing is believed of a list before. */
  #firstTest: Promise<unknown> | undefined;
  /** The address that it must not have, but has. */
  #listsAll: string | undefined;

  constructor(settings: DnsListSettings, options: DnsListOptions) {
    this.#settings = settings;
    this.#options = options;
    this.#availability = new Availability(settings.name, options.onAvailability);
    this.#listed = patternsOf(settings.listed);
    this.#errors = patternsOf(settings.errors);
    const { dns, now, entries } = options;
    this.#kept = new Outcomes({ dns, now, entries, exists: (codes) => codes.length > 0, text: asList });
    this.source = { name: sourceName, timeoutMs: settings.timeoutMs, onLate: () => {} };
  }

  /** As `codes`, where nobody has to be asked. */
  known(about: string): readonly string[] | undefined {
    return this.#listsAll === undefined ? this.#kept.get(about) : undefined;
  }

  /** The codes that count, of an address or a canonical domain; none: not listed. */
  codes(about: string): Answer<readonly string[]> {
    const known = this.known(about);
    if (known !== undefined) return known;
    const { of, zone } = this.#settings;
    const name = listName(of, about, zone);
    if (name === undefined) return notListed;
    if (this.#testAt === Number.NEGATIVE_INFINITY) this.test().catch(reported);
    return this.#firstTest === undefined ? this.#askUnlessOff(about, name) : this.#firstTest.then(() => this.#askUnlessOff(about, name));
  }

  /** To be called now and then: the test points are asked once an hour. */
  testWhenDue(): void {
    if (this.#options.now() >= this.#testAt) this.test().catch(reported);
  }

  /** Asks the test points; rejects with a `TemporaryError` unless all is right. */
  test(): Promise<void> {
    const isFirst = this.#testAt === Number.NEGATIVE_INFINITY;
    this.#testAt = this.#options.now() + testMs;
    const test = this.#askTestPoints();
    if (isFirst) {
      this.#firstTest = test.catch(reported).finally(() => {
        this.#firstTest = undefined;
      });
    }
    return test;
  }

  async #askTestPoints(): Promise<void> {
    const { of, zone } = this.#settings;
    const points = testPoints(of);
    const codes = await Promise.all(points.map(async ({ name }) => this.#ask(`${name}.${zone}`, this.#options.dns))).catch(
      (error: unknown) => {
        this.#testAt = this.#options.now() + testAgainMs;
        throw error;
      },
    );
    const there = points.filter((_, index) => codes[index]?.length !== 0);
    this.#listsAll = there.find(({ isListed }) => !isListed)?.about;
    const missing = points.find((point) => point.isListed && !there.includes(point))?.about;
    const problem = this.#listsAll !== undefined ? this.#switchedOff() : missing !== undefined ? misses(missing) : undefined;
    const kind = this.#listsAll !== undefined ? everything : nothing;
    if (problem !== undefined) this.#availability.failed(kind, problem);
    this.#availability.worked(...[errorCode, everything, nothing].filter((each) => problem === undefined || each !== kind));
    if (problem !== undefined) throw problem;
  }

  #switchedOff(): TemporaryError {
    return new TemporaryError(`it is switched off: it lists ${this.#listsAll}, as a list does that lists everything`);
  }

  #askUnlessOff(about: string, name: string): Answer<readonly string[]> {
    if (this.#listsAll !== undefined) throw this.#switchedOff();
    return this.#kept.make(about, (grounds) => this.#ask(name, grounds));
  }

  #ask(name: string, dns: DnsSource): Answer<readonly string[]> {
    const answer = this.#query(name, dns);
    return answer instanceof Promise ? answer.then((codes) => this.#read(codes)) : this.#read(answer);
  }

  #query(name: string, dns: DnsSource): Answer<readonly string[] | undefined> {
    try {
      const answer = dns.query(name, "ipv4");
      return answer instanceof Promise ? this.#inTime(answer).catch((error: unknown) => this.#fail(error)) : answer;
    } catch (error) {
      return this.#fail(error);
    }
  }

  #inTime<T>(answer: Promise<T>): Promise<T> {
    const { timeoutMs } = this.#settings;
    return new Promise((resolve, reject) => {
      const callOff = this.#options.later(() => reject(new TemporaryError("late")), timeoutMs);
      answer.finally(callOff).then(resolve, reject);
    });
  }

  #read(codes = notListed): readonly string[] {
    const error = codes.find((code) => !isLoopback(code) || this.#errors.some((pattern) => pattern.has(code)));
    this.#availability.worked(noAnswer);
    if (error === undefined) return codes.filter((code) => this.#listed.some((pattern) => pattern.has(code)));
    const cause = new TemporaryError(`it answers ${error}, which is an error and no listing: it may refuse your resolver`);
    this.#availability.failed(errorCode, cause);
    throw cause;
  }

  /** The message of the DNS has the zone in it. */
  #fail(error: unknown): never {
    if (!(error instanceof TemporaryError)) throw error;
    const { cause } = error;
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "none in time";
    const failure = new TemporaryError(`it gives no answer: ${code}`);
    this.#availability.failed(noAnswer, failure);
    throw failure;
  }
}

/** Of a list that is to be asked all the same. */
function reported(error: unknown): void {
  if (!(error instanceof TemporaryError)) throw error;
}

function misses(about: string): TemporaryError {
  return new TemporaryError(
    `it does not list ${about}, as lists should (RFC 5782): see whether zone and listed are right, and whether it answers your resolver`,
  );
}

function patternsOf(texts: readonly string[]): readonly CodePattern[] {
  return texts.flatMap((text) => parseCodes(text) ?? []);
}
