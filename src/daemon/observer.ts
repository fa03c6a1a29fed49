/** What this process counts and keeps for its http listener. Without such a listener there is none, and nothing is counted. */
import { after } from "../answer/answer.ts";
import type { OnWaited } from "../answer/patience.ts";
import type { Configuration } from "../config/configuration.ts";
import { resolversLabel } from "../dns/dns.ts";
import type { CalledListener } from "../frontend/calls.ts";
import type { GreylistEvent } from "../frontend/http/api.ts";
import { DecisionCounter, Timing } from "../frontend/http/counters.ts";
import { DecisionLog } from "../frontend/http/decision-log.ts";
import type { CacheCount, DnsListResult, Observation, SourceObservation } from "../frontend/http/observation.ts";
import type { WrittenDecision } from "../frontend/written-decision.ts";
import type { StageName } from "../stage/stage-result.ts";
import { throttlesOf } from "../stage/stage-settings.ts";
import { answeredBy, type GreylistAnswer, type State, type ThrottleAnswer, type ThrottleQuestion } from "../stage/state.ts";
import type { OnListed } from "./expression-sources.ts";
import { messageOf } from "./message-of.ts";
import { usesState } from "./state-settings.ts";

/** What is not counted but looked at when somebody asks. */
export interface Gauges {
  readonly connections: readonly { readonly name: string; readonly connections: number }[];
  readonly caches: readonly CacheCount[];
  readonly heldReplies: number;
  readonly called: readonly CalledListener[];
}

class SourceCounter {
  up = true;
  since: number | undefined;
  failures = 0;
  lastFailure: { readonly at: number; readonly error: string } | undefined;
  readonly timing = new Timing();
}

export class Observer {
  readonly log: DecisionLog;
  readonly #now: () => number;
  readonly #listeners = new Map<string, DecisionCounter>();
  readonly #stages = new Map<StageName, Timing>();
  readonly #sources = new Map<string, SourceCounter>();
  readonly #greylist: Record<GreylistEvent, number> = { new: 0, early: 0, passed: 0, known: 0, whitelisted: 0 };
  /** By id. */
  readonly #throttles = new Map<string, { readonly name: string; allowed: number; refused: number }>();

  /** By name. */
  readonly #dnsLists = new Map<string, Record<DnsListResult, number>>();
  /** Those that cannot tell, by the names of their sources. */
  readonly #failingLists = new Set<string>();

  /** `process` tells its decisions from those of others. `now`: milliseconds since 1970. */
  constructor(process: string, now: () => number) {
    this.#now = now;
    this.log = new DecisionLog(process, now);
  }

  /** Sources and throttles are shown from the start; what a reload takes away is shown no longer. */
  expect(configuration: Configuration): void {
    const wanted = sourcesOf(configuration);
    for (const name of this.#sources.keys()) if (!wanted.has(name)) this.#sources.delete(name);
    for (const name of wanted) this.#source(name);
    const lists = configuration.dnsLists;
    for (const name of this.#dnsLists.keys()) if (!lists.has(name)) this.#dnsLists.delete(name);
    for (const name of this.#failingLists) if (!lists.has(name.slice(ofList.length))) this.#failingLists.delete(name);
    for (const name of lists.keys())
      if (!this.#dnsLists.has(name)) this.#dnsLists.set(name, { listed: 0, "not-listed": 0, unavailable: 0 });
    const throttles = throttlesOf(configuration.settings);
    for (const id of this.#throttles.keys()) if (!throttles.some((throttle) => throttle.id === id)) this.#throttles.delete(id);
    for (const { id, name } of throttles) this.#throttles.set(id, { ...(this.#throttles.get(id) ?? { allowed: 0, refused: 0 }), name });
  }

  decided(written: WrittenDecision): void {
    const { decision } = written;
    const { listener, stage, ms } = decision;
    let counter = this.#listeners.get(listener);
    if (counter === undefined) {
      counter = new DecisionCounter();
      this.#listeners.set(listener, counter);
    }
    counter.add(decision);
    let timing = this.#stages.get(stage);
    if (timing === undefined) {
      timing = new Timing();
      this.#stages.set(stage, timing);
    }
    timing.add(ms / 1000);
    counter.lastAt = this.log.add(written);
  }

  readonly waited: OnWaited = ({ name }, ms, error) => {
    const source = this.#source(labelOf(name));
    source.timing.add(ms / 1000);
    if (error !== undefined) this.#failed(source, error);
  };

  /** `name` as `OnAvailability` has it: a store by its bare name. */
  available(name: string, up: boolean, cause: unknown): void {
    const source = this.#source(name.includes(" ") ? labelOf(name) : `store ${name}`);
    this.#turn(source, up);
    if (!up) this.#failed(source, cause, 0);
    if (!name.startsWith(ofList)) return;
    if (up) this.#failingLists.delete(name);
    else this.#failingLists.add(name);
    this.#turn(this.#source(allLists), this.#failingLists.size < this.#dnsLists.size);
  }

  #turn(source: SourceCounter, up: boolean): void {
    if (source.up === up && source.since !== undefined) return;
    source.up = up;
    source.since = this.#now();
  }

  /** The same state, counted. */
  readonly counted = (state: State): State =>
    answeredBy(
      {
        greylist: (question) => after(state.greylist(question), countGreylist, this.#greylist),
        throttle: (question) => after(state.throttle(question), countThrottle, this.#throttles.get(idOf(question))),
      },
      state,
    );

  readonly listed: OnListed = (list, result) => {
    const counts = this.#dnsLists.get(list);
    if (counts !== undefined) counts[result] += 1;
  };

  observation({ connections, caches, heldReplies, called }: Gauges): Observation {
    const names = new Set([...connections.map(({ name }) => name), ...this.#listeners.keys()]);
    return {
      decisions: [...this.#listeners].flatMap(([name, counter]) => counter.counts(name)),
      stages: [...this.#stages].map(([stage, timing]) => ({ stage, seconds: timing.histogram() })),
      listeners: [...names].map((name) => ({
        name,
        connections: connections.find((one) => one.name === name)?.connections ?? 0,
        lastDecision: this.#listeners.get(name)?.lastAt,
      })),
      sources: [...this.#sources].map(
        ([name, { up, since, failures, lastFailure, timing }]): SourceObservation => ({
          ...{ name, up, since, failures, lastFailure },
          seconds: timing.histogram(),
        }),
      ),
      greylist: { ...this.#greylist },
      throttles: [...this.#throttles.values()].map((each) => ({ ...each })),
      dnsLists: [...this.#dnsLists].map(([name, results]) => ({ name, results: { ...results } })),
      caches,
      heldReplies,
      called,
    };
  }

  #source(name: string): SourceCounter {
    const known = this.#sources.get(name);
    if (known !== undefined) return known;
    const source = new SourceCounter();
    this.#sources.set(name, source);
    return source;
  }

  #failed(source: SourceCounter, error: unknown, failures = 1): void {
    source.failures += failures;
    source.lastFailure = { at: this.#now(), error: messageOf(error) };
  }
}

function countGreylist(answer: GreylistAnswer, counts: Record<GreylistEvent, number> | undefined): GreylistAnswer {
  if (counts !== undefined) counts[eventOf(answer)] += 1;
  return answer;
}

function eventOf(answer: GreylistAnswer): GreylistEvent {
  switch (answer.kind) {
    case "wait":
      return answer.isNew ? "new" : "early";
    case "pass":
      return answer.firstPass ? "passed" : "known";
    case "whitelisted":
      return "whitelisted";
  }
}

function countThrottle(answer: ThrottleAnswer, counts: { allowed: number; refused: number } | undefined): ThrottleAnswer {
  if (counts !== undefined) counts[answer.allowed ? "allowed" : "refused"] += 1;
  return answer;
}

/** The key begins with it, as JSON. */
function idOf({ key }: ThrottleQuestion): string {
  return key.slice(2, key.indexOf('"', 2));
}

/** What the configuration asks; of the DNS its resolvers. */
function sourcesOf(configuration: Configuration): ReadonlySet<string> {
  const { stores, directories, storage } = configuration;
  return new Set([
    ...[...stores.keys()].filter((name) => name !== "embedded").map((name) => `store ${name}`),
    ...[...directories.values()].flatMap(({ type, name }) => (type === "ldap" ? [`directory ${name}`] : [])),
    ...(configuration.asksDns ? [resolversLabel] : []),
    ...(usesState(configuration) && storage.state === "embedded" ? [stateLabel] : []),
  ]);
}

export const stateLabel = "state";

/** Before the name of one, as a source; and all of them together, which are down while none of them can tell. */
const ofList = "DNS list ";
const allLists = "DNS lists";

/** `store "accounts": /path` and `directory "ad" (ldap://…)` without what only the log needs. */
function labelOf(name: string): string {
  if (name.endsWith("/state.sqlite")) return stateLabel;
  const [, kind, own] = /^(store|directory) "(.*?)"/.exec(name) ?? [];
  return kind === undefined || own === undefined ? name : `${kind} ${own}`;
}
