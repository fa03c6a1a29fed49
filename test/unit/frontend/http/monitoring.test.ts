/** The alerts and the dashboard of contrib/monitoring ask for metrics that there are, with labels that they have. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { parseConfiguration } from "../../../../src/config/load.ts";
import { Observer } from "../../../../src/daemon/observer.ts";
import { renderMetrics } from "../../../../src/frontend/http/metrics.ts";
import { WrittenDecision } from "../../../../src/frontend/written-decision.ts";
import { read } from "../../../support/contrib.ts";
import { aDecision } from "../../../support/http-place.ts";
import { parseOpenMetrics } from "../../../support/open-metrics.ts";
import { isLong } from "../../../support/runs.ts";

const configuration = `[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:0"]
[directory.mta]
type = "mta"
[dns-list.zen]
zone = "zen.example"
of = "client"
listed = ["127.0.0.2"]
[session.rcpt]
deny = [ { if = "dns_listed('zen')" } ]
[session.rcpt.greylist]
enable = true
[[session.throttle]]
key = ["remote_ip"]
rate = "1/1h"
`;

/** The labels of each series. */
async function series(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const parsed = parseConfiguration(configuration, "postern.toml", () => "");
  if (parsed.configuration === undefined) throw new Error("it does not load");
  const observer = new Observer("", () => 1000);
  observer.expect(parsed.configuration);
  observer.decided(new WrittenDecision(aDecision));
  observer.waited({ name: "state", timeoutMs: 1000, onLate: () => {} }, 1);
  const gauges = {
    connections: [{ name: "smtp", connections: 1 }],
    caches: [{ directory: "people", hits: 1, misses: 1 }],
    heldReplies: 0,
    called: [],
  };
  const facts = { version: "1.0", greylistEntries: { waiting: 0, passed: 0 }, reloads: { ok: 0, failed: 0 } };
  const families = parseOpenMetrics(await renderMetrics(observer.observation(gauges), facts));
  const samples = [...families.values()].flatMap((family) => family.samples);
  return new Map(samples.map(({ name, labels }) => [name, new Set([...Object.keys(labels), "instance", "job"])]));
}

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly expr: string }[] }[];
}
interface Dashboard {
  readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[];
}

const rules = parse(read("contrib/monitoring/alerts.yml")) as Rules;
const dashboard = JSON.parse(read("contrib/monitoring/dashboard.json")) as Dashboard;
const asked = [
  ...rules.groups.flatMap((group) => group.rules.map(({ expr }) => expr)),
  ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
];

test("there are some", () => expect(asked.length).toBeGreaterThan(20));

test.each(asked)("%s", async (expr) => {
  const known = await series();
  for (const [, name = "", selector = ""] of expr.matchAll(/\b(postern_\w+)(?:\{([^}]*)\})?/g)) {
    expect([...known.keys()]).toContain(name);
    for (const [, label] of selector.matchAll(/(\w+)(?:=~|!=|=)"/g)) expect([...(known.get(name) ?? [])]).toContain(label);
  }
  for (const [, reasons = ""] of expr.matchAll(/reason=~?"([^"]*)"/g))
    for (const reason of reasons.split("|")) expect(read("src/stage/verdict.ts")).toContain(`"${reason}"`);
});

// Its package is large, and is only unpacked.
test.runIf(isLong && existsSync("/etc/debian_version"))("promtool finds nothing wrong with the alerts", () => {
  const folder = mkdtempSync(join(tmpdir(), "postern-promtool-"));
  try {
    execFileSync("sh", ["-c", "apt-get -qq -o APT::Sandbox::User=root download prometheus && dpkg -x prometheus_*.deb ."], { cwd: folder });
    const alerts = join(import.meta.dirname, "../../../../contrib/monitoring/alerts.yml");
    expect(execFileSync(join(folder, "usr/bin/promtool"), ["check", "rules", alerts], { encoding: "utf8" })).toMatch(/SUCCESS: \d+ rules/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
