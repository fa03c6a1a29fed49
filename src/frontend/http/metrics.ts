/** An observation in the text form of OpenMetrics (https://prometheus.io/docs/specs/om/open_metrics_spec/). */
import type { Metric, OpenMetricsContentType } from "prom-client";
import { onDemand } from "../../text/on-demand.ts";
import { bucketSeconds, dnsListResults, greylistEvents, type Histogram, type Observation } from "./observation.ts";

const client = onDemand<typeof import("prom-client")>("prom-client");

/** What is known besides what was counted. */
export interface MetricsFacts {
  readonly version: string;
  /** `undefined`: there is no greylist, or its store cannot tell. */
  readonly greylistEntries: { readonly waiting: number; readonly passed: number } | undefined;
  readonly reloads: { readonly ok: number; readonly failed: number };
}

type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly labels: Labels;
  readonly value: number;
  /** Default: that of the metric. */
  readonly metricName?: string;
}

export function renderMetrics(observation: Observation, facts: MetricsFacts): Promise<string> {
  const { Registry } = client();
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const add = (type: "counter" | "gauge" | "histogram", name: string, help: string, values: readonly Sample[]) => {
    if (values.length === 0) return;
    // It asks a metric for its values; those of its own classes can only be counted up.
    const metric = { name: `postern_${name}`, help, type, values, get: async () => metric };
    registry.registerMetric(metric as unknown as Metric);
  };
  const { decisions, stages, listeners, sources, greylist, throttles, dnsLists, caches, heldReplies } = observation;

  add(
    "counter",
    "decisions_total",
    "Decisions; in shadow mode (shadow) with the verdict that was not carried out.",
    decisions.map(({ listener, stage, verdict, reason, shadow, count }) => ({
      labels: { listener, stage, verdict, reason, shadow: String(shadow) },
      value: count,
    })),
  );
  add(
    "histogram",
    "decision_seconds",
    "From a whole request to the verdict.",
    stages.flatMap(({ stage, seconds }) => samplesOf("decision_seconds", { stage }, seconds)),
  );
  add(
    "histogram",
    "source_seconds",
    "How long answers of a source were waited for.",
    sources.flatMap(({ name, seconds }) => samplesOf("source_seconds", { source: name }, seconds)),
  );
  add(
    "gauge",
    "source_up",
    "Whether a source answers.",
    sources.map(({ name, up }) => ({ labels: { source: name }, value: up ? 1 : 0 })),
  );
  add(
    "counter",
    "source_failures_total",
    "Questions that a source did not answer.",
    sources.map(({ name, failures }) => ({ labels: { source: name }, value: failures })),
  );
  add(
    "counter",
    "cache_hits_total",
    "Answers of a directory that were at hand.",
    caches.map(({ directory, hits }) => ({ labels: { directory }, value: hits })),
  );
  add(
    "counter",
    "cache_misses_total",
    "Questions that a directory had to be asked.",
    caches.map(({ directory, misses }) => ({ labels: { directory }, value: misses })),
  );
  if (facts.greylistEntries !== undefined) {
    add(
      "counter",
      "greylist_total",
      "What the greylist said.",
      greylistEvents.map((event) => ({ labels: { event }, value: greylist[event] })),
    );
    const { waiting, passed } = facts.greylistEntries;
    add("gauge", "greylist_entries", "Entries of the greylist.", [
      { labels: { state: "waiting" }, value: waiting },
      { labels: { state: "passed" }, value: passed },
    ]);
  }
  add(
    "counter",
    "throttle_total",
    "What a throttle said.",
    throttles.flatMap(({ name, allowed, refused }) => [
      { labels: { name, result: "allowed" }, value: allowed },
      { labels: { name, result: "refused" }, value: refused },
    ]),
  );
  add(
    "counter",
    "dns_list_total",
    "What a DNS list said when a rule asked it.",
    dnsLists.flatMap(({ name, results }) => dnsListResults.map((result) => ({ labels: { list: name, result }, value: results[result] }))),
  );
  add(
    "gauge",
    "connections",
    "Open connections.",
    listeners.map(({ name, connections }) => ({ labels: { listener: name }, value: connections })),
  );
  add("gauge", "held_replies", "Replies that are held back.", [{ labels: {}, value: heldReplies }]);
  add("counter", "reloads_total", "Reloads of the configuration.", [
    { labels: { result: "ok" }, value: facts.reloads.ok },
    { labels: { result: "failed" }, value: facts.reloads.failed },
  ]);
  add("gauge", "build_info", "The version that runs.", [{ labels: { version: facts.version }, value: 1 }]);
  return registry.metrics();
}

function samplesOf(name: string, labels: Labels, { counts, count, sum }: Histogram): readonly Sample[] {
  const metricName = `postern_${name}`;
  let below = 0;
  const buckets = counts.map((each, index) => {
    below += each;
    return { metricName: `${metricName}_bucket`, labels: { ...labels, le: boundOf(bucketSeconds[index]) }, value: below };
  });
  return [...buckets, { metricName: `${metricName}_sum`, labels, value: sum }, { metricName: `${metricName}_count`, labels, value: count }];
}

/** As OpenMetrics writes numbers in `le`. */
function boundOf(seconds: number | undefined): string {
  if (seconds === undefined) return "+Inf";
  return Number.isInteger(seconds) ? `${seconds}.0` : String(seconds);
}
