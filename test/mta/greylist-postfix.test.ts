/** Greylisting, throttles and SPF through a real Postfix that asks the real daemon, as contrib/postfix sets them up. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { DnsServer } from "../support/dns-server.ts";
import { freePorts, type Mta, startPostfix, whyNo } from "../support/mta.ts";
import { openSmtp, type Smtp } from "../support/smtp.ts";

const mainFile = readFileSync(new URL("../../contrib/postfix/main.cf", import.meta.url), "utf8");

/** Long enough for a retry that comes too early, short enough to wait for. */
const delay = "3s";

describe.skipIf(whyNo("Postfix") !== undefined)("Postfix", async () => {
  const scratch = `/tmp/postern-grey-${process.pid}`;
  const [smtpd = 0, policy = 0] = await freePorts(2);

  const configOf = (resolver: string) => `[server]
hostname = "mx.example.org"
[dns]
resolvers = ["${resolver}"]
[auth.spf]
header = true
[auth.spf.verify]
ehlo = "enforce"
mail-from = "enforce"
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:${policy}"]
trusted-networks = []
[directory.local]
type = "memory"
principals = [
  { name = "john", email = ["john@example.org"] },
  { name = "jane", email = ["jane@example.org"] },
  { name = "doe", email = ["doe@example.org"] },
]
[session.rcpt.errors]
wait = "0s"
[session.rcpt.greylist]
enable = "sender_domain != 'flood.example'"
delay = "${delay}"
header = true
exempt-recipients = ["doe@"]
[[session.throttle]]
match = "sender_domain == 'flood.example'"
key = ["sender"]
rate = "2/1h"
[[session.throttle]]
match = "remote_ip == '203.0.113.66'"
key = ["remote_ip"]
rate = "1/1h"
`;

  const main = `${mainFile.replace("127.0.0.1:10040", `127.0.0.1:${policy}`)}
smtpd_client_restrictions = check_policy_service { $postern, timeout=30s, policy_context=client }
mydestination = example.org
`;

  let postfix: Mta;
  let daemon: Daemon;
  let dns: DnsServer;
  const open: Smtp[] = [];

  beforeAll(async () => {
    dns = await DnsServer.start({
      "mx.right.example": [
        { type: "TXT", chunks: ["v=spf1 a -all"] },
        { type: "A", address: "203.0.113.77" },
      ],
      "right.example": [{ type: "TXT", chunks: ["v=spf1 a:mx.right.example -all"] }],
      "forged.example": [{ type: "TXT", chunks: ["v=spf1 -all"] }],
    });
    postfix = startPostfix({ directory: join(scratch, "mta"), port: smtpd, main, master: "" });
    daemon = await startDaemon({
      directory: join(scratch, "daemon"),
      config: configOf(dns.address),
      listening: [{ host: "127.0.0.1", port: policy }],
    });
  });

  afterAll(async () => {
    for (const smtp of open) smtp.end();
    await daemon?.stop();
    await dns?.stop();
    postfix?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  let lastPort = 20_000;

  /** A session of a new client, up to and including MAIL. */
  async function greet(sender: string, address: string, name = "[UNAVAILABLE]", helo = "mx.client.example"): Promise<Smtp> {
    const smtp = await openSmtp(smtpd);
    open.push(smtp);
    lastPort += 1;
    expect(await smtp.say(`XCLIENT ADDR=${address} NAME=${name} PORT=${lastPort}`)).toMatch(/^220 /);
    expect(await smtp.say(`EHLO ${helo}`)).toMatch(/^250-/);
    expect(await smtp.say(`MAIL FROM:<${sender}>`)).toMatch(/^250 /);
    return smtp;
  }

  const rcpt = (smtp: Smtp, address: string) => smtp.say(`RCPT TO:<${address}>`);

  const greylisted = (address: string) =>
    `450 4.7.1 <${address}>: Recipient address rejected: Greylisted, please try again in a few moments.`;

  it("refuses the first attempt and an early retry by 450 4.7.1, then delivers with one X-Greylist to three recipients", async () => {
    const first = await greet("someone@client.example", "203.0.113.9", "out1.pool.example");
    for (const address of ["john@example.org", "jane@example.org", "john@example.org"])
      expect(await rcpt(first, address)).toBe(greylisted(address));
    expect(await rcpt(first, "doe@example.org")).toMatch(/^250 /);
    expect(await rcpt(first, "nobody@example.org")).toMatch(/^550 5\.1\.2 /);
    first.end();

    const early = await greet("someone@client.example", "203.0.113.9", "out1.pool.example");
    expect(await rcpt(early, "john@example.org")).toBe(greylisted("john@example.org"));
    expect(await early.say("DATA")).toMatch(/^5/);
    early.end();

    // Another host of the same pool. The recipient that was seen last comes first: when it passes, all do.
    let smtp: Smtp;
    let reply: string;
    do {
      await pause(100);
      smtp = await greet("someone@client.example", "198.51.100.7", "out2.pool.example");
      reply = await rcpt(smtp, "jane@example.org");
      if (reply.startsWith("4")) smtp.end();
    } while (reply.startsWith("4"));
    expect(reply).toMatch(/^250 /);
    expect(await rcpt(smtp, "john@example.org")).toMatch(/^250 /);
    expect(await rcpt(smtp, "doe@example.org")).toMatch(/^250 /);
    expect(await smtp.say("DATA")).toMatch(/^354 /);
    expect(await smtp.say("Subject: at last\r\n\r\nHello.\r\n.")).toMatch(/^250 /);

    while (postfix.mail().length < 3) await pause(100);
    const headers = postfix.mail().map((text) => text.split("\n").filter((line) => line.startsWith("X-Greylist:")));
    for (const lines of headers) {
      expect(lines).toEqual([expect.stringMatching(/^X-Greylist: delayed \d+ seconds by Postern at mx\.example\.org; /)]);
    }
    await daemon.logged(({ reason, recipient }) => reason === "greylist-passed" && recipient === "john@example.org");
  });

  it("refuses what is above a throttle by 452 4.4.5", async () => {
    const attempt = async () => {
      const smtp = await greet("a@flood.example", "203.0.113.9");
      const reply = await rcpt(smtp, "john@example.org");
      smtp.end();
      return reply;
    };
    expect(await attempt()).toMatch(/^250 /);
    expect(await attempt()).toMatch(/^250 /);
    expect(await attempt()).toMatch(/^452 4\.4\.5 .*Rate limit exceeded, try again later\.$/);
  });

  it("refuses a forged name and a forged sender by SPF, and passes what is right with Received-SPF", async () => {
    const attempt = (sender: string, helo: string) => greet(sender, "203.0.113.77", "[UNAVAILABLE]", helo);
    const forgedName = await attempt("a@right.example", "forged.example");
    expect(await rcpt(forgedName, "doe@example.org")).toMatch(
      /^550 5\.7\.23 .*Helo command rejected: SPF validation failed, status: Fail\.$/,
    );
    const forgedSender = await attempt("a@forged.example", "mx.right.example");
    expect(await rcpt(forgedSender, "doe@example.org")).toMatch(
      /^550 5\.7\.23 .*Sender address rejected: SPF validation failed, status: Fail\.$/,
    );
    const right = await attempt("a@right.example", "mx.right.example");
    expect(await rcpt(right, "doe@example.org")).toMatch(/^250 /);
    await right.say("DATA");
    expect(await right.say("Subject: by SPF\r\n\r\nHello.\r\n.")).toMatch(/^250 /);
    const received = () => postfix.mail().flatMap((text) => (text.includes("by SPF") ? text.match(/^Received-SPF: .*$/gm) : []));
    await expect
      .poll(received)
      .toEqual([
        'Received-SPF: pass receiver=mx.example.org; client-ip=203.0.113.77; identity=mailfrom; envelope-from="a@right.example"; helo=mx.right.example; mechanism=a',
      ]);
  });

  it("disconnects a client above a throttle by 421 4.4.5", async () => {
    const first = await greet("a@client.example", "203.0.113.66");
    expect(await rcpt(first, "doe@example.org")).toMatch(/^250 /);
    const second = await greet("a@client.example", "203.0.113.66");
    expect(await rcpt(second, "doe@example.org")).toMatch(/^421 4\.4\.5 .*Rate limit exceeded, try again later\.$/);
    expect(await second.closed()).toBe(true);
  });
});
