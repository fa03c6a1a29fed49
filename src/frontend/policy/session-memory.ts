/**
 * SMTP sessions, put together from requests: policy delegation has no connection of its own for a session. They are kept in two
 * generations: those that had a request since the last change of generations, and those that had one since the change before. At a change
 * the older generation goes, so that sessions without a request for longest make room, and a request costs no order among them.
 *
 * A process of smtpd(8) has connections of its own to ask about its clients, one after the other: whom it asked about before has gone once
 * it asks about another, and so that session is forgotten. Nearly all sessions end so, before it costs anything to have kept them. Where
 * something asks over one connection about several sessions by turns, in the name of smtpd, the first of them that goes on shows it, and
 * from then on all are kept.
 */
import type { SmtpSession } from "../../stage/smtp-session.ts";
import type { HashedKey } from "../../text/hashed-key.ts";
import { KeyedTable } from "../../text/keyed-table.ts";
import { textHash } from "../../text/text-hash.ts";

export interface SessionEntry {
  readonly smtp: SmtpSession;
  /** The message and recipient that refusals were last logged of, and by which stages; `undefined`: none was. */
  logged: { readonly about: string; readonly stages: string[] } | undefined;
  /** The request under way; the next one of this session waits for it. */
  underWay: Promise<unknown> | undefined;
  /** In whole milliseconds, by a clock that never goes back: V8 keeps a number with a fraction as an object of its own. */
  lastSeen: number;
  /** What it was last weighed at. */
  octets: number;
  /** `undefined`: it is not kept. */
  generation: Generation | undefined;
}

/** A change of generations leaves at least half of each. */
export interface MemoryLimits {
  readonly sessions: number;
  /** Over all sessions. */
  readonly octets: number;
}

const defaultLimits: MemoryLimits = { sessions: 40_000, octets: 64 * 1024 * 1024 };

/** A session without a request for so long is over. */
const maxIdleMs = 30 * 60 * 1000;

/** What a key takes, with its place in the memory. */
const keyOctets = 300;

/**
 * So many of the sessions that were left last are recognised if they go on with the same message, unless others have taken their places.
 * Another message may be that of a client which has connected again from the same port. A power of two.
 */
const leftPlaces = 1024;

class Generation {
  readonly sessions = new KeyedTable<SessionEntry>();
  octets = 0;

  add(key: HashedKey, entry: SessionEntry): void {
    entry.generation = this;
    this.octets += entry.octets;
    this.sessions.set(key, entry);
  }

  remove(key: HashedKey): void {
    const entry = this.sessions.get(key);
    if (entry === undefined) return;
    this.sessions.delete(key);
    this.octets -= entry.octets;
    entry.generation = undefined;
  }
}

export class SessionMemory {
  readonly #limits: MemoryLimits;
  #recent = new Generation();
  #earlier = new Generation();
  /** Two words each, of the keys of sessions that were left and of the message. */
  readonly #left = new Int32Array(2 * leftPlaces);
  /** One went on that had been left. */
  #goOn = false;

  constructor(limits = defaultLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#recent.sessions.size + this.#earlier.sessions.size;
  }

  get octets(): number {
    return this.#recent.octets + this.#earlier.octets;
  }

  find(key: HashedKey, now: number): SessionEntry | undefined {
    const entry = this.#recent.sessions.get(key) ?? this.#earlier.sessions.get(key);
    if (entry === undefined) return undefined;
    if (now - entry.lastSeen > maxIdleMs) {
      this.end(key);
      return undefined;
    }
    entry.lastSeen = Math.floor(now);
    if (entry.generation === this.#earlier) {
      this.#earlier.remove(key);
      this.#keep(key, entry);
    }
    return entry;
  }

  /** It was not there. The key is kept as it is. `message`: that the session begins with, or goes on with. */
  add(key: HashedKey, entry: SessionEntry, message: string): void {
    if (!this.#goOn) this.#goOn = this.#wasLeft(key, textHash(message));
    this.#keep(key, entry);
  }

  #keep(key: HashedKey, entry: SessionEntry): void {
    this.#recent.add(key, entry);
    if (this.#recent.sessions.size * 2 >= this.#limits.sessions) this.#change();
  }

  end(key: HashedKey): void {
    this.#recent.remove(key);
    this.#earlier.remove(key);
  }

  /** The connection that asked about this session, and last with this message, asks about another one. */
  leave(key: HashedKey, message: string): void {
    if (this.#goOn) return;
    this.end(key);
    const at = placeOf(key);
    const hash = textHash(message);
    this.#left[at] = key.low ^ hash;
    this.#left[at + 1] = key.high ^ hash;
  }

  #wasLeft(key: HashedKey, hash: number): boolean {
    const at = placeOf(key);
    return this.#left[at] === (key.low ^ hash) && this.#left[at + 1] === (key.high ^ hash);
  }

  /** To be called when something may have been added to the session, or taken from it. */
  weigh(entry: SessionEntry): void {
    const { generation } = entry;
    if (generation === undefined) return;
    const octets = entry.smtp.octets + keyOctets;
    generation.octets += octets - entry.octets;
    entry.octets = octets;
    const { octets: most } = this.#limits;
    if (generation.octets * 2 > most) this.#change();
    if (this.octets > most) this.#change();
  }

  #change(): void {
    for (const entry of this.#earlier.sessions.values()) entry.generation = undefined;
    this.#earlier = this.#recent;
    this.#recent = new Generation();
  }
}

/** Of a session that was left. */
function placeOf({ low }: HashedKey): number {
  return 2 * (low & (leftPlaces - 1));
}
