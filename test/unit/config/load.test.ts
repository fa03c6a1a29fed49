/** What good configurations become: TOML and JSON alike, defaults, paths, secrets, what listeners take over. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { formatProblem } from "../../../src/config/check/report.ts";
import type { Configuration } from "../../../src/config/configuration.ts";
import { renderConfiguration } from "../../../src/config/docs/print.ts";
import { type LoadOptions, loadConfiguration, parseConfiguration, sameConfiguration } from "../../../src/config/load.ts";
import type { Ask } from "../../../src/expr/ask.ts";
import type { Value } from "../../../src/expr/value.ts";
import { openSession } from "../../../src/stage/session.ts";
import type { Rule } from "../../../src/stage/stage-settings.ts";

const files: Readonly<Record<string, string>> = {
  "/etc/postern/pg-password": "geheim\nsecond line\n",
  "/etc/postern/tables.sql": "CREATE TABLE IF NOT EXISTS t (a TEXT);",
  "/etc/postern/lists/helo": "spammer.example\n",
  "/etc/aliases": "root: john\n",
};

function readFile(path: string): string {
  const text = files[path];
  if (text === undefined) throw Object.assign(new Error(path), { code: "ENOENT" });
  return text;
}

const policy = `
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:10040"]
[directory.local]
type = "memory"
principals = [ { name = "john", email = ["John@Example.org"] } ]
`;

function load(
  text: string,
  options: LoadOptions = {},
  file = "/etc/postern/postern.toml",
): { configuration: Configuration; problems: readonly string[] } {
  const { configuration, problems } = parseConfiguration(text, file, readFile, options);
  const lines = problems.map(formatProblem);
  if (configuration === undefined) throw new Error(lines.join("\n"));
  return { configuration, problems: lines };
}

const loadJson = (data: object) => load(JSON.stringify({ ...data, listener: { smtp: { protocol: "policy", bind: ["127.0.0.1:10040"] } } }));

/** Knows one local domain, and one key in each lookup. */
const ask: Ask = {
  isLocalDomain: (_, domain) => domain === "example.org",
  isLocalAddress: () => false,
  keyGet: (_, key) => (key === "there" ? 1 : undefined),
  keySet: () => {},
  counterGet: () => 0,
  counterIncr: () => 1,
  sqlQuery: () => ({ kind: "rows", rows: [] }),
  dnsQuery: () => undefined,
  dnsList: () => [],
};

interface Subject {
  readonly login?: string;
  readonly rcpt?: string;
  readonly port?: number;
  readonly listener?: string;
}

function evaluated(rule: Rule | boolean | undefined, { login = "", rcpt = "", port = 25, listener = "smtp" }: Subject = {}): Value {
  if (typeof rule !== "object") throw new Error(`no rules but ${rule}`);
  const peer = {
    listener,
    client: { address: "192.0.2.1", name: "", port: 1 },
    server: { address: "", port },
    trusted: false,
  } as const;
  const value = rule.evaluate({ session: openSession(peer, login), helo: "", sender: "", rcpt }, ask);
  if (value instanceof Promise) throw new Error("it waits");
  return value;
}

describe("defaults", () => {
  const { configuration, problems } = load(policy, { hostname: "mx.example.org" });
  const { settings } = configuration;

  it("nothing is said of a good configuration", () => expect(problems).toEqual([]));

  it("the server, its listener and the stores", () => {
    expect(configuration.server).toMatchObject({ hostname: "mx.example.org", mode: "enforce", stateDirectory: resolve("./var") });
    expect(configuration.server.trustedNetworks.texts).toEqual(["127.0.0.0/8", "::1"]);
    expect(configuration.log).toEqual({ level: "info", decisions: "all" });
    expect(configuration.listeners).toMatchObject([
      {
        name: "smtp",
        protocol: "policy",
        bind: [{ kind: "inet", host: "127.0.0.1", port: 10040 }],
        socketMode: 0o660,
        socketGroup: undefined,
        localPort: undefined,
        mode: "enforce",
        maxConnections: 2000,
      },
    ]);
    expect(configuration.listeners[0]?.trustedNetworks.contains("127.1.2.3")).toBe(true);
    expect([...configuration.stores.values()]).toMatchObject([{ name: "embedded", type: "sqlite", path: resolve("var/data.sqlite") }]);
    expect(configuration.storage).toEqual({ directory: "local", data: "embedded", state: "embedded", onCorrupt: "begin-anew" });
    expect(configuration.maxWaiting).toBe(20);
  });

  it.each<[string, Rule, Value, Value]>([
    ["session.ehlo.require", settings.ehlo.require, 1, 1],
    ["session.extensions.pipelining", settings.extensions.pipelining, 1, 1],
    ["session.extensions.chunking", settings.extensions.chunking, 1, 1],
    ["session.extensions.requiretls", settings.extensions.requireTls, 0, 0],
    ["session.extensions.no-soliciting", settings.extensions.noSoliciting, "", ""],
    ["session.extensions.dsn", settings.extensions.dsn, 0, 1],
    ["session.extensions.future-release", settings.extensions.futureRelease, 0, 7 * 86_400_000],
    ["session.extensions.deliver-by", settings.extensions.deliverBy, 0, 15 * 86_400_000],
    ["session.extensions.mt-priority", settings.extensions.mtPriority, 0, { constant: "mixer" }],
    ["session.extensions.vrfy", settings.extensions.vrfy, 0, 1],
    ["session.extensions.expn", settings.extensions.expn, 0, 1],
    ["session.mail.rewrite", settings.mail.rewrite, 0, 0],
    ["session.rcpt.directory", settings.rcpt.directory, "*", "*"],
    ["session.rcpt.relay", settings.rcpt.relay, 0, 1],
    ["session.rcpt.rewrite", settings.rcpt.rewrite, 0, 0],
    ["session.rcpt.max-recipients", settings.rcpt.maxRecipients, 100, 100],
    ["session.rcpt.errors.total", settings.rcpt.errors.total, 5, 5],
    ["session.rcpt.errors.wait", settings.rcpt.errors.wait, 5000, 5000],
  ])("%s for a stranger and for a login", (_, rule, stranger, login) => {
    expect(evaluated(rule)).toEqual(stranger);
    expect(evaluated(rule, { login: "john" })).toEqual(login);
  });

  it("names are fully qualified on port 25 alone", () => {
    expect([25, 587].map((port) => evaluated(settings.ehlo.rejectNonFqdn, { port }))).toEqual([1, 0]);
  });

  it("other settings", () => {
    expect(settings.ehlo).toMatchObject({ fqdn: "stalwart", blocklist: [] });
    expect(settings.rcpt).toMatchObject({
      subAddressing: true,
      subAddressingDelivery: "base",
      catchAll: true,
      aliases: undefined,
      maxListMembers: 10000,
      replies: { unknownMailbox: { code: 550, status: "5.1.2", text: "Mailbox does not exist." }, tooManyErrors: { code: 421 } },
    });
  });
});

describe("rule sets", () => {
  it.each<[string, object | string | number | boolean]>([
    ["an array of rules", [{ if: "listener == 'smtp'", then: 3 }, { else: 7 }]],
    ["match as an array", { match: [{ if: "listener == 'smtp'", then: "3" }], else: "7" }],
    [
      "match as an object, by number",
      { match: { "10": { if: "true", then: "4" }, "9": { if: "listener == 'smtp'", then: "3" } }, else: "7" },
    ],
    ["one expression", "3"],
    ["a number", 3],
    ["else alone", { else: "3" }],
  ])("%s", (_, maxRecipients) => {
    const { configuration } = loadJson({ MtaStageRcpt: { maxRecipients }, directory: { local: { type: "mta" } } });
    expect(evaluated(configuration.settings.rcpt.maxRecipients)).toBe(3);
  });

  it.each<[unknown, boolean]>([
    [true, true],
    ["false", false],
    [{ else: "true" }, true],
    [[{ else: false }], false],
  ])("%j is a switch", (subAddressing, expected) => {
    const { configuration } = loadJson({ MtaStageRcpt: { subAddressing }, directory: { local: { type: "mta" } } });
    expect(configuration.settings.rcpt.subAddressing).toBe(expected);
  });
});

describe("TOML and JSON", () => {
  const toml = load(`${policy}
[lookup.blocked-domain]
"spammer.example" = true
"*.spammer.example" = true
"a\\\\*b" = true
[lookup.prices]
"*.example" = "5"
[session.ehlo]
require = false
reject-non-fqdn = [ { if = "listener == 'smtp'", then = true }, { else = false } ]
blocklist = ["blocked-domain"]
[session.extensions]
requiretls = true
[session.rcpt]
relay = true
[session.rcpt.errors]
total = 3
wait = "1s"
[[domain]]
name = "example.org"
aliases = ["münchen.example"]
sub-addressing = [ { else = "'x' + rcpt" } ]
allow-relaying = true
`);
  const directory = { local: { type: "memory", principals: [{ name: "john", email: ["John@Example.org"] }] } };
  const objects = loadJson({
    MtaStageEhlo: {
      require: { else: "false" },
      rejectNonFqdn: { match: [{ if: "listener == 'smtp'", then: "true" }], else: "false" },
      blocklist: ["blocked-domain"],
    },
    MtaExtensions: { requireTls: { else: "true" } },
    MtaStageRcpt: { allowRelaying: true, maxFailures: { else: "3" }, waitOnFail: { else: "1s" } },
    MemoryLookupKey: [
      { namespace: "blocked-domain", key: "spammer.example", isGlobPattern: false },
      { namespace: "blocked-domain", key: "*.spammer.example", isGlobPattern: true },
      { namespace: "blocked-domain", key: "a*b", isGlobPattern: false },
    ],
    MemoryLookupKeyValue: { namespace: "prices", key: "*.example", value: "5", isGlobPattern: true },
    Domain: {
      name: "example.org",
      aliases: ["münchen.example"],
      subAddressing: { "@type": "Custom", customRule: { else: "'x' + rcpt" } },
      allowRelaying: true,
    },
    directory,
  });
  /** As their own server prints them: with notes, and sets and lists as objects. */
  const printedObjects = loadJson({
    MtaStageEhlo: {
      id: "singleton",
      require: { else: "false" },
      rejectNonFqdn: { match: { "0": { if: "listener == 'smtp'", then: "true" } }, else: "false" },
      blocklist: ["blocked-domain"],
    },
    MtaExtensions: { requireTls: { else: "true" } },
    MtaStageRcpt: { allowRelaying: { else: "true" }, maxFailures: { else: "3" }, waitOnFail: { else: "1s" } },
    MemoryLookupKey: {
      "0": { id: "a", namespace: "blocked-domain", key: "spammer.example", isGlobPattern: false },
      "1": { id: "b", namespace: "blocked-domain", key: "*.spammer.example", isGlobPattern: true },
      "2": { id: "c", namespace: "blocked-domain", key: "a*b", isGlobPattern: false },
    },
    MemoryLookupKeyValue: { description: "What it costs.", namespace: "prices", key: "*.example", value: "5", isGlobPattern: true },
    Domain: {
      id: "d",
      description: "Ours.",
      name: "example.org",
      aliases: { "münchen.example": true },
      subAddressing: { "@type": "Custom", customRule: { match: {}, else: "'x' + rcpt" } },
      allowRelaying: true,
    },
    directory,
  });
  const tables = loadJson({
    lookup: { "blocked-domain": { "spammer.example": true, "*.spammer.example": true, "a\\*b": true }, prices: { "*.example": 5 } },
    session: {
      ehlo: {
        require: false,
        "reject-non-fqdn": [{ if: "listener == 'smtp'", then: true }, { else: false }],
        blocklist: ["blocked-domain"],
      },
      extensions: { requiretls: true },
      rcpt: { relay: true, errors: { total: 3, wait: "1s" } },
    },
    domain: [{ name: "example.org", aliases: ["münchen.example"], subAddressing: [{ else: "'x' + rcpt" }], allowRelaying: true }],
    directory,
  });

  /** A price as a number and as text is the same price. */
  const printed = ({ configuration }: { configuration: Configuration }) =>
    renderConfiguration(configuration).replace('= "5"', "= 5").split("\n").sort();

  it("mean the same", () => {
    expect(printed(objects)).toEqual(printed(toml));
    expect(printed(printedObjects)).toEqual(printed(toml));
    expect(printed(tables)).toEqual(printed(toml));
  });

  it.each([
    [{ remoteIp: true, rcptDomain: true }],
    [{ "0": "remoteIp", "1": "rcptDomain" }],
    [["remoteIp", "rcptDomain"]],
  ])("the key of a throttle as %j", (key) => {
    const throttle = { description: "All.", key, rate: { count: 100, period: "1h" } };
    const { settings } = loadJson({ MtaInboundThrottle: { "0": throttle }, directory }).configuration;
    expect(settings.throttles.rcpt).toMatchObject([{ key: ["rcpt_domain", "remote_ip"] }]);
  });

  it("MtaStageMail, and a script with a description", () => {
    const { settings } = loadJson({
      MtaStageMail: { rewrite: { match: { "0": { if: "sender_domain == 'old.example'", then: "'a@b.example'" } }, else: "false" } },
      SieveSystemScript: [{ id: "s", name: "keep", description: "Lets all pass.", isActive: true, contents: "keep;" }],
      MtaStageRcpt: { script: { else: "'keep'" } },
      directory,
    }).configuration;
    expect(settings.mail.rewrite.constant).toBeUndefined();
    expect(settings.sieve.scripts.get("keep")?.name).toBe("keep");
  });

  it("are told apart by name, or by the first brace", () => {
    expect(load("[directory.d]\ntype='mta'", { serves: false }, "x.conf").configuration.directories.size).toBe(1);
    expect(load(' {"directory": {"d": {"type": "mta"}}}', { serves: false }, "x.conf").configuration.directories.size).toBe(1);
    expect(parseConfiguration("a = 1", "x.json", readFile).problems[0]?.message).toMatch(/^not valid JSON/);
  });

  it("inline lookups", () => {
    expect(objects.configuration.lookups.get("blocked-domain")).toEqual({
      type: "memory",
      name: "blocked-domain",
      entries: [
        { key: "spammer.example", glob: false, value: 1 },
        { key: "*.spammer.example", glob: true, value: 1 },
        { key: "a*b", glob: false, value: 1 },
      ],
    });
    expect(objects.configuration.lookups.get("prices")).toMatchObject({ entries: [{ key: "*.example", glob: true, value: 5 }] });
  });

  it("domains, by name and by alias", () => {
    const { domains } = objects.configuration.settings;
    expect([...domains.keys()]).toEqual(["example.org", "xn--mnchen-3ya.example"]);
    const domain = domains.get("xn--mnchen-3ya.example");
    expect(domain).toMatchObject({ name: "example.org", directory: undefined, catchAllAddress: undefined, allowRelaying: true });
    expect(evaluated(domain?.subAddressing, { rcpt: "john" })).toBe("xjohn");
  });
});

describe("values", () => {
  it("what a listener does not say is the server's", () => {
    const { configuration } = load(
      `[server]
mode = "shadow"
trusted-networks = ["10.0.0.0/8"]
${policy}
local-port = 587
[listener.open]
protocol = "policy"
bind = ["unix:/run/postern/policy.sock", "[::1]:0"]
socket-mode = "0600"
mode = "enforce"
trusted-networks = []
`.replace("local-port = 587\n", ""),
    );
    const [smtp, open] = configuration.listeners;
    expect([smtp?.mode, smtp?.trustedNetworks.contains("10.1.1.1"), smtp?.trustedNetworks.contains("127.0.0.1")]).toEqual([
      "shadow",
      true,
      false,
    ]);
    expect([open?.mode, open?.trustedNetworks.contains("10.1.1.1"), open?.socketMode]).toEqual(["enforce", false, 0o600]);
    expect(open?.bind).toEqual([
      { kind: "unix", path: "/run/postern/policy.sock" },
      { kind: "inet", host: "::1", port: 0 },
    ]);
  });

  it("a store, with what its files hold", () => {
    const { configuration } = load(`${policy}
[store.pg]
type = "postgresql"
host = "db.example.org"
user = "postern"
password-file = "pg-password"
timeout = "500ms"
init = "tables.sql"
query = { domains = "SELECT 1 WHERE $1 = 'example.org'" }
[directory.sql]
type = "sql"
store = "pg"
cache = { ttl = { positive = "2h" } }
[lookup-sql.customers]
store = "pg"
query = "SELECT 1 WHERE $1 = 'x'"
[lookup-file.helo]
path = "lists/helo"
[storage]
directory = "sql"
`);
    expect(configuration.stores.get("pg")).toMatchObject({
      type: "postgresql",
      pool: 10,
      host: "db.example.org",
      password: "geheim",
      timeoutMs: 500,
      init: { file: "/etc/postern/tables.sql", sql: "CREATE TABLE IF NOT EXISTS t (a TEXT);" },
      queries: { domains: "SELECT 1 WHERE $1 = 'example.org'", recipients: "SELECT name FROM emails WHERE address = $1 ORDER BY name" },
    });
    expect(configuration.directories.get("sql")).toEqual({
      type: "sql",
      name: "sql",
      store: "pg",
      cache: { entries: 50000, positiveMs: 7_200_000, negativeMs: 30_000, staleMs: 86_400_000 },
    });
    expect(configuration.lookups.get("helo")).toEqual({
      type: "file",
      name: "helo",
      path: "/etc/postern/lists/helo",
      caseSensitive: false,
      isAskedByMta: false,
    });
    expect(configuration.names.directories).toEqual(
      new Map([
        ["local", { waits: false }],
        ["sql", { waits: true }],
      ]),
    );
    expect(configuration.names.lookups.get("customers")).toEqual({ waits: true });
    expect(configuration.names.stores).toEqual(new Set(["embedded", "pg"]));
  });

  it("addresses and domains are canonical", () => {
    const { configuration } = load(`${policy}
[directory.tables]
type = "file"
aliases = ["../aliases"]
aliases-domain = "Example.ORG"
domains = ["Bücher.example"]
[storage]
directory = "tables"
`);
    expect(configuration.directories.get("local")).toMatchObject({ principals: [{ class: "individual", email: ["john@example.org"] }] });
    expect(configuration.directories.get("tables")).toMatchObject({
      aliases: ["/etc/aliases"],
      aliasesDomain: "example.org",
      domains: ["xn--bcher-kva.example"],
    });
  });

  it.each<[string, LoadOptions, string]>([
    ["", {}, resolve("./var")],
    ["", { defaultStateDirectory: "/var/lib/postern" }, "/var/lib/postern"],
    ['[server]\nstate-directory = "/srv/p"', { defaultStateDirectory: "/var/lib/postern" }, "/srv/p"],
    ['[server]\nstate-directory = "/srv/p"', { stateDirectory: "elsewhere" }, resolve("elsewhere")],
  ])("state directory: %j %j", (text, options, expected) => {
    expect(load(policy + text, options).configuration.server.stateDirectory).toBe(expected);
  });

  it("a reply without an enhanced code", () => {
    const { configuration } = load(`${policy}\n[session.rcpt.replies]\nunknown-mailbox = "550 No such user."`);
    expect(configuration.settings.rcpt.replies.unknownMailbox).toEqual({ code: 550, status: "5.0.0", text: "No such user." });
  });

  it("whoever only evaluates needs no listener and no directory", () => {
    expect(load("", { serves: false }).problems).toEqual([]);
    expect(parseConfiguration("", "f", readFile).configuration).toBeUndefined();
  });

  it("with false for a directory every recipient is foreign, and no directory is needed", () => {
    expect(load('[listener.a]\nprotocol = "policy"\nbind = ["[::1]:1"]\n[session.rcpt]\ndirectory = false').problems).toEqual([]);
  });
});

it("is made again from its own texts, whatever has become of its files", () => {
  const text = `${policy}
[storage]
directory = "local"
[directory.tables]
type = "file"
aliases = ["/etc/aliases"]
aliases-domain = "example.org"
[lookup-file.helo]
path = "lists/helo"
[store.own]
type = "sqlite"
path = "/var/lib/postern/own.sqlite"
init = "tables.sql"`;
  const { configuration } = load(text);
  expect([...configuration.texts]).toEqual([["/etc/postern/tables.sql", "CREATE TABLE IF NOT EXISTS t (a TEXT);"]]);
  const again = sameConfiguration(configuration, {});
  expect(again.stores).toEqual(configuration.stores);
  expect(again.lookups).toEqual(configuration.lookups);
  expect(again.texts).toEqual(configuration.texts);
});

describe("check --print", () => {
  const source = `${policy}
[store.pg]
type = "postgresql"
url = "postgresql://postern:geheim@db.example.org/postern"
[store.other]
type = "postgresql"
host = "db"
password = "geheim"
[lookup.list]
"quote\\"d 'key'" = "tab\\t \\u007f end"
[session.rcpt]
rewrite = [ { if = "matches('^(.+)\\.x@(.+)$', rcpt)", then = "$1" }, { else = false } ]
sub-addressing = [ { else = "'a@' + rcpt_domain" } ]
[[domain]]
name = "example.net"
sub-addressing = [ { if = 'rcpt == "x"', then = "'y'" }, { else = false } ]
`;

  it("loads again, and prints the same", () => {
    const first = renderConfiguration(load(source, { hostname: "mx.example.org" }).configuration);
    const second = load(first, {}, "/elsewhere/printed.toml");
    expect(renderConfiguration(second.configuration)).toBe(first);
    expect(second.problems.filter((line) => !line.includes("changes recipients"))).toEqual([]);
    expect(evaluated(second.configuration.settings.rcpt.rewrite, { rcpt: "john.x@example.org" })).toBe("john");
    expect(second.configuration.lookups.get("list")).toMatchObject({ entries: [{ key: "quote\"d 'key'", value: "tab\t \u007f end" }] });
    expect(second.configuration.settings.domains.get("example.net")).toMatchObject({ name: "example.net" });
  });

  it("keeps passwords to itself", () => {
    const ldap = 'type = "ldap"\nurl = ["ldaps://dc1.example.org"]\nbase = "dc=example"\nbind-dn = "cn=postern"\nbind-password = "geheim"';
    const more = `[store.none]\ntype = "postgresql"\nhost = "db"\npassword = ""\n[directory.ldap]\n${ldap}\ndomains = ["example.org"]\n[storage]\ndirectory = "local"\n`;
    const text = renderConfiguration(load(source + more).configuration);
    expect(text).not.toContain("geheim");
    expect(text.match(/^password = .*/gm)).toEqual(['password = "********"', 'password = "********"']);
    expect(text).toContain('bind-password = "********"');
    expect(text).toContain("postgresql://postern:********@db.example.org/postern");
  });
});

describe("files", () => {
  const folder = mkdtempSync(join(tmpdir(), "postern-config-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const write = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };

  it("a byte order mark is no character of the text", () => {
    const { configuration } = loadConfiguration(write("bom.toml", `\ufeff${policy}`));
    expect(configuration?.listeners.length).toBe(1);
    expect(loadConfiguration(write("bom.json", '\ufeff{"x": 1}')).problems).toContainEqual(
      expect.objectContaining({ line: 1, column: 2, key: "x" }),
    );
  });

  it("what this user may not read is for root or the daemon's user", () => {
    const text = `${policy}[directory.more]\ntype = "file"\naddresses = ["secret"]\n`;
    const { problems } = parseConfiguration(text, "postern.toml", () => {
      throw Object.assign(new Error("permission denied"), { code: "EACCES" });
    });
    expect(problems.map(formatProblem)).toContainEqual(
      expect.stringMatching(/secret is not readable for this user\. Type a command as root, or as the daemon's user\. /),
    );
  });

  it("what cannot be read is a problem of the file", () => {
    const missing = join(folder, "none.toml");
    expect(loadConfiguration(missing).problems.map(formatProblem)).toEqual([
      `${missing}:1:1: there is no file ${missing}. Create it, or correct the path.`,
    ]);
    const latin1 = write("latin1.toml", Uint8Array.of(0x23, 0xe4));
    expect(loadConfiguration(latin1).problems.map(formatProblem)).toEqual([`${latin1}:1:1: is not text in UTF-8. Convert it.`]);
  });

  /** Bytes are the contents; a text is the command that makes it. */
  const odd: readonly (readonly [what: string, content: string | Uint8Array, problem: string])[] = [
    ["a FIFO", "mkfifo", "cannot be read (it is not a regular file). Correct the path or the file."],
    ["a directory", "mkdir", "cannot be read (it is not a regular file). Correct the path or the file."],
    ["a device", "ln -s /dev/null", "cannot be read (it is not a regular file). Correct the path or the file."],
    ["binary", Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 0xff, 0), "is not text in UTF-8. Convert it."],
    ["in Latin-1", Uint8Array.of(0x67, 0xe4), "is not text in UTF-8. Convert it."],
  ];
  const make = (name: string, content: string | Uint8Array) => {
    if (typeof content !== "string") return write(name, content);
    execFileSync("sh", ["-c", `${content} "$1"`, "sh", join(folder, name)]);
    return join(folder, name);
  };

  it.each(odd)("a configuration that is %s", (what, content, problem) => {
    const file = make(`configuration ${what}`, content);
    expect(loadConfiguration(file).problems.map(formatProblem)).toEqual([expect.stringContaining(problem)]);
  });

  it("a configuration with NUL bytes", () => {
    const file = write("nul.toml", "a = 1\n\0\0\n");
    expect(loadConfiguration(file).problems.map(formatProblem)).toEqual([expect.stringMatching(/nul\.toml:2:1: /)]);
  });

  const withPassword = (file: string) =>
    loadConfiguration(write("password.toml", `${policy}\n[store.pg]\ntype = "postgresql"\nhost = "db"\npassword-file = '${file}'\n`));

  it.each([
    ...odd,
    ["empty", Uint8Array.of(), "is empty. Write the password there."],
    ["an empty line", Uint8Array.of(10), "is empty. Write the password there."],
    ["too long", Buffer.from("x".repeat(5000)), "is longer than 4096 octets. Leave nothing but the password in it."],
    ["with control characters", Uint8Array.of(0x61, 0x1b), "has control characters. Remove them."],
    ["with NUL bytes", Uint8Array.of(0x61, 0), "is not text in UTF-8. Convert it."],
  ] as const)("a password file that is %s", (what, content, problem) => {
    const file = make(`password ${what}`, content);
    const [line] = withPassword(file).problems.map(formatProblem);
    expect(line).toContain("store.pg.password-file: ");
    expect(line).toContain(file);
    expect(line).toContain(problem);
  });

  it.each(["geheim", "geheim\n", "geheim\r\n", "\ufeffgeheim\r\n", "geheim\nsecond line\n"])("the password of %j", (content) => {
    const { configuration } = withPassword(write("password", content));
    expect(configuration?.stores.get("pg")).toMatchObject({ password: "geheim" });
  });
});
