/** A parser of OpenMetrics text (https://prometheus.io/docs/specs/om/open_metrics_spec/) that takes nothing which the specification forbids. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

const suffixes: Readonly<Record<string, readonly string[]>> = {
  counter: ["_total"],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count"],
};

const labelPair = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"/y;

/** By name. Throws at the first line that is wrong. */
export function parseOpenMetrics(text: string): ReadonlyMap<string, Family> {
  const families = new Map<string, Family>();
  const series = new Set<string>();
  let current: { readonly name: string; help: string } | undefined;
  const lines = text.split("\n");
  if (lines.pop() !== "" || lines.pop() !== "# EOF") throw new Error("it does not end with # EOF and a line feed");
  for (const line of lines) {
    const wrong = (what: string) => new Error(`${what}: ${line}`);
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line) ?? [];
    if (kind === "HELP") {
      if (families.has(name)) throw wrong("a family that is in two parts");
      current = { name, help: rest };
    } else if (kind === "TYPE") {
      if (current?.name !== name) throw wrong("another family");
      if (suffixes[rest] === undefined) throw wrong("an unknown type");
      families.set(name, { type: rest, help: current.help, samples: [] });
    } else {
      const family = families.get(current?.name ?? "");
      if (family === undefined || current === undefined) throw wrong("no family");
      const sample = parseSample(line);
      const suffix = sample.name.slice(current.name.length);
      if (!sample.name.startsWith(current.name) || !suffixes[family.type]?.includes(suffix)) throw wrong("not of this family");
      const key = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
      if (series.has(key)) throw wrong("the same series again");
      series.add(key);
      if (family.type !== "gauge" && !(sample.value >= 0)) throw wrong("a counter below zero");
      family.samples.push(sample);
    }
  }
  for (const [name, family] of families) if (family.type === "histogram") checkHistogram(name, family);
  return families;
}

function parseSample(line: string): Sample {
  const [start = "", name = ""] = /^([a-zA-Z_:][\w:]*)\{?/.exec(line) ?? [];
  const labels: Record<string, string> = {};
  let at = start.length;
  if (start.endsWith("{")) {
    for (;;) {
      labelPair.lastIndex = at;
      const pair = labelPair.exec(line);
      if (pair === null) throw new Error(`a wrong label: ${line}`);
      const [whole, label = "", value = ""] = pair;
      if (label in labels) throw new Error(`a label twice: ${line}`);
      labels[label] = value.replace(/\\(.)/g, (_, letter) => (letter === "n" ? "\n" : letter));
      at += whole.length + 1;
      if (line[at - 1] === "}") break;
      if (line[at - 1] !== ",") throw new Error(`a wrong label: ${line}`);
    }
  }
  const value = /^ (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|\+Inf)$/.exec(line.slice(at))?.[1];
  if (value === undefined) throw new Error(`a wrong value: ${line}`);
  return { name, labels, value: Number(value.replace("+Inf", "Infinity")) };
}

/** Buckets are cumulative, in order, end with +Inf, and their bounds are written as floating-point numbers are. */
function checkHistogram(name: string, { samples }: Family): void {
  const byLabels = Map.groupBy(samples, ({ labels: { le: _, ...labels } }) => JSON.stringify(labels));
  for (const group of byLabels.values()) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
    const count = group.find((sample) => sample.name === `${name}_count`)?.value;
    if (buckets.at(-1)?.labels.le !== "+Inf" || buckets.at(-1)?.value !== count) throw new Error(`${name}: no bucket has all`);
    for (const [index, { labels, value }] of buckets.entries()) {
      if (!/^(?:\d+\.\d+|\+Inf)$/.test(labels.le ?? "")) throw new Error(`${name}: the bound ${labels.le}`);
      if (value < (buckets[index - 1]?.value ?? 0)) throw new Error(`${name}: a bucket with less than the one before`);
    }
  }
}
