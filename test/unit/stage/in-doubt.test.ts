/** A list that cannot tell stops no mail, and no refusal for good rests on what the DNS did not tell. */
import { expect, test } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { parseConfiguration } from "../../../src/config/load.ts";
import { formatReply } from "../../../src/mail/reply.ts";
import type { Core, TraceEntry } from "../../../src/stage/core.ts";
import { decideEhlo } from "../../../src/stage/ehlo.ts";
import type { Session } from "../../../src/stage/session.ts";
import { SmtpSession } from "../../../src/stage/smtp-session.ts";
import type { Verdict } from "../../../src/stage/verdict.ts";
import { decideVrfy } from "../../../src/stage/vrfy.ts";
import { session } from "../../support/session.ts";
import { directoryOf, sourcesOf } from "../../support/sources.ts";
import { askMail, askRcpt } from "../../support/stages.ts";

/** `black` and `white` list the client or not, or cannot tell. */
type Says = "yes" | "no" | "away";

const listTables = ["black", "white"].map(
  (name) => `[dns-list.${name}]\nzone = "${name}.example"\nof = "client"\nlisted = ["127.0.0.2"]\n`,
);

function coreOf(table: string, says: Readonly<Record<string, string>>, late: boolean): Core & { readonly entries: TraceEntry[] } {
  const text = `[directory.accounts]\ntype = "memory"\n${listTables.join("")}${table}`;
  const { configuration, problems } = parseConfiguration(text, "postern.toml", () => "", { serves: false });
  if (configuration === undefined) throw new Error(problems.map(({ message }) => message).join("\n"));
  const said = (list: string) => {
    if (says[list] === "away") throw new TemporaryError("it gives no answer");
    return says[list] === "yes" ? ["127.0.0.2"] : [];
  };
  const dnsList = ({ list }: { readonly list: string }) => (late ? Promise.resolve(list).then(said) : said(list));
  const entries: TraceEntry[] = [];
  const base = sourcesOf([directoryOf({ "john@example.org": "john@example.org" })], {}, { dnsList });
  const spf = async () => {
    if (says.dns === "away") throw new TemporaryError("it gives no answer");
    return { result: "fail", by: "-all", mechanism: "all" } as const;
  };
  const iprev = async () => {
    if (says.dns === "away") throw new TemporaryError("it gives no answer");
    return { result: "fail", ptr: "" } as const;
  };
  const sources = { ...base, senderAuth: { spf, iprev } };
  return { settings: configuration.settings, sources, trace: (entry) => entries.push(entry), entries };
}

/** Of a client without a confirmed name. */
function visit(facts: Parameters<typeof session>[0] = {}): Session {
  const named = session(facts);
  return { ...named, client: { ...named.client, name: "" } };
}

async function decide(stage: string, core: Core): Promise<Verdict> {
  const [command, argument = "", ...others] = stage.split(" ");
  if (command === "EHLO") return decideEhlo(visit(), argument, core);
  if (command === "VRFY") return (await decideVrfy(visit(), argument, core)).verdict;
  if (command === "SENDER") return decideSent([argument, ...others], core);
  if (command === "RCPT") return (await askRcpt(visit({ sender: "a@client.example" }), argument, core)).verdict;
  if (command === "PARAMETER") {
    return (await askMail(visit(), "a@client.example", core, { parameters: [argument] }, { enforcesExtensions: true })).verdict;
  }
  return (await askMail(visit({ helo: argument === "" ? "mx.client.example" : "" }), "a@client.example", core)).verdict;
}

/** The last RCPT after a MAIL that passed. */
async function decideSent(recipients: readonly string[], core: Core): Promise<Verdict> {
  const smtp = new SmtpSession({ listener: "smtp", client: { address: "203.0.113.9", name: "", port: 0 }, ...here });
  smtp.acceptHelo("mx.client.example");
  const terms = { core, isShadow: false, enforcesExtensions: true, mergesRecipients: false };
  const mail = await smtp.mail({ sender: "a@client.example", parameters: [], message: "" }, terms);
  const verdicts = [mail.verdict];
  for (const recipient of recipients) {
    expect(verdicts.at(-1)?.kind).toBe("pass");
    verdicts.push((await smtp.rcpt({ recipient, parameters: [], message: "" }, terms)).verdict);
  }
  return verdicts.at(-1) ?? mail.verdict;
}

const here = { server: { address: "198.51.100.1", port: 25 }, trusted: false };

const both = "dns_listed('black') && !dns_listed('white')";
const deny = (rule: string, reply = "554 5.7.1 {remote_ip} is listed", stage = "mail") =>
  `[session.${stage}]\ndeny = [ { if = "${rule}", reply = "${reply}" } ]\n`;
const script = (body: string, which = `"'s'"`) =>
  `[session.mail]\nscript = ${which}\n[sieve.trusted.scripts.s]\ncontents = '''require ["reject", "environment", "vnd.stalwart.expressions"]; ${body}'''\n`;

const rcptScript = (body: string, which = `"'s'"`) =>
  `[session.rcpt]\nscript = ${which}\n[sieve.trusted.scripts.s]\ncontents = '''require ["variables", "environment", "envelope", "vnd.stalwart.expressions"]; ${body}'''\n`;

interface Case {
  readonly table: string;
  readonly stage?: string;
  /** By what the lists say: `black white`. */
  readonly replies: Readonly<Partial<Record<`${Says} ${Says}`, string>>>;
}

const refused = "554 5.7.1 203.0.113.9 is listed";
const forNow = "451 4.7.1 203.0.113.9 is listed";
const unavailable = "451 4.4.3 Unable to verify address";

const cases: Readonly<Record<string, Case>> = {
  "deny, but": {
    table: deny(both),
    replies: {
      "yes no": refused,
      "yes yes": "pass",
      "yes away": forNow,
      "no away": "pass",
      "away no": "pass",
      "away away": "pass",
    },
  },
  "deny at EHLO": {
    table: deny(both, "554 {remote_ip} is listed", "ehlo"),
    stage: "EHLO other.example",
    replies: { "yes away": "451 4.0.0 203.0.113.9 is listed" },
  },
  "deny at RCPT": {
    table: deny(both, undefined, "rcpt"),
    stage: "RCPT john@example.org",
    replies: { "yes no": refused, "yes away": forNow },
  },
  "deny by lists that only refuse": {
    table: deny("dns_listed('black') || dns_listed('white')"),
    replies: { "yes away": refused, "no away": "pass" },
  },
  "deny by a score": {
    table: deny("dns_listed('black') * 2 + dns_listed('white') >= 2"),
    replies: { "yes away": refused, "no away": "pass" },
  },
  "deny by a score of good and bad": {
    table: deny("dns_listed('black') * 2 - dns_listed('white') >= 2"),
    replies: { "yes no": refused, "yes away": forNow, "no away": "pass" },
  },
  "deny by codes": {
    table: deny("dns_listed('black') && count(dns_list('white')) == 0"),
    replies: { "yes no": refused, "yes away": forNow },
  },
  "deny for now": { table: deny(both, "450 4.7.1 Later"), replies: { "yes no": "450 4.7.1 Later", "yes away": "450 4.7.1 Later" } },
  "deny and hang up": { table: deny(both, "421 4.7.1 Later"), replies: { "yes away": "421 4.7.1 Later" } },
  "deny, but, then another": {
    table: `[session.mail]\ndeny = [ { if = "${both}", reply = "554 5.7.1 First" }, { if = "local_port == 25", reply = "550 5.7.1 Second" } ]\n`,
    replies: { "yes no": "554 5.7.1 First", "yes yes": "550 5.7.1 Second", "yes away": "550 5.7.1 Second" },
  },
  "deny, but, then another that is in doubt or for now": {
    table: `[session.mail]\ndeny = [ { if = "${both}", reply = "554 5.7.1 First" }, { if = "${both}", reply = "554 5.7.1 Second" }, { if = "true", reply = "450 4.7.1 Third" } ]\n`,
    replies: { "yes no": "554 5.7.1 First", "yes yes": "450 4.7.1 Third", "yes away": "451 4.7.1 First" },
  },
  "deny for now, but, then another": {
    table: `[session.mail]\ndeny = [ { if = "${both}", reply = "450 4.7.1 First" }, { if = "true", reply = "550 5.7.1 Second" } ]\n`,
    replies: { "yes no": "450 4.7.1 First", "yes away": "450 4.7.1 First" },
  },
  "reject-non-fqdn, but": {
    table: `[session.ehlo]\nreject-non-fqdn = "!dns_listed('white')"\n`,
    stage: "EHLO laptop",
    replies: { "no no": "550 5.5.0 Invalid EHLO domain.", "no away": "451 4.4.3 Unable to verify EHLO domain" },
  },
  "reject-non-fqdn, if": {
    table: `[session.ehlo]\nreject-non-fqdn = "dns_listed('black')"\n`,
    stage: "EHLO laptop",
    replies: { "yes no": "550 5.5.0 Invalid EHLO domain.", "away no": "pass" },
  },
  "require, but": {
    table: `[session.ehlo]\nrequire = [{ if = "dns_listed('white')", then = false }, { else = true }]\n`,
    stage: "MAIL without EHLO",
    replies: { "no no": "503 5.5.1 Polite people say EHLO first.", "no yes": "pass", "no away": unavailable },
  },
  "is-allowed, if": {
    table: `[session.mail]\nis-allowed = "dns_listed('white')"\n`,
    replies: { "no no": "550 5.7.1 Sender address not allowed.", "no yes": "pass", "no away": unavailable },
  },
  "is-allowed, but": {
    table: `[session.mail]\nis-allowed = "!dns_listed('black')"\n`,
    replies: { "yes no": "550 5.7.1 Sender address not allowed.", "away no": "pass" },
  },
  "a maximum, if": {
    table: `[session.extensions]\ndeliver-by = [{ if = "dns_listed('white')", then = "30d" }, { else = "1d" }]\n`,
    stage: "PARAMETER BY=172800;N",
    replies: { "no no": "501 5.5.4 BY parameter exceeds maximum of 86400 seconds.", "no yes": "pass", "no away": unavailable },
  },
  "a maximum, but": {
    table: `[session.extensions]\ndeliver-by = [{ if = "dns_listed('black')", then = false }, { else = "1d" }]\n`,
    stage: "PARAMETER BY=172800;N",
    replies: { "yes no": "501 5.5.4 DELIVERBY extension has been disabled.", "away no": "501 5.5.4 BY parameter exceeds maximum" },
  },
  "a maximum, if, of a value within either": {
    table: `[session.extensions]\nfuture-release = [{ if = "dns_listed('white')", then = "30d" }, { else = "1d" }]\n`,
    stage: "PARAMETER HOLDFOR=3600",
    replies: { "no no": "pass", "no away": "pass" },
  },
  "a maximum, if, of what is no value": {
    table: `[session.extensions]\nfuture-release = [{ if = "dns_listed('white')", then = "30d" }, { else = false }]\n`,
    stage: "PARAMETER HOLDFOR=soon",
    replies: { "no yes": "501 5.5.4 Invalid parameter", "no away": "501 5.5.4" },
  },
  "max-recipients, if, with a reply for good": {
    table: `[session.rcpt]\nmax-recipients = [{ if = "dns_listed('white')", then = 2 }, { else = 1 }]\nreplies.too-many-recipients = "550 5.5.3 Too many"\n`,
    stage: "SENDER john@example.org john+two@example.org",
    replies: { "no no": "550 5.5.3 Too many", "no yes": "pass", "no away": unavailable },
  },
  "max-recipients, if": {
    table: `[session.rcpt]\nmax-recipients = [{ if = "dns_listed('white')", then = 2 }, { else = 1 }]\n`,
    stage: "SENDER john@example.org john+two@example.org",
    replies: { "no yes": "pass", "no away": "452 4.5.3" },
  },
  "relay, if": {
    table: `[session.rcpt]\nrelay = "dns_listed('white')"\n`,
    stage: "RCPT a@elsewhere.example",
    replies: { "no no": "550 5.1.2", "no yes": "pass", "no away": unavailable },
  },
  "relay, but": {
    table: `[session.rcpt]\nrelay = "!dns_listed('black')"\n`,
    stage: "RCPT a@elsewhere.example",
    replies: { "yes no": "550 5.1.2", "away no": "pass" },
  },
  "catch-all, if": {
    table: `[session.rcpt]\ncatch-all = [{ if = "dns_listed('white')", then = "'john@example.org'" }, { else = false }]\n`,
    stage: "RCPT info@example.org",
    replies: { "no no": "550 5.1.2", "no yes": "pass", "no away": unavailable },
  },
  "catch-all, if, of an address that is found without it": {
    table: `[session.rcpt]\ncatch-all = [{ if = "dns_listed('white')", then = "'john@example.org'" }, { else = false }]\n`,
    stage: "RCPT john@example.org",
    replies: { "no away": "pass" },
  },
  "catch-all, but": {
    table: `[session.rcpt]\ncatch-all = [{ if = "dns_listed('black')", then = false }, { else = true }]\n`,
    stage: "RCPT info@example.org",
    replies: { "no no": "550 5.1.2", "away no": "550 5.1.2" },
  },
  "sub-addressing, if": {
    table: `[session.rcpt]\nsub-addressing = [{ if = "dns_listed('white')", then = true }, { else = false }]\n`,
    stage: "RCPT john+tag@example.org",
    replies: { "no no": "550 5.1.2", "no yes": "pass", "no away": unavailable },
  },
  "sub-addressing of a domain, if": {
    table: `[[domain]]\nname = "example.org"\nsub-addressing = [{ if = "dns_listed('white')", then = "'john'" }, { else = false }]\n`,
    stage: "RCPT john.tag@example.org",
    replies: { "no no": "550 5.1.2", "no yes": "pass", "no away": unavailable },
  },
  "rewrite, if": {
    table: `[session.rcpt]\nrewrite = [{ if = "dns_listed('white')", then = "'john@example.org'" }, { else = false }]\n`,
    stage: "RCPT john@old.example",
    replies: { "no no": "550 5.1.2", "no yes": "pass", "no away": unavailable },
  },
  "directory, if": {
    table: `[session.rcpt]\ndirectory = [{ if = "dns_listed('white')", then = "'accounts'" }, { else = false }]\n`,
    stage: "RCPT john@example.org",
    replies: { "no no": "550 5.1.2", "no yes": "pass", "no away": unavailable },
  },
  "a script that changes the recipient": {
    table: rcptScript(`if eval "dns_listed('white')" { set "envelope.to" "john@example.org"; }`),
    stage: "RCPT info@example.org",
    replies: { "no no": "550 5.1.2", "no yes": "pass", "no away": unavailable },
  },
  "a script that changes the recipient, if it is chosen": {
    table: rcptScript(`set "envelope.to" "john@example.org";`, `[{ if = "dns_listed('white')", then = "'s'" }, { else = false }]`),
    stage: "RCPT info@example.org",
    replies: { "no no": "550 5.1.2", "no yes": "pass", "no away": unavailable },
  },
  "a script that might have changed the recipient, who is found": {
    table: rcptScript(`if eval "dns_listed('white')" { set "envelope.to" "jane@example.org"; }`),
    stage: "RCPT john@example.org",
    replies: { "no no": "pass", "no away": "pass" },
  },
  "a script that changes no recipient": {
    table: rcptScript(`if eval "dns_listed('white')" { set "envelope.from" "jane@example.org"; }`),
    stage: "RCPT info@example.org",
    replies: { "no no": "550 5.1.2", "no away": "550 5.1.2" },
  },
  "deny by a sender that a script changes": {
    table: `${script(`if eval "dns_listed('white')" { set "envelope.from" "a@good.example"; }`)}${deny("sender_domain != 'good.example'", "550 5.7.1 No", "rcpt")}`,
    stage: "SENDER john@example.org",
    replies: { "no no": "550 5.7.1 No", "no yes": "pass", "no away": "451 4.7.1 No" },
  },
  "deny by a sender that a script changes, which is stopped": {
    table: `${script(`if eval "sql_query('', 'SELECT 1', [])" { set "envelope.from" "a@good.example"; }`)}${deny("sender != 'a@good.example'", "550 5.7.1 No", "rcpt")}`,
    stage: "SENDER john@example.org",
    replies: { "no no": "451 4.7.1 No" },
  },
  "deny by something else than a sender that a script changes": {
    table: `${script(`if eval "dns_listed('white')" { set "envelope.from" "a@good.example"; }`)}${deny("remote_ip == '203.0.113.9'", "550 5.7.1 No", "rcpt")}`,
    stage: "SENDER john@example.org",
    replies: { "no away": "550 5.7.1 No" },
  },
  "deny by a sender that no script changes": {
    table: `${script(`if eval "dns_listed('white')" { let "x" "1"; }`)}${deny("sender_domain != 'good.example'", "550 5.7.1 No", "rcpt")}`,
    stage: "SENDER john@example.org",
    replies: { "no away": "550 5.7.1 No" },
  },
  "deny by a sender that a script of RCPT changes": {
    table: rcptScript(`if eval "dns_listed('white')" { set "envelope.from" "a@good.example"; }`).replace(
      "script =",
      `deny = [{ if = "sender_domain != 'good.example'", reply = "550 5.7.1 No" }]\nscript =`,
    ),
    stage: "RCPT john@example.org",
    replies: { "no no": "550 5.7.1 No", "no yes": "pass", "no away": "451 4.7.1 No" },
  },
  "relay by a sender that is rewritten": {
    table: `[session.mail]\nrewrite = [{ if = "dns_listed('white')", then = "'a@good.example'" }, { else = false }]\n[session.rcpt]\nrelay = "sender_domain == 'good.example'"\n`,
    stage: "SENDER a@elsewhere.example",
    replies: { "no no": "550 5.1.2 Relay not allowed.", "no yes": "pass", "no away": unavailable },
  },
  "catch-all by a sender that is rewritten": {
    table: `[session.mail]\nrewrite = [{ if = "dns_listed('white')", then = "'a@good.example'" }, { else = false }]\n[session.rcpt]\ncatch-all = [{ if = "sender == 'a@good.example'", then = "'john@example.org'" }, { else = false }]\n`,
    stage: "SENDER info@example.org",
    replies: { "no no": "550 5.1.2", "no yes": "pass", "no away": unavailable },
  },
  "VRFY, by a catch-all": {
    table: `[session.extensions]\nvrfy = true\n[session.rcpt]\ncatch-all = [{ if = "dns_listed('white')", then = "'john@example.org'" }, { else = false }]\n`,
    stage: "VRFY info@example.org",
    replies: { "no no": "550 5.1.2", "no yes": "pass", "no away": "252 2.4.3" },
  },
  "SPF, but": {
    table: `[auth.spf.verify]\nmail-from = [{ if = "dns_listed('white')", then = "relaxed" }, { else = "strict" }]\n`,
    replies: { "no no": "550 5.7.23 SPF validation failed, status: Fail.", "no yes": "pass", "no away": "451 4.7.24" },
  },
  "iprev, but, then SPF": {
    table: `[auth.iprev]\nverify = [{ if = "dns_listed('white')", then = "relaxed" }, { else = "strict" }]\n[auth.spf.verify]\nmail-from = "strict"\n`,
    replies: { "no no": "550 5.7.25", "no yes": "550 5.7.23", "no away": "550 5.7.23" },
  },
  "a script": {
    table: script(`if eval "${both}" { reject "554 5.7.1 No"; }`),
    replies: { "yes no": "554 5.7.1 No", "yes yes": "pass", "yes away": "451 4.7.1 No", "away away": "pass" },
  },
  "a script that stops for good senders": {
    table: script(`if eval "dns_listed('white')" { stop; } reject "554 5.7.1 No";`),
    replies: { "no no": "554 5.7.1 No", "no yes": "pass", "no away": "451 4.7.1 No" },
  },
  "a script that only refuses by lists": {
    table: script(
      `if eval "dns_listed('white')" { reject "554 5.7.1 White"; stop; } if eval "dns_listed('black')" { reject "554 5.7.1 No"; }`,
    ),
    replies: { "yes no": "554 5.7.1 No", "yes yes": "554 5.7.1 White", "yes away": "554 5.7.1 No", "no away": "pass" },
  },
  "a script that only refuses by lists, and goes on": {
    table: script(
      `if anyof (eval "dns_listed('white')", size :over 100M) { reject "Listed in \${env.remote_ip}"; } elsif allof (size :under 100M, eval "dns_listed('black')") { reject "554 5.7.1 No"; }`,
    ),
    replies: { "yes no": "554 5.7.1 No", "yes yes": "550 5.7.1 Listed", "yes away": "554 5.7.1 No" },
  },
  "a script that asks after it has refused": {
    table: script(`if eval "dns_listed('black')" { reject "554 5.7.1 No"; } if eval "!dns_listed('white')" { let "x" "1"; }`),
    replies: { "yes away": "554 5.7.1 No", "no away": "pass" },
  },
  "a script that refuses by a list, and takes it back": {
    table: script(
      `if eval "dns_listed('white')" { reject "554 5.7.1 White"; } if eval "dns_listed('black')" { reject "554 5.7.1 No"; stop; } keep;`,
    ),
    replies: { "yes away": "451 4.7.1 No" },
  },
  "a script that takes a refusal back": {
    table: script(`if eval "dns_listed('black')" { reject "554 5.7.1 No"; } if eval "dns_listed('white')" { keep; }`),
    replies: { "yes no": "554 5.7.1 No", "yes yes": "pass", "yes away": "451 4.7.1 No" },
  },
  "a script that refuses by a list for now": {
    table: script(`if eval "dns_listed('white')" { reject "454 4.7.1 White"; stop; } reject "554 5.7.1 No";`),
    replies: { "no no": "554 5.7.1 No", "no yes": "454 4.7.1 White", "no away": "451 4.7.1 No" },
  },
  "a script that refuses by a list, or by a computed code": {
    table: script(`if eval "dns_listed('white')" { reject "\${env.listener}"; stop; } reject "554 5.7.1 No";`),
    replies: { "no away": "451 4.7.1 No" },
  },
  "a script that refuses by what is not listed": {
    table: script(`if not eval "dns_listed('white')" { reject "554 5.7.1 No"; stop; }`),
    replies: { "no no": "554 5.7.1 No", "no away": "451 4.7.1 No" },
  },
  "a script that does more than refuse": {
    table: script(`if eval "dns_listed('white')" { let "x" "1"; reject "554 5.7.1 White"; } reject "554 5.7.1 No";`),
    replies: { "no away": "451 4.7.1 No" },
  },
  "a script that refuses for now": {
    table: script(`if not eval "dns_listed('white')" { reject "454 4.7.1 No"; }`),
    replies: { "no away": "454 4.7.1 No" },
  },
  "a script that is chosen": {
    table: script(`reject "554 5.7.1 No";`, `[{ if = "dns_listed('white')", then = false }, { else = "'s'" }]`),
    replies: { "no no": "554 5.7.1 No", "no yes": "pass", "no away": "451 4.7.1 No" },
  },
};

test.each(
  Object.entries(cases).flatMap(([what, { table, stage = "MAIL", replies }]) =>
    Object.entries(replies).map(([says, expected]) => [what, says, expected, stage, table] as const),
  ),
)("%s: %s: %s", async (_, says, expected, stage, table) => {
  const [black = "", white = ""] = says.split(" ");
  for (const late of [false, true]) {
    const verdict = await decide(stage, coreOf(table, { black, white }, late));
    const said = verdict.kind === "pass" ? "pass" : formatReply(verdict.reply);
    expect(said.slice(0, expected.length)).toBe(expected);
    if (verdict.kind === "defer" && verdict.reply.code === 451) {
      expect(String(verdict.cause)).toMatch(
        /: (DNS list white|SPF|iprev|s:\d+:\d+) cannot tell, and might prevent this refusal: (it gives no answer|no SQL here)$/,
      );
    }
  }
});

test.each<[what: string, table: string, told: string, untold: string, stage?: string]>([
  ["deny by SPF", deny("spf_result != 'pass'"), refused, forNow],
  ["deny by a failure", deny("spf_result == 'fail'"), refused, "pass"],
  ["deny by a failure, or for sure", deny("spf_result == 'fail' || local_port == 25"), refused, refused],
  ["deny by two results", deny("spf_result == 'fail' || iprev_result != 'pass'"), refused, forNow],
  ["deny by what nobody can tell", deny("spf_result == 'temperror'"), "pass", forNow],
  ["deny by the name", deny("iprev_ptr == ''"), refused, forNow],
  ["deny at EHLO", deny("spf_ehlo_result != 'pass'", undefined, "ehlo"), refused, forNow, "EHLO other.example"],
  ["deny at RCPT", deny("spf_result != 'pass'", undefined, "rcpt"), refused, forNow, "RCPT john@example.org"],
  ["a reply alone", deny("true", "550 5.7.1 SPF: {spf_result}"), "550 5.7.1 SPF: fail", "550 5.7.1 SPF: temperror"],
  [
    "catch-all",
    `[session.rcpt]\ncatch-all = [{ if = "spf_result != 'fail'", then = "'john@example.org'" }, { else = false }]\n`,
    "550 5.1.2",
    "pass",
    "RCPT info@example.org",
  ],
  [
    "catch-all, if it passes",
    `[session.rcpt]\ncatch-all = [{ if = "iprev_result == 'pass'", then = "'john@example.org'" }, { else = false }]\n`,
    "550 5.1.2",
    unavailable,
    "RCPT info@example.org",
  ],
  ["is-allowed", `[session.mail]\nis-allowed = "spf_result == 'pass'"\n`, "550 5.7.1 Sender address not allowed.", unavailable],
  [
    "a strategy",
    `[auth.iprev]\nverify = "relaxed"\n[auth.spf.verify]\nmail-from = [{ if = "iprev_result == 'pass'", then = "relaxed" }, { else = "strict" }]\n`,
    "550 5.7.23",
    "451 4.7.24",
  ],
  ["a script", script(`if not environment "spf.result" "pass" { reject "550 5.7.1 No"; }`), "550 5.7.1 No", "451 4.7.1 No"],
  ["a script, by a failure", script(`if environment "spf.result" ["fail", "none"] { reject "550 5.7.1 No"; }`), "550 5.7.1 No", "pass"],
  [
    "a script, by a failure or for sure",
    script(
      `if environment "spf.result" "fail" { reject "550 5.7.1 No"; } if anyof (eval "env.spf.result == 'fail'", true) { reject "550 5.7.1 No"; }`,
    ),
    "550 5.7.1 No",
    "550 5.7.1 No",
  ],
  [
    "a script that reads nothing before it refuses",
    script(`if eval "env.local_port == 25" { reject "550 5.7.1 No"; stop; } if environment "spf.result" "pass" { keep; }`),
    "550 5.7.1 No",
    "550 5.7.1 No",
  ],
  ["a script, by parts", script(`if not environment :contains "spf.result" "f" { stop; } reject "550 5.7.1 No";`), "550 5.7.1 No", "pass"],
  [
    "a script that passes what passes",
    script(`if environment "spf.result" "pass" { stop; } reject "550 5.7.1 No";`),
    "550 5.7.1 No",
    "451 4.7.1 No",
  ],
  [
    "a script that is chosen",
    script(`reject "550 5.7.1 No";`, `[{ if = "iprev_result == 'pass'", then = false }, { else = "'s'" }]`),
    "550 5.7.1 No",
    "451 4.7.1 No",
  ],
  [
    "a catch-all",
    `[session.rcpt]\ncatch-all = [{ if = "spf_result == 'pass'", then = "'john@example.org'" }, { else = false }]\n`,
    "550 5.1.2",
    unavailable,
    "RCPT x@example.org",
  ],
  [
    "a script that changes recipients",
    rcptScript(`if environment "spf.result" "pass" { set "envelope.to" "john@example.org"; }`),
    "550 5.1.2",
    unavailable,
    "RCPT x@example.org",
  ],
  [
    "a script that changes recipients and is chosen",
    rcptScript(`set "envelope.to" "john@example.org";`, `[{ if = "iprev_result == 'pass'", then = "'s'" }, { else = false }]`),
    "550 5.1.2",
    unavailable,
    "RCPT x@elsewhere.example",
  ],
])("SPF and iprev: %s", async (_, table, told, untold, stage = "MAIL") => {
  const expected = { no: told, away: untold };
  for (const dns of ["no", "away"] as const) {
    const verdict = await decide(stage, coreOf(table, { dns }, false));
    const said = verdict.kind === "pass" ? "pass" : formatReply(verdict.reply);
    expect(said.slice(0, expected[dns].length)).toBe(expected[dns]);
  }
});

test("a refusal that is only noted defers nothing", async () => {
  const noted = session();
  const core = coreOf(`[session.mail]\ndeny = [ { if = "${both}", mode = "shadow" } ]`, { black: "yes", white: "away" }, true);
  expect((await askMail(noted, "a@client.example", core)).verdict.kind).toBe("pass");
  expect(noted.would).toMatchObject([{ kind: "defer", reason: "unavailable" }]);
});

test("explain says what was in doubt", async () => {
  const core = coreOf(deny(both), { black: "yes", white: "away" }, false);
  await decide("MAIL", core);
  expect(core.entries.at(-1)).toEqual({
    step: expect.stringMatching(/^deny \(postern.toml:\d+\)$/),
    asked: "DNS list white",
    answer: "it cannot tell, and might prevent this refusal: deferred",
  });
});
