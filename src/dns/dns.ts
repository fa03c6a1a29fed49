/** Questions to the DNS, by resolvers of the configuration or of the system, with a deadline and a cache. */
import type { Resolver } from "node:dns/promises";
import type { Answer } from "../answer/answer.ts";
import { AnswerCache, asList, notFresh } from "../answer/answer-cache.ts";
import { Availability, type OnAvailability } from "../answer/availability.ts";
import type { WaitedFor } from "../answer/patience.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import type { DnsType } from "../expr/ask.ts";
import { canonicalDomain } from "../mail/domain.ts";
import { reverseName } from "../mail/ip.ts";
import { codeOf } from "../text/error-code.ts";
import { ResolverHealth } from "./resolver-health.ts";
import { isHeard, isNone, type Question, type ResolverSettings, Resolvers, type SystemResolver } from "./resolvers.ts";

export interface DnsSettings extends ResolverSettings {
  /** Answers kept, and as many of names that do not exist; 0 keeps none. */
  readonly entries: number;
  /** Addresses are kept no longer than their records say. */
  readonly positiveMs: number;
  readonly negativeMs: number;
}

/** What whoever asks for himself (expressions, SPF, reverse names, DNS lists) needs of it; he sees to his own patience. */
export interface DnsSource {
  /**
   * As `Ask.dnsQuery`: records, `undefined` where there are none, or a `TemporaryError`, whose message has the name. A hit in the
   * cache is answered without a promise; equal questions under way are asked once.
   */
  query(name: string, type: DnsType): Answer<readonly string[] | undefined>;
}

/** One that keeps answers. */
export interface KeepingDns extends DnsSource {
  /** Milliseconds; in the past, if the answer is not kept. */
  freshUntil(name: string, type: DnsType): number;
}

export interface DnsConnection {
  readonly name: string;
  connect(): Promise<string>;
}

export interface DnsOptions {
  /** Default: nobody is told. */
  readonly onAvailability?: OnAvailability;
  readonly system?: SystemResolver;
}

export interface Dns extends KeepingDns {
  readonly source: WaitedFor;
  /** One for each resolver; it resolves to what it says of the root, and rejects with a `TemporaryError` when it says nothing. */
  readonly connections: readonly DnsConnection[];
  /** To be called now and then: the system may have other resolvers, and those that were down may answer again. */
  refresh(): Promise<void>;
  /** Questions under way fail with a `TemporaryError`. */
  close(): void;
}

interface DnsAnswer {
  /** Empty: there is none. */
  readonly records: readonly string[];
  /** Of the records, where it is known. */
  readonly ttlMs: number;
}

export const resolversLabel = "DNS resolvers";

/** Questions under way; a further one fails at once. */
const maxWaiting = 1000;

/** Puts a question to the resolvers. */
type Put = <T>(question: Question<T>) => Promise<T>;

/** `now` in milliseconds; it never goes back. */
export function openDns(settings: DnsSettings, now: () => number, { onAvailability = () => {}, system }: DnsOptions = {}): Dns {
  const { timeoutMs, entries, positiveMs, negativeMs } = settings;
  const answers = new AnswerCache(entries, asList);
  const underWay = new Map<string, Promise<readonly string[] | undefined>>();
  const resolvers = new Resolvers(settings, system);
  const health = new ResolverHealth(askRoot, new Availability(resolversLabel, onAvailability));

  async function inTime<T>(what: string, ask: (put: Put) => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new TemporaryError(`DNS: no answer in ${timeoutMs} ms for ${what}`)), timeoutMs);
    });
    try {
      return await Promise.race([ask((question) => resolvers.ask(question, () => isOver)), late]);
    } finally {
      isOver = true;
      clearTimeout(timer);
    }
  }

  async function askRoot(): Promise<void> {
    try {
      await inTime("NS of the root", (put) => put(nsOfRoot));
    } catch (error) {
      if (isNone(error)) return;
      const why = codeOf(error) || `none in ${timeoutMs} ms`;
      throw new TemporaryError(`no answer from ${resolvers.addresses.join(" or ")}, not even about the root: ${why}`);
    }
  }

  async function ask(key: string, name: string, type: DnsType): Promise<readonly string[] | undefined> {
    try {
      const { records, ttlMs } = await inTime(`${type} of ${name}`, (put) => resolve(put, name, type));
      health.answered();
      const exists = records.length > 0;
      const until = now() + (exists ? Math.min(positiveMs, ttlMs) : negativeMs);
      answers.set(key, { value: records, exists, freshUntil: until, staleUntil: until });
      return orNone(records);
    } catch (error) {
      health.failed(name);
      throw error;
    } finally {
      underWay.delete(key);
    }
  }

  return {
    source: { name: resolversLabel, timeoutMs, onLate: () => {} },
    query(given, type) {
      const name = canonicalName(given, type);
      if (name === undefined) return undefined;
      const key = keyOf(name, type);
      const fresh = answers.fresh(key, now());
      if (fresh !== notFresh) return orNone(fresh);
      const same = underWay.get(key);
      if (same) return same;
      if (underWay.size >= maxWaiting) throw new TemporaryError(`DNS: ${maxWaiting} questions wait already`);
      const answer = ask(key, name, type);
      underWay.set(key, answer);
      return answer;
    },
    freshUntil(given, type) {
      const name = canonicalName(given, type);
      // Where nothing can be, nothing will be.
      if (name === undefined) return Number.POSITIVE_INFINITY;
      return answers.get(keyOf(name, type))?.freshUntil ?? Number.NEGATIVE_INFINITY;
    },
    get connections() {
      // The link of a link-local address is known to the system alone.
      const whole = resolvers.addresses.filter((address) => !/^\[?fe80:/i.test(address));
      return whole.map((address) => ({
        name: `DNS resolver ${address}`,
        connect: () => connect(resolvers.alone(address), timeoutMs),
      }));
    },
    async refresh() {
      resolvers.follow();
      health.refresh();
    },
    close() {
      health.close();
      resolvers.close();
    },
  };
}

const nsOfRoot = (resolver: Resolver) => resolver.resolveNs(".");

/** What is heard from it is an answer: in a closed network it may have none for the root. */
async function connect(resolver: Resolver, timeoutMs: number): Promise<string> {
  const timer = setTimeout(() => resolver.cancel(), timeoutMs);
  try {
    return (await nsOfRoot(resolver)).length > 0 ? "answers" : noRoot("ENODATA");
  } catch (error) {
    const code = codeOf(error);
    if (isHeard(error)) return noRoot(code);
    throw new TemporaryError(code === "ECANCELLED" ? `no answer in ${timeoutMs} ms` : `no answer: ${code}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

function noRoot(code: string): string {
  return `has no answer for the root (NS of "."): ${code}. Unless your network is closed, it does not resolve the names of others for you`;
}

function keyOf(name: string, type: DnsType): string {
  return `${type} ${name}`;
}

function canonicalName(given: string, type: DnsType): string | undefined {
  return type === "ptr" ? pointerName(given) : hostName(given);
}

function orNone(records: readonly string[]): readonly string[] | undefined {
  return records.length === 0 ? undefined : records;
}

/** In A-labels. `undefined`: not a name of the DNS (RFC 1035 2.3.4), so that nothing exists there. */
function hostName(text: string): string | undefined {
  // Checked before any work; no name is that long in U-labels either.
  if (text.length > 253 + 1) return undefined;
  const name = canonicalDomain(text);
  // A backslash would be an escape to the resolver.
  const areLabels = name.length <= 253 && name.split(".").every((label) => /^[!-[\]-~]{1,63}$/.test(label));
  return areLabels ? name : undefined;
}

function pointerName(text: string): string | undefined {
  const reverse = reverseName(text);
  if (reverse === undefined) return undefined;
  return `${reverse}.${reverse.split(".").length === 4 ? "in-addr" : "ip6"}.arpa`;
}

async function resolve(put: Put, name: string, type: DnsType): Promise<DnsAnswer> {
  switch (type) {
    case "ipv4":
      return addresses(
        name,
        put((resolver) => resolver.resolve4(name, { ttl: true })),
      );
    case "ipv6":
      return addresses(
        name,
        put((resolver) => resolver.resolve6(name, { ttl: true })),
      );
    case "ip":
      return either(await Promise.allSettled([resolve(put, name, "ipv4"), resolve(put, name, "ipv6")]));
    case "mx":
      return found(
        name,
        put((resolver) => resolver.resolveMx(name)),
        (records) =>
          records
            .toSorted((a, b) => a.priority - b.priority || (a.exchange < b.exchange ? -1 : 1))
            .map(({ exchange }) => undotted(exchange))
            // The root says that there is no mail here (RFC 7505).
            .filter((host) => host !== ""),
      );
    case "txt":
      return found(
        name,
        put((resolver) => resolver.resolveTxt(name)),
        (records) => records.map((chunks) => chunks.join("")),
      );
    case "ptr":
      return found(
        name,
        put((resolver) => resolver.resolvePtr(name)),
        (names) => names.map(undotted).filter((host) => host !== ""),
      );
  }
}

async function addresses(name: string, answer: Promise<{ readonly address: string; readonly ttl: number }[]>): Promise<DnsAnswer> {
  let ttlMs = Number.POSITIVE_INFINITY;
  const { records } = await found(name, answer, (given) => {
    for (const { ttl } of given) ttlMs = Math.min(ttlMs, ttl * 1000);
    return given.map(({ address }) => address);
  });
  return { records, ttlMs };
}

/** What one of the two answers exists, even when the other fails. */
function either(answers: readonly PromiseSettledResult<DnsAnswer>[]): DnsAnswer {
  const known = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
  const records = known.flatMap((each) => each.records);
  const failed = answers.find((answer) => answer.status === "rejected");
  if (failed !== undefined && records.length === 0) throw failed.reason;
  return { records, ttlMs: Math.min(...known.map(({ ttlMs }) => ttlMs), failed === undefined ? Number.POSITIVE_INFINITY : 0) };
}

async function found<T>(name: string, answer: Promise<T>, read: (given: T) => readonly string[]): Promise<DnsAnswer> {
  try {
    return { records: read(await answer), ttlMs: Number.POSITIVE_INFINITY };
  } catch (cause) {
    if (isNone(cause)) return { records: [], ttlMs: Number.POSITIVE_INFINITY };
    throw new TemporaryError(`DNS: no answer for ${name}: ${codeOf(cause) || String(cause)}`, { cause });
  }
}

function undotted(name: string): string {
  return name.endsWith(".") ? name.slice(0, -1) : name;
}
