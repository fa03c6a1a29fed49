/**
 * What the HTTP listener says and takes as JSON, and whom it asks for that. Times are RFC 3339 in UTC. All texts of mail are a stranger's:
 * to be shown as text, never as markup.
 *
 * | request | answer |
 * |---|---|
 * | `GET /api/session` | `SessionInfo`; its `csrf` goes into the header `x-csrf-token` of every POST |
 * | `GET /api/decisions?FILTER&limit=200` | `{decisions: KeptDecision[]}`, oldest first; with `Accept: text/event-stream` the same (at most 2,000) as events, and what follows: each `data` is a `KeptDecision`, `event: missed` says how many were left out since they came faster than some fifty a second |
 * | `GET /api/decisions/archive?FILTER&since=&until=&limit=200&after=` | `ArchivePage`; `since` and `until` are times, `after` is the `next` of the page before |
 * | `GET /api/refused?FILTER` | `Refused` |
 * | `GET /api/refused/archive?FILTER&since=&until=` | `RefusedEarlier` |
 * | `POST /api/explain` | takes `PlayedSession` (as a line of `postern explain --stdin`), says `{steps: Step[]}` |
 * | `GET /api/greylist?client=&sender=&recipient=&state=waiting&limit=100&after=` | `GreylistPage`; `after` is the `next` of the page before |
 * | `POST /api/greylist/allow`, `/api/greylist/forget` | takes `GreylistSubject`, says `Done` |
 * | `GET /api/throttles?near=1` | `{throttles: ThrottleCounter[]}` |
 * | `POST /api/throttles/reset` | takes `ThrottleSubject`, says `Done` |
 * | `GET /api/address?address=` | `AddressInfo` |
 * | `GET /api/configuration` | `ConfigurationInfo` |
 * | `GET /api/series` | `Series` |
 * | `GET /status` | `Status` |
 * | `GET /readyz` | `Readiness`, 200 or 503 |
 *
 * What fails says `Failure`: 400 the request makes no sense, 401 a token is needed, 403 it comes from elsewhere, 404, 405, 413, 429, 503 a source
 * cannot tell now.
 */
import type { Mode, TraceEntry } from "../../stage/core.ts";
import type { StageName } from "../../stage/stage-result.ts";
import type { Decision, VerdictKind } from "../decision.ts";
import type { PlayedSession, Step } from "../explain/play.ts";
import type { DecisionFilter } from "./decision-filter.ts";

export interface Failure {
  readonly error: string;
}

export interface SessionInfo {
  readonly csrf: string;
  readonly version: string;
  readonly hostname: string;
  /** Of the server. */
  readonly mode: Mode;
  /** Whoever came had to show the token, and may `POST /logout`. */
  readonly needsToken: boolean;
  /** How long decisions are kept in the archive; `null`: there is none. */
  readonly keepSeconds: number | null;
}

export interface KeptDecision extends Decision {
  /** Unlike that of any other, and in the order of time within one worker. */
  readonly id: string;
  readonly time: string;
  /** Why a source could not answer. */
  readonly error?: string;
}

/** Of those that are kept for days, the newest first. One that found little may go on: it looked at as many as it does at once. */
export interface ArchivePage {
  readonly decisions: readonly KeptDecision[];
  /** `null`: all was searched. */
  readonly next: string | null;
  /** What is newer was searched; `null`: all was. */
  readonly reached: string | null;
}

/** As `ArchivePage`, with each decision as JSON. */
export interface ArchivedTexts extends Omit<ArchivePage, "decisions"> {
  readonly texts: readonly string[];
}

/** Times in milliseconds since 1970. */
export interface ArchiveSpan {
  readonly filter: DecisionFilter;
  readonly since: number;
  readonly until: number;
  readonly after?: ArchivePlace;
}

export interface ArchiveSearch extends ArchiveSpan {
  /** At least 1: a page goes on after its last decision. */
  readonly limit: number;
}

/** Of a decision in the archive. */
export interface ArchivePlace {
  readonly at: number;
  readonly id: number;
}

export interface Counted {
  readonly value: string;
  readonly count: number;
}

/** How far somebody has read, by process: the number of the next decision. */
export type Mark = Readonly<Record<string, number>>;

export interface DecisionPage {
  /** How many were found. */
  readonly count: number;
  /** Oldest first, each a `KeptDecision` as JSON: read in portions, when they are asked for. Those that are kept no longer then are left out. */
  readonly texts: AsyncIterable<readonly string[]>;
  /** Later than the mark that was given, and left out; with none given 0. */
  readonly missed: number;
  readonly mark: Mark;
}

/** Of the decisions that are kept: the most frequent among what was refused, or would have been. */
export interface Refused {
  /** Of the oldest decision; `null`: there is none yet. */
  readonly since: string | null;
  readonly decisions: number;
  readonly refused: number;
  readonly byReason: readonly Counted[];
  /** /24 and /64. */
  readonly byNetwork: readonly Counted[];
  readonly byRecipient: readonly Counted[];
}

/** Of those that are kept for days. */
export interface RefusedEarlier extends Refused {
  /** What is newer was counted; `null`: all was. */
  readonly reached: string | null;
}

export type GreylistState = "waiting" | "passed" | "allowed";

export interface GreylistRecord {
  readonly state: GreylistState;
  readonly client: string;
  readonly sender: string;
  readonly recipient: string;
  readonly firstSeen: string;
  readonly lastSeen: string;
  /** `null`: not yet. */
  readonly passed: string | null;
  /** `null`: never. */
  readonly expires: string | null;
}

/** Each a part of the text. */
export interface GreylistFilter {
  readonly client?: string;
  readonly sender?: string;
  readonly recipient?: string;
  readonly state?: "waiting" | "passed";
}

export interface GreylistPage {
  readonly entries: readonly GreylistRecord[];
  /** `null`: this is the last page. */
  readonly next: string | null;
}

/** An address (without the other two), or one entry as it is listed. */
export interface GreylistSubject {
  readonly client: string;
  readonly sender?: string | undefined;
  readonly recipient?: string | undefined;
}

export interface Done {
  /** False: there is no such thing. */
  readonly done: boolean;
}

export interface ThrottleCounter {
  readonly name: string;
  /** What is counted apart, such as an address. */
  readonly key: string;
  readonly count: number;
  readonly limit: number;
  readonly periodSeconds: number;
  readonly since: string;
}

/** Without a key: all of that name. */
export interface ThrottleSubject {
  readonly name: string;
  readonly key?: string | undefined;
}

/** What becomes of a recipient, whoever sends to it. */
export interface AddressInfo {
  readonly address: string;
  /** Which directory was asked; `null`: none. */
  readonly directory: string | null;
  /** `null`: it is accepted. */
  readonly reply: string | null;
  /** Such as `alias`, `unknown-mailbox`, `unavailable`. */
  readonly reason: string;
  /** Where mail for it goes. */
  readonly resolved: readonly string[];
  /** Until when the directory's answer is kept, by the worker that keeps it longest; `null`: it is not. */
  readonly cachedUntil: string | null;
  readonly trace: readonly TraceEntry[];
}

export interface ConfigurationInfo {
  readonly file: string;
  readonly loaded: string;
  /** All of it as TOML, defaults included, secrets masked. */
  readonly text: string;
  readonly warnings: readonly string[];
  /** What may be in shadow or enforced. */
  readonly modes: readonly { readonly what: string; readonly mode: Mode }[];
}

/** Over the last day. A number is how many there were in the step that ends at that time; `null`: the daemon did not run. */
export interface Series {
  readonly stepSeconds: number;
  /** Seconds since 1970, as many as each series has numbers. */
  readonly times: readonly number[];
  readonly series: Readonly<Record<SeriesName, readonly number[]>>;
}

/** What would have been refused in shadow mode counts as `would`, not as `pass`. */
export type SeriesName = VerdictKind | "would" | GreylistEvent;

/** `new`: a first attempt, refused; `early`: a retry that came too soon; `passed`: for the first time; `known`: again; `whitelisted`: by its address. */
export type GreylistEvent = "new" | "early" | "passed" | "known" | "whitelisted";

export interface ListenerStatus {
  readonly name: string;
  readonly protocol: string;
  readonly addresses: readonly string[];
  readonly mode: Mode;
  readonly connections: number;
  readonly decisions: number;
  /** Of the last decision; `null`: none yet. */
  readonly lastDecision: string | null;
  /** How many decisions of each stage. */
  readonly stages: Readonly<Partial<Record<StageName, number>>>;
  /** The version of the MTA as a milter is told: `Postfix 3.7.11`, of Sendmail the number alone; `null`: not told, as by the policy protocol. */
  readonly mta: string | null;
  /** From where the MTA asks: the state of the SMTP session and the restriction list, as far as it says them. Of requests that passed. */
  readonly places: readonly { readonly place: string; readonly count: number }[];
}

export interface SourceStatus {
  readonly name: string;
  readonly up: boolean;
  /** Of its last change; `null`: it never was one. */
  readonly since: string | null;
  /** That were waited for. */
  readonly questions: number;
  readonly failures: number;
  /** Of those questions, in seconds; `null`: none. */
  readonly meanSeconds: number | null;
  readonly maxSeconds: number | null;
  readonly lastFailure: { readonly time: string; readonly error: string } | null;
}

export interface GreylistStatus {
  /** Since the start. */
  readonly events: Readonly<Record<GreylistEvent, number>>;
  /** `null`: there is no greylist, or its store cannot tell. */
  readonly entries: { readonly waiting: number; readonly passed: number; readonly addresses: number } | null;
}

export interface Status {
  readonly version: string;
  readonly hostname: string;
  readonly started: string;
  readonly workers: number;
  readonly readiness: Readiness;
  readonly configuration: { readonly file: string; readonly loaded: string; readonly mode: Mode; readonly warnings: readonly string[] };
  readonly listeners: readonly ListenerStatus[];
  /** What is configured, and the MTA never asks about; as soon as it has asked often enough. */
  readonly unasked: readonly string[];
  readonly sources: readonly SourceStatus[];
  readonly greylist: GreylistStatus;
  /** Near their limit. */
  readonly throttles: readonly ThrottleCounter[];
}

export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

/** Whom the routes ask. Every promise may reject with a `TemporaryError`, or an `InvalidQuestion` about what was asked. */
export interface Operations {
  session(): Omit<SessionInfo, "csrf" | "needsToken">;
  readiness(): Promise<Readiness>;
  status(): Promise<Status>;
  /** In the text form of OpenMetrics. */
  metrics(): Promise<string>;
  /** The last ones that match; those since a mark. */
  decisions(filter: DecisionFilter, limit: number, since?: Mark): Promise<DecisionPage>;
  /** Among all that are kept. */
  refused(filter: DecisionFilter): Promise<Refused>;
  /** Of those that are kept for days. */
  archived(search: ArchiveSearch): Promise<ArchivedTexts>;
  /** Ends when nobody waits for it any more. */
  refusedEarlier(span: ArchiveSpan, isAwaited: () => boolean): Promise<RefusedEarlier>;
  explain(played: PlayedSession): Promise<readonly Step[]>;
  greylist(filter: GreylistFilter, limit: number, after: string | undefined): Promise<GreylistPage>;
  allow(subject: GreylistSubject): Promise<Done>;
  forget(subject: GreylistSubject): Promise<Done>;
  throttles(onlyNear: boolean): Promise<readonly ThrottleCounter[]>;
  resetThrottle(subject: ThrottleSubject): Promise<Done>;
  address(address: string): Promise<AddressInfo>;
  configuration(): ConfigurationInfo;
  series(): Series;
}

/** What was asked makes no sense; its message says how to mend it. */
export class InvalidQuestion extends Error {}
