/** Greylist and throttles of a configuration, as the stages get them. */
import { describe, expect, test } from "vitest";
import { formatProblem } from "../../../src/config/check/report.ts";
import type { Configuration } from "../../../src/config/configuration.ts";
import { renderConfiguration } from "../../../src/config/docs/print.ts";
import { parseConfiguration } from "../../../src/config/load.ts";
import type { Settings } from "../../../src/stage/stage-settings.ts";

const files: Readonly<Record<string, string>> = {
  "/etc/postern/good": "example.net\n10.1\n",
  "/etc/postern/bad": "example.net\n/(/\na b\n",
};

function readFile(path: string): string {
  const text = files[path];
  if (text === undefined) throw Object.assign(new Error(path), { code: "ENOENT" });
  return text;
}

function parse(text: string, file = "postern.toml") {
  return parseConfiguration(text, `/etc/postern/${file}`, readFile, { hostname: "mx.example.org" });
}

const base = `[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:10040"]
[directory.mta]
type = "mta"
`;

function load(text: string): Configuration {
  const { configuration, problems } = parse(base + text);
  if (configuration === undefined) throw new Error(problems.map(formatProblem).join("\n"));
  return configuration;
}

const throttlesOf = (text: string) => load(text).settings.throttles;

/** The stages that have a throttle. */
function stagesOf(throttles: Settings["throttles"]): string {
  return Object.entries(throttles)
    .flatMap(([stage, list]) => list.map(({ counts }) => (stage === "rcpt" ? `${stage} ${counts}` : stage)))
    .join(", ");
}

describe("the stage of a throttle", () => {
  test.each([
    ['key = ["remote_ip"]', "connect"],
    ["", "connect"],
    ['key = ["listener", "local_ip"]', "connect"],
    [`match = "remote_ip == '203.0.113.9'"`, "connect"],
    ['key = ["remote_ip"]\nmatch = "is_empty(authenticated_as)"', "mail"],
    ['key = ["helo_domain"]', "mail"],
    ['key = ["sender"]', "mail"],
    ['key = ["sender_domain", "remote_ip"]', "mail"],
    ['match = "is_tls"', "mail"],
    ['key = ["sender", "rcpt"]', "rcpt recipients"],
    ['key = ["remote_ip"]\nmatch = "rcpt_domain == \'example.org\'"', "rcpt recipients"],
    ['key = ["rcpt_domain"]', "rcpt messages"],
    ['key = ["rcpt_domain", "rcpt"]', "rcpt recipients"],
    ['key = ["rcpt_domain"]\ncount = "recipients"', "rcpt recipients"],
    ['key = ["remote_ip"]\ncount = "messages"', "rcpt messages"],
    ["enable = false", ""],
    ['match = [ { if = "rcpt == \'a@b\'", then = true }, { else = "is_empty(sender)" } ]', "rcpt recipients"],
  ])("%s: %s", (text, expected) => {
    expect(stagesOf(throttlesOf(`[[session.throttle]]\nrate = "25/1h"\n${text}`))).toBe(expected);
  });
});

test("ids: of the meaning and not of the place, and never twice the same", () => {
  const one = '[[session.throttle]]\nkey = ["remote_ip"]\nrate = "25/1h"\n';
  const others = [one.replace("25", "26"), one.replace("1h", "2h"), one.replace("remote_ip", "local_ip"), `${one}window = "sliding"\n`];
  const ids = (text: string) => throttlesOf(text).connect.map(({ id }) => id);
  const all = ids([...others, one, one].join(""));
  expect(new Set(all).size).toBe(6);
  expect(ids(one)).toEqual([all[4]]);
});

test("MtaInboundThrottle is session.throttle", () => {
  const written = {
    listener: { smtp: { protocol: "policy", bind: ["127.0.0.1:10040"] } },
    directory: { mta: { type: "mta" } },
    MtaInboundThrottle: [
      { key: ["remoteIp"], rate: { count: 5, period: 1000 }, enable: true },
      {
        key: ["senderDomain", "rcpt"],
        rate: { count: 25, period: "1h" },
        match: { else: "is_empty(authenticated_as)" },
        onStoreFailure: "defer",
      },
    ],
  };
  const { configuration, problems } = parse(JSON.stringify(written), "postern.json");
  expect(problems).toEqual([]);
  const toml = `[[session.throttle]]
key = ["remote_ip"]
rate = "5/1s"
[[session.throttle]]
key = ["rcpt", "sender_domain"]
rate = "25/1h"
match = "is_empty(authenticated_as)"
on-store-failure = "defer"
`;
  const shown = (throttles: Settings["throttles"] | undefined) =>
    JSON.stringify(throttles, (name, value) => (name === "match" || name === "title" ? undefined : value));
  expect(shown(configuration?.settings.throttles)).toBe(shown(throttlesOf(toml)));
});

test("the defaults of greylisting", () => {
  const { enable, ...greylist } = load("").settings.rcpt.greylist;
  expect(enable.waits).toBe(false);
  expect(greylist).toEqual({
    ...{ delayMs: 300_000, retryWindowMs: 172_800_000, lifetimeMs: 3_024_000_000, key: new Set(["client", "sender", "rcpt"]) },
    ...{ client: "domain-or-network", ipv4Prefix: 24, ipv6Prefix: 64, autoWhitelist: 5, maxWaiting: 10_000, foldSenders: true },
    ...{ headerHost: undefined, training: false, onStoreFailure: "accept", correspondentsMs: undefined, mode: "enforce" },
  });
});

test("exempt lists: entries, files beside the configuration, and what is wrong in them", () => {
  const configuration = load(
    '[session.rcpt.greylist]\nheader = true\nexempt-clients = ["file:good", "example.com", "file:/etc/postern/good"]',
  );
  expect(configuration.exemptions.clients).toEqual({ entries: ["example.com"], files: ["/etc/postern/good", "/etc/postern/good"] });
  expect(configuration.settings.rcpt.greylist.headerHost).toBe("mx.example.org");
  expect(renderConfiguration(configuration)).toContain(
    'exempt-clients = ["file:/etc/postern/good", "example.com", "file:/etc/postern/good"]',
  );
  const { problems } = parse(`${base}[session.rcpt.greylist]\nexempt-clients = ["file:bad"]`);
  expect(problems.map(formatProblem)).toEqual([
    expect.stringContaining(
      "postern.toml:7:19: session.rcpt.greylist.exempt-clients[0]: /etc/postern/bad:2: /(/ is not a supported regular",
    ),
    expect.stringContaining('/etc/postern/bad:3: "a b" is not a name'),
  ]);
});
