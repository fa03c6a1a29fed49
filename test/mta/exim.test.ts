/** Real SMTP sessions through a real Exim that asks the real daemon by readsocket, set up by the files of contrib/exim. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { read, substitute } from "../support/contrib.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { freePorts, type Mta, startExim, whyNo } from "../support/mta.ts";
import { openSmtp, type Smtp } from "../support/smtp.ts";

describe.skipIf(whyNo("Exim") !== undefined)("Exim", async () => {
  const scratch = `/tmp/postern-exim-${process.pid}`;
  const [smtpd = 0, policy = 0] = await freePorts(2);
  const places = ["127.0.0.1:10040", `127.0.0.1:${policy}`] as const;
  const config = substitute(
    read("contrib/exim/postern.toml"),
    places,
    [`mode = "shadow"\n`, ""],
    ["total = 5", "total = 3"],
    [`wait = "5s"`, `wait = "0s"`],
    [
      "[session.rcpt.errors]\n",
      `[dns]
resolvers = ["127.0.0.1:1"]
[auth.spf]
header = true
verify.mail-from = [{ if = "sender == 'spf@client.example.com'", then = "'relaxed'" }, { else = false }]

[session.rcpt]
max-recipients = 2

[session.rcpt.errors]
`,
    ],
  );
  const serve = () => startDaemon({ directory: join(scratch, "daemon"), config, listening: [{ host: "127.0.0.1", port: policy }] });

  let exim: Mta;
  let daemon: Daemon;
  const open: Smtp[] = [];

  beforeAll(async () => {
    exim = startExim({ directory: join(scratch, "mta"), port: smtpd, acl: substitute(read("contrib/exim/acl.conf"), [...places]) });
    daemon = await serve();
  });

  afterAll(async () => {
    for (const smtp of open) smtp.end();
    await daemon?.stop();
    exim?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  /** A session of an unknown client, up to and including MAIL. */
  async function greet(name = "client.example.com"): Promise<Smtp> {
    const smtp = await openSmtp(smtpd, "127.0.0.2");
    open.push(smtp);
    expect(await smtp.say(`EHLO ${name}`)).toMatch(/^250-/);
    expect(await smtp.say("MAIL FROM:<someone@client.example.com>")).toMatch(/^250 /);
    return smtp;
  }
  const rcpt = (smtp: Smtp, address: string) => smtp.say(`RCPT TO:<${address}>`);

  it("refuses one recipient and delivers to the other", async () => {
    const smtp = await greet();
    expect(await rcpt(smtp, "nosuch@example.org")).toBe("550 5.1.2 Mailbox does not exist.");
    expect(await rcpt(smtp, "john@example.org")).toBe("250 Accepted");
    expect(await smtp.say("DATA")).toMatch(/^354 /);
    expect(await smtp.say("Subject: one of two\r\n\r\nhello\r\n.")).toMatch(/^250 /);
    expect(await exim.delivered("one of two")).toEqual(["john@example.org"]);
  });

  it("gives a message the header that it is to get, once", async () => {
    const smtp = await greet();
    expect(await smtp.say("RSET")).toMatch(/^250 /);
    expect(await smtp.say("MAIL FROM:<spf@client.example.com>")).toMatch(/^250 /);
    for (const address of ["john+1@example.org", "john+2@example.org"]) expect(await rcpt(smtp, address)).toBe("250 Accepted");
    expect(await smtp.say("DATA")).toMatch(/^354 /);
    expect(await smtp.say("Subject: with SPF\r\n\r\nhello\r\n.")).toMatch(/^250 /);
    await exim.delivered("with SPF");
    const messages = exim.mail().filter((text) => text.includes("Subject: with SPF"));
    expect(messages.length).toBeGreaterThan(0);
    for (const text of messages) expect(text.match(/^Received-SPF: temperror .*client\.example\.com/gim)?.length).toBe(1);
  });

  it("counts the recipients of each message", async () => {
    const smtp = await greet();
    const addresses = ["john+1@example.org", "john+2@example.org", "john+3@example.org"];
    for (const sender of ["someone@client.example.com", "someone@client.example.com"]) {
      const replies: string[] = [];
      for (const address of addresses) replies.push(await rcpt(smtp, address));
      expect(replies).toEqual(["250 Accepted", "250 Accepted", "452 4.5.3 Too many recipients."]);
      expect(await smtp.say("RSET")).toMatch(/^250 /);
      expect(await smtp.say(`MAIL FROM:<${sender}>`)).toMatch(/^250 /);
    }
  });

  it("refuses a blocklisted EHLO name, and takes the right one after it", async () => {
    const smtp = await greet("spammer.example");
    expect(await rcpt(smtp, "john@example.org")).toBe("551 5.1.1 Sending domain 'spammer.example' has been blocklisted.");
    expect(await smtp.say("EHLO client.example.com")).toMatch(/^250-/);
    expect(await smtp.say("MAIL FROM:<>")).toMatch(/^250 /);
    expect(await rcpt(smtp, "john@example.org")).toBe("250 Accepted");
  });

  it("sends an odd local part whole", async () => {
    const smtp = await greet();
    expect(await rcpt(smtp, `"john${"\r"}x"@example.org`)).toMatch(/^5/);
    expect(await rcpt(smtp, `"no such=1"@example.org`)).toBe("550 5.1.2 Mailbox does not exist.");
    expect(await rcpt(smtp, "anybody@example.net")).toBe("250 Accepted");
  });

  // By a 5xx the client would give up what it may send later.
  it("defers all that follows the third error of a session", async () => {
    const smtp = await greet();
    expect(await rcpt(smtp, "nosuch1@example.org")).toMatch(/^550 5\.1\.2 /);
    expect(await rcpt(smtp, "friend@elsewhere.example")).toBe("550 5.1.2 Relay not allowed.");
    expect(await rcpt(smtp, "nosuch3@example.org")).toBe("421 4.3.0 Too many errors, disconnecting.");
    expect(await rcpt(smtp, "john@example.org")).toBe("421 4.3.0 Too many errors, disconnecting.");
    expect(await smtp.say("RSET")).toMatch(/^250 /);
    expect(await smtp.say("MAIL FROM:<>")).toMatch(/^250 /);
    expect(await rcpt(smtp, "john@example.org")).toBe("421 4.3.0 Too many errors, disconnecting.");
  });

  it("defers while there is no daemon, and accepts when there is one again", async () => {
    const smtp = await greet();
    expect(await rcpt(smtp, "john@example.org")).toBe("250 Accepted");
    await daemon.kill();
    expect(await rcpt(smtp, "john+2@example.org")).toBe("451 4.3.0 Please try again later.");
    daemon = await serve();
    expect(await rcpt(smtp, "john+3@example.org")).toBe("250 Accepted");
  });
});
