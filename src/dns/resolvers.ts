/** The resolvers of the configuration, or those that the system has now: where one cannot tell the next is asked, as where one is silent. */
import { Resolver } from "node:dns/promises";
import { codeOf } from "../text/error-code.ts";

export interface ResolverSettings {
  /** `192.0.2.1:53`; none: those of the system. */
  readonly resolvers: readonly string[];
  /** Deadline of a whole question. */
  readonly timeoutMs: number;
}

export type Question<T> = (resolver: Resolver) => Promise<T>;

/** Each call has a new one, by what the system says at that time. */
export type SystemResolver = (options?: ConstructorParameters<typeof Resolver>[0]) => Resolver;

interface Servers {
  readonly addresses: string;
  /** It goes on to the next server, and remembers which one is silent, but takes the word of the first that says anything. */
  readonly all: Resolver;
  /** Alone, where there are several; the first one, who has mostly been asked by then, is the last. */
  readonly each: readonly Resolver[];
}

/** A server has said that it cannot tell (RFC 1035 4.1.1). */
const refusals: ReadonlySet<string> = new Set(["EFORMERR", "ESERVFAIL", "ENOTIMP", "EREFUSED"]);

/** No such name, no such record, a name that cannot be. */
const none: ReadonlySet<string> = new Set(["ENOTFOUND", "ENODATA", "EBADNAME"]);

export class Resolvers {
  readonly #settings: ResolverSettings;
  readonly #system: SystemResolver;
  #servers: Servers;
  #isClosed = false;

  constructor(settings: ResolverSettings, system: SystemResolver = (options) => new Resolver(options)) {
    this.#settings = settings;
    this.#system = system;
    this.#servers = this.#open();
  }

  /** Rejects as the last one does that was asked; nobody is any longer when it `isOver`. */
  async ask<T>(question: Question<T>, isOver: () => boolean): Promise<T> {
    const servers = this.#servers;
    const goesOn = () => !this.#isClosed && !isOver();
    try {
      return await this.#askThese(servers, question, () => servers === this.#servers && goesOn());
    } catch (error) {
      if (isNone(error) || servers === this.#servers || !goesOn()) throw error;
      // The system has others now.
      return this.ask(question, isOver);
    }
  }

  async #askThese<T>({ all, each }: Servers, question: Question<T>, goesOn: () => boolean): Promise<T> {
    try {
      return await question(all);
    } catch (error) {
      if (isNone(error) || !goesOn() || each.length === 0) throw error;
      return inTurn(question, each, this.#options.timeout, goesOn);
    }
  }

  /** To be called now and then: a question to those that the system had before is put to those that it has now. */
  follow(): void {
    if (this.#settings.resolvers.length > 0 || addressesOf(this.#system()) === this.#servers.addresses) return;
    const before = this.#servers;
    this.#servers = this.#open();
    cancel(before);
  }

  /** As `127.0.0.1:5353`, or without the port if it is 53. */
  get addresses(): readonly string[] {
    return this.#servers.all.getServers();
  }

  /** One alone. */
  alone(address: string): Resolver {
    const one = new Resolver(this.#options);
    one.setServers([address]);
    return one;
  }

  /** Questions under way are rejected. */
  close(): void {
    this.#isClosed = true;
    cancel(this.#servers);
  }

  get #options() {
    // Each try takes twice as long as the one before, and the first a quarter of a second where answers came fast until now: with fewer tries a
    // resolver that has to look around itself would be given up before the deadline.
    return { timeout: Math.max(1, Math.ceil(this.#settings.timeoutMs / 4)), tries: 4 };
  }

  #open(): Servers {
    const { resolvers } = this.#settings;
    const all = resolvers.length === 0 ? this.#system(this.#options) : new Resolver(this.#options);
    if (resolvers.length > 0) all.setServers(resolvers);
    const [first, ...others] = all.getServers();
    const each = first === undefined || others.length === 0 ? [] : [...others, first].map((address) => this.alone(address));
    return { addresses: addressesOf(all), all, each };
  }
}

/** That there is none is an answer. */
export function isNone(error: unknown): boolean {
  return none.has(codeOf(error));
}

/** Somebody has answered, if only that he cannot tell. */
export function isHeard(error: unknown): boolean {
  return isNone(error) || refusals.has(codeOf(error));
}

/** The first answer. The next one is asked when one cannot tell, and besides when it has said nothing for so long. */
function inTurn<T>(question: Question<T>, [first, ...others]: readonly Resolver[], waitMs: number, goesOn: () => boolean): Promise<T> {
  if (first === undefined) throw new Error("there is no resolver");
  const answer = question(first);
  if (others.length === 0) return answer;
  return new Promise((resolve, reject) => {
    let next: Promise<T> | undefined;
    const askNext = () => {
      next ??= inTurn(question, others, waitMs, goesOn);
      return next;
    };
    const settle = (error: unknown) => {
      if (isNone(error) || !goesOn()) reject(error);
      else askNext().then(resolve, reject);
    };
    const timer = setTimeout(() => {
      // Where all others have said that they cannot tell, it has been silent for long enough.
      if (goesOn()) askNext().then(resolve, reject);
    }, waitMs);
    answer.finally(() => clearTimeout(timer)).then(resolve, settle);
  });
}

function addressesOf(resolver: Resolver): string {
  return resolver.getServers().join(" ");
}

function cancel({ all, each }: Servers): void {
  for (const resolver of [all, ...each]) resolver.cancel();
}
