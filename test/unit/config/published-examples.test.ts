// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Sieve are written so.
/** The examples of the documents that this product follows load and mean what their text says. */
import { describe, expect, it } from "vitest";
import { formatProblem } from "../../../src/config/check/report.ts";
import { parseConfiguration } from "../../../src/config/load.ts";
import type { Ask } from "../../../src/expr/ask.ts";
import type { Value } from "../../../src/expr/value.ts";
import { openSession } from "../../../src/stage/session.ts";
import type { Rule } from "../../../src/stage/stage-settings.ts";
import { sqlGreylist } from "../../support/sql-greylist.ts";

const base = `
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:10040"]
[directory.sql]
type = "memory"
domains = ["example.org"]
`;

function load(text: string) {
  const { configuration, problems } = parseConfiguration(text, "postern.toml", () => "");
  if (configuration === undefined) throw new Error(problems.map(formatProblem).join("\n"));
  return { settings: configuration.settings, warnings: problems.map(({ line, message }) => `${line}: ${message.slice(0, 21)}`) };
}

const ask: Ask = {
  isLocalDomain: (_, domain) => domain === "example.org",
  isLocalAddress: () => false,
  keyGet: () => undefined,
  keySet: () => {},
  counterGet: () => 0,
  counterIncr: () => 0,
  sqlQuery: () => ({ kind: "changes", changes: 0 }),
  dnsQuery: () => undefined,
  dnsList: () => [],
};

function evaluated(rule: boolean | Rule | undefined, rcpt: string, login = "", listener = "smtp"): Value | Promise<Value> {
  if (typeof rule !== "object") throw new Error("no rules");
  const peer = {
    listener,
    client: { address: undefined, name: "", port: 0 },
    server: { address: "", port: 25 },
    trusted: false,
  } as const;
  return rule.evaluate({ session: openSession(peer, login), helo: "", sender: "", rcpt }, ask);
}

describe("RCPT stage, TOML", () => {
  it("directory", () => {
    expect(evaluated(load(`${base}[session.rcpt]\ndirectory = "'sql'"\n`).settings.rcpt.directory, "")).toBe("sql");
  });

  it("relay, over two lines", () => {
    const { relay } = load(`${base}[session.rcpt]
relay = [ { if = "!is_empty(authenticated_as)", then = true },
{ else = false } ]
`).settings.rcpt;
    expect([evaluated(relay, "a@b.example"), evaluated(relay, "a@b.example", "john")]).toEqual([0, 1]);
  });

  it("subaddressing by its other name", () => {
    expect(load(`${base}[session.rcpt]\nsubaddressing = true\n`).settings.rcpt.subAddressing).toBe(true);
    expect(load(`${base}[session.rcpt]\nsubaddressing = false\n`).settings.rcpt.subAddressing).toBe(false);
  });

  it("custom sub-addressing: the dot of the pattern is a dot", () => {
    const { settings, warnings } = load(`${base}[session.rcpt]
sub-addressing = [ { if = "matches('^([^.]+)\\.([^.]+)@(.+)$', rcpt)", then = "$2 + '@' + $3" },
{ else = false } ]
`);
    expect(evaluated(settings.rcpt.subAddressing, "john.doe@example.org")).toBe("doe@example.org");
    expect(evaluated(settings.rcpt.subAddressing, "renato@example.org")).toBe(0);
    expect(warnings).toEqual(["9: changes recipients, w", '9: "\\." is not an escape']);
  });

  it("catch-all", () => {
    expect(load(`${base}[session.rcpt]\ncatch-all = true\n`).settings.rcpt.catchAll).toBe(true);
    const { catchAll } = load(`${base}[session.rcpt]
catch-all = [ { if = "matches('(.+)@(.+)$', rcpt)", then = "'info@' + $2" },
{ else = false } ]
`).settings.rcpt;
    expect(evaluated(catchAll, "nosuch@example.org")).toBe("info@example.org");
  });

  it("rewriting with the two-argument form", () => {
    const { rewrite } = load(`${base}[session.rcpt]
rewrite = [ { if = "is_local_domain('', rcpt_domain) & matches('^([^.]+)\\.([^.]+)@(.+)$', rcpt)", then = "$1 + '+' + $2 + '@' + $3" },
{ else = false } ]
`).settings.rcpt;
    expect(evaluated(rewrite, "mary.smith@example.org")).toBe("mary+smith@example.org");
    expect([evaluated(rewrite, "mary.smith@b.example"), evaluated(rewrite, "renato@example.org")]).toEqual([0, 0]);
  });

  it("limits", () => {
    const { rcpt } = load(`${base}[session.rcpt]
max-recipients = 25

[session.rcpt.errors]
total = 5
wait = "5s"`).settings;
    expect([rcpt.maxRecipients, rcpt.errors.total, rcpt.errors.wait].map((rule) => evaluated(rule, ""))).toEqual([25, 5, 5000]);
  });
});

describe("RCPT stage, Sieve", () => {
  const greylist = (condition: string) => `${base}[session.rcpt]
script = [ { if = "${condition}", then = "'greylist'" },
{ else = false } ]

[sieve.trusted.scripts.greylist]
contents = '''
${sqlGreylist}'''
`;

  it("the greylist loads after its slip is fixed", () => {
    const { settings, warnings } = load(greylist("is_empty(authenticated_as)"));
    expect([evaluated(settings.rcpt.script, "a@b.example"), evaluated(settings.rcpt.script, "a@b.example", "john")]).toEqual([
      "greylist",
      0,
    ]);
    expect(settings.sieve.scripts.get("greylist")?.statements.map(({ line, sql }) => `${line}: ${sql}`)).toEqual([
      "5: SELECT 1 FROM greylist WHERE addr=? LIMIT 1",
      "6: INSERT INTO greylist (addr) VALUES (?)",
    ]);
    expect(warnings).toEqual([]);
  });

  it("the slip is reported, with how to fix it", () => {
    const { problems } = parseConfiguration(greylist('is_empty(authenticated-as\\")'), "postern.toml", () => "");
    expect(problems.map(formatProblem)).toEqual([
      expect.stringMatching(/^postern\.toml:9:\d+: session\.rcpt\.script\[0\]\.if: .*"authenticated_as"/),
    ]);
  });
});

describe("EHLO stage, JSON", () => {
  const serving = { listener: { smtp: { protocol: "policy", bind: ["127.0.0.1:10040"] } }, directory: { mta: { type: "mta" } } };

  it("MtaStageEhlo", () => {
    const { ehlo } = load(
      JSON.stringify({
        MtaStageEhlo: { require: { else: "true" }, rejectNonFqdn: { match: [{ if: "listener == 'smtp'", then: "true" }], else: "false" } },
        ...serving,
      }),
    ).settings;
    expect(evaluated(ehlo.require, "")).toBe(1);
    expect([evaluated(ehlo.rejectNonFqdn, ""), evaluated(ehlo.rejectNonFqdn, "", "", "submission")]).toEqual([1, 0]);
  });

  it("MtaStageEhlo.script, its script and the list that this asks", () => {
    const contents = `require ["variables", "extlists", "reject"];

if string :list "\${env.helo_domain}" "blocked-domain" {
reject "551 5.1.1 Sending domain '\${env.helo_domain}' has been blocklisted.";
}`;
    const { settings, warnings } = load(
      JSON.stringify({
        MtaStageEhlo: { script: { else: "'ehlo'" } },
        SieveSystemScript: { name: "EHLO", contents, isActive: true },
        MemoryLookupKey: [
          { namespace: "blocked-domain", key: "spammer.example", isGlobPattern: false },
          { namespace: "blocked-domain", key: "*.spammer.example", isGlobPattern: true },
        ],
        ...serving,
      }),
    );
    expect(evaluated(settings.ehlo.script, "")).toBe("ehlo");
    expect(settings.sieve.scripts.get("ehlo")?.name).toBe("EHLO");
    expect(warnings).toEqual([]);
  });

  it("MtaExtensions", () => {
    const forLogins = (then: string) => ({ match: [{ if: "!is_empty(authenticated_as)", then }], else: "false" });
    const { extensions } = load(
      JSON.stringify({
        MtaExtensions: {
          pipelining: { else: "true" },
          chunking: { else: "true" },
          requireTls: { else: "true" },
          noSoliciting: { else: "''" },
          dsn: forLogins("true"),
          futureRelease: forLogins("7d"),
          deliverBy: forLogins("15d"),
          mtPriority: forLogins("mixer"),
          vrfy: forLogins("true"),
          expn: forLogins("true"),
        },
        ...serving,
      }),
    ).settings;
    const values = (login: string) => Object.values(extensions).map((rule) => evaluated(rule, "", login));
    expect(values("")).toEqual([1, 1, 1, "", 0, 0, 0, 0, 0, 0]);
    expect(values("john")).toEqual([1, 1, 1, "", 1, 604_800_000, 1_296_000_000, { constant: "mixer" }, 1, 1]);
  });
});
