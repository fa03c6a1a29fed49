/** The public face of Sieve: what a script is compiled against, what it is run in, and what comes of it. */
import type { Answer } from "../answer/answer.ts";
import type { TemporaryError } from "../answer/temporary-error.ts";
import type { Ask, DnsListSubject, Names } from "../expr/ask.ts";
import type { OnDoubt } from "../expr/expression.ts";
import type { Value } from "../expr/value.ts";
import type { Reply } from "../mail/reply.ts";
import type { Limits } from "./limits.ts";

/** Parts of the envelope that scripts read and set (RFC 5228 5.4, RFC 6009); `_` in a name as it is written counts for nothing. */
export const envelopeParts = [
  "from",
  "to",
  "envid",
  "orcpt",
  "ret",
  "notify",
  "bymode",
  "bytrace",
  "bytimeabsolute",
  "bytimerelative",
] as const;
export type EnvelopePart = (typeof envelopeParts)[number];

/** Canonical addresses; the null sender is `""`. A part that is absent is not there at this stage: tests on it are false, variables empty. */
export type ScriptEnvelope = Readonly<Partial<Record<EnvelopePart, string>>>;

/** What compiling needs to know. */
export interface ScriptVocabulary {
  /** Every environment item that may ever have a value. */
  readonly environment: ReadonlySet<string>;
  readonly names: Names;
  /** The source of a script to include; names are folded to lower case. */
  readonly source: (name: string) => string | undefined;
  readonly limits: Limits;
  /** How sub-addresses are found: by a separator, by rules in at least one domain, or in no domain at all. */
  readonly subAddressing: "separator" | "rules" | "off";
  /** What is wrong with a comparison in an expression, of `env.X` or `envelope.X` in lower case, which can never be meant; `undefined`: nothing. */
  readonly mistakenComparison?: (variable: string, constant: Value) => string | undefined;
  /** The same of an item of the environment and the whole of a text. */
  readonly mistakenItem?: (item: string, text: string) => string | undefined;
  /** Extensions may be used only after they were required (RFC 5228 2.10.5); otherwise that is a warning. */
  readonly mustRequire: boolean;
}

/** What is wrong with a script, and how to fix it. Line and column are from 1, the column in UTF-16 units. */
export interface ScriptProblem {
  readonly severity: "error" | "warning";
  /** The script, as an included one may be at fault. */
  readonly script: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** What one run sees of the world. */
export interface ScriptSurroundings {
  /** `undefined`: the item has no value in this session. */
  environment(name: string): Value | undefined;
  readonly envelope: ScriptEnvelope;
  /** The size that the client declared, in octets; 0 if it did not. */
  readonly declaredSize: number;
  readonly ask: Ask;
  readonly onDoubt?: OnDoubt | undefined;
  /** What a DNS list is asked about; `""`: nothing is asked. */
  listed(of: DnsListSubject): string;
  /** Between user and detail in local parts of a domain (RFC 5233). `undefined`: its addresses have no detail. */
  separatorOf(domain: string): string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Lets other requests go on for a moment. */
  yieldToLoop(): Promise<void>;
  readonly trace?: (entry: ScriptTrace) => void;
  /** For the administrator. */
  readonly log?: (entry: ScriptLogEntry) => void;
}

/** What a script says to the log: one line, cleaned and cut. */
export interface ScriptLogEntry {
  readonly script: string;
  readonly line: number;
  readonly text: string;
}

/** One step for people: a command that ran, or a test and its outcome. */
export interface ScriptTrace {
  readonly script: string;
  readonly line: number;
  /** `if`, `envelope`, `set` … */
  readonly what: string;
  /** What it became: `true`, `false`, a value. */
  readonly answer: string;
}

export interface EnvelopeChange {
  readonly part: EnvelopePart;
  /** Checked: an address, `FULL`, … `undefined`: the part is cleared. */
  readonly value: string | undefined;
}

export interface ScriptOutcome {
  readonly action: { readonly kind: "accept" } | { readonly kind: "discard" } | { readonly kind: "reject"; readonly reply: Reply };
  /** In the order in which they were made; they mean nothing unless the action is to accept. */
  readonly changes: readonly EnvelopeChange[];
  /** Why it was stopped before its end. */
  readonly failure?: ScriptFailure;
}

export interface ScriptFailure {
  readonly script: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** Of a source, if that was the reason. */
  readonly cause?: TemporaryError;
}

/** A SQL statement of a script, so that it can be tried before the script runs. */
export interface ScriptStatement {
  /** `''` and `'*'`: the data store. */
  readonly store: string;
  readonly sql: string;
  readonly script: string;
  readonly line: number;
  readonly column: number;
}

export interface Script {
  readonly name: string;
  /** Those that are the same at every run. */
  readonly statements: readonly ScriptStatement[];
  /** What it, or a script that it includes, may set of the envelope. */
  readonly sets: ReadonlySet<EnvelopePart>;
  /** Items of the environment that it, or a script that it includes, may read or have a DNS list asked about. */
  readonly reads: ReadonlySet<string>;
  /** Those of them of which another value might prevent a refusal. */
  readonly doubts: ReadonlySet<string>;
  /** Nothing in it takes a refusal for good back, once it was decided. */
  readonly keepsRefusals: boolean;
  /**
   * A promise only where a source lets it wait or other requests must have their turn. Faults of the script and sources that cannot tell end it
   * with a `failure`; it throws only for a bug of ours.
   */
  run(surroundings: ScriptSurroundings): Answer<ScriptOutcome>;
}
