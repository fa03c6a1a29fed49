/** A small mail server as its console shows it: what the HTTP listener asks, answered from memory. */
import { once } from "node:events";
import { createServer } from "node:http";
import { TemporaryError } from "../../src/answer/temporary-error.ts";
import type { PlayedSession, Step } from "../../src/frontend/explain/play.ts";
import { Sessions } from "../../src/frontend/http/access.ts";
import { AnswerPlaces } from "../../src/frontend/http/answer-places.ts";
import type {
  AddressInfo,
  ArchivedTexts,
  ArchiveSearch,
  ArchiveSpan,
  DecisionPage,
  Done,
  GreylistFilter,
  GreylistPage,
  GreylistRecord,
  GreylistSubject,
  KeptDecision,
  Mark,
  Operations,
  Readiness,
  Refused,
  RefusedEarlier,
  Series,
  SourceStatus,
  Status,
  ThrottleCounter,
  ThrottleSubject,
} from "../../src/frontend/http/api.ts";
import { sendConsole } from "../../src/frontend/http/console.ts";
import { type DecisionFilter, matches } from "../../src/frontend/http/decision-filter.ts";
import { EventStreams } from "../../src/frontend/http/event-stream.ts";
import { answerHttp } from "../../src/frontend/http/routes.ts";
import { refusedAmong } from "./refused-among.ts";

/** What a stranger may call themselves. */
export const hostile = `<img src=x onerror="document.title='owned'">\u202e"'&amp;`;

const minuteMs = 60_000;

export class ConsoleWorld implements Operations {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly kept: KeptDecision[] = [];
  entries: GreylistRecord[] = [];
  counters: ThrottleCounter[] = [];
  sources: SourceStatus[] = [];
  readonly explained: PlayedSession[] = [];
  steps = 0;
  /** What was carried out. */
  readonly done: (readonly [string, GreylistSubject | ThrottleSubject])[] = [];
  /** Why nothing can be changed. */
  failing: string | undefined;
  /** Of the archive. */
  keepSeconds: number | null = null;

  constructor(now: number) {
    this.now = now;
  }

  /** Decided `ago` milliseconds before now. */
  decide(decided: Partial<KeptDecision>, ago = 0): void {
    const decision: KeptDecision = {
      ...{ event: "decision", id: `a${this.kept.length}`, time: this.#time(-ago), listener: "policy", stage: "rcpt" },
      ...{ client: "192.0.2.10", clientName: "mx.client.example", clientPort: 40_000, serverPort: 25, helo: "mx.client.example" },
      ...{ tls: true, auth: "", sender: "alice@client.example", recipient: "john@example.org", instance: "1" },
      ...{ verdict: "pass", reply: "", reason: "mailbox", resolved: ["john@example.org"], ms: 0.412 },
      ...decided,
    };
    this.kept.push(decision);
  }

  session() {
    return { version: "0.1.0", hostname: "mx.example.org", mode: "enforce", keepSeconds: this.keepSeconds } as const;
  }

  async readiness(): Promise<Readiness> {
    const down = this.sources.filter(({ up }) => !up);
    return { ready: down.length === 0, reasons: down.map(({ name, lastFailure }) => `${name}: ${lastFailure?.error}`) };
  }

  async status(): Promise<Status> {
    const warnings = ["postern.toml:31:1: listener.maps: nothing asks this map so far. Name it in main.cf, or remove the listener."];
    const silent = { connections: 0, decisions: 0, lastDecision: null, stages: {}, places: [], mta: null };
    return {
      ...{ version: "0.1.0", hostname: "mx.example.org", started: this.#time(-26 * 60 * minuteMs), workers: 2 },
      readiness: await this.readiness(),
      configuration: { file: "/etc/postern/postern.toml", loaded: this.#time(-90 * minuteMs), mode: "enforce", warnings },
      listeners: [
        {
          ...{ name: "policy", protocol: "policy", addresses: ["127.0.0.1:10040"], mode: "enforce", connections: 12 },
          ...{ decisions: this.kept.length, lastDecision: this.kept.at(-1)?.time ?? null },
          stages: this.kept.length === 0 ? {} : { ehlo: 1204, mail: 1180, rcpt: 2419 },
          mta: null,
          places: this.kept.length === 0 ? [] : [{ place: "RCPT, recipient", count: 2210 }],
        },
        { name: "milter", protocol: "milter", addresses: ["/run/postern/milter.sock"], mode: "shadow", ...silent, mta: "Postfix 3.7.11" },
        { name: "console", protocol: "http", addresses: ["127.0.0.1:8025"], mode: "enforce", ...silent, connections: 2 },
      ],
      unasked: ["session.ehlo.deny: the MTA never asks about this stage, so these settings have no effect."],
      sources: this.sources,
      greylist: {
        events: { new: 310, early: 41, passed: 220, known: 1804, whitelisted: 96 },
        entries: { waiting: this.entries.filter(({ state }) => state === "waiting").length, passed: 1804, addresses: 96 },
      },
      throttles: this.#near(),
    };
  }

  async metrics(): Promise<string> {
    return "# EOF\n";
  }

  async decisions(filter: DecisionFilter, limit: number, since: Mark = {}): Promise<DecisionPage> {
    const found = this.kept.slice(since.all ?? 0).filter((decision) => matches(decision, filter));
    const texts = found.slice(-limit).map((decision) => JSON.stringify(decision));
    return { count: texts.length, texts: ReadableStream.from([texts]), missed: 0, mark: { all: this.kept.length } };
  }

  async refused(filter: DecisionFilter): Promise<Refused> {
    return refusedAmong(this.kept.filter((decision) => matches(decision, filter)));
  }

  /** In pages of two, so that there are several. */
  async archived({ filter, since, until, after }: ArchiveSearch): Promise<ArchivedTexts> {
    const all = this.kept.map((decision, id) => ({ at: Date.parse(decision.time), id, decision })).reverse();
    const rest = all.filter(({ at, id }) => at >= since && at <= until && id < (after?.id ?? Number.POSITIVE_INFINITY));
    const page = rest.slice(0, 2);
    const last = rest.length > page.length ? page.at(-1) : undefined;
    return {
      texts: page.flatMap(({ decision }) => (matches(decision, filter) ? JSON.stringify(decision) : [])),
      ...(last === undefined ? { next: null, reached: null } : { next: `${last.at}-${last.id}`, reached: last.decision.time }),
    };
  }

  async refusedEarlier({ filter, since, until }: ArchiveSpan): Promise<RefusedEarlier> {
    const isWithin = ({ time }: KeptDecision) => Date.parse(time) >= since && Date.parse(time) <= until;
    return { ...refusedAmong(this.kept.filter((decision) => isWithin(decision) && matches(decision, filter))), reached: null };
  }

  async explain(played: PlayedSession): Promise<readonly Step[]> {
    this.explained.push(played);
    const { helo, sender, recipients = [] } = played;
    const pass = { reply: null, disconnect: false, delayMs: 0 };
    const steps: Step[] = [];
    if (helo !== undefined)
      steps.push({
        ...pass,
        stage: "ehlo",
        input: helo,
        reason: "pass",
        trace: [{ step: "domain list local", asked: helo, answer: "no" }],
      });
    if (sender !== undefined) steps.push({ ...pass, stage: "mail", input: sender, reason: "pass", trace: [] });
    for (const each of recipients) steps.push(this.#step(typeof each === "string" ? each : each.address));
    return steps;
  }

  async greylist(filter: GreylistFilter, limit: number, after: string | undefined): Promise<GreylistPage> {
    const found = this.entries.filter(
      ({ client, sender, recipient, state }) =>
        client.includes(filter.client ?? "") &&
        sender.includes(filter.sender ?? "") &&
        recipient.includes(filter.recipient ?? "") &&
        (filter.state === undefined || filter.state === state),
    );
    const start = Number(after ?? 0);
    return { entries: found.slice(start, start + limit), next: start + limit < found.length ? String(start + limit) : null };
  }

  async allow(subject: GreylistSubject): Promise<Done> {
    this.#carryOut("allow", subject);
    this.entries = this.entries.map((entry) =>
      isOf(subject, entry) ? { ...entry, state: "allowed", passed: this.#time(0), expires: null } : entry,
    );
    return { done: true };
  }

  async forget(subject: GreylistSubject): Promise<Done> {
    this.#carryOut("forget", subject);
    const before = this.entries.length;
    this.entries = this.entries.filter((entry) => !isOf(subject, entry));
    return { done: this.entries.length < before };
  }

  async throttles(onlyNear: boolean): Promise<readonly ThrottleCounter[]> {
    return onlyNear ? this.#near() : this.counters;
  }

  async resetThrottle(subject: ThrottleSubject): Promise<Done> {
    this.#carryOut("reset", subject);
    const { name, key } = subject;
    const before = this.counters.length;
    this.counters = this.counters.filter((counter) => counter.name !== name || counter.key !== key);
    return { done: this.counters.length < before };
  }

  async address(address: string): Promise<AddressInfo> {
    const { reply, reason, resolved = [], trace } = this.#step(address);
    return { address, directory: "mail", reply, reason, resolved, cachedUntil: this.#time(4 * minuteMs), trace };
  }

  configuration() {
    const text = `[server]
hostname = "mx.example.org"
mode = "enforce"
trusted-networks = ["127.0.0.0/8", "::1"]

[listener.policy]
protocol = "policy"
bind = ["127.0.0.1:10040"]
mode = "enforce"

[listener.milter]
protocol = "milter"
bind = ["/run/postern/milter.sock"]
mode = "shadow"

[store.mail]
type = "postgresql"
host = "db.example.org"
password = "********"

[directory.mail]
type = "sql"
store = "mail"
# Seconds that an answer is kept.
cache-seconds = 300
`;
    const modes = [
      { what: "server", mode: "enforce" },
      { what: "listener policy", mode: "enforce" },
      { what: "listener milter", mode: "shadow" },
    ] as const;
    return { file: "/etc/postern/postern.toml", loaded: this.#time(-90 * minuteMs), text, warnings: [], modes };
  }

  series(): Series {
    const times = Array.from({ length: this.steps }, (_, step) => Math.floor(this.now / 1000) - 60 * (this.steps - step));
    // Much by day, little by night.
    const wave = (most: number, noise: number) =>
      times.map((time, step) => Math.round(most * (1.2 - Math.cos((time / 86_400) * 2 * Math.PI)) + ((step * noise) % 7)));
    return {
      stepSeconds: 60,
      times,
      series: {
        ...{ pass: wave(40, 3), reject: wave(14, 5), defer: wave(6, 2), disconnect: wave(0.2, 0), would: wave(3, 1) },
        ...{ new: wave(9, 3), early: wave(2, 1), passed: wave(6, 2), known: wave(24, 4), whitelisted: wave(3, 0) },
      },
    };
  }

  #carryOut(what: string, subject: GreylistSubject | ThrottleSubject): void {
    if (this.failing !== undefined) throw new TemporaryError(this.failing);
    this.done.push([what, subject]);
  }

  #near(): readonly ThrottleCounter[] {
    return this.counters.filter(({ count, limit }) => count >= 0.8 * limit);
  }

  #step(address: string): Step {
    const isThere = /^(john|jane|info)@example\.org$/.test(address);
    const asked = { step: "directory mail", asked: address };
    const isLocal = { step: "domain list local", asked: address.split("@")[1] ?? "", answer: "yes" };
    if (isThere)
      return {
        ...{ stage: "rcpt", input: address, reply: null, reason: "mailbox", disconnect: false, delayMs: 0, resolved: [address] },
        trace: [isLocal, { ...asked, answer: `mailbox ${address}` }],
      };
    return {
      ...{ stage: "rcpt", input: address, reply: "550 5.1.2 Mailbox does not exist.", reason: "unknown-mailbox" },
      ...{ disconnect: false, delayMs: 5000, trace: [isLocal, { ...asked, answer: "none" }] },
    };
  }

  #time(ms: number): string {
    return new Date(this.now + ms).toISOString();
  }
}

function isOf({ client, sender, recipient }: GreylistSubject, entry: GreylistRecord): boolean {
  return client === entry.client && sender === entry.sender && recipient === entry.recipient;
}

/** A busy morning, with all that a view may have to show. */
export function busyWorld(now: number): ConsoleWorld {
  const world = new ConsoleWorld(now);
  const time = (minutes: number) => new Date(now + minutes * minuteMs).toISOString();
  const unknown = { verdict: "reject", reason: "unknown-mailbox", reply: "550 5.1.2 Mailbox does not exist.", resolved: [] } as const;
  const reply = "451 4.7.1 Greylisted, please try again in a few moments.";
  const greylisted = { verdict: "defer", reason: "greylisted", reply, resolved: [] } as const;
  const newsletter = {
    client: "198.51.100.77",
    clientName: "out7.news.example",
    helo: "out7.news.example",
    sender: "bounce-4711@news.example",
  };
  const dialup = { client: "203.0.113.250", clientName: "unknown", helo: "WIN-8F2K", sender: "winner@lottery.example" };
  const v6 = {
    client: "2001:db8:44:7::25",
    clientName: "relay.partner.example",
    helo: "relay.partner.example",
    sender: "bob@partner.example",
  };
  for (let round = 0; round < 12; round++) {
    const ago = (12 - round) * 90_000;
    world.decide({}, ago);
    world.decide({ ...newsletter, ...greylisted, recipient: "jane@example.org" }, ago - 4000);
    world.decide({ ...dialup, ...unknown, recipient: `sales${round}@example.org` }, ago - 9000);
    world.decide(
      { ...v6, recipient: "info@example.org", reason: "alias", resolved: ["john@example.org", "jane@example.org"] },
      ago - 20_000,
    );
    world.decide(
      {
        ...dialup,
        stage: "ehlo",
        verdict: "reject",
        reason: "invalid-ehlo",
        reply: "550 5.5.0 Invalid EHLO name.",
        sender: "",
        recipient: "",
        resolved: [],
      },
      ago - 31_000,
    );
    world.decide(
      { listener: "milter", ...v6, ...greylisted, verdict: "pass", would: "defer", sender: "", recipient: "jane@example.org" },
      ago - 45_000,
    );
  }
  world.decide({ sender: hostile, clientName: hostile, helo: hostile, recipient: `${hostile}@example.org`, ...unknown }, 2000);
  world.decide({ ...newsletter, ...greylisted, recipient: "john@example.org" }, 1000);
  const entry = { passed: null, expires: time(240), lastSeen: time(-3) };
  world.entries = [
    {
      ...entry,
      state: "waiting",
      client: "198.51.100.0/24",
      sender: "bounce@news.example",
      recipient: "jane@example.org",
      firstSeen: time(-9),
    },
    { ...entry, state: "waiting", client: "203.0.113.0/24", sender: "", recipient: "john@example.org", firstSeen: time(-4) },
    { ...entry, state: "waiting", client: "192.0.2.0/24", sender: hostile, recipient: "info@example.org", firstSeen: time(-2) },
    {
      ...{ state: "passed", client: "partner.example", sender: "bob@partner.example", recipient: "info@example.org" },
      ...{ firstSeen: time(-9000), lastSeen: time(-35), passed: time(-8995), expires: time(40_000) },
    },
    {
      ...{ state: "allowed", client: "client.example", sender: "alice@client.example", recipient: "john@example.org" },
      ...{ firstSeen: time(-3000), lastSeen: time(-300), passed: time(-2000), expires: null },
    },
  ];
  const counter = { periodSeconds: 3600, since: time(-22) };
  world.counters = [
    { ...counter, name: "per-sender", key: "alice@client.example", count: 98, limit: 100 },
    { ...counter, name: "per-network", key: "198.51.100.0/24", count: 500, limit: 500 },
    { ...counter, name: "per-network", key: "192.0.2.0/24", count: 12, limit: 500 },
  ];
  world.sources = [
    {
      name: "directory mail",
      up: true,
      since: null,
      questions: 18_204,
      failures: 0,
      meanSeconds: 0.0009,
      maxSeconds: 0.081,
      lastFailure: null,
    },
    {
      name: "dns",
      up: true,
      since: null,
      questions: 5120,
      failures: 12,
      meanSeconds: 0.74,
      maxSeconds: 4.2,
      lastFailure: { time: time(-18), error: "no answer within 5 s" },
    },
    {
      ...{ name: "directory people", up: false, since: time(-6), questions: 412, failures: 40, meanSeconds: 0.02, maxSeconds: 1 },
      lastFailure: { time: time(-1), error: "connect ECONNREFUSED 192.0.2.53:389" },
    },
  ];
  world.steps = 1440;
  return world;
}

/** Its listener, on a free port of 127.0.0.1. */
export async function serveConsole(operations: Operations, token?: string): Promise<{ readonly url: string; close(): Promise<void> }> {
  const streams = new EventStreams();
  const answer = answerHttp({
    ...{
      listener: "console",
      operations,
      streams,
      places: new AnswerPlaces(),
      sessions: new Sessions(() => Date.now()),
      page: sendConsole,
    },
    settings: () => ({ token, allowedHosts: [] }),
    onNotice: () => {},
  });
  const server = createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("it listens at no port");
  return {
    url: `http://127.0.0.1:${address.port}/`,
    async close() {
      streams.close();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
