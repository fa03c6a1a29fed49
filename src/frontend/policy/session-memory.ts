/**
 * SMTP sessions, put together from requests: policy delegation has no connection of its own for a session. Those without a request for
 * longest make room.
 */
import { LRUCache } from "lru-cache";
import type { SmtpSession } from "../../stage/smtp-session.ts";

export interface SessionEntry {
  readonly smtp: SmtpSession;
  /** The message and recipient that refusals were last logged of, and by which stages; `undefined`: none was. */
  logged: { readonly about: string; readonly stages: Set<string> } | undefined;
  /** The request under way; the next one of this session waits for it. */
  underWay: Promise<unknown> | undefined;
  /** In milliseconds, by a clock that never goes back. */
  lastSeen: number;
  /** What it was last weighed at; `undefined`: it is not kept. */
  octets: number | undefined;
}

export interface MemoryLimits {
  readonly sessions: number;
  /** Over all sessions. */
  readonly octets: number;
}

const defaultLimits: MemoryLimits = { sessions: 20_000, octets: 64 * 1024 * 1024 };

/** A session without a request for so long is over. */
const maxIdleMs = 30 * 60 * 1000;

/** What a key takes, with its place in the cache. */
const keyOctets = 300;

/** Else the cache makes some at each call. */
const noOptions = {};

export class SessionMemory {
  readonly #maxOctets: number;
  readonly #sessions: LRUCache<string, SessionEntry>;
  #octets = 0;

  constructor(limits = defaultLimits) {
    this.#maxOctets = limits.octets;
    this.#sessions = new LRUCache({
      max: limits.sessions,
      dispose: (entry) => {
        this.#octets -= entry.octets ?? 0;
        entry.octets = undefined;
      },
    });
  }

  get size(): number {
    return this.#sessions.size;
  }

  get octets(): number {
    return this.#octets;
  }

  find(key: string, now: number): SessionEntry | undefined {
    const entry = this.#sessions.get(key, noOptions);
    if (entry === undefined) return undefined;
    if (now - entry.lastSeen > maxIdleMs) {
      this.#sessions.delete(key);
      return undefined;
    }
    entry.lastSeen = now;
    return entry;
  }

  /** The key is kept as it is. The entry is yet to be weighed. */
  keep(key: string, entry: SessionEntry): void {
    entry.octets = 0;
    this.#sessions.set(key, entry, noOptions);
  }

  end(key: string): void {
    this.#sessions.delete(key);
  }

  /** To be called when something may have been added to the session, or taken from it. */
  weigh(entry: SessionEntry): void {
    if (entry.octets === undefined) return;
    const octets = entry.smtp.octets + keyOctets;
    this.#octets += octets - entry.octets;
    entry.octets = octets;
    while (this.#octets > this.#maxOctets) this.#sessions.pop();
  }
}
