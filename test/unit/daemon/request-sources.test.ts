/** A request waits for one source, in all, only as long as one question to it may take. Time is virtual. */
import { beforeEach, expect, it } from "vitest";
import { Availability, reportOutages } from "../../../src/answer/availability.ts";
import { Patience } from "../../../src/answer/patience.ts";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { parseConfiguration } from "../../../src/config/load.ts";
import { Answers } from "../../../src/daemon/expression-sources.ts";
import { RequestSources } from "../../../src/daemon/request-sources.ts";
import { PatientSenderAuth } from "../../../src/daemon/sender-auth-sources.ts";
import { cached } from "../../../src/directory/cache.ts";
import { openSqlDirectory } from "../../../src/directory/sql.ts";
import { SenderChecks } from "../../../src/dns/sender-checks.ts";
import type { SqlResult } from "../../../src/expr/ask.ts";
import type { Value } from "../../../src/expr/value.ts";
import { openSqlLookup } from "../../../src/lookup/sql.ts";
import type { Core } from "../../../src/stage/core.ts";
import type { Sources } from "../../../src/stage/sources.ts";
import type { Throttle } from "../../../src/stage/stage-settings.ts";
import type { Database } from "../../../src/store/database.ts";
import { openKeys } from "../../../src/store/keys.ts";
import { waitedFor } from "../../../src/store/waited-for.ts";
import { session } from "../../support/session.ts";
import { rule, settings } from "../../support/settings.ts";
import { sourcesOf } from "../../support/sources.ts";
import { askRcpt } from "../../support/stages.ts";
import { throttleQuestion } from "../../support/state-question.ts";
import { sqliteSettings } from "../../support/stores.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const timeoutMs = 2000;
const queries = {
  recipients: "recipients",
  emails: "emails",
  senders: "",
  members: "members",
  expand: "expand",
  verify: "verify",
  domains: "domains",
};

/** Answers after `answerMs`, or fails at its deadline. Everybody exists, and nobody is a list. */
class SlowDatabase implements Database {
  readonly name = "pg";
  answerMs = 0;
  readonly asked: string[] = [];
  readonly outages: string[] = [];
  readonly #availability: Availability;
  readonly source: Database["source"];
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
    const report = reportOutages((_, up) => this.outages.push(`${clock.now()} ${up ? "up" : "down"}`), clock.later);
    this.#availability = new Availability("pg", report);
    this.source = waitedFor(sqliteSettings("pg.sqlite", { timeoutMs }), this.#availability);
  }

  async query(sql: string, [first = ""]: readonly Value[]): Promise<SqlResult> {
    this.asked.push(sql);
    await this.#clock.sleep(Math.min(this.answerMs, timeoutMs));
    if (this.answerMs >= timeoutMs) {
      const error = new TemporaryError(`no answer in ${timeoutMs} ms`);
      this.#availability.failed("", error);
      throw error;
    }
    this.#availability.worked("", sql);
    return { kind: "rows", rows: sql === "members" ? [] : [[first]] };
  }

  async check() {
    return undefined;
  }
  async run(): Promise<void> {}
  async close(): Promise<void> {}
}

let clock: VirtualClock;
let database: SlowDatabase;
let sources: Sources;
let directories: Parameters<typeof sourcesOf>[0];
beforeEach(() => {
  clock = new VirtualClock();
  database = new SlowDatabase(clock);
  const cache = { entries: 100, positiveMs: 60_000, negativeMs: 60_000, staleMs: 3_600_000 };
  directories = [cached(openSqlDirectory("accounts", database, queries, 10_000), cache, clock.now)];
  const state = {
    source: database.source,
    greylist: async () => ({ kind: "whitelisted" }) as const,
    async throttle() {
      await database.query("throttle", []);
      return { allowed: true, taken: 1 };
    },
    giveBack: async () => void (await database.query("give back", [])),
    remember: async () => void (await database.query("remember", [])),
    areCorrespondents: async () => (await database.query("correspondents", [])).kind === "rows",
  };
  const lookup = openSqlLookup("list", database, "lookup");
  sources = { ...sourcesOf(directories, {}, {}, { state }), lookup: () => lookup };
});

/** The sources for a request that begins now. */
function forRequest(): Sources {
  const patience = new Patience(clock.now, clock.later);
  const { directory, lookup } = sources;
  const dns = { source: database.source, freshUntil: () => 0, query: async () => void (await database.query("dns", [])), close: () => {} };
  const dnsLists = new Map([
    ["zen", { source: database.source, known: () => undefined, codes: async () => (await database.query("list", [])) && [] }],
  ]);
  const keys = openKeys(database, clock.now);
  const answerers = { domains: new Map(), directories, directory, lookup, database: () => database, keys: () => keys, dns, dnsLists };
  const senderAuth = (own: Patience) => new PatientSenderAuth(new SenderChecks(dns, clock.now, 0), own);
  return new RequestSources({ sources, ask: (own) => new Answers(answerers, own), senderAuth }, patience);
}

const throttle: Throttle = {
  ...{ id: "1", name: "t", title: "25/1h by rcpt", match: rule("true"), key: ["rcpt"], ipv6Prefix: 64, count: 25 },
  ...{ periodMs: 3_600_000, window: "fixed", mode: "enforce", counts: "recipients", onStoreFailure: "accept" },
};

/** The RCPT stage asks the directory for the domain and the address, and the store for a counter. */
async function rcpt(): Promise<string> {
  const core: Core = { settings: settings({ throttles: { rcpt: [throttle] } }), sources: forRequest() };
  const { verdict } = await clock.until(askRcpt(session({ sender: "" }), "john@example.org", core));
  return `${clock.now()} ${verdict.reason}`;
}

it("questions that are each answered in time may be too late together", async () => {
  database.answerMs = 1500;
  expect(await rcpt()).toBe("2000 unavailable");
  expect(database.asked).toEqual(["domains", "recipients"]);
});

it("what came too late is known to the next request", async () => {
  database.answerMs = 1500;
  await rcpt();
  await clock.runOut();
  const retriedAt = clock.now();
  expect(await rcpt()).toBe(`${retriedAt + 1500} mailbox`);
});

it("a source that has missed its deadline is not asked again by the same request", async () => {
  database.answerMs = Number.POSITIVE_INFINITY;
  expect(await rcpt()).toBe("2000 unavailable");
  expect(database.asked).toEqual(["domains"]);
});

it.each([1500, Number.POSITIVE_INFINITY])("stale answers are served within the deadline (%d ms for each answer)", async (answerMs) => {
  expect(await rcpt()).toBe("0 mailbox");
  await clock.until(clock.sleep(60_000));
  database.answerMs = answerMs;
  expect(await rcpt()).toBe("62000 mailbox");
});

const questions: readonly (readonly [what: string, ask: (sources: Sources) => unknown])[] = [
  ["domain", (from) => from.directory("accounts")?.isLocalDomain("a.example")],
  ["recipient", (from) => from.directory("accounts")?.recipient("a@a.example")],
  ["VRFY", (from) => from.directory("accounts")?.verify("john")],
  ["EXPN", (from) => from.directory("accounts")?.expand("a@a.example")],
  ["lookup", (from) => from.lookup("list")?.get("a")],
  ["throttle", (from) => from.state.throttle(throttleQuestion())],
  ["is_local_domain", (from) => from.ask.isLocalDomain(undefined, "a.example")],
  ["is_local_address", (from) => from.ask.isLocalAddress("accounts", "a@a.example")],
  ["key_get", (from) => from.ask.keyGet("", "a")],
  ["key_get of a list", (from) => from.ask.keyGet("list", "a")],
  ["key_set", (from) => from.ask.keySet("", "a", "b")],
  ["counter_get", (from) => from.ask.counterGet("", "a")],
  ["counter_incr", (from) => from.ask.counterIncr("", "a", 1)],
  ["sql_query", (from) => from.ask.sqlQuery("pg", "SELECT", [])],
  ["dns_query", (from) => from.ask.dnsQuery("a.example", "mx")],
  ["dns_list", (from) => from.ask.dnsList({ list: "zen", about: "192.0.2.1" }, () => [])],
];

it.each(questions)("%s: is waited for only as long as the request still may", async (_, ask) => {
  const request = forRequest();
  database.answerMs = 1500;
  await clock.until(request.ask.sqlQuery("pg", "first", []));
  await expect(clock.until(asked(ask, request))).rejects.toThrow(TemporaryError);
  expect(clock.now()).toBe(2000);
  const before = database.asked.length;
  await expect(clock.until(asked(ask, request))).rejects.toThrow(/one request has waited 2000 ms/);
  expect(clock.now()).toBe(2000);
  expect(database.asked).toHaveLength(before);
});

it("how long a source that keeps its deadline took counts as well", async () => {
  sources = { ...sources, state: { ...sources.state, source: { ...database.source, keepsDeadline: true } } };
  const request = forRequest();
  database.answerMs = 1500;
  await clock.until(Promise.resolve(request.state.throttle(throttleQuestion())));
  await expect(clock.until(asked(({ state }) => state.throttle(throttleQuestion()), request))).rejects.toThrow(/has waited 2000 ms/);
  expect(clock.now()).toBe(2000);
  await expect(clock.until(asked(({ ask }) => ask.sqlQuery("pg", "SELECT", []), request))).rejects.toThrow(/has waited 2000 ms/);
  expect(database.asked).toEqual(["throttle", "throttle"]);
});

it("what was taken is given back although the time is up", async () => {
  const request = forRequest();
  database.answerMs = Number.POSITIVE_INFINITY;
  await clock.until(request.ask.sqlQuery("pg", "first", [])).catch(() => {});
  await expect(clock.until(request.state.giveBack(throttleQuestion()))).rejects.toThrow(TemporaryError);
  expect(database.asked).toEqual(["first", "give back"]);
  expect(clock.now()).toBe(2000);
});

it("a script lets other requests have their turn", async () => {
  const text = `
[session.rcpt]
script = "'counting'"
[sieve.trusted.scripts.counting]
contents = '''
require ["variables", "reject", "vnd.stalwart.expressions", "vnd.stalwart.while"];
while "n < 2000" { let "n" "n + 1"; }
reject "550 5.7.1 Counted to \${n}.";
'''
`;
  const { configuration } = parseConfiguration(text, "/etc/postern/postern.toml", () => "", { serves: false });
  if (configuration === undefined) throw new Error("not loaded");
  let turns = 0;
  sources = {
    ...sources,
    async yieldToLoop() {
      turns += 1;
    },
  };
  const decided = askRcpt(session({ sender: "" }), "john@example.org", { settings: configuration.settings, sources: forRequest() });
  expect(await decided).toMatchObject({ verdict: { kind: "reject", reply: { text: "Counted to 2000." } } });
  expect(turns).toBeGreaterThan(1);
});

it("another source has a deadline of its own", async () => {
  const other = new SlowDatabase(clock);
  const patience = new Patience(clock.now, clock.later);
  [database.answerMs, other.answerMs] = [Number.POSITIVE_INFINITY, 1500];
  await clock.until(patience.wait(database.source, () => database.query("one", []))).catch(() => {});
  const source = { ...other.source, name: "other" };
  expect(await clock.until(patience.wait(source, () => other.query("members", [])))).toEqual({ kind: "rows", rows: [] });
});

it.each([1500, Number.POSITIVE_INFINITY])("many requests make one outage (%d ms for each answer)", async (answerMs) => {
  database.answerMs = answerMs;
  for (let number = 0; number < 5; number += 1) {
    await clock.until(clock.sleep(1));
    const request = forRequest();
    const ask = async () => {
      await request.ask.sqlQuery("pg", "one", []);
      await request.ask.sqlQuery("pg", "two", []);
    };
    await expect(clock.until(ask())).rejects.toThrow(TemporaryError);
  }
  database.answerMs = 0;
  await clock.until(database.query("one", []));
  await clock.runOut();
  const [down, ...then] = database.outages;
  expect(down).toBe("2001 down");
  expect(then).toEqual([expect.stringMatching(/ up$/)]);
});

/** What is thrown at once is rejected too. */
async function asked(ask: (from: Sources) => unknown, from: Sources): Promise<unknown> {
  return ask(from);
}
