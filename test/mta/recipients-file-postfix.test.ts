/** A real Postfix refuses no valid recipient, whatever happens to the file of the recipients. */
import { mkdirSync, renameSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Daemon, type LogLine, startDaemon } from "../support/daemon.ts";
import { freePorts, type Mta, startPostfix, whyNo } from "../support/mta.ts";
import { isLong } from "../support/runs.ts";
import { openSmtp, type Smtp } from "../support/smtp.ts";

const count = 10_000;
const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `user${from + index}@example.org\n`).join("");
const everybody = lines(0, count);

describe.skipIf(whyNo("Postfix") !== undefined)("Postfix with a file of recipients", async () => {
  const scratch = `/tmp/postern-file-${process.pid}`;
  const file = join(scratch, "addresses");
  const [smtpd = 0, policy = 0] = await freePorts(2);
  const config = `
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:${policy}"]
[directory.people]
type = "file"
addresses = ["${file}"]
`;
  const main = `
smtpd_relay_restrictions = check_policy_service inet:127.0.0.1:${policy}, reject_unauth_destination
smtpd_hard_error_limit = 100000
smtpd_soft_error_limit = 100000
mydestination = example.org
`;

  let postfix: Mta;
  let daemon: Daemon;
  const sessions: Smtp[] = [];

  beforeAll(async () => {
    mkdirSync(scratch, { recursive: true });
    writeFileSync(file, everybody);
    const listening = [{ host: "127.0.0.1", port: policy }];
    daemon = await startDaemon({ directory: join(scratch, "daemon"), config, listening });
    await daemon.logged(isTaken);
    postfix = startPostfix({ directory: join(scratch, "mta"), port: smtpd, main, master: "" });
  });

  afterAll(async () => {
    await daemon?.stop();
    postfix?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  afterEach(() => {
    for (const smtp of sessions.splice(0)) smtp.end();
  });

  const isTaken = (line: LogLine) => line.event === "source" && line.entries !== undefined && line.before === undefined;
  const isRestored = (line: LogLine) => line.event === "source" && line.msg === "available again";
  const isLost = (line: LogLine) => line.event === "source" && line.before === count;
  const isMissing = (line: LogLine) => line.event === "source" && /ENOENT/.test(String(line.error));

  function replace(text: string, isDone = isTaken): Promise<LogLine> {
    writeFileSync(`${file}.new`, text);
    // What is renamed within one tick of the file system's clock shows no trace of it.
    utimesSync(`${file}.new`, 0, Date.now() / 1000 - 1);
    renameSync(`${file}.new`, file);
    return daemon.logged(isDone);
  }

  async function greet(): Promise<Smtp> {
    const smtp = await openSmtp(smtpd);
    sessions.push(smtp);
    expect(await smtp.say("EHLO client.example.com")).toMatch(/^250-/);
    return smtp;
  }

  async function rcpt(smtp: Smtp, address: string): Promise<string> {
    await smtp.say("RSET");
    await smtp.say("MAIL FROM:<someone@client.example.com>");
    return smtp.say(`RCPT TO:<${address}>`);
  }

  /** The replies to valid recipients, by their codes, while `change` is under way; `after` resolves when there were so many more. */
  async function repliesDuring(change: (after: (replies: number) => Promise<void>) => Promise<unknown>) {
    const codes: Record<string, number> = {};
    let replies = 0;
    let isOver = false;
    const waiting = new Map<() => void, number>();
    const load = async (first: number) => {
      const smtp = await greet();
      for (let user = first; !isOver; user += 7) {
        const code = (await rcpt(smtp, `user${user % count}@example.org`)).slice(0, 3);
        codes[code] = (codes[code] ?? 0) + 1;
        replies += 1;
        for (const [wake, at] of waiting) if (replies >= at && waiting.delete(wake)) wake();
      }
    };
    const loads = [0, 2500, 5000, 7500].map(load);
    await change((more) => new Promise((resolve) => waiting.set(resolve, replies + more)));
    isOver = true;
    await Promise.all(loads);
    return codes;
  }
  const onlyAccepted = { 250: expect.any(Number) };

  it("written anew in place by a slow writer, with reloads", async () => {
    const codes = await repliesDuring(async (after) => {
      const handle = await open(file, "w");
      for (let part = 0; part < 10; part++) {
        await after(300);
        await handle.write(lines(1000 * part, 1000 * (part + 1)));
        if (part % 3 === 0) daemon.reload(config);
      }
      await handle.write(lines(count, count + 1));
      await handle.close();
      await after(300);
    });
    expect(codes).toEqual(onlyAccepted);
    const smtp = await greet();
    // What the file has by now was not taken yet.
    expect(await rcpt(smtp, `user${count}@example.org`)).toMatch(/^451 /);
    if (isLong) expect(await daemon.logged(isTaken)).toMatchObject({ entries: count + 1 });
    else await replace(everybody + lines(count, count + 1));
    expect(await rcpt(smtp, `user${count}@example.org`)).toMatch(/^250 /);
    await replace(everybody);
    expect(await rcpt(smtp, `user${count}@example.org`)).toMatch(/^550 /);
  });

  type Case = [what: string, spoil: () => void, reported: (line: LogLine) => boolean];
  const cases: Case[] = [
    ["emptied", () => truncateSync(file), isLost],
    ["deleted", () => rmSync(file), isMissing],
  ];
  const more: Case[] = [
    ["cut off, since its writer died", () => writeFileSync(file, everybody.slice(0, 0.37 * everybody.length).replace(/.*$/, "")), isLost],
    ["cut off in its last line", () => writeFileSync(file, everybody.slice(0, -13)), (line) => /:10000: /.test(String(line.error))],
    ["binary", () => writeFileSync(file, everybody.replaceAll("\n", "\0")), (line) => /not a text file/.test(String(line.error))],
  ];
  it.each(isLong ? [...cases, ...more] : cases)("%s, and restored", async (_, spoil, reported) => {
    const smtp = await greet();
    const codes = await repliesDuring(async (after) => {
      spoil();
      await daemon.logged(reported);
      daemon.reload(config);
      await after(500);
      expect(await rcpt(smtp, "nobody@example.org")).toMatch(/^451 /);
      await replace(everybody, isRestored);
      await after(100);
    });
    expect(codes).toEqual(onlyAccepted);
    expect(await rcpt(smtp, "nobody@example.org")).toMatch(/^550 /);
  });
});
