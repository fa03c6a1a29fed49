/** What expressions may ask of the world. The functions that do are marked as waiting when an expression is compiled. */
import type { Answer } from "../answer/answer.ts";
import type { Value } from "./value.ts";

/** What a SQL statement yielded: its rows, each a list of columns, or the number of rows that it changed. */
export type SqlResult =
  | { readonly kind: "rows"; readonly rows: readonly (readonly Value[])[] }
  | { readonly kind: "changes"; readonly changes: number };

/** What the DNS may be asked for; `ip` is `ipv4` and `ipv6`. */
export const dnsTypes = ["ip", "ipv4", "ipv6", "mx", "txt", "ptr"] as const;
export type DnsType = (typeof dnsTypes)[number];

/** What of a session a DNS list is asked about: an address, or a domain. */
export const dnsListSubjects = ["client", "ehlo", "sender", "client-name"] as const;
export type DnsListSubject = (typeof dnsListSubjects)[number];

export interface DnsListQuestion {
  readonly list: string;
  /** The address or domain, canonical. */
  readonly about: string;
}

/** `why`: the list may have it all the same. */
export type OnMiss = (list: string, why: string) => void;

/** A store or directory name of `''` or `'*'` is the default one. Keys and values are not folded here. */
export interface Ask {
  /** `directory` undefined is the one-argument form: every domain that is local by any means. An unknown directory answers false. */
  isLocalDomain(directory: string | undefined, domain: string): Answer<boolean>;
  /** Exact address: no sub-addressing, no catch-all. */
  isLocalAddress(directory: string | undefined, address: string): Answer<boolean>;
  /** `undefined`: no such key (an unknown store has none). `onMiss` hears when a list that may not be whole does not have it. */
  keyGet(store: string, key: string, onMiss?: OnMiss): Answer<Value | undefined>;
  /** `seconds`: how long it lasts; `undefined`: until it is set again. */
  keySet(store: string, key: string, value: Value, seconds?: number): Answer<void>;
  /** 0 if there is no such counter. */
  counterGet(store: string, key: string): Answer<number>;
  /** The value after the increment. */
  counterIncr(store: string, key: string, by: number): Answer<number>;
  /** `?` or `$n` stand for `parameters`. An unknown store is a configuration error, found when it is a literal. */
  sqlQuery(store: string, sql: string, parameters: readonly Value[]): Answer<SqlResult>;
  /**
   * Addresses; hosts of MX by preference; the text of each TXT record; names of an address (`ptr`). Names have no trailing dot.
   * `undefined`: there is none, or no such name could be.
   */
  dnsQuery(name: string, type: DnsType): Answer<readonly string[] | undefined>;
  /** The codes that count; none: not listed. Where it has to wait, `others`, which will probably be asked next, are asked at the same time. */
  dnsList(question: DnsListQuestion, others: () => readonly DnsListQuestion[]): Answer<readonly string[]>;
}

/** Which names exist, so that a literal name in an expression is checked when it is compiled, and whether asking them can wait. */
export interface Names {
  readonly directories: ReadonlyMap<string, { readonly waits: boolean }>;
  readonly lookups: ReadonlyMap<string, { readonly waits: boolean }>;
  readonly stores: ReadonlySet<string>;
  readonly dnsLists: ReadonlyMap<string, DnsListSubject>;
  /** Called with each list that an expression names. */
  readonly onDnsList?: (name: string) => void;
  /** Called for each function of an expression that asks the DNS. */
  readonly onDnsQuery?: () => void;
}

/** The default directory, or the data store. */
export function isDefault(name: string): boolean {
  return name === "" || name === "*";
}
