/** What comes of a key that a list does not have while the list may not be whole. */
import { describe, expect, test } from "vitest";
import { type Answer, after } from "../../../src/answer/answer.ts";
import { parseConfiguration } from "../../../src/config/load.ts";
import type { Ask } from "../../../src/expr/ask.ts";
import { formatReply } from "../../../src/mail/reply.ts";
import type { Core } from "../../../src/stage/core.ts";
import { decideEhlo } from "../../../src/stage/ehlo.ts";
import { askMap } from "../../../src/stage/maps.ts";
import type { Verdict } from "../../../src/stage/verdict.ts";
import { decideExpn, decideVrfy } from "../../../src/stage/vrfy.ts";
import { session } from "../../support/session.ts";
import { directoryOf, sourcesOf } from "../../support/sources.ts";
import { askMail, askRcpt } from "../../support/stages.ts";

const directories = [
  directoryOf({ "john@example.org": "john@example.org" }, { name: "accounts" }),
  directoryOf({ "jane@other.example": "jane@other.example", "team@other.example": ["jane@other.example"] }, { name: "others" }),
];

const doubt = "/etc/list is being written";

/** The configuration asks the lists `doubted` and `whole`. */
function coreOf(table: string, keys: readonly string[], isDoubted = true): Core {
  const named = ["accounts", "others"].map((name) => `[directory.${name}]\ntype = "mta"`).join("\n");
  const text = `${named}\n[storage]\ndirectory = "accounts"\n[lookup.doubted]\n[lookup.whole]\n${table}`;
  const { configuration, problems } = parseConfiguration(text, "postern.toml", () => "", { serves: false });
  if (configuration === undefined) throw new Error(problems.map(({ message }) => message).join("\n"));
  const has = (list: string, key: string) => (list === "whole" ? key.startsWith("whole.") : keys.includes(key)) || undefined;
  const get = (list: string) => (key: string) => has(list, key) && 1;
  const keyGet: Ask["keyGet"] = (list, key, onMiss) => {
    const value = get(list)(key);
    if (value === undefined && list === "doubted" && isDoubted) onMiss?.(list, doubt);
    return value;
  };
  const sources = {
    ...sourcesOf(directories, {}, { keyGet }),
    lookup: (name: string) => ({ waits: false, get: get(name), ...(name === "doubted" && isDoubted && { doubt }) }),
  };
  return { settings: configuration.settings, sources };
}

function shown(answer: Answer<Verdict>): Promise<string> {
  return Promise.resolve(answer).then((verdict) => {
    if (verdict.kind === "pass") return "pass";
    const cause = verdict.cause instanceof Error ? ` (${verdict.cause.message})` : "";
    return `${formatReply(verdict.reply).slice(0, 9)}${cause}`;
  });
}

const ehlo = (name: string) => (core: Core) => shown(decideEhlo(session(), name, core));
const mail =
  (sender: string, parameters: readonly string[] = []) =>
  (core: Core) =>
    shown(after(askMail(session(), sender, core, { parameters }, { enforcesExtensions: true }), ({ verdict }) => verdict));
const rcpt = (recipient: string) => (core: Core) =>
  shown(after(askRcpt(session({ sender: "a@b.example" }), recipient, core), ({ verdict }) => verdict));
const vrfy = (text: string) => (core: Core) => shown(after(decideVrfy(session({ login: "alice" }), text, core), ({ verdict }) => verdict));
const expn = (text: string) => (core: Core) => shown(after(decideExpn(session({ login: "alice" }), text, core), ({ verdict }) => verdict));
const map = (name: string, key: string) => (core: Core) =>
  Promise.resolve()
    .then(() => askMap(name, key, core, { name: "maps", localPort: 25, isTrusted: () => false }))
    .then(
      (value) => value ?? "not found",
      (error: Error) => `cannot tell (${error.message}${error.cause instanceof Error ? `: ${error.cause.message}` : ""})`,
    );

const relay = `[session.rcpt]\nrelay = "key_exists('doubted', rcpt_domain) || key_exists('whole', rcpt_domain)"`;
const noRelay = `[session.rcpt]\nrelay = "!key_exists('doubted', rcpt_domain)"`;
const computed = `[session.rcpt]\nrelay = "key_exists('dou' + 'bted', rcpt_domain)"`;
const allowed = `[session.mail]\nis-allowed = "key_exists('doubted', sender_domain)"`;
const notBlocked = `[session.mail]\nis-allowed = "!key_exists('doubted', sender_domain)"`;
const deny = `[session.rcpt]\ndeny = [ { if = "key_exists('doubted', sender_domain)", reply = "550 5.7.1 No." } ]`;
const denyOthers = `[session.rcpt]\ndeny = [ { if = "!key_exists('doubted', sender_domain)", reply = "550 5.7.1 No." } ]`;
const blocklist = `[session.ehlo]\nblocklist = ["doubted"]`;
const fqdn = `[session.ehlo]\nreject-non-fqdn = "!key_exists('doubted', helo_domain)"`;
const rewrite = `[session.rcpt]\nrewrite = "key_get('doubted', rcpt)"`;
const moved = `[session.rcpt]\nrewrite = [ { if = "key_exists('doubted', rcpt)", then = "'john@example.org'" }, { else = false } ]`;
const wordDirectory = `[session.rcpt]\ndirectory = [ { if = "key_exists('doubted', rcpt_domain)", then = "'others'" }, { else = "'accounts'" } ]`;
const scriptAtEhlo = `[session.ehlo]
script = [ { if = "key_exists('doubted', helo_domain)", then = false }, { else = "'s'" } ]
[sieve.trusted.scripts.s]
contents = 'require "reject"; reject "550 5.7.1 No.";'`;
const scriptAtMail = (body: string) =>
  `[session.mail]\nscript = "'s'"\n[sieve.trusted.scripts.s]\ncontents = 'require ["reject", "envelope", "extlists"]; ${body} reject "550 5.7.1 No.";'`;
const blockScript = scriptAtMail('if envelope :list "from" "doubted" { reject "550 5.7.1 Listed."; stop; }');
const passScript = scriptAtMail('if envelope :list "from" "doubted" { stop; }');
const moveScript = `[session.rcpt]
script = "'s'"
[sieve.trusted.scripts.s]
contents = 'require ["variables", "envelope", "extlists"]; if envelope :list "to" "doubted" { set "envelope.to" "john@example.org"; }'`;
const directory = `[session.rcpt]\ndirectory = [ { if = "key_exists('doubted', rcpt_domain)", then = "'others'" }, { else = "'accounts'" } ]`;
const catchAll = `[session.rcpt]\ncatch-all = [ { if = "key_exists('doubted', rcpt_domain)", then = "'john@example.org'" }, { else = false } ]`;
const dsn = `[session.extensions]\ndsn = "key_exists('doubted', remote_ip)"`;

describe.each<
  [what: string, table: string, ask: (core: Core) => Promise<string>, missed: string, refused: string, found: string, key: string]
>([
  ["relay", relay, rcpt("x@c.example"), "451 4.4.3", "550 5.1.2", "pass", "c.example"],
  ["relay, found in another list", relay, rcpt("x@whole.example"), "pass", "pass", "pass", "whole.example"],
  ["relay, refused by a hit", noRelay, rcpt("x@c.example"), "pass", "pass", "550 5.1.2", "c.example"],
  ["relay by a computed name", computed, rcpt("x@c.example"), "451 4.4.3", "550 5.1.2", "pass", "c.example"],
  ["is-allowed", allowed, mail("x@c.example"), "451 4.4.3", "550 5.7.1", "pass", "c.example"],
  ["is-allowed, as a blocklist", notBlocked, mail("x@c.example"), "pass", "pass", "550 5.7.1", "c.example"],
  ["deny", deny, rcpt("john@example.org"), "pass", "pass", "550 5.7.1", "b.example"],
  ["deny of all others", denyOthers, rcpt("john@example.org"), "451 4.7.1", "550 5.7.1", "pass", "b.example"],
  ["blocklist", blocklist, ehlo("mx.c.example"), "pass", "pass", "551 5.1.1", "mx.c.example"],
  ["reject-non-fqdn", fqdn, ehlo("mx"), "451 4.4.3", "550 5.5.0", "pass", "mx"],
  ["rewrite", rewrite, rcpt("x@example.org"), "451 4.4.3", "550 5.1.2", "451 4.4.3", "x@example.org"],
  ["rewrite of what is found as it is", rewrite, rcpt("john@example.org"), "pass", "pass", "pass", ""],
  ["directory", directory, rcpt("jane@other.example"), "451 4.4.3", "550 5.1.2", "pass", "other.example"],
  ["catch-all", catchAll, rcpt("x@example.org"), "451 4.4.3", "550 5.1.2", "pass", "example.org"],
  ["postmaster", catchAll, rcpt("postmaster@example.org"), "pass", "pass", "pass", "example.org"],
  ["extension", dsn, mail("x@c.example", ["ENVID=x"]), "451 4.4.3", "501 5.5.4", "pass", "203.0.113.9"],
  ["a script that only refuses by a list", blockScript, mail("x@c.example"), "550 5.7.1", "550 5.7.1", "550 5.7.1", "x@c.example"],
  ["a script that passes by a list", passScript, mail("x@c.example"), "451 4.7.1", "550 5.7.1", "pass", "x@c.example"],
  ["a script that changes recipients", moveScript, rcpt("x@example.org"), "451 4.4.3", "550 5.1.2", "pass", "x@example.org"],
  ["a script that changes foreign recipients", moveScript, rcpt("x@c.example"), "451 4.4.3", "550 5.1.2", "pass", "x@c.example"],
  ["a script that changes recipients, of one that is there", moveScript, rcpt("john@example.org"), "pass", "pass", "pass", ""],
  ["the map of recipients", catchAll, map("recipients", "x@example.org"), "cannot tell", "not found", "x@example.org", "example.org"],
  ["the map of aliases", rewrite, map("aliases", "x@example.org"), "cannot tell", "not found", "cannot tell", "x@example.org"],
  [
    "the map of aliases, rewritten",
    moved,
    map("aliases", "x@example.org"),
    "cannot tell",
    "not found",
    "john@example.org",
    "x@example.org",
  ],
  ["the map virtuser", moved, map("virtuser", "x@example.org"), "cannot tell", "not found", "john@example.org", "x@example.org"],
  ["the map helo, by its script", scriptAtEhlo, map("helo", "mx.c.example"), "cannot tell", "550 5.7.1 No.", "not found", "mx.c.example"],
  ["VRFY", directory, vrfy("jane@other.example"), "252 2.4.3", "550 5.1.2", "pass", "other.example"],
  ["VRFY of a word", wordDirectory, vrfy("jane"), "252 2.4.3", "550 5.1.2", "pass", ""],
  ["EXPN", directory, expn("team@other.example"), "252 2.4.3", "550 5.1.2", "pass", "other.example"],
  ["the map of domains", directory, map("domains", "other.example"), "cannot tell", "not found", "other.example", "other.example"],
  ["the map of a list", "", map("lookup/doubted", "c.example"), "cannot tell", "not found", "1", "c.example"],
])("%s", (_, table, ask, missed, refused, found, key) => {
  test("what a doubted list misses", async () => {
    const said = await ask(coreOf(table, []));
    const isTemporary = /^(?:4|252|cannot)/.test(missed);
    if (!isTemporary) expect(said).toBe(missed);
    expect(said.slice(0, missed.length)).toBe(missed);
    expect(said.includes("list doubted") && said.includes(doubt)).toBe(isTemporary);
  });
  test("what a list that is whole misses", async () => {
    expect(await ask(coreOf(table, [], false))).toBe(refused);
  });
  test("what a doubted list has", async () => {
    expect((await ask(coreOf(table, [key]))).slice(0, found.length)).toBe(found);
  });
});
