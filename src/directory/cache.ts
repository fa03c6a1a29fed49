/** Answers of a directory kept for a while; positive ones outlast an outage. */
import { LRUCache } from "lru-cache";
import type { Answer } from "../answer/answer.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import type { Directory, Recipient } from "../stage/sources.ts";
import type { CacheSettings } from "./directory-settings.ts";

/** Members of a list that take the room of one address. */
const membersPerEntry = 8;
/** For so long after a failure what is stale is served without asking: a server that hangs would cost its deadline each time. */
const retryMs = 1000;

/** `now` in milliseconds. VRFY and EXPN go through: they are rare, and people who ask want the present state. */
export function cached(directory: Directory, settings: CacheSettings, now: () => number): Directory {
  const domains = remember(settings, now, {
    ask: async (domain) => directory.isLocalDomain(domain),
    isPositive: (isLocal) => isLocal,
    sizeOf: () => 1,
  });
  const recipients = remember<Recipient | undefined>(settings, now, {
    ask: async (address) => directory.recipient(address),
    isPositive: (recipient) => recipient !== undefined,
    sizeOf: (recipient) => (recipient?.kind === "list" ? 1 + Math.ceil(recipient.members.length / membersPerEntry) : 1),
  });
  return {
    name: directory.name,
    waits: true,
    isLocalDomain: domains,
    recipient: recipients,
    verify: (text) => directory.verify(text),
    expand: (address) => directory.expand(address),
  };
}

interface Source<T> {
  ask(key: string): Promise<T>;
  isPositive(value: T): boolean;
  sizeOf(value: T): number;
}

interface Kept<T> {
  readonly value: T;
  readonly freshUntil: number;
  readonly staleUntil: number;
}

function remember<T>({ entries, positiveMs, negativeMs, staleMs }: CacheSettings, now: () => number, source: Source<T>) {
  // No entries: only equal questions under way share an answer.
  const kept =
    entries === 0
      ? undefined
      : new LRUCache<string, Kept<T>>({ max: entries, maxSize: entries, sizeCalculation: ({ value }) => source.sizeOf(value) });
  const underWay = new Map<string, Promise<T>>();
  let failedAt = Number.NEGATIVE_INFINITY;

  async function ask(key: string, last: Kept<T> | undefined): Promise<T> {
    try {
      const value = await source.ask(key);
      const time = now();
      const freshUntil = time + (source.isPositive(value) ? positiveMs : negativeMs);
      kept?.set(key, { value, freshUntil, staleUntil: source.isPositive(value) ? freshUntil + staleMs : freshUntil });
      failedAt = Number.NEGATIVE_INFINITY;
      return value;
    } catch (error) {
      if (!(error instanceof TemporaryError)) throw error;
      failedAt = now();
      if (last !== undefined && failedAt < last.staleUntil) return last.value;
      throw error;
    } finally {
      underWay.delete(key);
    }
  }

  // A hit is answered without a promise.
  return (key: string): Answer<T> => {
    const last = kept?.get(key);
    const time = now();
    if (last !== undefined && time < last.freshUntil) return last.value;
    if (last !== undefined && time < failedAt + retryMs && time < last.staleUntil) return last.value;
    const same = underWay.get(key);
    if (same) return same;
    // A copy: the key may be a slice, which would keep the whole request that it was cut from.
    const own = Buffer.from(key).toString();
    const answer = ask(own, last);
    underWay.set(own, answer);
    return answer;
  };
}
