/** Greylisting and SPF through a real Sendmail with the real daemon as its milter. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { DnsServer } from "../support/dns-server.ts";
import { freePorts, type Sendmail, startSendmail, whyNo } from "../support/mta.ts";
import { openSmtp, type Smtp } from "../support/smtp.ts";

describe.skipIf(whyNo("Sendmail") !== undefined)("Sendmail with a milter that greylists", async () => {
  const scratch = `/tmp/postern-gs-${process.pid}`;
  const sockets = join(scratch, "run");
  const [port = 0, loginPort = 0] = await freePorts(2);

  const configOf = (resolver: string) => `[server]
hostname = "mx.example.org"
[dns]
resolvers = ["${resolver}"]
[auth.spf]
header = true
[auth.spf.verify]
ehlo = "enforce"
mail-from = "enforce"
[dns-list.zen]
zone = "k3yk3yk3yk3yk3yk.zen.example"
of = "client"
listed = ["127.0.0.2-127.0.0.11"]
[session.auth]
must-match-sender = true
[session.mail]
deny = [{ if = "dns_listed('zen')", reply = "554 5.7.1 {remote_ip} is listed by zen." }]
[listener.smtp]
protocol = "milter"
bind = ["unix:${join(sockets, "milter.sock")}"]
trusted-networks = []
[directory.local]
type = "memory"
principals = [ { name = "john", email = ["john@example.org"] }, { name = "jane", email = ["jane@example.org"] }, { name = "doe", email = ["doe@example.org"] } ]
[session.rcpt.errors]
wait = "0s"
[session.rcpt.greylist]
enable = "sender_domain != 'right.example'"
delay = "3s"
header = true
[[session.throttle]]
match = "sender_domain == 'flood.example'"
key = ["sender"]
rate = "1/1h"
`;

  let mta: Sendmail;
  /** To it everybody has logged in as john. */
  let mtaOfJohn: Sendmail;
  let daemon: Daemon;
  let dns: DnsServer;

  beforeAll(async () => {
    mkdirSync(sockets, { recursive: true });
    dns = await DnsServer.start({
      "mx.right.example": [{ type: "TXT", chunks: ["v=spf1 ip4:127.0.0.3 -all"] }],
      "right.example": [{ type: "TXT", chunks: ["v=spf1 ip4:127.0.0.3 -all"] }],
      "forged.example": [{ type: "TXT", chunks: ["v=spf1 -all"] }],
      // The address that every list has, one that it has, and one that it has an error for.
      "2.0.0.127.k3yk3yk3yk3yk3yk.zen.example": [{ type: "A", address: "127.0.0.2" }],
      "4.0.0.127.k3yk3yk3yk3yk3yk.zen.example": [{ type: "A", address: "127.0.0.4" }],
      "5.0.0.127.k3yk3yk3yk3yk3yk.zen.example": [{ type: "A", address: "127.255.255.254" }],
    });
    daemon = await startDaemon({
      directory: join(scratch, "daemon"),
      config: configOf(dns.address),
      listening: [{ path: join(sockets, "milter.sock") }],
    });
    const mc =
      "INPUT_MAIL_FILTER(`postern', `S=unix:/run/postern/milter.sock, F=T, T=C:30s;S:30s;R:30s;E:5m')dnl\nRELAY_DOMAIN(`example.org')dnl\n";
    mta = startSendmail({ directory: join(scratch, "mta"), port, mc, sockets });
    const loggedIn = `${mc}LOCAL_CONFIG\nD{auth_authen}john\n`;
    mtaOfJohn = startSendmail({ directory: join(scratch, "mta-of-john"), port: loginPort, mc: loggedIn, sockets });
  });

  afterAll(async () => {
    await daemon?.stop();
    await dns?.stop();
    mta?.stop();
    mtaOfJohn?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  async function greet(sender = "someone@client.example"): Promise<Smtp> {
    const smtp = await openSmtp(port, "127.0.0.3");
    expect(await smtp.say("EHLO mx.client.example")).toMatch(/^250-/);
    expect(await smtp.say(`MAIL FROM:<${sender}>`)).toMatch(/^250 /);
    return smtp;
  }

  const recipients = ["john@example.org", "jane@example.org", "doe@example.org"];
  const greylisted = /^451 4\.7\.1 (<[^>]+>\.\.\. )?Greylisted, please try again in a few moments\.$/;

  it("refuses by 451 4.7.1 at first, and delivers with one X-Greylist to three recipients in the end", async () => {
    const first = await greet();
    for (const address of recipients) expect(await first.say(`RCPT TO:<${address}>`)).toMatch(greylisted);
    first.end();

    // The recipient that was seen last comes first: when it passes, all do.
    let smtp = await greet();
    for (let reply = ""; !reply.startsWith("250"); ) {
      reply = await smtp.say("RCPT TO:<doe@example.org>");
      if (reply.startsWith("250")) break;
      expect(reply).toMatch(greylisted);
      smtp.end();
      await pause(100);
      smtp = await greet();
    }
    for (const address of recipients.slice(0, 2)) expect(await smtp.say(`RCPT TO:<${address}>`)).toMatch(/^250 /);
    expect(await smtp.say("DATA")).toMatch(/^354 /);
    expect(await smtp.say("Subject: at last\r\n\r\nHello.\r\n.")).toMatch(/^250 /);
    smtp.end();
    expect(await mta.delivered("at last")).toEqual(recipients.toSorted());
    const headers = mta.mail().flatMap((text) => text.split("\n").filter((line) => line.startsWith("X-Greylist:")));
    expect(headers.length).toBe(3);
    for (const line of headers) expect(line).toMatch(/^X-Greylist: delayed \d+ seconds by Postern at mx\.example\.org; /);
  });

  it("refuses a forged name and a forged sender by SPF, and passes what is right with Received-SPF", async () => {
    const attempt = async (sender: string, helo: string) => {
      const smtp = await openSmtp(port, "127.0.0.3");
      await smtp.say(`EHLO ${helo}`);
      return { smtp, reply: await smtp.say(`MAIL FROM:<${sender}>`) };
    };
    const refused = /^550 5\.7\.23 .*SPF validation failed, status: Fail\.$/;
    for (const [sender, helo] of [
      ["a@right.example", "forged.example"],
      ["a@forged.example", "mx.right.example"],
    ] as const) {
      const { smtp, reply } = await attempt(sender, helo);
      expect(reply).toMatch(refused);
      smtp.end();
    }
    const { smtp, reply } = await attempt("a@right.example", "mx.right.example");
    expect(reply).toMatch(/^250 /);
    expect(await smtp.say("RCPT TO:<john@example.org>")).toMatch(/^250 /);
    await smtp.say("DATA");
    expect(await smtp.say("Subject: by SPF\r\n\r\nHello.\r\n.")).toMatch(/^250 /);
    smtp.end();
    await mta.delivered("by SPF");
    const headers = mta.mail().flatMap((text) => (text.includes("by SPF") ? text.match(/^Received-SPF: .*(?:\n[ \t].*)*$/gm) : []));
    expect(headers).toEqual([
      expect.stringMatching(/^Received-SPF: pass receiver=mx\.example\.org; client-ip=127\.0\.0\.3; identity=mailfrom; /),
    ]);
  });

  it("refuses a client on a DNS list by the name of the list, and passes one about which the list has an error", async () => {
    const reply = async (client: string) => {
      const smtp = await openSmtp(port, client);
      await smtp.say("EHLO mx.client.example");
      const said = await smtp.say("MAIL FROM:<a@client.example>");
      smtp.end();
      return said;
    };
    expect(await reply("127.0.0.4")).toMatch(/^554 5\.7\.1 .*127\.0\.0\.4 is listed by zen\.$/);
    expect(await reply("127.0.0.5")).toMatch(/^250 /);
    expect(JSON.stringify(daemon.untaken())).not.toContain("k3yk3y");
  });

  it("lets a login send only as what its account has", async () => {
    const reply = async (sender: string) => {
      const smtp = await openSmtp(loginPort, "127.0.0.3");
      await smtp.say("EHLO laptop.client.example");
      const said = await smtp.say(`MAIL FROM:<${sender}>`);
      smtp.end();
      return said;
    };
    expect(await reply("jane@example.org")).toMatch(/^501 5\.5\.4 .*You are not allowed to send from this address\.$/);
    expect(await reply("john@example.org")).toMatch(/^250 /);
  });

  it("refuses what is above a throttle of senders at MAIL", async () => {
    const first = await greet("a@flood.example");
    first.end();
    const second = await openSmtp(port, "127.0.0.3");
    await second.say("EHLO mx.client.example");
    expect(await second.say("MAIL FROM:<a@flood.example>")).toMatch(/^452 4\.4\.5 .*Rate limit exceeded, try again later\.$/);
    second.end();
  });
});
