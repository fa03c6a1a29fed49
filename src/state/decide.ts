/** What a state store answers and writes, given its rows. For PostgreSQL the same is written in SQL (postgresql/statements.ts). */
import { hash } from "node:crypto";
import type { CorrespondentQuestion, GreylistAnswer, GreylistQuestion, ThrottleAnswer, ThrottleQuestion } from "../stage/state.ts";
import { skewMs } from "../store/clock-skew.ts";
import { hourMs } from "../text/duration.ts";

export interface Triplet {
  readonly client: string;
  readonly sender: string;
  readonly recipient: string;
}

/**
 * Times are milliseconds since the epoch. A row is dead once `now` is later than `expires`, whether it was removed or not. A clock that
 * was ahead leaves times that are later than now: they count as now, and are written so at the next question.
 */
export interface GreylistRow {
  readonly firstSeen: number;
  readonly lastSeen: number;
  /** The first pass; `undefined`: it still waits. */
  readonly passed: number | undefined;
  readonly expires: number;
}

export interface AddressRow {
  /** Counted at most once an hour; `allowedPasses`: an administrator allowed it. */
  readonly passes: number;
  /** When a pass was last counted. */
  readonly seen: number;
  readonly expires: number;
}

export interface ThrottleRow {
  /** The number of the current period since the epoch. */
  readonly period: number;
  readonly taken: number;
  /** What was taken in the period before. */
  readonly previous: number;
  readonly expires: number;
}

/** A row for each question that took something, so that its repeat takes nothing and it can be given back. */
export interface TokenRow {
  /** In which it took. */
  readonly period: number;
  readonly expires: number;
}

/** Passes of an address that an administrator allowed; nobody reaches as many by passing. */
export const allowedPasses = 2 ** 31 - 1;
/** When entries of an administrator expire. */
export const never = Number.MAX_SAFE_INTEGER;

// No transaction asks the same again later, and the rows of a busy day would outnumber all others.
const maxTokenMs = 600_000;

function alive<T extends { readonly expires: number }>(row: T | undefined, now: number): T | undefined {
  return row !== undefined && row.expires >= now ? row : undefined;
}

/** That an entry was seen is written once an hour, or more often where it would not live as long. */
export function refreshMs(lifetimeMs: number): number {
  return Math.min(hourMs, Math.ceil(lifetimeMs / 2));
}

/** One text of its three. */
export function tripletKey({ client, sender, recipient }: Triplet): string {
  return `${client}\0${sender}\0${recipient}`;
}

/** What a store is asked. */
export interface TripletQuestion extends GreylistQuestion {
  /** A first attempt is not remembered. */
  readonly beginsNothing?: true;
}

export interface GreylistRows {
  readonly triplet: GreylistRow | undefined;
  readonly address: AddressRow | undefined;
}

/** Of which nothing is known. */
export const noRows: GreylistRows = { triplet: undefined, address: undefined };

export interface GreylistDecision {
  readonly answer: GreylistAnswer;
  /** Rows to be written; `undefined`: as it is. */
  readonly triplet: GreylistRow | undefined;
  readonly address: AddressRow | undefined;
}

export function decideGreylist(rows: GreylistRows, question: TripletQuestion): GreylistDecision {
  const { now, delayMs, retryWindowMs } = question;
  const known = alive(rows.address, now);
  const row = alive(rows.triplet, now);
  if (isWhitelisted(known, question)) {
    // Another host of the client need not be.
    const triplet = row?.passed === undefined ? undefined : seenAgain(row, row.passed, question);
    return { answer: whitelisted, triplet, address: creditOf(known, question) };
  }
  if (row === undefined) {
    const begun = { firstSeen: now, lastSeen: now, passed: undefined, expires: now + retryWindowMs };
    return waiting(now, true, question.beginsNothing ? undefined : begun);
  }
  const firstSeen = Math.min(row.firstSeen, now);
  if (row.passed !== undefined) {
    const answer = passing(firstSeen, Math.min(row.passed, now), false);
    return { answer, triplet: seenAgain(row, row.passed, question), address: creditOf(known, question) };
  }
  if (now - firstSeen < delayMs) {
    const isAhead = row.firstSeen > now + skewMs;
    return waiting(firstSeen, false, isAhead ? { firstSeen, lastSeen: now, passed: undefined, expires: now + retryWindowMs } : undefined);
  }
  return { answer: passing(firstSeen, now, true), triplet: passedNow(row, now, question), address: creditOf(known, question) };
}

/** The row of a triplet that has passed and is seen; `undefined`: it stays as it is. */
function seenAgain(row: GreylistRow, passed: number, question: GreylistQuestion): GreylistRow | undefined {
  const { now, lifetimeMs } = question;
  const isCurrent = row.lastSeen <= now + skewMs && now - row.lastSeen < refreshMs(lifetimeMs);
  return isCurrent ? undefined : passedNow(row, passed, question);
}

function passedNow(row: GreylistRow, passed: number, { now, lifetimeMs }: GreylistQuestion): GreylistRow {
  // An entry that an administrator made outlives the lifetime.
  const expires = Math.max(row.expires, now + lifetimeMs);
  return { firstSeen: Math.min(row.firstSeen, now), lastSeen: now, passed: Math.min(passed, now), expires };
}

const whitelisted: GreylistAnswer = { kind: "whitelisted" };

/** An administrator whose clock is behind may have allowed an entry before it was first seen. */
export function passing(firstSeen: number, passed: number, firstPass: boolean): GreylistAnswer {
  return { kind: "pass", firstPass, waitedMs: Math.max(0, passed - firstSeen) };
}

/** The row of a triplet that an administrator allows. */
export function allowedTriplet(row: GreylistRow | undefined, now: number): GreylistRow {
  const known = alive(row, now);
  return { firstSeen: Math.min(known?.firstSeen ?? now, now), lastSeen: now, passed: Math.min(known?.passed ?? now, now), expires: never };
}

/** What has passed stays, and what waits unless the other one has passed; each as long as it lives. */
export function replacesTriplet(imported: GreylistRow, row: GreylistRow | undefined, now: number): boolean {
  const known = alive(row, now);
  return known === undefined || (known.passed === undefined && imported.passed !== undefined);
}

/** The row of an address that is imported: it loses nothing that is known; `undefined`: it stays as it is. */
export function mergedAddress(imported: AddressRow, row: AddressRow | undefined, now: number): AddressRow | undefined {
  const known = alive(row, now);
  if (known === undefined) return imported;
  const passes = Math.max(known.passes, imported.passes);
  const seen = Math.max(known.seen, imported.seen);
  const expires = Math.max(known.expires, imported.expires);
  const isKnown = passes === known.passes && seen === known.seen && expires === known.expires;
  return isKnown ? undefined : { passes, seen, expires };
}

/** Who waits adds nothing to an address. */
function waiting(firstSeen: number, isNew: boolean, triplet: GreylistRow | undefined): GreylistDecision {
  return { answer: { kind: "wait", firstSeen, isNew }, triplet, address: undefined };
}

function isWhitelisted(address: AddressRow | undefined, { autoWhitelist }: GreylistQuestion): boolean {
  return address !== undefined && address.passes >= (autoWhitelist.passes ?? allowedPasses);
}

/** The row of an address that passes; `undefined`: it stays as it is. */
export function creditOf(row: AddressRow | undefined, question: GreylistQuestion): AddressRow | undefined {
  const { now, lifetimeMs, autoWhitelist } = question;
  if (autoWhitelist.passes === undefined) return undefined;
  const until = now + lifetimeMs;
  const known = alive(row, now);
  if (known === undefined) return { passes: 1, seen: now, expires: until };
  const isCounted = now - known.seen < hourMs;
  const isAhead = known.seen > now + skewMs;
  // Where entries live for less than two hours, it would expire before it is counted often enough.
  if (isCounted && !isAhead && until - known.expires < refreshMs(lifetimeMs)) return undefined;
  const passes = isCounted ? known.passes : Math.min(known.passes + 1, allowedPasses);
  return { passes, seen: isCounted && !isAhead ? known.seen : now, expires: Math.max(known.expires, until) };
}

export interface ThrottleDecision {
  readonly answer: ThrottleAnswer;
  /** Rows to be written; `undefined`: as it is. */
  readonly row?: ThrottleRow;
  readonly token?: TokenRow;
}

/** A refused question takes nothing, so that what is given back can be taken by another. */
export function decideThrottle(rows: ThrottleRows, question: ThrottleQuestion): ThrottleDecision {
  const { now, count } = question;
  const row = rolled(rows.row, question);
  const used = usedOf(row, question);
  const known = alive(rows.token, now);
  // Twice as long leaves room for a node whose clock is a little ahead.
  if (known !== undefined && known.expires <= now + 2 * tokenMs(question))
    return { answer: { allowed: true, taken: used, isRepeat: true } };
  if (used >= count) return { answer: { allowed: false, taken: used } };
  const token = { period: row.period, expires: now + tokenMs(question) };
  return { answer: { allowed: true, taken: used + 1 }, row: { ...row, taken: row.taken + 1 }, token };
}

/** What counts against the limit now. */
export function countedNow(row: ThrottleRow, moment: ThrottleMoment): number {
  return usedOf(rolled(row, moment), moment);
}

function usedOf(row: ThrottleRow, moment: ThrottleMoment): number {
  return row.taken + Math.ceil(row.previous * weightOf(moment));
}

/** `undefined`: there is nothing to give back. The token is forgotten with it. */
export function decideGiveBack(rows: ThrottleRows, question: ThrottleQuestion): ThrottleRow | undefined {
  const row = rolled(rows.row, question);
  const period = question.token === undefined ? row.period : alive(rows.token, question.now)?.period;
  if (period === row.period && row.taken > 0) return { ...row, taken: row.taken - 1 };
  if (period === row.period - 1 && row.previous > 0) return { ...row, previous: row.previous - 1 };
  return undefined;
}

export interface ThrottleRows {
  readonly row: ThrottleRow | undefined;
  readonly token: TokenRow | undefined;
}

/** When a counter is looked at, and how it counts. */
export type ThrottleMoment = Pick<ThrottleQuestion, "now" | "periodMs" | "window">;

export function periodOf({ now, periodMs }: ThrottleMoment): number {
  return Math.floor(now / periodMs);
}

/** A row serves its period and the next one, whose sliding window looks back at it. */
export function throttleExpires(question: ThrottleMoment): number {
  return (periodOf(question) + 2) * question.periodMs;
}

/** A sliding window takes the previous period to have been even: this part of it is still in the window. */
export function weightOf({ now, periodMs, window }: ThrottleMoment): number {
  return window === "fixed" ? 0 : 1 - (now % periodMs) / periodMs;
}

export function tokenMs({ periodMs }: ThrottleQuestion): number {
  return Math.min(periodMs, maxTokenMs);
}

/** The key of a token's row: the same token may come with many keys. */
export function tokenKey({ key, token }: ThrottleQuestion): string | undefined {
  return token === undefined ? undefined : hash("sha256", `${key}\0${token}`, "base64url").slice(0, 22);
}

function rolled(known: ThrottleRow | undefined, question: ThrottleMoment): ThrottleRow {
  const period = periodOf(question);
  const expires = throttleExpires(question);
  const row = alive(known, question.now);
  // What counts in a later period was counted by a clock that was ahead, and would refuse until then; unless that one begins in a moment.
  const last = Math.min(period + 1, periodOf({ ...question, now: question.now + skewMs }));
  if (row === undefined || row.period < period - 1 || row.period > last) return { period, taken: 0, previous: 0, expires };
  // A node whose clock is a little behind counts in the period of the others.
  return row.period >= period ? row : { period, taken: 0, previous: row.taken, expires };
}

/** When a pair expires whose row says `expires`; `undefined`: the row stays as it is. Written as often as last-seen is. */
export function decideRemember(expires: number | undefined, { now, lifetimeMs }: CorrespondentQuestion): number | undefined {
  const until = now + lifetimeMs;
  const isCurrent = expires !== undefined && expires > until - refreshMs(lifetimeMs) && expires <= until + skewMs;
  return isCurrent ? undefined : until;
}
