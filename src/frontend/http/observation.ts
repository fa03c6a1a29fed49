/** What one process has counted since its start, as data that processes send each other; and the sum of several. */
import type { StageName } from "../../stage/stage-result.ts";
import { type CalledListener, sumOfCalled } from "../calls.ts";
import type { VerdictKind } from "../decision.ts";
import type { GreylistEvent } from "./api.ts";

/** Upper bounds of the buckets, in seconds; a last one has what is above. */
export const bucketSeconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

export interface Histogram {
  /** By bucket, those of one not in the next. */
  readonly counts: readonly number[];
  readonly count: number;
  /** In seconds. */
  readonly sum: number;
  readonly max: number;
}

export interface DecisionCount {
  readonly listener: string;
  readonly stage: StageName;
  /** In shadow mode the one that was not carried out. */
  readonly verdict: VerdictKind;
  readonly reason: string;
  readonly shadow: boolean;
  readonly count: number;
}

export interface SourceObservation {
  readonly name: string;
  readonly up: boolean;
  /** Milliseconds since 1970, of the last change. */
  readonly since: number | undefined;
  readonly failures: number;
  readonly seconds: Histogram;
  readonly lastFailure: { readonly at: number; readonly error: string } | undefined;
}

export interface ThrottleCount {
  readonly name: string;
  readonly allowed: number;
  readonly refused: number;
}

export const dnsListResults = ["listed", "not-listed", "unavailable"] as const;

export type DnsListResult = (typeof dnsListResults)[number];

export interface DnsListCount {
  readonly name: string;
  readonly results: Readonly<Record<DnsListResult, number>>;
}

export interface CacheCount {
  readonly directory: string;
  readonly hits: number;
  readonly misses: number;
}

export interface ListenerObservation {
  readonly name: string;
  readonly connections: number;
  /** Milliseconds since 1970. */
  readonly lastDecision: number | undefined;
}

export interface Observation {
  readonly decisions: readonly DecisionCount[];
  readonly stages: readonly { readonly stage: StageName; readonly seconds: Histogram }[];
  readonly listeners: readonly ListenerObservation[];
  readonly sources: readonly SourceObservation[];
  readonly greylist: Readonly<Record<GreylistEvent, number>>;
  readonly throttles: readonly ThrottleCount[];
  readonly dnsLists: readonly DnsListCount[];
  readonly caches: readonly CacheCount[];
  readonly heldReplies: number;
  readonly called: readonly CalledListener[];
}

export const greylistEvents: readonly GreylistEvent[] = ["new", "early", "passed", "known", "whitelisted"];

export function sumOf(observations: readonly Observation[]): Observation {
  return {
    decisions: summed(
      observations.flatMap(({ decisions }) => decisions),
      ({ listener, stage, verdict, reason, shadow }) => JSON.stringify([listener, stage, verdict, reason, shadow]),
      (a, b) => ({ ...a, count: a.count + b.count }),
    ),
    stages: summed(
      observations.flatMap(({ stages }) => stages),
      ({ stage }) => stage,
      (a, b) => ({ ...a, seconds: sumOfHistograms(a.seconds, b.seconds) }),
    ),
    listeners: summed(
      observations.flatMap(({ listeners }) => listeners),
      ({ name }) => name,
      (a, b) => ({ ...a, connections: a.connections + b.connections, lastDecision: later(a.lastDecision, b.lastDecision) }),
    ),
    sources: summed(
      observations.flatMap(({ sources }) => sources),
      ({ name }) => name,
      sumOfSources,
    ),
    greylist: sumOfGreylist(observations),
    throttles: summed(
      observations.flatMap(({ throttles }) => throttles),
      ({ name }) => name,
      (a, b) => ({ ...a, allowed: a.allowed + b.allowed, refused: a.refused + b.refused }),
    ),
    dnsLists: summed(
      observations.flatMap(({ dnsLists }) => dnsLists),
      ({ name }) => name,
      ({ name, results: a }, { results: b }) => ({
        name,
        results: {
          listed: a.listed + b.listed,
          "not-listed": a["not-listed"] + b["not-listed"],
          unavailable: a.unavailable + b.unavailable,
        },
      }),
    ),
    caches: summed(
      observations.flatMap(({ caches }) => caches),
      ({ directory }) => directory,
      (a, b) => ({ ...a, hits: a.hits + b.hits, misses: a.misses + b.misses }),
    ),
    heldReplies: observations.reduce((sum, { heldReplies }) => sum + heldReplies, 0),
    called: sumOfCalled(observations.flatMap(({ called }) => called)),
  };
}

function summed<T>(parts: readonly T[], keyOf: (part: T) => string, add: (a: T, b: T) => T): readonly T[] {
  const sums = new Map<string, T>();
  for (const part of parts) {
    const key = keyOf(part);
    const sum = sums.get(key);
    sums.set(key, sum === undefined ? part : add(sum, part));
  }
  return [...sums.values()];
}

function sumOfHistograms(a: Histogram, b: Histogram): Histogram {
  return {
    counts: a.counts.map((count, index) => count + (b.counts[index] ?? 0)),
    count: a.count + b.count,
    sum: a.sum + b.sum,
    max: Math.max(a.max, b.max),
  };
}

/** What else is known of a source, which may not be among them. */
export function withSource(observation: Observation, known: Omit<SourceObservation, "failures" | "seconds">): Observation {
  const seconds = { counts: bucketSeconds.map(() => 0).concat(0), count: 0, sum: 0, max: 0 };
  const sources = summed([...observation.sources, { ...known, failures: 0, seconds }], ({ name }) => name, sumOfSources);
  return { ...observation, sources };
}

/** Down where it is down for one: mail that this one has is deferred. */
function sumOfSources(a: SourceObservation, b: SourceObservation): SourceObservation {
  const isLater = (b.lastFailure?.at ?? 0) > (a.lastFailure?.at ?? 0);
  return {
    name: a.name,
    up: a.up && b.up,
    since: a.up === b.up ? later(a.since, b.since) : a.up ? b.since : a.since,
    failures: a.failures + b.failures,
    seconds: sumOfHistograms(a.seconds, b.seconds),
    lastFailure: isLater ? b.lastFailure : a.lastFailure,
  };
}

function sumOfGreylist(observations: readonly Observation[]): Readonly<Record<GreylistEvent, number>> {
  const total = (event: GreylistEvent) => observations.reduce((sum, { greylist }) => sum + greylist[event], 0);
  return { new: total("new"), early: total("early"), passed: total("passed"), known: total("known"), whitelisted: total("whitelisted") };
}

function later(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}
