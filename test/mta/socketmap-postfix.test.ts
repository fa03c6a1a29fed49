/** Real SMTP sessions through a real Postfix with the tables of the real daemon and no milter, set up by the files of contrib/postfix. */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { read, substitute } from "../support/contrib.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { freePorts, type Mta, startPostfix, whyNo } from "../support/mta.ts";
import { openSmtp, type Smtp } from "../support/smtp.ts";
import { behaviour, members } from "./milter-behaviour.ts";

describe.skipIf(whyNo("Postfix") !== undefined)("Postfix with socketmap tables", async () => {
  const scratch = `/tmp/postern-sm-${process.pid}`;
  const [smtpd = 0, map = 0] = await freePorts(2);
  const config = substitute(
    behaviour(read("contrib/postfix/socketmap.toml")),
    ["127.0.0.1:10042", `127.0.0.1:${map}`],
    ["192.0.2.25", "127.0.0.3"],
  );
  const serve = () => startDaemon({ directory: join(scratch, "daemon"), config, listening: [{ host: "127.0.0.1", port: map }] });

  // Here virtual(8) puts all mail into one Maildir; it must not look up its own tables by socketmap.
  const main = `${substitute(read("contrib/postfix/socketmap.cf"), ["127.0.0.1:10042", `127.0.0.1:${map}`], ["lmtp:unix:private/dovecot-lmtp", "mailbox"])}
mynetworks = 127.0.0.1
disable_vrfy_command = no
`;
  const master =
    "mailbox unix - n n - - virtual\n    -o { virtual_mailbox_maps = regexp:{{/./ mail/}} }\n    -o { virtual_alias_maps = }\n";

  let postfix: Mta;
  let daemon: Daemon;
  const open: Smtp[] = [];

  beforeAll(async () => {
    mkdirSync(scratch, { recursive: true });
    daemon = await serve();
    postfix = startPostfix({ directory: join(scratch, "mta"), port: smtpd, main, master });
  });

  afterAll(async () => {
    for (const smtp of open) smtp.end();
    await daemon?.stop();
    postfix?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  async function greet(): Promise<Smtp> {
    const smtp = await openSmtp(smtpd, "127.0.0.2");
    open.push(smtp);
    expect(await smtp.say("EHLO client.example.com")).toMatch(/^250-/);
    expect(await smtp.say("MAIL FROM:<someone@client.example.com>")).toMatch(/^250 /);
    return smtp;
  }
  const rcpt = (smtp: Smtp, address: string) => smtp.say(`RCPT TO:<${address}>`);

  async function send(smtp: Smtp, subject: string): Promise<readonly string[]> {
    expect(await smtp.say("DATA")).toMatch(/^354 /);
    expect(await smtp.say(`Subject: ${subject}\r\n\r\nhello\r\n.`)).toMatch(/^250 /);
    return await postfix.delivered(subject);
  }

  it.each<readonly [what: string, given: readonly string[], delivered: readonly string[]]>([
    ["a mailbox to itself", ["john@example.org"], ["john@example.org"]],
    ["a sub-address to its base", ["john+tag@example.org"], ["john@example.org"]],
    ["an unknown address to the catch-all", ["anybody@example.net"], ["info@example.net"]],
    ["a rewritten address to a mailbox of that name", ["mary.smith@example.org"], ["mary+smith@example.org"]],
    ["a rewritten address to the base, when only that exists", ["mary.jones@example.org"], ["mary@example.org"]],
    ["one copy to a mailbox that several lead to", ["john+a@example.org", "john+b@example.org"], ["john@example.org"]],
    ["the last host of a source route", ["@relay.example:jane+route@example.org"], ["jane@example.org"]],
    ["to every member of a list", ["staff@example.org"], members],
  ])("delivers %s", async (_, given, delivered) => {
    const smtp = await greet();
    for (const address of given) expect(await rcpt(smtp, address)).toBe("250 2.1.5 Ok");
    expect(await send(smtp, `to ${given.join(" ")}`)).toEqual(delivered);
  });

  it("refuses an unknown recipient and delivers to the others", async () => {
    const smtp = await greet();
    expect(await rcpt(smtp, "nosuch@example.org")).toBe(
      "550 5.1.1 <nosuch@example.org>: Recipient address rejected: User unknown in virtual mailbox table",
    );
    expect(await rcpt(smtp, "jane@example.org")).toBe("250 2.1.5 Ok");
    expect(await send(smtp, "one of two")).toEqual(["jane@example.org"]);
  });

  it("refuses to relay", async () => {
    expect(await rcpt(await greet(), "friend@elsewhere.example")).toMatch(/^454 4\.7\.1 <friend@elsewhere\.example>: Relay access denied/);
  });

  it.each([
    ["is not offered to a stranger", "127.0.0.2", false],
    ["is offered to a permitted address", "127.0.0.3", true],
  ])("DSN %s", async (_, address, isOffered) => {
    const smtp = await openSmtp(smtpd, address);
    open.push(smtp);
    const reply = await smtp.say("EHLO client.example.com");
    expect(/^250[- ]DSN$/m.test(reply)).toBe(isOffered);
    expect(await smtp.say("MAIL FROM:<>")).toMatch(/^250 /);
  });

  it("answers VRFY from the tables", async () => {
    const smtp = await greet();
    expect(await smtp.say("VRFY jane@example.org")).toMatch(/^252 /);
    expect(await smtp.say("VRFY nosuch@example.org")).toMatch(/^550 5\.1\.1 /);
  });

  it("goes into one main.cf with the lines for policy", () => {
    const folder = join(scratch, "both");
    mkdirSync(folder);
    writeFileSync(join(folder, "main.cf"), read("contrib/postfix/main.cf") + read("contrib/postfix/socketmap.cf"));
    writeFileSync(join(folder, "master.cf"), "");
    const { stderr } = spawnSync("postconf", ["-c", folder, "-n"], { encoding: "utf8", env: { PATH: `${process.env.PATH}:/usr/sbin` } });
    // Such as of a parameter that both set.
    expect(stderr).toBe("");
  });

  it("is asked by postmap as by postern query", () => {
    const ask = (table: string, key: string) => {
      const { status, stdout } = spawnSync("postmap", ["-q", key, `socketmap:inet:127.0.0.1:${map}:${table}`], {
        encoding: "utf8",
        env: { PATH: `${process.env.PATH}:/usr/sbin`, MAIL_CONFIG: join(scratch, "mta", "etc") },
      });
      return status === 0 ? stdout.trim() : status;
    };
    expect(ask("aliases", "john+tag@example.org")).toBe("john@example.org");
    expect(ask("aliases", "john@example.org")).toBe(1);
    expect(ask("domains", "example.net")).toBe("example.net");
    expect(ask("recipients", "nosuch@example.org")).toBe(1);
  });

  it("defers while there is no daemon, and delivers when there is one again", async () => {
    const smtp = await greet();
    expect(await rcpt(smtp, "john@example.org")).toBe("250 2.1.5 Ok");
    await daemon.kill();
    expect(await rcpt(smtp, "jane@example.org")).toMatch(/^451 4\.3\.0 /);
    const another = await openSmtp(smtpd);
    expect(await another.say("EHLO client.example.com")).toMatch(/^421 4\.3\.0 /);
    another.end();
    daemon = await serve();
    expect(await smtp.say("RSET")).toMatch(/^250 /);
    expect(await smtp.say("MAIL FROM:<>")).toMatch(/^250 /);
    expect(await rcpt(smtp, "jane+again@example.org")).toBe("250 2.1.5 Ok");
    expect(await send(smtp, "after a restart")).toEqual(["jane@example.org"]);
  });
});
