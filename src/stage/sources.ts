/** The questions that stages ask, and nothing else: who exists, what a list holds, what expressions ask. */
import type { Answer } from "../answer/answer.ts";
import type { Patience, WaitedFor } from "../answer/patience.ts";
import type { TemporaryError } from "../answer/temporary-error.ts";
import type { Ask } from "../expr/ask.ts";
import type { Value } from "../expr/value.ts";
import type { State } from "./state.ts";

/** What a directory knows of an address. Addresses are canonical (lower case, A-labels). */
export type Recipient =
  /** `primaries`: the first address of each account that has this address; the address itself where accounts have no other. */
  (
    | {
        readonly kind: "mailbox";
        readonly primaries: readonly string[];
        /** `full`: it takes no mail now. `unchecked`: nobody knows whether it exists, and mail for it passes. Such answers are not kept. */
        readonly state?: "full" | "unchecked";
      }
    /** All members' addresses; never a part of them. */
    | { readonly kind: "list"; readonly members: readonly string[] }
    /** An entry of its own says that mail for it is refused, whatever there is for its base or its domain. */
    | { readonly kind: "nobody" }
  ) & {
    /** Found by a row of its whole domain, which is for what has none of its own, with or without a tag. */
    readonly byDomain?: boolean;
  };

/** What belongs to a login. Addresses are canonical. */
export interface Account {
  /** Of the account of that name, `@domain` for a catch-all; none where the login is an address, which is looked up as others are. */
  readonly addresses: readonly string[];
  /** Further addresses that it may send as; `@domain` is all of one. */
  readonly senders: readonly string[];
}

/** Every question may throw or reject with a `TemporaryError`. Arguments are canonical, but for logins. */
export interface Directory {
  readonly name: string;
  /** False: no question ever returns a promise. */
  readonly waits: boolean;
  /** What the answers come from that are waited for; these two questions are waited for only as long as `patience` lasts. */
  readonly source?: WaitedFor;
  isLocalDomain(domain: string, patience?: Patience): Answer<boolean>;
  /** The exact address, or `@domain` for the catch-all of a domain. `undefined`: there is none. */
  recipient(address: string, patience?: Patience): Answer<Recipient | undefined>;
  /**
   * What is known of a login, which is the name of an account or one of its addresses; `undefined`: nothing. It is as it was given, since
   * names are somebody else's keys: in that form they are asked for first, and in the canonical one if there is nothing. A directory
   * without this question knows no accounts.
   */
  readonly account?: ((login: string, patience?: Patience) => Answer<Account | undefined>) | undefined;
  /** VRFY by a word without a domain: addresses that it may mean. */
  verify(text: string): Answer<readonly string[]>;
  /** EXPN: the members to show; `undefined`: no such list. */
  expand(address: string): Answer<readonly string[] | undefined>;
  /** A table of an MTA: its aliases lead to other mailboxes, which may lead further. */
  readonly forwards?: boolean;
  /** The last question that a server was asked, and its reply, if it was about this address; for `explain`. */
  saidOf?(address: string): string | undefined;
  /** `mta`: every address exists and is local, recipients and relaying stay the MTA's. */
  readonly everything?: boolean;
}

/** A named list. Keys are folded to lower case unless it says otherwise. */
export interface Lookup {
  readonly waits: boolean;
  readonly source?: WaitedFor;
  /** Why what is not there may be there all the same, said after the name of the list; `undefined`: it is whole. */
  readonly doubt?: string | undefined;
  /** 1 for the member of a set, the value in a map. `undefined`: not there. */
  get(key: string): Answer<Value | undefined>;
}

/** Whom `session.rcpt.greylist` never delays; the lists may change while the daemon runs. */
export interface Exemptions {
  /** `name` is forward-confirmed; `""` if there is none. */
  client(address: string, name: string): boolean;
  recipient(address: string): boolean;
}

/** Results of SPF (RFC 7208 2.6) and of `iprev` (RFC 8601 2.7.3). */
export type AuthResult = "pass" | "fail" | "softfail" | "neutral" | "none" | "temperror" | "permerror";

export interface SpfIdentity {
  /** Canonical. */
  readonly client: string;
  readonly helo: string;
  /** Canonical; `""`: that of the EHLO name. */
  readonly sender: string;
}

export interface SpfAnswer {
  readonly result: AuthResult;
  /** For people: the term that matched, or why there is no result. */
  readonly by: string;
  /** Of the term that matched; `""` if none did. */
  readonly mechanism: string;
}

export interface IprevAnswer {
  readonly result: AuthResult;
  /** Forward-confirmed, canonical; `""` if there is none. */
  readonly ptr: string;
  /** Why nobody can tell. */
  readonly by?: string;
}

/** Hears of each question to the DNS, such as `TXT example.org`, and what came back. */
export type OnDnsAnswer = (question: string, answer: readonly string[] | undefined | TemporaryError) => void;

/** What the DNS says of a client and its sender. */
export interface SenderAuth {
  spf(identity: SpfIdentity, onAnswer?: OnDnsAnswer): Answer<SpfAnswer>;
  /** `client` is canonical. */
  iprev(client: string, onAnswer?: OnDnsAnswer): Answer<IprevAnswer>;
}

export interface Sources {
  readonly ask: Ask;
  readonly senderAuth: SenderAuth;
  /** By name; `''` and `'*'` are the default directory. `undefined`: none of that name. */
  directory(name: string): Directory | undefined;
  lookup(name: string): Lookup | undefined;
  /** Milliseconds since the epoch, for what is remembered between messages. */
  now(): number;
  /** Lets other requests go on for a moment. */
  yieldToLoop(): Promise<void>;
  readonly state: State;
  readonly exemptions: Exemptions;
}
