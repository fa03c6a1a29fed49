/** What the configuration says, compiled: all that a stage needs besides the session and its sources. */
import type { Expression } from "../expr/expression.ts";
import type { Reply } from "../mail/reply.ts";
import type { Scope } from "./vocabulary.ts";

/** A compiled rule set. Which type its value is read as is the reading stage's business (src/expr/result.ts). */
export type Rule = Expression<Scope>;

export interface Settings {
  readonly ehlo: {
    readonly require: Rule;
    readonly rejectNonFqdn: Rule;
    readonly fqdn: "stalwart" | "strict";
    /** Names of lookups. */
    readonly blocklist: readonly string[];
  };
  readonly extensions: {
    readonly pipelining: Rule;
    readonly chunking: Rule;
    readonly requireTls: Rule;
    readonly noSoliciting: Rule;
    readonly dsn: Rule;
    readonly futureRelease: Rule;
    readonly deliverBy: Rule;
    readonly mtPriority: Rule;
    readonly vrfy: Rule;
    readonly expn: Rule;
  };
  readonly mail: { readonly rewrite: Rule };
  readonly rcpt: {
    readonly directory: Rule;
    readonly relay: Rule;
    readonly rewrite: Rule;
    /** True, false, or rules whose string is the address to look up when the full one is not there. */
    readonly subAddressing: boolean | Rule;
    readonly subAddressingDelivery: "base" | "keep";
    readonly catchAll: boolean | Rule;
    readonly aliases: "keep" | "primary";
    readonly maxRecipients: Rule;
    readonly maxListMembers: number;
    readonly errors: { readonly total: Rule; readonly wait: Rule };
    readonly replies: Replies;
  };
  /** By name and by alias, A-labels in lower case. */
  readonly domains: ReadonlyMap<string, DomainSettings>;
}

/** `[session.rcpt.replies]`. */
export interface Replies {
  readonly unknownMailbox: Reply;
  readonly relay: Reply;
  readonly tooManyRecipients: Reply;
  readonly tooManyErrors: Reply;
  readonly unavailable: Reply;
}

/** A `Domain` object. */
export interface DomainSettings {
  /** The domain that mail for it, or for one of its aliases, is looked up in. */
  readonly name: string;
  /** `undefined`: by `session.rcpt.directory`. */
  readonly directory: string | undefined;
  /** `undefined`: as `session.rcpt.sub-addressing`. A rule sees the local part as `rcpt` and yields the new local part. */
  readonly subAddressing: boolean | Rule | undefined;
  /** Canonical; not resolved again. `undefined`: as `session.rcpt.catch-all`. */
  readonly catchAllAddress: string | undefined;
  /** Unknown mailboxes of this domain pass. */
  readonly allowRelaying: boolean;
}
