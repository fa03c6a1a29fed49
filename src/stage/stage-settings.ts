/** What the configuration says, compiled: all that a stage needs besides the session and its sources. */
import type { Expression } from "../expr/expression.ts";
import type { Value } from "../expr/value.ts";
import type { Reply } from "../mail/reply.ts";
import type { Script } from "../sieve/script.ts";
import type { Mode } from "./core.ts";
import type { Host } from "./script-environment.ts";
import type { AuthCheck } from "./sender-auth.ts";
import type { Scope } from "./vocabulary.ts";

/** A compiled rule set. Which type its value is read as is the reading stage's business (src/expr/result.ts). */
export interface Rule extends Expression<Scope> {
  /** What must be asked before its variables are read. `undefined`: nothing. */
  readonly checks?: readonly AuthCheck[] | undefined;
}

/** The name of the script to run, if it yields text. `undefined`: none ever runs. */
export type ScriptRule = Rule | undefined;

export interface Settings {
  readonly host: Host;
  readonly ehlo: {
    readonly mode: Mode;
    readonly require: Rule;
    readonly rejectNonFqdn: Rule;
    readonly fqdn: "stalwart" | "strict";
    /** Names of lookups. */
    readonly blocklist: readonly string[];
    readonly deny: readonly Denial[];
    readonly script: ScriptRule;
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
  readonly senderAuth: SenderAuthSettings;
  readonly auth: { readonly mustMatchSender: Rule };
  readonly mail: {
    readonly mode: Mode;
    readonly isAllowed: Rule;
    readonly deny: readonly Denial[];
    readonly script: ScriptRule;
    readonly rewrite: Rule;
  };
  readonly rcpt: {
    readonly mode: Mode;
    readonly directory: Rule;
    readonly relay: Rule;
    readonly deny: readonly Denial[];
    readonly script: ScriptRule;
    readonly rewrite: Rule;
    /** True, false, or rules whose string is the address to look up when the full one is not there. */
    readonly subAddressing: boolean | Rule;
    readonly subAddressingDelivery: "base" | "keep";
    readonly catchAll: boolean | Rule;
    /** `undefined`: `primary` where a directory forwards, else `keep`. */
    readonly aliases: "keep" | "primary" | undefined;
    readonly maxRecipients: Rule;
    readonly maxListMembers: number;
    readonly errors: { readonly total: Rule; readonly wait: Rule };
    readonly greylist: GreylistSettings;
    readonly replies: Replies;
  };
  /** Each at the stage where what it counts is known. */
  readonly throttles: Readonly<Record<ThrottleStage, readonly Throttle[]>>;
  /** By name and by alias, A-labels in lower case. */
  readonly domains: ReadonlyMap<string, DomainSettings>;
  readonly sieve: SieveSettings;
}

/** `[auth]`. Rules that yield a strategy; `undefined`: it is always `disable`. */
export interface SenderAuthSettings {
  readonly spfEhlo: Rule | undefined;
  readonly spfMail: Rule | undefined;
  readonly iprev: Rule | undefined;
  /** The name of this machine for `Received-SPF`; `undefined`: no header. */
  readonly headerHost: string | undefined;
}

/** One of the `deny` of a stage. */
export interface Denial {
  /** For the trace, with the place where it is written: `deny (postern.toml:14)`. */
  readonly title: string;
  readonly mode: Mode;
  readonly if: Rule;
  readonly reply: ReplyTemplate;
}

/** A reply whose text may have variables in it. */
export interface ReplyTemplate extends Pick<Reply, "code" | "status"> {
  /** Texts, and functions for the variables between them. */
  readonly parts: readonly (string | ((scope: Scope) => Value))[];
  /** What must be asked before these are read. */
  readonly checks?: readonly AuthCheck[] | undefined;
}

/** `[sieve.trusted]`. */
export interface SieveSettings {
  /** By name in lower case. */
  readonly scripts: ReadonlyMap<string, Script>;
  /** What becomes of the command when a script fails. */
  readonly onError: "accept" | "defer";
}

/** `[session.rcpt.replies]`. */
export interface Replies {
  readonly unknownMailbox: Reply;
  readonly relay: Reply;
  readonly overQuota: Reply;
  readonly tooManyRecipients: Reply;
  readonly tooManyErrors: Reply;
  /** A 4yz; 421 with the same text at connect. */
  readonly rateLimit: Reply;
  /** `{seconds}` is how long to wait yet. */
  readonly greylisted: Reply;
  readonly unavailable: Reply;
}

/** `[session.rcpt.greylist]`. */
export interface GreylistSettings {
  readonly mode: Mode;
  readonly enable: Rule;
  readonly delayMs: number;
  readonly retryWindowMs: number;
  readonly lifetimeMs: number;
  /** Parts of the triplet; those left out are empty. */
  readonly key: ReadonlySet<GreylistKey>;
  readonly client: "domain-or-network" | "network";
  readonly ipv4Prefix: number;
  readonly ipv6Prefix: number;
  /** 0: off. */
  readonly autoWhitelist: number;
  /** Entries of one exact address. */
  readonly maxWaiting: number;
  readonly foldSenders: boolean;
  /** The name of this machine for the header of a first pass; `undefined`: no header. */
  readonly headerHost: string | undefined;
  /** How long it is remembered whom somebody wrote to; `undefined`: not at all. */
  readonly correspondentsMs: number | undefined;
  readonly training: boolean;
  readonly onStoreFailure: OnStoreFailure;
}

export type GreylistKey = "client" | "sender" | "rcpt";

export type OnStoreFailure = "accept" | "defer";

/** `errors`: asked at RCPT before anything else is, and counts what is refused there by mistake of the client. */
export type ThrottleStage = "connect" | "mail" | "rcpt" | "errors";

/** One `[[session.throttle]]`. */
export interface Throttle {
  /** The same on every node with the same configuration, and unlike that of any other throttle. */
  readonly id: string;
  /** Unlike that of any other throttle. */
  readonly name: string;
  readonly mode: Mode;
  /** For people: `25/1h by remote_ip`. */
  readonly title: string;
  readonly match: Rule;
  readonly key: readonly ThrottleKey[];
  /** How much of an IPv6 address in `remote_ip` tells clients apart. */
  readonly ipv6Prefix: number;
  readonly count: number;
  readonly periodMs: number;
  readonly window: "fixed" | "sliding";
  /** At RCPT: each recipient; or a message once, at its first accepted recipient; or each recipient that is unknown or may not be relayed. */
  readonly counts: "recipients" | "messages" | "errors";
  readonly onStoreFailure: OnStoreFailure;
}

/** Of all stages. */
export function throttlesOf({ throttles }: Pick<Settings, "throttles">): readonly Throttle[] {
  return Object.values(throttles).flat();
}

/** Variables that may tell what is counted apart, in the order in which they stand in the key. */
export const throttleKeys = [
  "rcpt",
  "rcpt_domain",
  "sender",
  "sender_domain",
  "helo_domain",
  "authenticated_as",
  "listener",
  "remote_ip",
  "local_ip",
] as const;

export type ThrottleKey = (typeof throttleKeys)[number];

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
