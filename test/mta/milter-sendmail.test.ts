/** Real SMTP sessions through a real Sendmail with the real daemon as its milter, set up by the files of contrib/sendmail. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { read, substitute } from "../support/contrib.ts";
import { freePorts, type Sendmail, startSendmail, whyNo } from "../support/mta.ts";
import { openSmtp } from "../support/smtp.ts";
import { type Daemons, type Service, services, startDaemons, testMilter } from "./milter-behaviour.ts";

describe.skipIf(whyNo("Sendmail") !== undefined)("Sendmail with a milter", async () => {
  const scratch = `/tmp/postern-ms-${process.pid}`;
  const sockets = join(scratch, "run");
  const [base = 0, keep = 0, enforce = 0, mortal = 0, clientPort = 0, map = 0] = await freePorts(6);
  const ports = { base, keep, enforce, mortal };

  const service = (name: Service) => `
MAIL_FILTER(\`${name}', \`S=unix:/run/postern/${name}.sock, F=T, T=C:30s;S:30s;R:30s;E:5m')dnl
DAEMON_OPTIONS(\`Name=${name}, Family=inet, Addr=127.0.0.1, Port=${ports[name]}, InputMailFilters=${name}')dnl`;
  const mc = `${services
    .filter((name) => name !== "base")
    .map(service)
    .join("")}\n${substitute(read("contrib/sendmail/postern.mc"), ["inet:10042@", `inet:${map}@`])}`;

  let mta: Sendmail;
  let daemons: Daemons;

  beforeAll(async () => {
    mkdirSync(sockets, { recursive: true });
    mta = startSendmail({ directory: join(scratch, "mta"), port: base, mc, sockets });
    const config = `[session.mail]
deny = [ { if = "sender == 'refused@client.example.com'", reply = "554 5.7.1 Not from {sender_domain}, 100 % sure." } ]
${substitute(
  read("contrib/sendmail/postern.toml"),
  ["127.0.0.1:10042", `127.0.0.1:${map}`],
  // Sendmail itself refuses what it did not offer, so the tests' clients are offered what the milter then refuses.
  ["!is_empty(authenticated_as) || is_trusted", "listener == 'map' && remote_ip != '127.0.0.3'"],
)}`;
    daemons = await startDaemons(scratch, config, (name) => ({ path: join(sockets, name === "base" ? "milter.sock" : `${name}.sock`) }));
  });

  afterAll(async () => {
    await daemons?.stop();
    mta?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  const refusal = (recipient: string, code: string, text: string) => `${code} <${recipient}>... ${text}`;
  testMilter({ scratch, ports, clientPort, refusal, host: () => ({ mta, daemons }) });

  it("offers DSN to those who may use it only", async () => {
    for (const [address, offered] of [
      ["127.0.0.1", true],
      ["127.0.0.3", false],
    ] as const) {
      const smtp = await openSmtp(base, address);
      expect((await smtp.say("EHLO client.example.com")).includes("250-DSN")).toBe(offered);
      smtp.end();
    }
  });

  // For a client that was not offered DSN, Sendmail refuses DSN parameters from a milter too, and then the recipient is lost.
  it("changes recipients for a client that was not offered DSN", async () => {
    const smtp = await openSmtp(base, "127.0.0.3");
    await smtp.say("EHLO client.example.com");
    expect(await smtp.say("MAIL FROM:<someone@client.example.com>")).toMatch(/^250 /);
    expect(await smtp.say("RCPT TO:<john+tag@example.org> NOTIFY=NEVER")).toMatch(/^504 5\.7\.0 /);
    expect(await smtp.say("RCPT TO:<john+tag@example.org>")).toMatch(/^250 /);
    expect(await smtp.say("DATA")).toMatch(/^354 /);
    expect(await smtp.say("Subject: without DSN\r\n\r\nhello\r\n.")).toMatch(/^250 /);
    smtp.end();
    expect(await mta.delivered("without DSN")).toEqual(["john@example.org"]);
  });

  it("refuses a sender in the words of the configuration", async () => {
    const smtp = await openSmtp(base, "127.0.0.3");
    await smtp.say("EHLO client.example.com");
    expect(await smtp.say("MAIL FROM:<refused@client.example.com>")).toBe("554 5.7.1 Not from client.example.com, 100 % sure.");
    expect(await smtp.say("MAIL FROM:<someone@client.example.com>")).toMatch(/^250 /);
    smtp.end();
  });

  it("leaves local submission alone, but for recipients", async () => {
    mta.submit(["-f", "john@example.org", "jane+list@example.org", "friend@elsewhere.example"], "Subject: submitted\n\nhello\n");
    expect(await mta.delivered("submitted")).toEqual(["friend@elsewhere.example", "jane@example.org"]);
  });

  it("never disconnects a program of the machine", async () => {
    const smtp = await openSmtp(base);
    expect(await smtp.say("EHLO spammer.example")).toMatch(/^250-/);
    expect(await smtp.say("MAIL FROM:<john@example.org>")).toMatch(/^250 /);
    for (let n = 1; n <= 4; n += 1) expect(await smtp.say(`RCPT TO:<nosuch${n}@example.org>`)).toMatch(/^550 5\.1\.2 /);
    expect(await smtp.say("RCPT TO:<friend@elsewhere.example>")).toMatch(/^250 /);
    smtp.end();
  });

  it("serves sendmail -bs", async () => {
    const smtp = await mta.speak();
    expect(await smtp.say("EHLO spammer.example")).toMatch(/^250-/);
    expect(await smtp.say("MAIL FROM:<john@example.org>")).toMatch(/^250 /);
    expect(await smtp.say("RCPT TO:<nosuch@example.org>")).toBe("550 5.1.2 <nosuch@example.org>... Mailbox does not exist.");
    expect(await smtp.say("RCPT TO:<jane+bs@example.org>")).toMatch(/^250 /);
    expect(await smtp.say("DATA")).toMatch(/^354 /);
    expect(await smtp.say("Subject: by -bs\r\n\r\nhello\r\n.")).toMatch(/^250 /);
    smtp.end();
    expect(await mta.delivered("by -bs")).toEqual(["jane@example.org"]);
  });
});
