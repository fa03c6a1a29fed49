/** `postern replay` as an administrator runs it, on logs in the forms in which they are found. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test, vi } from "vitest";
import { replayCommand } from "../../../src/cli/replay.ts";

const folder = mkdtempSync(join(tmpdir(), "postern-replay-"));
afterAll(() => rmSync(folder, { recursive: true }));

const config = (session: string) => `
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:10040"]
[directory.accounts]
type = "memory"
principals = [ { name = "john", email = ["john@example.org"] } ]
[lookup-sql.away]
store = "sql"
query = "SELECT 1 WHERE $1 = ''"
[store.sql]
type = "postgresql"
host = "127.0.0.1"
port = 1
${session}`;

const mailbox = {
  ...{ level: "info", time: "2026-11-29T10:00:00.000Z", event: "decision", listener: "smtp", stage: "rcpt", client: "203.0.113.9" },
  ...{ clientName: "mx.client.example", clientPort: 4321, serverPort: 25, helo: "mx.client.example", tls: false, auth: "" },
  ...{ sender: "a@client.example", recipient: "john@example.org", instance: "1.1", verdict: "pass", reply: "", reason: "mailbox" },
  ...{ resolved: ["john@example.org"], ms: 1 },
};
const unknown = { ...mailbox, recipient: "nobody@example.org", verdict: "reject", reason: "unknown-mailbox", resolved: [] };
const would = { ...unknown, verdict: "pass", would: "reject" };
const greylisted = { ...mailbox, verdict: "defer", reason: "greylisted", resolved: [] };
const tooMany = { ...mailbox, verdict: "defer", reason: "too-many-recipients" };
const lastError = { ...unknown, verdict: "disconnect", reason: "too-many-errors" };
const name = { ...mailbox, stage: "ehlo", helo: "local", recipient: "", verdict: "reject", reason: "invalid-ehlo" };

async function replay(session: string, lines: readonly string[] | Buffer, ...more: readonly string[]) {
  writeFileSync(join(folder, "postern.toml"), config(session));
  writeFileSync(join(folder, "log"), Buffer.isBuffer(lines) ? lines : lines.join("\n"));
  const out = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const errors = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const written = ({ mock }: typeof out) => mock.calls.map(([chunk]) => String(chunk)).join("");
  try {
    await replayCommand().parseAsync([join(folder, "log"), "-c", join(folder, "postern.toml"), ...more], { from: "user" });
    return { status: Number(process.exitCode ?? 0), out: written(out), errors: written(errors) };
  } finally {
    process.exitCode = undefined;
    out.mockRestore();
    errors.mockRestore();
  }
}

const greylist = "[session.rcpt.greylist]\nenable = true\n";
const all = [mailbox, unknown, would, greylisted, tooMany, lastError, name].map((line) => JSON.stringify(line));

test("by the configuration that decided nothing differs", async () => {
  const { status, out } = await replay(greylist, [...all, "", "{", "no decision", JSON.stringify({ event: "listening" })]);
  expect([status, out]).toEqual([0, "7 decisions: 0 would differ\n1 are left out, of limits that depend on what came before\n"]);
});

test("what differs, the most frequent first, with examples", async () => {
  const { status, out } = await replay('[session.mail]\nmode = "shadow"\ndeny = [ { if = "sender_domain == \'client.example\'" } ]', all);
  expect(status).toBe(1);
  expect(out).toMatch(/^7 decisions: 2 would differ\n/);
  expect(out).toContain(`
1 at RCPT: pass (mailbox) → reject (denied)
  client mx.client.example[203.0.113.9], helo mx.client.example, from <a@client.example>, to <john@example.org>
`);
  expect(out).toContain("1 at RCPT: defer (greylisted) → reject (denied)");
});

const shadow = {
  name: { ...mailbox, stage: "ehlo", helo: "local", verdict: "pass", would: "reject", reason: "invalid-ehlo", resolved: [] },
  denied: { ...mailbox, helo: "local", would: "reject", reason: "denied" },
  greylisted: { ...mailbox, helo: "local", would: "defer", reason: "greylisted" },
};
const ofShadow = [shadow.name, shadow.denied, shadow.greylisted].map((line) => JSON.stringify(line));
const denied = '[session.rcpt]\ndeny = [ { if = "rcpt_domain == \'example.org\'", mode = "shadow" } ]\n';
const shadowGreylist = '[session.rcpt.greylist]\nenable = true\nmode = "shadow"\n';

test.each<[what: string, session: string, differences: readonly string[]]>([
  ["by the same configuration nothing", denied + shadowGreylist, []],
  ["a recipient that would be accepted, though its EHLO is refused as before", shadowGreylist, ["rcpt reject (denied) → pass (mailbox)"]],
  [
    "all of it, when all is accepted",
    "[session.ehlo]\nreject-non-fqdn = false\n",
    ["ehlo reject (invalid-ehlo) → pass (pass)", "rcpt reject (denied) → pass (mailbox)", "rcpt defer (greylisted) → pass (mailbox)"],
  ],
])("of a log of shadow mode, whose stages have a line each: %s", async (_, session, differences) => {
  const { out } = await replay(session, ofShadow, "--json");
  const result: { readonly differences: readonly { stage: string; before: string; now: string }[] } = JSON.parse(out);
  expect(result.differences.map(({ stage, before, now }) => `${stage} ${before} → ${now}`)).toEqual(differences);
});

test.each<[form: string, line: string]>([
  ["as the journal prints it", `Nov 29 10:00:00 mx postern[7]: ${JSON.stringify(mailbox)}`],
  ["as the journal exports it", JSON.stringify({ PRIORITY: "6", MESSAGE: JSON.stringify(mailbox) })],
  [
    "as text",
    '2026-11-29T10:00:00.000Z info event=decision listener=smtp stage=rcpt client=203.0.113.9 clientPort=4321 serverPort=25 helo=mx.client.example tls=false sender="a@client.example" recipient=john@example.org verdict=pass reason=mailbox resolved=["john@example.org"] ms=1',
  ],
])("a line %s", async (_, line) => {
  const { out } = await replay("[session.rcpt]\ndeny = [ { if = \"sender == 'a@client.example' && !is_tls\" } ]", [line], "--json");
  expect(JSON.parse(out)).toMatchObject({ decisions: 1, differ: 1, differences: [{ before: "pass (mailbox)", now: "reject (denied)" }] });
});

test("a store is not asked unless it is said", async () => {
  const { status, out } = await replay("[session.rcpt]\ndeny = [ { if = \"key_exists('away', sender_domain)\" } ]", all.slice(0, 1));
  expect(status).toBe(0);
  expect(out).toBe("1 decision: 0 would differ\n1 cannot be told: a database, a server or the DNS would have to be asked. --ask does so\n");
});

const json = JSON.stringify(mailbox);
const exported = JSON.stringify({ _PID: "17", MESSAGE: json });
const inText = `2026-11-29T10:00:00.000Z info rcpt pass mailbox: event=decision listener=smtp stage=rcpt client=203.0.113.9 helo=mx.client.example sender=a@client.example recipient=john@example.org verdict=pass reason=mailbox`;

test.each([
  ["a line that was cut", json.slice(0, 200)],
  ["the end of one, run into another", `${json.slice(0, 150)}${json}`],
  ["an exported line that was cut", exported.slice(0, 200)],
  ["a line of text that was cut", inText.slice(0, 150)],
])("%s is counted", async (_, broken) => {
  const { status, out } = await replay("", [json, broken, inText, exported]);
  expect([status, out]).toEqual([0, "3 decisions: 0 would differ\nleft out, since they were cut or ran into each other: 1 line\n"]);
});

test.each<[what: string, lines: readonly string[] | Buffer, said: string]>([
  ["a log that is compressed", gzipSync(json), "is compressed: zcat FILE | postern replay -\n"],
  ["a log of something else", ["Nov 29 10:00:00 mx postfix/smtpd[17]: connect from unknown", "x"], "has no decisions"],
  ["a log whose lines were cut", [json.slice(0, 200), json.slice(200)], "has no whole decision"],
])("%s is an error", async (_, lines, said) => {
  const { status, out, errors } = await replay("", lines);
  expect([status, out]).toEqual([2, ""]);
  expect(errors).toContain(`${join(folder, "log")} ${said}`);
});

test("of several logs those without decisions are named, and the others are made anew", async () => {
  writeFileSync(join(folder, "log.1.gz"), gzipSync(json));
  writeFileSync(join(folder, "other"), "connect from unknown\n");
  const { status, out, errors } = await replay("", [json], join(folder, "log.1.gz"), join(folder, "other"));
  expect([status, out]).toEqual([0, "1 decision: 0 would differ\n"]);
  expect(errors).toMatch(/log\.1\.gz is compressed.*\n.*other has no decisions.*\n$/);
});

test("an empty log has nothing to differ", async () => {
  expect(await replay("", [])).toEqual({ status: 0, out: "0 decisions: 0 would differ\n", errors: "" });
});

test.each([
  ["a folder", folder, `${folder} is a folder: name a file\n`],
  ["a file that is not there", join(folder, "none"), `there is no file ${join(folder, "none")}\n`],
])("%s is an error with its name, before anything is read", async (_, path, said) => {
  expect(await replay("", [json], path)).toEqual({ status: 2, out: "", errors: said });
});

test("the listener's local-port comes before the port in the log", async () => {
  const denial =
    '[session.rcpt]\ndeny = [ { if = "local_port == 587" } ]\n[listener.smtp2]\nprotocol = "policy"\nbind = ["127.0.0.1:10041"]\nlocal-port = 587\n';
  const { out } = await replay(denial, [JSON.stringify(mailbox), JSON.stringify({ ...mailbox, listener: "smtp2" })]);
  expect(out).toMatch(/^2 decisions: 1 would differ\n/);
});
