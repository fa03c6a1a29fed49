/** Answers of a directory kept for a while; positive ones outlast an outage. */
import type { Answer } from "../answer/answer.ts";
import { AnswerCache, type AnswerText, type KeptAnswer, notFresh } from "../answer/answer-cache.ts";
import { type Patience, type WaitedFor, waitPatiently } from "../answer/patience.ts";
import { TemporaryError, UnusableAnswer } from "../answer/temporary-error.ts";
import { withoutDetail } from "../stage/address-rules.ts";
import type { Account, Directory, Recipient } from "../stage/sources.ts";
import { type HashedKey, hashedKey } from "../text/hashed-key.ts";
import { KeyedTable } from "../text/keyed-table.ts";
import { detach } from "../text/octets.ts";
import type { CacheSettings } from "./directory-settings.ts";

/** For so long after a failure what is stale is served without asking: a server that hangs would cost its deadline each time. */
const retryMs = 1000;

/** What is known of a cache. */
export interface CacheReport {
  /** Questions that were answered at once. */
  readonly hits: number;
  readonly misses: number;
  /** Milliseconds that the answer about this address is kept; `undefined`: it is not. */
  keptMs(address: string): number | undefined;
}

export interface CachedDirectory extends Directory {
  readonly cache: CacheReport;
}

/** `now` in milliseconds. VRFY and EXPN go through: they are rare, and people who ask want the present state. */
export function cached(directory: Directory, settings: CacheSettings, now: () => number): CachedDirectory {
  const { source } = directory;
  const counts: CacheCounts = { hits: 0, misses: 0 };
  const domains = remember(settings, now, counts, {
    source,
    ask: async (domain) => directory.isLocalDomain(domain),
    exists: (isLocal) => isLocal,
    text: domainText,
  });
  const recipients = remember<Recipient | undefined>(settings, now, counts, {
    source,
    ask: async (address) => directory.recipient(address),
    exists: (recipient) => recipient !== undefined,
    // A server that delivers takes all details of a mailbox, and a domain with a row of its own all addresses.
    isMadeUp: (recipient, address) => recipient?.byDomain === true || withoutDetail(address) !== undefined,
    isKept: (recipient) => recipient?.kind !== "mailbox" || recipient.state === undefined,
    text: recipientText,
  });
  const accounts = remember<Account | undefined>(settings, now, counts, {
    source,
    ask: async (login) => directory.account?.(login),
    exists: (account) => account !== undefined,
    text: accountText,
  });
  return {
    name: directory.name,
    waits: true,
    ...(source && { source }),
    ...(directory.saidOf && { saidOf: (address) => directory.saidOf?.(address) }),
    account: directory.account && accounts.ask,
    isLocalDomain: domains.ask,
    recipient: recipients.ask,
    verify: (text) => directory.verify(text),
    expand: (address) => directory.expand(address),
    cache: {
      get hits() {
        return counts.hits;
      },
      get misses() {
        return counts.misses;
      },
      keptMs: recipients.keptMs,
    },
  };
}

interface CacheCounts {
  hits: number;
  misses: number;
}

const nothing = "-";

const domainText: AnswerText<boolean> = { write: (isLocal) => (isLocal ? "" : nothing), read: (text) => text === "" };

/** Most mailboxes have only the address that was asked for. */
const recipientText: AnswerText<Recipient | undefined> = {
  write(recipient, address) {
    if (recipient === undefined) return nothing;
    const isItself = recipient.kind === "mailbox" && recipient.primaries.length === 1 && recipient.primaries[0] === address;
    return isItself && !recipient.byDomain ? "" : JSON.stringify(recipient);
  },
  read(text, address) {
    if (text === nothing) return undefined;
    // It was written by the other.
    return text === "" ? { kind: "mailbox", primaries: [address] } : (JSON.parse(text) as Recipient);
  },
};

const accountText: AnswerText<Account | undefined> = {
  write: (account) => (account === undefined ? nothing : JSON.stringify(account)),
  // It was written by the other.
  read: (text) => (text === nothing ? undefined : (JSON.parse(text) as Account)),
};

interface Backend<T> {
  readonly source: WaitedFor | undefined;
  ask(key: string): Promise<T>;
  exists(value: T): boolean;
  /** Of what exists: whether a stranger can make up any number of such keys. Default: none can. */
  isMadeUp?(value: T, key: string): boolean;
  /** Whether it will still be true in a while. Default: it will. */
  isKept?(value: T): boolean;
  /** How a value is kept. */
  readonly text: AnswerText<T>;
}

function remember<T>(
  { entries, positiveMs, negativeMs, staleMs }: CacheSettings,
  now: () => number,
  counts: CacheCounts,
  backend: Backend<T>,
) {
  // No entries: only equal questions under way share an answer.
  const answers = new AnswerCache<T>(entries, backend.text);
  const underWay = new KeyedTable<Promise<T>>();
  let failedAt = Number.NEGATIVE_INFINITY;

  async function ask(hashed: HashedKey): Promise<T> {
    const { text: key } = hashed;
    try {
      const value = await backend.ask(key);
      const exists = backend.exists(value);
      const freshUntil = now() + (exists ? positiveMs : negativeMs);
      if (backend.isKept?.(value) ?? true)
        answers.set(key, {
          ...{ value, exists, isMadeUp: exists && (backend.isMadeUp?.(value, key) ?? false) },
          ...{ freshUntil, staleUntil: exists ? freshUntil + staleMs : freshUntil },
        });
      failedAt = Number.NEGATIVE_INFINITY;
      return value;
    } catch (error) {
      if (error instanceof TemporaryError && !(error instanceof UnusableAnswer)) failedAt = now();
      throw error;
    } finally {
      underWay.delete(hashed);
    }
  }

  function asked(key: string): Promise<T> {
    const hashed = hashedKey(detach(key));
    const same = underWay.get(hashed);
    if (same) return same;
    const answer = ask(hashed);
    underWay.set(hashed, answer);
    return answer;
  }

  return {
    // A hit is answered without a promise.
    ask(key: string, patience?: Patience): Answer<T> {
      const time = now();
      const fresh = answers.fresh(key, time, time < failedAt + retryMs);
      if (fresh !== notFresh) {
        counts.hits += 1;
        return fresh;
      }
      counts.misses += 1;
      return askAnew(key, answers.get(key), patience);
    },
    keptMs(key: string): number | undefined {
      const ms = (answers.get(key)?.freshUntil ?? Number.NEGATIVE_INFINITY) - now();
      return ms > 0 ? ms : undefined;
    },
  };

  function askAnew(key: string, last: KeptAnswer<T> | undefined, patience: Patience | undefined): Answer<T> {
    const answer = waitPatiently(patience, backend.source, () => asked(key));
    if (last === undefined || !(answer instanceof Promise)) return answer;
    return answer.catch((error: unknown) => {
      if (error instanceof TemporaryError && now() < last.staleUntil) return last.value;
      throw error;
    });
  }
}
