/**
 * A DNS list (RFC 5782): which codes it has for an address or a domain. Only codes that the configuration names count; an error of the
 * list is no listing, and a list that lists its test address, hence everything, is not asked until it is well again. Its zone may hold
 * a key, so no message has it.
 */
import { type Answer, after } from "../answer/answer.ts";
import { asList } from "../answer/answer-cache.ts";
import { Availability, type Later, type OnAvailability } from "../answer/availability.ts";
import type { WaitedFor } from "../answer/patience.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import type { DnsListSubject } from "../expr/ask.ts";
import { codeOf } from "../text/error-code.ts";
import type { DnsSource, KeepingDns } from "./dns.ts";
import { type CodePattern, parseCodes } from "./list-codes.ts";
import { listName } from "./list-name.ts";
import { ListTest } from "./list-test.ts";
import { Outcomes } from "./outcomes.ts";
import { Silence } from "./silence.ts";

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
  readonly #test: ListTest;
  readonly #silence = new Silence();
  /** One question that nobody waits for is under way. */
  #isAskingAhead = false;
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
    const isThere = (name: string) =>
      after(this.#lookUp(`${name}.${settings.zone}`, dns), (codes) => {
        this.#silence.answered();
        return codes.length > 0;
      });
    this.#test = new ListTest(settings.of, isThere, now);
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
    if (!this.#test.hasBegun) this.test().catch(reported);
    return this.#firstTest === undefined ? this.#askUnlessOff(about, name) : this.#firstTest.then(() => this.#askUnlessOff(about, name));
  }

  /** To be called now and then: the test points are asked once an hour. */
  testWhenDue(): void {
    if (this.#test.isDue) this.#try(() => this.#test.askDue()).catch(reported);
  }

  /** Asks the test points; rejects with a `TemporaryError` unless all is right. */
  test(): Promise<void> {
    return this.#try(() => this.#test.askAll());
  }

  #try(ask: () => Promise<void>): Promise<void> {
    const isFirst = !this.#test.hasBegun;
    const test = this.#judge(ask);
    if (isFirst) {
      this.#firstTest = test.catch(reported).finally(() => {
        this.#firstTest = undefined;
      });
    }
    return test;
  }

  async #judge(ask: () => Promise<void>): Promise<void> {
    const wasSilent = this.#isSilent();
    await ask();
    const isSilent = this.#isSilent();
    const { wrong, missing, failures } = this.#test;
    this.#listsAll = wrong;
    const failure = failures.find((each) => each instanceof ErrorCode) ?? failures[0];
    const problem = wrong !== undefined ? this.#switchedOff() : (failure ?? (missing === undefined ? undefined : misses(missing)));
    const kind = wrong !== undefined ? everything : failure === undefined ? nothing : failure instanceof ErrorCode ? errorCode : noAnswer;
    if (!isSilent) this.#availability.worked(noAnswer);
    // That some of them have no answer is no news, nor that there still is none.
    if (problem !== undefined && (kind !== noAnswer || (isSilent && !wasSilent))) this.#availability.failed(kind, problem);
    if (failure === undefined) this.#availability.worked(errorCode);
    if (wrong === undefined) this.#availability.worked(everything);
    if (wrong !== undefined || missing === undefined) this.#availability.worked(nothing);
    if (problem !== undefined) throw problem;
  }

  /** It answers nothing about any test point. */
  #isSilent(): boolean {
    const { allFailed, failures } = this.#test;
    return allFailed && !failures.some((each) => each instanceof ErrorCode);
  }

  #switchedOff(): TemporaryError {
    return new TemporaryError(`it is switched off: it lists ${this.#listsAll}, as a list does that lists everything`);
  }

  #askUnlessOff(about: string, name: string): Answer<readonly string[]> {
    if (this.#listsAll !== undefined) throw this.#switchedOff();
    if (this.#silence.isExpected(about, this.#options.now())) return this.#make(about, name);
    this.#askAhead(about, name);
    throw new TemporaryError("it gave no answer in time a moment ago, and is not waited for");
  }

  #make(about: string, name: string): Answer<readonly string[]> {
    return this.#kept.make(about, (grounds) => this.#ask(about, name, grounds));
  }

  /** One at a time is enough to hear that it answers again. */
  #askAhead(about: string, name: string): void {
    if (this.#isAskingAhead) return;
    this.#isAskingAhead = true;
    const ask = async () => this.#make(about, name);
    ask()
      .catch(reported)
      .finally(() => {
        this.#isAskingAhead = false;
      });
  }

  #ask(about: string, name: string, dns: DnsSource): Answer<readonly string[]> {
    const askedAt = this.#options.now();
    try {
      const codes = this.#lookUp(name, dns);
      if (!(codes instanceof Promise)) return this.#answered(about, codes);
      return codes.then(
        (each) => this.#answered(about, each),
        (error: unknown) => this.#failed(about, askedAt, error),
      );
    } catch (error) {
      return this.#failed(about, askedAt, error);
    }
  }

  #answered(about: string, codes: readonly string[]): readonly string[] {
    this.#silence.answered(about);
    this.#availability.worked(noAnswer);
    return codes;
  }

  #failed(about: string, askedAt: number, error: unknown): never {
    if (error instanceof ErrorCode) {
      this.#silence.answered(about);
      this.#availability.worked(noAnswer);
      this.#availability.failed(errorCode, error);
    } else if (error instanceof TemporaryError) {
      this.#silence.failed(about, askedAt, this.#options.now());
      this.#availability.failed(noAnswer, error);
    }
    throw error;
  }

  /** The codes that count. Throws an `ErrorCode`, or a `TemporaryError` for no answer. */
  #lookUp(name: string, dns: DnsSource): Answer<readonly string[]> {
    return after(this.#query(name, dns), (codes) => this.#read(codes));
  }

  #query(name: string, dns: DnsSource): Answer<readonly string[] | undefined> {
    try {
      const answer = dns.query(name, "ipv4");
      return answer instanceof Promise ? this.#inTime(answer).catch(unanswered) : answer;
    } catch (error) {
      return unanswered(error);
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
    if (error !== undefined) throw new ErrorCode(`it answers ${error}, which is an error and no listing: it may refuse your resolver`);
    return codes.filter((code) => this.#listed.some((pattern) => pattern.has(code)));
  }
}

/** An answer that means an error of the list. */
class ErrorCode extends TemporaryError {}

/** The message of the DNS has the zone in it. */
function unanswered(error: unknown): never {
  if (!(error instanceof TemporaryError)) throw error;
  throw new TemporaryError(`it gives no answer: ${codeOf(error.cause) || "none in time"}`);
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
