/**
 * SMTP sessions as far as requests tell of them: policy delegation has no connection of its own for a session, and asks
 * about one command as often as lists name the service. What was decided is remembered, so that it is decided once.
 */
import { LRUCache } from "lru-cache";
import type { Session } from "../../stage/session.ts";
import type { MailOutcome, Verdict } from "../../stage/verdict.ts";
import type { Decision } from "../decision.ts";

/** Strings in here are copies (see `ownCopy`). */
export interface Remembered {
  readonly session: Session;
  /** The last EHLO name that the EHLO stage let pass; `session.helo` may be one that it was not asked about. */
  greeted: string;
  /** What the connection itself came to. */
  connect: Verdict | undefined;
  ehlo: { readonly name: string; readonly instance: string; readonly verdict: Verdict } | undefined;
  transaction: RememberedTransaction | undefined;
  /** The message and recipient that refusals were last logged of, and by which stages. */
  told: { readonly about: string; readonly stages: Set<Decision["stage"]> };
  /** The request under way; the next one of this session waits for it. */
  underWay: Promise<unknown> | undefined;
  lastSeen: number;
  /** Characters kept, roughly. */
  weight: number;
  isKept: boolean;
}

/** The facts that MAIL was decided by, its outcome, and what was decided of recipients since. */
export interface RememberedTransaction {
  /** `""` until a request names it: the one for MAIL itself does not. */
  instance: string;
  readonly sender: string;
  readonly helo: string;
  readonly login: string;
  readonly tls: boolean;
  readonly outcome: MailOutcome;
  /** Begun by a request for MAIL, so that its end is known too. */
  readonly hasMail: boolean;
  hasRcpt: boolean;
  /** By recipient as sent. */
  readonly recipients: Map<string, { readonly isDecided: boolean; readonly verdict: Verdict }>;
}

export interface MemoryLimits {
  readonly sessions: number;
  /** Characters over all sessions. */
  readonly weight: number;
}

const defaultLimits: MemoryLimits = { sessions: 20_000, weight: 64 * 1024 * 1024 };

/** A session without a request for so long is over. */
const maxIdleMs = 10 * 60 * 1000;

/** What an entry costs besides its text. */
const entryWeight = 200;

export class SessionMemory {
  readonly #now: () => number;
  readonly #maxWeight: number;
  readonly #sessions: LRUCache<string, Remembered>;
  #weight = 0;

  /** `now` in milliseconds; it never goes back. */
  constructor(now: () => number, limits = defaultLimits) {
    this.#now = now;
    this.#maxWeight = limits.weight;
    this.#sessions = new LRUCache({
      max: limits.sessions,
      dispose: (remembered) => {
        remembered.isKept = false;
        this.#weight -= remembered.weight;
      },
    });
  }

  get size(): number {
    return this.#sessions.size;
  }

  get weight(): number {
    return this.#weight;
  }

  find(key: string): Remembered | undefined {
    const remembered = this.#sessions.get(key);
    if (remembered === undefined) return undefined;
    const now = this.#now();
    if (now - remembered.lastSeen > maxIdleMs) {
      this.#sessions.delete(key);
      return undefined;
    }
    remembered.lastSeen = now;
    return remembered;
  }

  keep(key: string, session: Session): Remembered {
    const remembered = unremembered(session);
    remembered.lastSeen = this.#now();
    remembered.isKept = true;
    this.#sessions.set(key, remembered);
    this.grow(remembered, key.length + session.client.name.length + session.login.length);
    return remembered;
  }

  end(key: string): void {
    this.#sessions.delete(key);
  }

  /** Something of so many characters was added to what is remembered; the sessions longest unseen make room. */
  grow(remembered: Remembered, characters: number): void {
    if (!remembered.isKept) return;
    remembered.weight += characters + entryWeight;
    this.#weight += characters + entryWeight;
    while (this.#weight > this.#maxWeight) this.#sessions.pop();
  }

  /** A new transaction takes the place of the former, with all that was remembered in it. */
  begin(remembered: Remembered, transaction: RememberedTransaction): void {
    remembered.transaction = transaction;
    if (!remembered.isKept) return;
    this.#weight -= remembered.weight;
    remembered.weight = 0;
    const { session } = remembered;
    this.grow(remembered, session.client.name.length + session.login.length + session.helo.length + transaction.sender.length);
  }
}

/** A session that lasts for one request. */
export function unremembered(session: Session): Remembered {
  return {
    session,
    greeted: "",
    connect: undefined,
    ehlo: undefined,
    transaction: undefined,
    told: { about: "", stages: new Set() },
    underWay: undefined,
    lastSeen: 0,
    weight: 0,
    isKept: false,
  };
}

/** A part of a string keeps the whole string alive; a copy does not. V8 copies parts of fewer than 13 characters anyway. */
export function ownCopy(text: string): string {
  return text.length < 13 ? text : Buffer.from(text).toString();
}
