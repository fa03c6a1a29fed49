/** Real SMTP sessions through a real OpenSMTPD, whose filter asks the real daemon, set up by the files of contrib/opensmtpd. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { read, substitute } from "../support/contrib.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { freePorts, type Mta, startOpenSmtpd, whyNo } from "../support/mta.ts";
import { program } from "../support/program.ts";
import { openSmtp, type Smtp } from "../support/smtp.ts";

describe.skipIf(whyNo("OpenSMTPD") !== undefined)("OpenSMTPD", async () => {
  const scratch = `/tmp/postern-opensmtpd-${process.pid}`;
  const [smtpd = 0, policy = 0] = await freePorts(2);
  const place = ["127.0.0.1:10040", `127.0.0.1:${policy}`] as const;
  const config = substitute(
    read("contrib/opensmtpd/postern.toml"),
    place,
    [`mode = "shadow"\n`, ""],
    ["total = 5", "total = 3"],
    [`wait = "5s"`, `wait = "0s"`],
    ["[session.rcpt.errors]\n", "[session.rcpt]\nmax-recipients = 2\n\n[session.rcpt.errors]\n"],
  );
  const serve = () => startDaemon({ directory: join(scratch, "daemon"), config, listening: [{ host: "127.0.0.1", port: policy }] });

  let mta: Mta;
  let daemon: Daemon;
  const open: Smtp[] = [];

  beforeAll(async () => {
    const [filter = ""] = /^filter .*$/m.exec(read("contrib/opensmtpd/smtpd.conf")) ?? [];
    daemon = await serve();
    mta = startOpenSmtpd({
      directory: join(scratch, "mta"),
      port: smtpd,
      filter: `${substitute(filter, place, ["/usr/bin/postern", `${process.execPath} ${program}`])}\n`,
    });
  });

  afterAll(async () => {
    for (const smtp of open) smtp.end();
    await daemon?.stop();
    mta?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  async function connect(): Promise<Smtp> {
    const smtp = await openSmtp(smtpd, "127.0.0.2");
    open.push(smtp);
    return smtp;
  }
  /** A session of an unknown client, up to and including MAIL. */
  async function greet(): Promise<Smtp> {
    const smtp = await connect();
    expect(await smtp.say("EHLO client.example.com")).toMatch(/^250-/);
    expect(await smtp.say("MAIL FROM:<some|one@client.example.com> SIZE=100")).toMatch(/^250 /);
    return smtp;
  }
  const rcpt = (smtp: Smtp, address: string) => smtp.say(`RCPT TO:<${address}>`);
  const accepted = "250 2.1.5 Destination address valid: Recipient ok";

  it("refuses one recipient and delivers to the other", async () => {
    const smtp = await greet();
    expect(await rcpt(smtp, "nosuch@example.org")).toBe("550 5.1.2 Mailbox does not exist.");
    expect(await rcpt(smtp, "john@example.org")).toBe(accepted);
    expect(await smtp.say("DATA")).toMatch(/^354 /);
    expect(await smtp.say("Subject: one of two\r\n\r\nhello\r\n.")).toMatch(/^250 /);
    expect(await mta.delivered("one of two")).toEqual(["john@example.org"]);
  });

  it("counts the recipients of each message", async () => {
    const smtp = await greet();
    for (let message = 0; message < 2; message += 1) {
      expect(await rcpt(smtp, "john+1@example.org")).toBe(accepted);
      expect(await rcpt(smtp, "john+2@example.org")).toBe(accepted);
      expect(await rcpt(smtp, "john+3@example.org")).toBe("452 4.5.3 Too many recipients.");
      expect(await smtp.say("RSET")).toMatch(/^250 /);
      expect(await smtp.say("MAIL FROM:<>")).toMatch(/^250 /);
    }
  });

  it("refuses a blocklisted EHLO name, and takes the right one after it", async () => {
    const smtp = await connect();
    expect(await smtp.say("EHLO spammer.example")).toBe("551 5.1.1 Sending domain 'spammer.example' has been blocklisted.");
    expect(await smtp.say("EHLO client.example.com")).toMatch(/^250-/);
  });

  it("disconnects at the third error of a session", async () => {
    const smtp = await greet();
    expect(await rcpt(smtp, "nosuch1@example.org")).toMatch(/^550 5\.1\.2 /);
    expect(await rcpt(smtp, "friend@elsewhere.example")).toBe("550 5.1.2 Relay not allowed.");
    expect(await rcpt(smtp, "nosuch3@example.org")).toBe("421 4.3.0 Too many errors, disconnecting.");
    expect(await smtp.closed()).toBe(true);
  });

  it("defers while there is no daemon, and accepts when there is one again", async () => {
    const smtp = await greet();
    expect(await rcpt(smtp, "john@example.org")).toBe(accepted);
    await daemon.kill();
    expect(await rcpt(smtp, "john+2@example.org")).toBe("451 4.3.5 Please try again later.");
    daemon = await serve();
    expect(await rcpt(smtp, "john+3@example.org")).toBe(accepted);
    expect(mta.log()).toMatch(/^postern: Postern cannot be asked, .*\n(?:.*\n)*postern: Postern answers again$/m);
  });
});
