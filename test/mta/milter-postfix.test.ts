/** Real SMTP sessions through a real Postfix with the real daemon as its milter, set up by the files of contrib/postfix. */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { read, substitute } from "../support/contrib.ts";
import { freePorts, type Mta, startPostfix, whyNo } from "../support/mta.ts";
import { openSmtp } from "../support/smtp.ts";
import { type Daemons, type Service, services, startDaemons, testMilter } from "./milter-behaviour.ts";

describe.skipIf(whyNo("Postfix") !== undefined)("Postfix with a milter", async () => {
  const scratch = `/tmp/postern-mp-${process.pid}`;
  const [base = 0, keep = 0, enforce = 0, mortal = 0, clientPort = 0, ...more] = await freePorts(9);
  const ports = { base, keep, enforce, mortal };
  /** Of the milters. */
  const [milterBase = 0, milterKeep = 0, milterEnforce = 0, milterMortal = 0] = more;
  const milters = { base: milterBase, keep: milterKeep, enforce: milterEnforce, mortal: milterMortal };

  const main = `${substitute(read("contrib/postfix/milter.cf"), ["127.0.0.1:10043", `127.0.0.1:${milters.base}`])}
non_smtpd_milters = $smtpd_milters
mynetworks = 127.0.0.1
mydestination = example.org example.net lists.example.org
local_recipient_maps = inline:{{announce@lists.example.org = announce}}
smtpd_sender_restrictions = check_recipient_access inline:{{busy@example.org = 450 4.2.1 Busy}}
`;
  const service = (name: Service) =>
    `127.0.0.1:${ports[name]} inet n - n - - smtpd\n    -o smtpd_milters=inet:127.0.0.1:${milters[name]}\n`;

  let mta: Mta;
  let daemons: Daemons;

  beforeAll(async () => {
    mkdirSync(scratch, { recursive: true });
    const master = services
      .filter((name) => name !== "base")
      .map(service)
      .join("");
    mta = startPostfix({ directory: join(scratch, "mta"), port: base, main, master });
    daemons = await startDaemons(scratch, read("contrib/postfix/milter.toml"), (name) => ({ host: "127.0.0.1", port: milters[name] }));
  });

  afterAll(async () => {
    await daemons?.stop();
    mta?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  testMilter({ scratch, ports, clientPort, refusal: (_, code, text) => `${code} ${text}`, host: () => ({ mta, daemons }) });

  it("leaves relaying to Postfix, and validates the recipients of a login", async () => {
    const stranger = await openSmtp(base, "127.0.0.2");
    await stranger.say("EHLO client.example.com");
    await stranger.say("MAIL FROM:<>");
    // Postfix refuses this itself, before it asks the milter.
    expect(await stranger.say("RCPT TO:<friend@elsewhere.example>")).toMatch(/^454 4\.7\.1 /);
    stranger.end();
    const login = await openSmtp(base);
    expect(await login.say("XCLIENT ADDR=203.0.113.9 LOGIN=john")).toMatch(/^220 /);
    await login.say("EHLO client.example.com");
    await login.say("MAIL FROM:<john@example.org>");
    expect(await login.say("RCPT TO:<nosuch@example.org>")).toBe("550 5.1.2 Mailbox does not exist.");
    login.end();
  });

  it("takes what Postern alone knows, and of the domains that it does not know what Postfix knows", async () => {
    const smtp = await openSmtp(base, "127.0.0.2");
    await smtp.say("EHLO client.example.com");
    await smtp.say("MAIL FROM:<>");
    expect(await smtp.say("RCPT TO:<anybody@example.net>")).toMatch(/^250 /);
    expect(await smtp.say("RCPT TO:<announce@lists.example.org>")).toMatch(/^250 /);
    expect(await smtp.say("RCPT TO:<nosuch@lists.example.org>")).toMatch(/^550 5\.1\.1 /);
    smtp.end();
  });

  it("delivers what a program of the machine submits to those whom there are", async () => {
    const { status } = spawnSync(
      "sendmail",
      ["-C", join(scratch, "mta", "etc"), "-f", "john@example.org", "jane+list@example.org", "nosuch@example.org", "j@elsewhere.example"],
      { input: "Subject: submitted\n\nhello\n", env: { PATH: `${process.env.PATH}:/usr/sbin` } },
    );
    expect(status).toBe(0);
    expect(await mta.delivered("submitted")).toContain("jane@example.org");
  });

  it("counts what Postfix itself refused, and not only deferred, among the errors of a session", async () => {
    const smtp = await openSmtp(base, "127.0.0.2");
    await smtp.say("EHLO client.example.com");
    await smtp.say("MAIL FROM:<>");
    for (let index = 0; index < 3; index += 1) expect(await smtp.say("RCPT TO:<busy@example.org>")).toMatch(/^450 4\.2\.1 /);
    for (const name of ["one", "two"]) expect(await smtp.say(`RCPT TO:<${name}@elsewhere.example>`)).toMatch(/^454 4\.7\.1 /);
    expect(await smtp.say("RCPT TO:<nosuch@example.org>")).toBe("421 4.3.0 Too many errors, disconnecting.");
    expect(await smtp.closed()).toBe(true);
  });
});
