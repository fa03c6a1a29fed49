/** A state store as the daemon, `postern greylist` and `postern throttle` see it. */
import type { Answer } from "../answer/answer.ts";
import type { GreylistAnswer, State } from "../stage/state.ts";
import type { AddressRow, GreylistRow, ThrottleRow, Triplet, TripletQuestion } from "./decide.ts";

export interface GreylistEntry extends Triplet, GreylistRow {}

export interface AddressEntry extends AddressRow {
  readonly address: string;
}

export interface ThrottleEntry extends ThrottleRow {
  /** As it was asked about. */
  readonly key: string;
}

/** Each a part of the text as it is stored; all must be there. */
export interface EntryFilter {
  readonly client?: string;
  readonly sender?: string;
  readonly recipient?: string;
  /** The whole of it: others are not even looked at. */
  readonly exactClient?: string;
  readonly state?: "waiting" | "passed";
}

/** `after`: the last entry of the page before. */
export interface Page<T> {
  readonly after?: T;
  readonly limit: number;
}

export type ImportedEntry = ({ readonly kind: "triplet" } & GreylistEntry) | ({ readonly kind: "address" } & AddressEntry);

/** Alive entries; of `bytes` and counters also those that expired and are not yet removed. */
export interface GreylistStats {
  readonly waiting: number;
  readonly passed: number;
  readonly addresses: number;
  /** By an administrator. */
  readonly allowedAddresses: number;
  readonly oldest: number | undefined;
  readonly throttles: number;
  readonly tokens: number;
  /** Pairs of them. */
  readonly correspondents: number;
  /** On disk. */
  readonly bytes: number;
}

/** Every method rejects with a `TemporaryError`. Entries that expired and are not yet removed are listed; see `expires`. */
export interface Administration {
  /** In the order of client, sender, recipient. */
  list(filter: EntryFilter, page: Page<Triplet>): Promise<readonly GreylistEntry[]>;
  /** Addresses that contain `part`, in their order. */
  listAddresses(part: string, page: Page<string>): Promise<readonly AddressEntry[]>;
  triplet(triplet: Triplet): Promise<GreylistRow | undefined>;
  address(address: string): Promise<AddressRow | undefined>;
  /** From now on it passes until it is forgotten. */
  allow(subject: Triplet | string, now: number): Promise<void>;
  /** True if it was there. */
  forget(subject: Triplet | string): Promise<boolean>;
  /** Counters whose keys begin with `prefix` and are longer, in the order of their keys. */
  listThrottles(prefix: string, page: Page<string>): Promise<readonly ThrottleEntry[]>;
  /** They begin again; how many were there. */
  resetThrottles(keys: readonly string[]): Promise<number>;
  stats(now: number): Promise<GreylistStats>;
  /** How many were taken: a triplet that is known stays, unless it waits and the imported one has passed; of an address, the larger of both. */
  importEntries(entries: Iterable<ImportedEntry> | AsyncIterable<ImportedEntry>, now: number): Promise<number>;
}

export interface Expiring {
  /** One small step: looks at or removes some `limit` rows. True when the next step should follow soon, false at the end of a round. */
  expire(now: number, limit: number): Promise<boolean>;
}

export interface StateStore extends State, Administration, Expiring {
  greylist(question: TripletQuestion): Answer<GreylistAnswer>;
  /** Questions in progress are answered; later ones are not. */
  close(): Promise<void>;
}
