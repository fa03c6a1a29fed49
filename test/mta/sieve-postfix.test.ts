// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Sieve are written so.
/** The scripts of the published documentation through a real Postfix: the SQL greylist on both engines, the HELO blocklist; a DNS list. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { read } from "../support/contrib.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { DnsServer } from "../support/dns-server.ts";
import { freePorts, type Mta, startPostfix, whyNo } from "../support/mta.ts";
import { TestPostgres } from "../support/postgres.ts";
import { openSmtp, type Smtp } from "../support/smtp.ts";
import { sqlGreylist } from "../support/sql-greylist.ts";

const scripts = `
[session.ehlo]
script = "'ehlo'"
[lookup.blocked-domain]
"spammer.example" = true
"*.spammer.example" = true

[session.rcpt]
script = [ { if = "listener == 'milter'", then = "'moved'" }, { if = "is_empty(authenticated_as)", then = "'greylist'" },
{ else = false } ]

[sieve.trusted.scripts.ehlo]
contents = '''
require ["variables", "extlists", "reject"];

if string :list "\${env.helo_domain}" "blocked-domain" {
reject "551 5.1.1 Sending domain '\${env.helo_domain}' has been blocklisted.";
}
'''

[sieve.trusted.scripts.greylist]
contents = '''
${sqlGreylist}'''

[sieve.trusted.scripts.moved]
contents = '''
require ["variables", "envelope"];
if envelope :localpart "to" "old" {
  set "envelope.to" "jane@example.org";
  set "envelope.from" "forwarded@client.example";
}
'''
`;

describe.skipIf(whyNo("Postfix") !== undefined)("Postfix", async () => {
  const scratch = `/tmp/postern-sieve-${process.pid}`;
  const [sqlite = 0, pg = 0, milter = 0, askSqlite = 0, askPg = 0, askMilter = 0] = await freePorts(6);

  const config = (policy: number, more: string) => `[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:${policy}"]
trusted-networks = []
[directory.local]
type = "memory"
principals = [ { name = "john", email = ["john@example.org"] }, { name = "jane", email = ["jane@example.org"] } ]
[dns]
resolvers = ["${dns.address}"]
timeout = "1m"
[dns-list.zen]
zone = "k3yk3yk3yk3yk3yk.zen.example"
of = "client"
listed = ["127.0.0.2-127.0.0.11"]
timeout = "1m"
[session.mail]
deny = [{ if = "dns_listed('zen')", reply = "554 5.7.1 {remote_ip} is listed by zen." }]
${more}${scripts}`;

  const only = (restriction: string) => `-o smtpd_${restriction}_restrictions=`;
  const master = `127.0.0.1:${pg} inet n - n - - smtpd
    -o postern=inet:127.0.0.1:${askPg}
127.0.0.1:${milter} inet n - n - - smtpd
    -o smtpd_milters=inet:127.0.0.1:${askMilter}
    ${only("helo")} ${only("sender")} ${only("relay")}reject_unauth_destination ${only("recipient")}
`;

  let dns: DnsServer;
  let postgres: TestPostgres;
  let postfix: Mta;
  const daemons: Daemon[] = [];
  const open: Smtp[] = [];

  beforeAll(async () => {
    mkdirSync(scratch, { recursive: true });
    writeFileSync(join(scratch, "tables.sql"), "CREATE TABLE IF NOT EXISTS greylist (addr TEXT PRIMARY KEY);\n");
    dns = await DnsServer.start({
      "2.0.0.127.k3yk3yk3yk3yk3yk.zen.example": [{ type: "A", address: "127.0.0.2" }],
      "10.113.0.203.k3yk3yk3yk3yk3yk.zen.example": [{ type: "A", address: "127.0.0.4" }],
      "11.113.0.203.k3yk3yk3yk3yk3yk.zen.example": [{ type: "A", address: "127.255.255.254" }],
    });
    postgres = await TestPostgres.create();
    const init = `init = "${join(scratch, "tables.sql")}"\n`;
    const database = `[store.pg]\ntype = "postgresql"\nurl = "postgresql://postgres@127.0.0.1:${postgres.port}/postgres"\n${init}`;
    const listening = (port: number) => ({ host: "127.0.0.1", port });
    daemons.push(
      await startDaemon({
        directory: join(scratch, "sqlite"),
        config: config(
          askSqlite,
          `[listener.milter]\nprotocol = "milter"\nbind = ["127.0.0.1:${askMilter}"]\ntrusted-networks = []\n[store.embedded]\n${init}`,
        ),
        listening: [listening(askSqlite), listening(askMilter)],
      }),
      await startDaemon({
        directory: join(scratch, "pg"),
        config: config(askPg, `${database}[storage]\ndata = "pg"\n`),
        listening: [listening(askPg)],
      }),
    );
    const main = `${read("contrib/postfix/main.cf").replace("127.0.0.1:10040", `127.0.0.1:${askSqlite}`)}
mydestination = example.org
`;
    postfix = startPostfix({ directory: join(scratch, "mta"), port: sqlite, main, master });
  });

  afterAll(async () => {
    for (const smtp of open) smtp.end();
    await Promise.all(daemons.map((daemon) => daemon.stop()));
    postfix?.stop();
    await postgres?.remove();
    await dns?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  let lastPort = 21_000;

  /** A session of a new client, up to and including EHLO. */
  async function greet(port: number, helo = "mx.client.example", client = "203.0.113.9"): Promise<Smtp> {
    const smtp = await openSmtp(port);
    open.push(smtp);
    lastPort += 1;
    expect(await smtp.say(`XCLIENT ADDR=${client} PORT=${lastPort}`)).toMatch(/^220 /);
    expect(await smtp.say(`EHLO ${helo}`)).toMatch(/^250-/);
    return smtp;
  }

  describe.each([
    ["SQLite", () => sqlite],
    ["PostgreSQL", () => pg],
  ])("the greylist on %s", (_, port) => {
    it("defers a triplet at first and passes it the second time", async () => {
      const attempt = async (recipient: string) => {
        const smtp = await greet(port());
        expect(await smtp.say("MAIL FROM:<a@client.example>")).toMatch(/^250 /);
        const reply = await smtp.say(`RCPT TO:<${recipient}>`);
        smtp.end();
        return reply;
      };
      const greylisted = /^422 4\.2\.2 .*Greylisted, please try again in a few moments\.$/;
      expect(await attempt("john@example.org")).toMatch(greylisted);
      expect(await attempt("john@example.org")).toMatch(/^250 /);
      expect(await attempt("john@example.org")).toMatch(/^250 /);
      // Another triplet has a wait of its own.
      expect(await attempt("jane@example.org")).toMatch(greylisted);
    });

    it("does not ask twice about a recipient that is given twice in one session", async () => {
      const smtp = await greet(port());
      await smtp.say("MAIL FROM:<twice@client.example>");
      for (let count = 0; count < 2; count += 1) expect(await smtp.say("RCPT TO:<john@example.org>")).toMatch(/^422 4\.2\.2 /);
    });
  });

  it.each([
    ["spammer.example", "551"],
    ["mx.SPAMMER.example", "551"],
    ["spammer.example.com", "422"],
  ])("HELO %s is answered by %s", async (helo, code) => {
    const smtp = await greet(sqlite, helo);
    await smtp.say(`MAIL FROM:<${code}@client.example>`);
    const reply = await smtp.say("RCPT TO:<john@example.org>");
    expect(reply).toMatch(new RegExp(`^${code} `));
    // Postfix turns 5.1.1, which is about a recipient, into 5.0.0 in the HELO restrictions.
    const blocked = `551 5.0.0 <${helo}>: Helo command rejected: Sending domain '${helo.toLowerCase()}' has been blocklisted.`;
    if (code === "551") expect(reply).toBe(blocked);
  });

  it("by milter the reply is verbatim", async () => {
    const smtp = await greet(milter, "mx.spammer.example");
    expect(await smtp.say("MAIL FROM:<a@client.example>")).toBe("551 5.1.1 Sending domain 'mx.spammer.example' has been blocklisted.");
  });

  it.each([
    ["policy", () => sqlite, "RCPT TO:<john@example.org>"],
    ["milter", () => milter, "MAIL FROM:<listed@client.example>"],
  ])("by %s a client on a DNS list is refused by the name of the list, and one about which it cannot tell is not", async (_, port, command) => {
    const reply = async (client: string) => {
      const smtp = await greet(port(), "mx.client.example", client);
      const [first = "", last = ""] = [await smtp.say("MAIL FROM:<listed@client.example>"), await smtp.say("RCPT TO:<john@example.org>")];
      return command.startsWith("MAIL") ? first : last;
    };
    expect(await reply("203.0.113.10")).toMatch(/^554 5\.7\.1 .*203\.0\.113\.10 is listed by zen\.$/);
    expect(await reply("203.0.113.11")).toMatch(/^(?:250|422) /);
    const log = () => daemons.flatMap((daemon) => daemon.untaken());
    const said = () =>
      log()
        .filter(({ event }) => event === "dns-list")
        .map(({ list, error }) => `${list}: ${error}`);
    await expect.poll(said).toContain("zen: it answers 127.255.255.254, which is an error and no listing: it may refuse your resolver");
    expect(JSON.stringify(log())).not.toContain("k3yk3y");
  });

  it("by milter a recipient that the script changes is delivered to, from the sender that it sets", async () => {
    const smtp = await greet(milter);
    await smtp.say("MAIL FROM:<a@client.example>");
    expect(await smtp.say("RCPT TO:<old@example.org>")).toMatch(/^250 /);
    expect(await smtp.say("RCPT TO:<john@example.org>")).toMatch(/^250 /);
    expect(await smtp.say("DATA")).toMatch(/^354 /);
    expect(await smtp.say("Subject: moved\r\n\r\nHello.\r\n.")).toMatch(/^250 /);
    expect(await postfix.delivered("moved")).toEqual(["jane@example.org", "john@example.org"]);
    const returned = postfix.mail().map((text) => /^Return-Path: (.*)$/m.exec(text)?.[1]);
    expect(new Set(returned)).toEqual(new Set(["<forwarded@client.example>"]));
  });
});
