/** What the HTTP listener asks (`frontend/http/api.ts`), answered from what serves now. */
import packageJson from "../../package.json" with { type: "json" };
import { TemporaryError } from "../answer/temporary-error.ts";
import { formatProblem } from "../config/check/report.ts";
import type { Configuration } from "../config/configuration.ts";
import { renderConfiguration } from "../config/docs/print.ts";
import { callProblems } from "../frontend/calls.ts";
import { type PlayedListener, type PlayedSession, play, type Step } from "../frontend/explain/play.ts";
import {
  type AddressInfo,
  type ArchivedTexts,
  type ArchiveSearch,
  type ArchiveSpan,
  type ConfigurationInfo,
  type DecisionPage,
  type Done,
  type GreylistFilter,
  type GreylistPage,
  type GreylistSubject,
  InvalidQuestion,
  type Mark,
  type Operations,
  type Readiness,
  type Refused,
  type RefusedEarlier,
  type Series,
  type SessionInfo,
  type Status,
  type ThrottleCounter,
  type ThrottleSubject,
} from "../frontend/http/api.ts";
import type { DecisionFilter } from "../frontend/http/decision-filter.ts";
import type { History } from "../frontend/http/history.ts";
import { renderMetrics } from "../frontend/http/metrics.ts";
import { type Observation, withSource } from "../frontend/http/observation.ts";
import { RefusedCount, shownRefused } from "../frontend/http/refused.ts";
import { canonicalAddress, domainOf } from "../mail/address.ts";
import { canonicalIp } from "../mail/ip.ts";
import { smtpPort } from "../mail/port.ts";
import { type Throttle, throttlesOf } from "../stage/stage-settings.ts";
import type { Triplet } from "../state/decide.ts";
import type { Administration, GreylistEntry } from "../state/state-store.ts";
import { countersOf, resetCounters } from "../state/throttle-counters.ts";
import type { DecisionArchive } from "./decision-archive.ts";
import { type EntryCounts, GreylistCount } from "./greylist-count.ts";
import { greylistRecord } from "./greylist-record.ts";
import { newSubjectOf, subjectOf } from "./greylist-subject.ts";
import { stateLabel } from "./observer.ts";
import type { OpenCore } from "./open-core.ts";
import { countedApart } from "./read-only-state.ts";
import type { StateHealth } from "./state-lease.ts";
import { listenerStatus, modesOf, readinessOf, sourceStatus, timeOf, unaskedText } from "./status.ts";

/** What the processes that serve have counted and kept. */
export interface Gathered {
  observation(): Promise<Observation>;
  decisions(filter: DecisionFilter, limit: number, since?: Mark): Promise<DecisionPage>;
  /** What is refused most among those that match: of each process, to be added. */
  refused(filter: DecisionFilter): Promise<readonly Refused[]>;
  /** How long the answer of a directory about an address is kept yet, in milliseconds, by whoever keeps it longest; `undefined`: nobody does. */
  keptMs(directory: string, address: string): Promise<number | undefined>;
  /** Calls with each that follows, as the JSON of a `KeptDecision`, until what it returns is called. */
  watch(onDecision: (decision: string) => void): () => void;
}

export interface OperationsOptions {
  readonly gathered: Gathered;
  readonly history: History;
  readonly current: () => Current;
  /** Asks a core that writes nothing, and keeps it open until the answer is there. */
  readonly ask: <T>(question: (open: OpenCore) => Promise<T>) => Promise<T>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The same, of the start of the daemon. */
  readonly started: number;
  readonly workers: number;
}

/** What serves now. */
export interface Current {
  readonly configuration: Configuration;
  /** Milliseconds since 1970. */
  readonly loaded: number;
  readonly administration: Administration | undefined;
  readonly stateHealth: (() => StateHealth) | undefined;
  readonly archive: DecisionArchive | undefined;
  readonly reloads: { readonly ok: number; readonly failed: number };
}

const maxPlayedRecipients = 100;
/** Of the archive, for one answer: half a million decisions. */
const maxCountingSearches = 10;
/** Of throttles, shown at once. */
const maxCounters = 1000;

export class DaemonOperations implements Operations {
  readonly #options: OperationsOptions;
  #count: GreylistCount | undefined;
  /** By whether only those near their limit are wanted. */
  readonly #looking = new Map<boolean, Promise<readonly ThrottleCounter[]>>();

  constructor(options: OperationsOptions) {
    this.#options = options;
  }

  get #configuration(): Configuration {
    return this.#options.current().configuration;
  }

  session(): Omit<SessionInfo, "csrf" | "needsToken"> {
    const { server, decisions } = this.#configuration;
    const { hostname, mode } = server;
    return { version: packageJson.version, hostname, mode, keepSeconds: decisions === undefined ? null : decisions.keepMs / 1000 };
  }

  async readiness(): Promise<Readiness> {
    const [gathered, state] = await Promise.all([this.#options.gathered.observation(), this.#stateFailure()]);
    return readinessOf(this.#withState(gathered).sources, state);
  }

  async status(): Promise<Status> {
    const { started, workers, current } = this.#options;
    const { configuration, loaded } = current();
    const [gathered, state, throttles] = await Promise.all([
      this.#options.gathered.observation(),
      this.#stateFailure(),
      this.throttles(true).catch(orNothing([])),
    ]);
    const entries = await this.#greylistEntries();
    const observation = this.#withState(gathered);
    const { hostname, mode } = configuration.server;
    return {
      ...{ version: packageJson.version, hostname, started: timeOf(started), workers },
      readiness: readinessOf(observation.sources, state),
      configuration: { file: configuration.file, loaded: timeOf(loaded), mode, warnings: configuration.warnings.map(formatProblem) },
      listeners: configuration.listeners.map((listener) => listenerStatus(listener, observation)),
      unasked: callProblems(observation.called, configuration.settings).map(unaskedText),
      sources: observation.sources.map(sourceStatus),
      greylist: { events: observation.greylist, entries: entries ?? null },
      throttles,
    };
  }

  async metrics(): Promise<string> {
    const [gathered, greylistEntries] = await Promise.all([this.#options.gathered.observation(), this.#greylistEntries()]);
    const { reloads } = this.#options.current();
    return renderMetrics(this.#withState(gathered), { version: packageJson.version, greylistEntries, reloads });
  }

  /** The state is a source of the process that has it, wherever its store is. */
  #withState(observation: Observation): Observation {
    const health = this.#options.current().stateHealth?.();
    return health === undefined ? observation : withSource(observation, { name: stateLabel, ...health });
  }

  decisions(filter: DecisionFilter, limit: number, since?: Mark): Promise<DecisionPage> {
    return this.#options.gathered.decisions(filter, limit, since);
  }

  async refused(filter: DecisionFilter): Promise<Refused> {
    const count = new RefusedCount();
    for (const each of await this.#options.gathered.refused(filter)) count.addCounted(each);
    return count.most(shownRefused);
  }

  async archived(search: ArchiveSearch): Promise<ArchivedTexts> {
    const { texts, reached } = await this.#archive.search(search);
    return {
      texts,
      next: reached === undefined ? null : `${reached.at}-${reached.id}`,
      reached: reached === undefined ? null : timeOf(reached.at),
    };
  }

  async refusedEarlier(span: ArchiveSpan, isAwaited: () => boolean): Promise<RefusedEarlier> {
    const count = new RefusedCount();
    let after = span.after;
    for (let searches = 0; searches < maxCountingSearches && isAwaited(); searches += 1) {
      const { refused, reached } = await this.#archive.countRefused({ ...span, ...(after && { after }) });
      count.addCounted(refused);
      after = reached;
      if (reached === undefined) break;
    }
    return { ...count.most(shownRefused), reached: after === undefined ? null : timeOf(after.at) };
  }

  get #archive(): DecisionArchive {
    const { archive } = this.#options.current();
    if (archive === undefined) throw new InvalidQuestion("decisions are not kept for days: decisions.keep says how long");
    return archive;
  }

  explain(played: PlayedSession): Promise<readonly Step[]> {
    const { listeners } = this.#configuration;
    const { client, listener: name, recipients = [] } = played;
    const listener = name === undefined ? listeners[0] : listeners.find((one) => one.name === name);
    if (listener === undefined)
      throw new InvalidQuestion(`there is no listener "${name}"; there are: ${listeners.map((one) => one.name).join(", ")}`);
    if (client.address !== undefined && client.address !== "unknown" && canonicalIp(client.address) === undefined)
      throw new InvalidQuestion(`"${client.address}" is not an IP address`);
    if (recipients.length > maxPlayedRecipients) throw new InvalidQuestion(`at most ${maxPlayedRecipients} recipients`);
    return this.#options.ask(({ core }) => play(played, listener, countedApart(core)));
  }

  async greylist(filter: GreylistFilter, limit: number, after: string | undefined): Promise<GreylistPage> {
    const from = after === undefined ? undefined : cursorOf(after);
    const entries = await this.#administration().list(filter, { limit, ...(from && { after: from }) });
    const last = entries.at(-1);
    return { entries: entries.map(greylistRecord), next: last === undefined || entries.length < limit ? null : cursorText(last) };
  }

  async allow(subject: GreylistSubject): Promise<Done> {
    await this.#administration().allow(this.#subject(subject, newSubjectOf), this.#options.now());
    return { done: true };
  }

  async forget(subject: GreylistSubject): Promise<Done> {
    return { done: await this.#administration().forget(this.#subject(subject)) };
  }

  /** There may be hundreds of thousands to look at: that is done once for all who ask meanwhile. */
  throttles(onlyNear: boolean): Promise<readonly ThrottleCounter[]> {
    const underWay = this.#looking.get(onlyNear);
    if (underWay !== undefined) return underWay;
    const counters = this.#counters(onlyNear).finally(() => this.#looking.delete(onlyNear));
    this.#looking.set(onlyNear, counters);
    return counters;
  }

  async #counters(onlyNear: boolean): Promise<readonly ThrottleCounter[]> {
    const { administration } = this.#options.current();
    const shown: ThrottleCounter[] = [];
    if (administration === undefined) return shown;
    for await (const page of countersOf(administration, this.#throttles, this.#options.now(), onlyNear)) {
      for (const { throttle, key, count, since } of page) {
        const { name, count: limit, periodMs } = throttle;
        shown.push({ name, key, count, limit, periodSeconds: periodMs / 1000, since: timeOf(since) });
        if (shown.length === maxCounters) return shown;
      }
    }
    return shown;
  }

  get #throttles(): readonly Throttle[] {
    return throttlesOf(this.#configuration.settings);
  }

  async resetThrottle({ name, key }: ThrottleSubject): Promise<Done> {
    const throttle = this.#throttles.find((each) => each.name === name);
    if (throttle === undefined) throw new InvalidQuestion(`there is no throttle "${name}"`);
    return { done: (await resetCounters(this.#administration(), throttle, key)) > 0 };
  }

  async address(given: string): Promise<AddressInfo> {
    const address = canonicalAddress(given.trim());
    if (domainOf(address) === undefined) throw new InvalidQuestion(`"${given}" is not an address: it has no domain`);
    const { directory, ...found } = await this.#options.ask(async ({ core }) => {
      // Whoever is trusted is neither greylisted nor counted: what is left is what the address is.
      const client = { address: "127.0.0.1" };
      const helo = this.#configuration.server.hostname;
      const steps = await play({ client, helo, sender: "", recipients: [address] }, localListener, core);
      const step = steps.at(-1);
      if (step?.stage !== "rcpt") throw new TemporaryError("it was not asked about");
      const { reply, reason, resolved = [], trace } = step;
      const asked = trace.flatMap((entry) => /^directory (.*)$/s.exec(entry.step)?.[1] ?? []).at(-1);
      return { address, directory: asked ?? null, reply, reason, resolved, trace };
    });
    const keptMs = directory === null ? undefined : await this.#options.gathered.keptMs(directory, address);
    return { directory, ...found, cachedUntil: keptMs === undefined ? null : timeOf(this.#options.now() + keptMs) };
  }

  configuration(): ConfigurationInfo {
    const { configuration, loaded } = this.#options.current();
    return {
      file: configuration.file,
      loaded: timeOf(loaded),
      text: renderConfiguration(configuration),
      warnings: configuration.warnings.map(formatProblem),
      modes: modesOf(configuration),
    };
  }

  series(): Series {
    return this.#options.history.series();
  }

  #administration(): Administration {
    const { administration } = this.#options.current();
    if (administration === undefined) throw new InvalidQuestion("the configuration has no greylist and no throttle");
    return administration;
  }

  #subject({ client, sender, recipient }: GreylistSubject, meaning = subjectOf): Triplet | string {
    const subject = meaning(client, sender, recipient, this.#configuration);
    if ("problem" in subject) throw new InvalidQuestion(subject.problem);
    return "address" in subject ? subject.address : subject;
  }

  /** Why the state store cannot tell. The question is the smallest that there is. */
  async #stateFailure(): Promise<string | undefined> {
    try {
      await this.#options.current().administration?.address("::");
      return undefined;
    } catch (error) {
      if (error instanceof TemporaryError) return error.message;
      throw error;
    }
  }

  async #greylistEntries(): Promise<EntryCounts | undefined> {
    const { administration, configuration } = this.#options.current();
    if (administration === undefined || configuration.settings.rcpt.greylist.enable.constant === 0) return undefined;
    if (this.#count?.of !== administration) this.#count = new GreylistCount(administration, this.#options.now);
    return this.#count.entries();
  }
}

/** For what may be left out where it cannot be told. */
function orNothing<T>(nothing: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof TemporaryError) return nothing;
    throw error;
  };
}

const localListener: PlayedListener = {
  ...{ name: "", protocol: "policy", localPort: smtpPort, mode: "enforce", rewrite: false },
  trustedNetworks: { contains: () => true },
};

function cursorText({ client, sender, recipient }: GreylistEntry): string {
  return Buffer.from(JSON.stringify([client, sender, recipient])).toString("base64url");
}

function cursorOf(text: string): Triplet {
  try {
    const [client, sender, recipient]: readonly unknown[] = JSON.parse(Buffer.from(text, "base64url").toString());
    if (typeof client === "string" && typeof sender === "string" && typeof recipient === "string") return { client, sender, recipient };
  } catch {
    // It is none of ours.
  }
  throw new InvalidQuestion("after is the next of a page");
}
