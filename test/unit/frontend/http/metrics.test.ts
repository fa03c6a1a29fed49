/** What is counted, and what Prometheus reads of it: however many strangers there are, the series are as many as the configuration says. */
import { expect, test } from "vitest";
import { parseConfiguration } from "../../../../src/config/load.ts";
import { Observer } from "../../../../src/daemon/observer.ts";
import { renderMetrics } from "../../../../src/frontend/http/metrics.ts";
import { type Observation, sumOf } from "../../../../src/frontend/http/observation.ts";
import { WrittenDecision } from "../../../../src/frontend/written-decision.ts";
import { aDecision } from "../../../support/http-place.ts";
import { parseOpenMetrics } from "../../../support/open-metrics.ts";

const facts = { version: "1.0", greylistEntries: { waiting: 3, passed: 4 }, reloads: { ok: 1, failed: 2 } };

function observe(): { observer: Observer; observation: () => Observation } {
  const text = `[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:0"]
[store.pg]
type = "postgresql"
url = "postgresql://127.0.0.1/postern"
[directory.mta]
type = "mta"
[dns-list.zen]
zone = "a-secret-key.zen.example"
of = "client"
listed = ["127.0.0.2"]
[session.rcpt]
deny = [ { if = "dns_listed('zen')" } ]
[session.rcpt.greylist]
enable = true
`;
  const { configuration } = parseConfiguration(text, "postern.toml", () => "");
  if (configuration === undefined) throw new Error("it does not load");
  const observer = new Observer("", () => 1000);
  observer.expect(configuration);
  const gauges = {
    connections: [{ name: "smtp", connections: 5 }],
    caches: [{ directory: 'a "quoted" \\ name', hits: 7, misses: 1 }],
    heldReplies: 2,
    called: [],
  };
  return { observer, observation: () => observer.observation(gauges) };
}

test("every metric is what a strict parser takes, with bounded labels", async () => {
  const { observer, observation } = observe();
  observer.decided(new WrittenDecision(aDecision));
  observer.decided(new WrittenDecision({ ...aDecision, verdict: "pass", would: "defer", reason: "greylisted", ms: 3 }, "away"));
  observer.waited({ name: 'store "pg"', timeoutMs: 1000, onLate: () => {} }, 20_000);
  observer.waited({ name: 'store "pg"', timeoutMs: 1000, onLate: () => {} }, 1, new Error("away"));
  observer.available("pg", false, new Error("away"));
  for (const result of ["listed", "not-listed", "not-listed"] as const) observer.listed("zen", result);
  // Since the reload that took it away.
  observer.listed("other", "listed");
  const families = parseOpenMetrics(await renderMetrics(observation(), facts));
  const shown = [...families].flatMap(([name, { type, samples }]) =>
    type === "histogram" ? [] : samples.map(({ labels, value }) => `${name} ${JSON.stringify(labels)} ${value}`),
  );
  expect(shown).toEqual([
    'postern_decisions {"listener":"smtp","stage":"rcpt","verdict":"reject","reason":"unknown-mailbox","shadow":"false"} 1',
    'postern_decisions {"listener":"smtp","stage":"rcpt","verdict":"defer","reason":"greylisted","shadow":"true"} 1',
    'postern_source_up {"source":"store pg"} 0',
    'postern_source_up {"source":"DNS resolvers"} 1',
    'postern_source_up {"source":"state"} 1',
    'postern_source_failures {"source":"store pg"} 1',
    'postern_source_failures {"source":"DNS resolvers"} 0',
    'postern_source_failures {"source":"state"} 0',
    'postern_cache_hits {"directory":"a \\"quoted\\" \\\\ name"} 7',
    'postern_cache_misses {"directory":"a \\"quoted\\" \\\\ name"} 1',
    ...["new", "early", "passed", "known", "whitelisted"].map((event) => `postern_greylist {"event":"${event}"} 0`),
    'postern_greylist_entries {"state":"waiting"} 3',
    'postern_greylist_entries {"state":"passed"} 4',
    'postern_dns_list {"list":"zen","result":"listed"} 1',
    'postern_dns_list {"list":"zen","result":"not-listed"} 2',
    'postern_dns_list {"list":"zen","result":"unavailable"} 0',
    'postern_connections {"listener":"smtp"} 5',
    "postern_held_replies {} 2",
    'postern_reloads {"result":"ok"} 1',
    'postern_reloads {"result":"failed"} 2',
    'postern_build_info {"version":"1.0"} 1',
  ]);
  const seconds = families.get("postern_source_seconds")?.samples ?? [];
  const ofPg = (name: string, le?: string) =>
    seconds.find((sample) => sample.name.endsWith(name) && sample.labels.source === "store pg" && sample.labels.le === le)?.value;
  expect([ofPg("_count"), ofPg("_sum"), ofPg("_bucket", "0.001"), ofPg("_bucket", "10.0"), ofPg("_bucket", "+Inf")]).toEqual([
    2, 20.001, 1, 1, 2,
  ]);
});

test("DNS lists together are down while none of them can tell", () => {
  const { observer, observation } = observe();
  const isUp = () => observation().sources.find(({ name }) => name === "DNS lists")?.up;
  observer.waited({ name: "DNS lists", timeoutMs: 1000, onLate: () => {} }, 20);
  expect(isUp()).toBe(true);
  observer.available("DNS list zen", false, new Error("EREFUSED"));
  expect(isUp()).toBe(false);
  observer.available("DNS list zen", true, undefined);
  expect(isUp()).toBe(true);
});

test("as many clients and senders as there are make no further series, and no more is kept than the bound", async () => {
  const many = process.env.POSTERN_LONG ? 1_000_000 : 20_000;
  const { observer, observation } = observe();
  const decide = (number: number) =>
    observer.decided(
      new WrittenDecision({
        ...aDecision,
        client: `2001:db8::${number.toString(16)}`,
        helo: `h${number}.example`,
        sender: `${number}@b.example`,
      }),
    );
  decide(0);
  const before = (await renderMetrics(observation(), facts)).split("\n").length;
  for (let number = 1; number < many; number++) decide(number);
  const text = await renderMetrics(observation(), facts);
  expect(text.split("\n")).toHaveLength(before);
  expect(text).toContain(`reason="unknown-mailbox",shadow="false"} ${many}\n`);
  expect((await observer.log.last({}, 20_000)).count).toBe(10_000);
});

test("workers are added up", () => {
  const [one, two] = [observe(), observe()];
  one.observer.decided(new WrittenDecision(aDecision));
  two.observer.decided(new WrittenDecision(aDecision));
  two.observer.decided(new WrittenDecision({ ...aDecision, stage: "ehlo" }));
  two.observer.available("pg", false, new Error("away"));
  const { decisions, sources, heldReplies, listeners } = sumOf([one.observation(), two.observation()]);
  expect(decisions.map(({ stage, count }) => [stage, count])).toEqual([
    ["rcpt", 2],
    ["ehlo", 1],
  ]);
  expect(sources.find(({ name }) => name === "store pg")).toMatchObject({ up: false, lastFailure: { error: "away" } });
  expect(heldReplies).toBe(4);
  expect(listeners).toEqual([{ name: "smtp", connections: 10, lastDecision: 1000 }]);
});
