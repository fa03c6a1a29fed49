/** What a real Postfix delivers of recipients that its milter refuses and that pass all the same. */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { read, substitute } from "../support/contrib.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { freePorts, hasIpv6, type Mta, startPostfix, whyNo } from "../support/mta.ts";
import { openSmtp } from "../support/smtp.ts";

/** Longer than a list may be. */
const members = ["one", "two", "three"].map(
  (name) => `{ name = "${name}", class = "individual", email = ["${name}@example.org"], member-of = ["staff"] },`,
);
const staff = `{ name = "staff", class = "list", email = ["staff@example.org"] }, ${members.join(" ")}`;

const client = "127.0.0.2";

describe.skipIf(whyNo("Postfix") !== undefined).each(hasIpv6 ? ["127.0.0.1", "::1"] : ["127.0.0.1"])("Postfix by %s", async (address) => {
  const isIpv6 = address === "::1";
  const scratch = `/tmp/postern-ms-${process.pid}${isIpv6 ? "-6" : ""}`;
  const [port = 0, milter = 0] = await freePorts(2);
  const place = isIpv6 ? `[::1]:${milter}` : `127.0.0.1:${milter}`;
  const main = `${substitute(read("contrib/postfix/milter.cf"), ["127.0.0.1:10043", place])}
non_smtpd_milters = $smtpd_milters
mydestination = example.org example.net
myorigin = example.org
${isIpv6 ? "cleanup_service_name = cleanup6\n" : ""}`;
  // As with `inet_protocols = ipv6` in main.cf.
  const master = isIpv6 ? "cleanup6 unix n - n - 0 cleanup\n    -o inet_protocols=ipv6\n" : "";
  /** Of milter.toml, with few recipients and short lists. */
  const config = (mode: "enforce" | "stage" | "server") =>
    substitute(
      read("contrib/postfix/milter.toml").replace(/^mode = .*\n/m, mode === "server" ? 'mode = "shadow"\n' : ""),
      ["127.0.0.1:10043", place],
      ["principals = [", `principals = [${staff}`],
      ["[session.rcpt]", `[session.rcpt]\nmax-recipients = 2\nmax-list-members = 2\n${mode === "stage" ? 'mode = "shadow"\n' : ""}`],
    );

  let mta: Mta;
  let daemon: Daemon;

  beforeAll(async () => {
    mkdirSync(scratch, { recursive: true });
    mta = startPostfix({ directory: join(scratch, "mta"), port, main, master });
    daemon = await startDaemon({
      directory: join(scratch, "daemon"),
      config: config("enforce"),
      listening: [{ host: address, port: milter }],
    });
  });

  afterAll(async () => {
    await daemon?.stop();
    mta?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  it("delivers each recipient of a program of the machine where it leads, though some would be refused, also with 4xx", async () => {
    const recipients = ["staff@example.org", "john+1@example.org", "jane+1@example.org", "nosuch@example.org", "any@example.net"];
    const { status } = spawnSync("sendmail", ["-C", join(scratch, "mta", "etc"), "-f", "john@example.org", ...recipients], {
      input: "Subject: submitted\n\nhello\n",
      env: { PATH: `${process.env.PATH}:/usr/sbin` },
    });
    expect(status).toBe(0);
    expect(await mta.delivered("submitted")).toEqual(
      expect.arrayContaining(["info@example.net", "jane@example.org", "john@example.org", "staff@example.org"]),
    );
  });

  it("delivers a recipient of a program of the machine that is given without a domain where it leads, and only there", async () => {
    const recipients = ["jane+2", "any", "any@example.net"];
    const { status } = spawnSync("sendmail", ["-C", join(scratch, "mta", "etc"), "-f", "john@example.org", ...recipients], {
      input: "Subject: without domains\n\nhello\n",
      env: { PATH: `${process.env.PATH}:/usr/sbin` },
    });
    expect(status).toBe(0);
    expect(await mta.delivered("without domains")).toEqual(["any@example.org", "info@example.net", "jane@example.org"]);
  });

  const reload = async (mode: Parameters<typeof config>[0]) => {
    daemon.reload(config(mode));
    await daemon.logged(({ msg }) => msg === "configuration reloaded");
  };

  it.skipIf(isIpv6)("delivers where it leads what passes by shadow mode of the stage", async () => {
    await reload("stage");
    const smtp = await openSmtp(port, client);
    await smtp.say("EHLO client.example.com");
    await smtp.say("MAIL FROM:<>");
    for (const given of ["john+1@example.org", "info+1@example.net", "jane+1@example.org"]) {
      expect(await smtp.say(`RCPT TO:<${given}>`)).toMatch(/^250 /);
    }
    await smtp.say("DATA");
    expect(await smtp.say("Subject: passed\r\n\r\nhello\r\n.")).toMatch(/^250 /);
    smtp.end();
    expect(await mta.delivered("passed")).toEqual(["info@example.net", "jane@example.org", "john@example.org"]);
  });

  it.skipIf(isIpv6)("delivers where it leads what was accepted before a reload to shadow mode", async () => {
    await reload("enforce");
    const smtp = await openSmtp(port, client);
    await smtp.say("EHLO client.example.com");
    await smtp.say("MAIL FROM:<>");
    for (const given of ["john+1@example.org", "any@example.net"]) expect(await smtp.say(`RCPT TO:<${given}>`)).toMatch(/^250 /);
    await reload("server");
    expect(await smtp.say("RCPT TO:<jane+1@example.org>")).toMatch(/^250 /);
    await smtp.say("DATA");
    expect(await smtp.say("Subject: reloaded\r\n\r\nhello\r\n.")).toMatch(/^250 /);
    smtp.end();
    expect(await mta.delivered("reloaded")).toEqual(["info@example.net", "jane@example.org", "john@example.org"]);
  });
});
