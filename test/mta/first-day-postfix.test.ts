/** The page of the first day, followed as it is written: its commands, on a real Postfix and the real daemon. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { read, substitute } from "../support/contrib.ts";
import { type Daemon, type LogLine, startDaemon } from "../support/daemon.ts";
import { freePorts, type Mta, startPostfix, whyNo } from "../support/mta.ts";
import { openSmtp } from "../support/smtp.ts";

const pages = read("contrib/operating/README.md") + read("contrib/operating/upkeep.md");

/** The command of the pages that has this text. */
function command(part: string): string {
  const found = pages.match(/^ {4}\S.*$/gm)?.filter((line) => line.includes(part)) ?? [];
  if (found.length !== 1) throw new Error(`${found.length} commands have: ${part}`);
  return found.join("").trim();
}

describe.skipIf(whyNo("Postfix") !== undefined)("Postfix", async () => {
  const scratch = `/tmp/postern-day-${process.pid}`;
  const etc = join(scratch, "mta/etc");
  const config = join(scratch, "postern.toml");
  const journal = join(scratch, "journal");
  const [smtpd = 0, policy = 0, milter = 0] = await freePorts(3);

  const shadow = substitute(
    read("contrib/operating/first-day.toml"),
    ["127.0.0.1:10040", `127.0.0.1:${policy}`],
    ["127.0.0.1:10043", `127.0.0.1:${milter}`],
    ["/run/postern/policy.sock", join(scratch, "policy.sock")],
    ["/run/postern/milter.sock", join(scratch, "milter.sock")],
    ["/etc/postern/addresses", join(scratch, "addresses")],
    ["/etc/aliases", join(scratch, "aliases")],
    ['wait = "5s"', 'wait = "0s"'],
  );

  let postfix: Mta;
  let daemon: Daemon;
  /** What the daemon has logged. */
  const lines: LogLine[] = [];

  /** As root in a shell, with the folders of this test. */
  function run(line: string): string {
    const here = line
      .replaceAll("/etc/postern/postern.toml", config)
      .replaceAll("/etc/postern/addresses", join(scratch, "users"))
      .replaceAll("127.0.0.1:10040", `127.0.0.1:${policy}`)
      .replaceAll("/tcp/127.0.0.1/10040", `/tcp/127.0.0.1/${policy}`)
      .replaceAll("YOUR LIST AS IT WAS", "permit_mynetworks, reject_unauth_destination")
      .replace(/journalctl -u postern -o cat[^|]*/, `cat ${journal} `)
      .replaceAll(/\b(postconf|postfix) /g, `$1 -c ${etc} `)
      .replace(/^postern /, `${process.execPath} src/main.ts `);
    writeFileSync(journal, lines.map((each) => `${JSON.stringify(each)}\n`).join(""));
    return execFileSync("bash", ["-c", here], { encoding: "utf8" });
  }

  async function logged(wanted: (line: LogLine) => boolean): Promise<LogLine> {
    const line = await daemon.logged(wanted);
    lines.push(line);
    return line;
  }

  /** Of a new session from outside. */
  async function rcpt(address: string): Promise<string> {
    const smtp = await openSmtp(smtpd);
    try {
      await smtp.say(`XCLIENT ADDR=203.0.113.9 NAME=[UNAVAILABLE] PORT=20000`);
      await smtp.say("EHLO mx.client.example");
      await smtp.say("MAIL FROM:<a@client.example>");
      return await smtp.say(`RCPT TO:<${address}>`);
    } finally {
      smtp.end();
    }
  }

  beforeAll(async () => {
    mkdirSync(scratch, { recursive: true });
    writeFileSync(join(scratch, "addresses"), "john@example.org\n");
    writeFileSync(join(scratch, "aliases"), "sales: john\n");
    postfix = startPostfix({
      directory: join(scratch, "mta"),
      port: smtpd,
      main: "mydestination = example.org, mx.example.org\n",
      master: "",
    });
    daemon = await startDaemon({ directory: scratch, config: shadow, listening: [{ host: "127.0.0.1", port: policy }] });
  });
  afterAll(async () => {
    await daemon?.stop();
    postfix?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  it("is led from a check to refusals, and back", async () => {
    run(command("getent passwd"));
    expect(readFileSync(join(scratch, "users"), "utf8")).toMatch(/^root@example\.org$/m);
    expect(run(command("postern check -c"))).toMatch(/: no errors\n(?:.*\n)*.*addresses: 1 entry\n/);
    const explained = run(command("postern explain -c"));
    expect(explained).toContain("RCPT john@example.org");
    expect(explained).toContain("would be: 550 5.1.2 Mailbox does not exist. (unknown-mailbox)");
    expect(run(command("/dev/tcp/127.0.0.1/10040; printf"))).toBe("action=DUNNO\n");

    expect(await rcpt("nobody@example.org")).toMatch(/^250 /);
    run(command("postconf -e 'smtpd_policy_service_default_action"));
    run(command("postconf -e 'smtpd_recipient_restrictions"));
    run(command("postfix check && postfix reload"));
    // A process of smtpd from before the reload may take one more session.
    await expect.poll(async () => (await rcpt("nobody@example.org")) && daemon.untaken().length).toBeGreaterThan(0);
    await logged(({ would, reason }) => would === "reject" && reason === "unknown-mailbox");
    expect(await rcpt("sales@example.org")).toMatch(/^250 /);
    await logged(({ recipient, reason }) => recipient === "sales@example.org" && reason === "greylist-training");
    expect(run(command("grep '\"would\"' | grep -o"))).toMatch(/^ +1 "reason":"unknown-mailbox"\n$/);

    daemon.reload(shadow.replace('mode = "shadow"', ""));
    await logged(({ msg }) => msg === "configuration reloaded");
    expect(await rcpt("nobody@example.org")).toMatch(/^550 5\.1\.2 /);
    await logged(({ verdict }) => verdict === "reject");
    expect(run(command("--since -1h | grep -E"))).toMatch(/^ +1 "reason":"unknown-mailbox"\n$/);
    expect(await rcpt("john@example.org")).toMatch(/^250 /);
    expect(await rcpt("postmaster@mx.example.org")).toMatch(/^250 /);
    expect(await rcpt("root@mx.example.org")).toMatch(/^250 /);

    daemon.reload(shadow);
    await logged(({ msg }) => msg === "configuration reloaded");
    expect(await rcpt("nobody@example.org")).toMatch(/^250 /);
    await daemon.stop();
    // By DUNNO.
    expect(await rcpt("john@example.org")).toMatch(/^250 /);
    const [, takeAway = ""] = /`(postconf -X [^`]*)`/.exec(pages) ?? [];
    run(takeAway);
    expect(run("postconf -n")).not.toContain("default_action");
  });
});
