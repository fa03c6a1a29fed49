/** What an administrator sees of a server that is asked about recipients: the question, and the code of its reply. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { takesAllText } from "../../../src/directory/call-ahead.ts";
import { program } from "../../support/program.ts";
import { type SmtpServer, startSmtpServer } from "../../support/smtp-server.ts";

const folder = mkdtempSync(join(tmpdir(), "postern-call-ahead-"));
const config = join(folder, "postern.toml");
let server: SmtpServer;

beforeAll(async () => {
  server = await startSmtpServer({ reply: (command) => (/^RCPT .*@example\.net/.test(command) ? "250 ok\r\n" : undefined) });
  writeFileSync(
    config,
    `[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:10040"]
[directory.inner]
type = "smtp"
host = "127.0.0.1"
port = ${server.port}
domains = ["example.org", "example.net"]
`,
  );
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

function postern(command: string, ...words: readonly string[]): Promise<readonly [status: number, stdout: string, stderr: string]> {
  const all = [program, command, "-c", config, "--state-directory", folder, ...words];
  return new Promise((resolve) => {
    execFile(process.execPath, all, (error, stdout, stderr) => resolve([Number(error?.code ?? 0), stdout, stderr]));
  });
}

it("check --connect probes each domain", async () => {
  const [status, , stderr] = await postern("check", "--connect");
  expect(status).toBe(0);
  expect(
    stderr
      .replaceAll(/probe-[\da-f]{12}/g, "probe-R")
      .split("\n")
      .slice(-3),
  ).toEqual([
    "directory inner: example.org: RCPT TO:<postern-probe-R@example.org>: 550 5.1.1 No such user at inner.example",
    `directory inner: example.net: RCPT TO:<postern-probe-R@example.net>: 250 ok. ${takesAllText}`,
    "",
  ]);
});

it("query says what was asked and answered, where nothing reads it as the answer", async () => {
  const [status, stdout, stderr] = await postern("query", "recipients", "later@example.org");
  expect([status, stdout]).toEqual([75, ""]);
  expect(stderr).toContain("directory inner: RCPT TO:<later@example.org>: 451 4.3.0 Later\ncannot tell: ");
});

it("explain shows both beside what became of it", async () => {
  const recipients = ["x@example.org", "full@example.org", "later@example.org", "x@example.net"].flatMap((address) => ["--to", address]);
  const [status, stdout, stderr] = await postern("explain", "--helo", "mx.client.example", "--from", "a@b.example", ...recipients);
  expect(status).toBe(0);
  expect(stderr).toBe(`directory inner: example.net: ${takesAllText}\n`);
  const ofRecipients = stdout.slice(stdout.indexOf("RCPT ")).split("\n");
  // A catch-all is asked for, too, where an address is not found; the server is not.
  expect(ofRecipients.filter((line) => /^ {2}(?:directory inner: \w+@|→)/.test(line))).toEqual([
    "  directory inner: x@example.org: not found (RCPT TO:<x@example.org>: 550 5.1.1 No such user at inner.example)",
    "  → 550 5.1.2 Mailbox does not exist. (unknown-mailbox)",
    "  directory inner: full@example.org: found, but full, account full@example.org (RCPT TO:<full@example.org>: 452 4.2.2 Mailbox full of secrets)",
    "  → 452 4.2.2 Mailbox is full, try again later. (over-quota)",
    expect.stringMatching(/^ {2}directory inner: later@example\.org: cannot tell: .*451 4\.3\.0 Later/),
    "  → 451 4.4.3 Unable to verify address at this time. (unavailable)",
    "  directory inner: x@example.net: accepted without being checked, account x@example.net (RCPT TO:<x@example.net>: 250 ok)",
    "  → accepted (unchecked)",
  ]);
});
