import { describe, expect, test } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { parseConfiguration } from "../../../src/config/load.ts";
import { formatReply } from "../../../src/mail/reply.ts";
import type { TraceEntry } from "../../../src/stage/core.ts";
import { decideEhlo } from "../../../src/stage/ehlo.ts";
import { askMap } from "../../../src/stage/maps.ts";
import type { SpfIdentity } from "../../../src/stage/sources.ts";
import { session } from "../../support/session.ts";
import { directoryOf, sourcesOf } from "../../support/sources.ts";
import { askMail, askRcpt } from "../../support/stages.ts";

const directory = directoryOf({ "john@example.org": "john@example.org" });
const noAnswer = () => {
  throw new TemporaryError("down");
};

/** Of the `deny` of one stage, as the configuration has it. */
function coreOf(table: string, trace?: (entry: TraceEntry) => void) {
  const text = `[directory.accounts]\ntype = "mta"\n${table}`;
  const { configuration, problems } = parseConfiguration(text, "postern.toml", () => "", { serves: false });
  if (configuration === undefined) throw new Error(problems.map(({ message }) => message).join("\n"));
  const sources = sourcesOf([directory], {}, { sqlQuery: noAnswer });
  return { settings: configuration.settings, sources, ...(trace && { trace }) };
}

async function mailFrom(sender: string, reply: string): Promise<string> {
  const core = coreOf(`[session.mail]\ndeny = [ { if = "helo_domain != ''", reply = ${JSON.stringify(reply)} } ]`);
  const { verdict } = await askMail(session(), sender, core);
  return verdict.kind === "pass" ? "pass" : formatReply(verdict.reply);
}

describe("a variable in a reply", () => {
  test.each([
    ["a@b.example", "550 5.7.1 Not from {sender_domain}.", "550 5.7.1 Not from b.example."],
    ["a@b.example", "450 {sender}", "450 4.0.0 a@b.example"],
    ["", "550 5.7.1 <{sender}>", "550 5.7.1 <>"],
    ["{helo_domain}@b.example", "550 5.7.1 {sender}", "550 5.7.1 {helo_domain}@b.example"],
    ["é\u0007\u{1f600}@b.example", "550 5.7.1 {sender}", "550 5.7.1 é \u{1f600}@b.example"],
    [`${"a".repeat(300)}@b.example`, "550 5.7.1 {sender} is too odd.", `550 5.7.1 ${"a".repeat(100)} is too odd.`],
    ["a@b.example", "550 5.7.1 {local_port}{is_tls}", "550 5.7.1 250"],
  ])("from <%s>, %s", async (sender, reply, expected) => {
    expect(await mailFrom(sender, reply)).toBe(expected);
  });
});

test("the result of SPF that only the reply names is asked for once it is given", async () => {
  const core = coreOf(`[session.mail]\ndeny = [ { if = "sender == 'x@b.example'", reply = "550 5.7.1 SPF: {spf_result}" } ]`);
  const asked: string[] = [];
  const spf = async ({ sender }: SpfIdentity) => {
    asked.push(sender);
    return { result: "softfail", by: "~all", mechanism: "all" } as const;
  };
  const sources = { ...core.sources, senderAuth: { ...core.sources.senderAuth, spf } };
  const mailFromBy = (sender: string) => askMail(session(), sender, { ...core, sources });
  expect((await mailFromBy("a@b.example")).verdict.kind).toBe("pass");
  expect((await mailFromBy("x@b.example")).verdict).toMatchObject({ reply: { text: "SPF: softfail" } });
  expect(asked).toEqual(["x@b.example"]);
});

test("what cannot be told defers", async () => {
  const denials = `deny = [ { if = "sql_query('embedded', 'SELECT ?', helo_domain)" } ]`;
  const reply = expect.objectContaining({ code: 451, status: "4.4.3" });
  const deferred = expect.objectContaining({ kind: "defer", reason: "unavailable", reply });
  expect(await decideEhlo(session(), "other.example", coreOf(`[session.ehlo]\n${denials}`))).toEqual(deferred);
  expect((await askMail(session(), "a@b.example", coreOf(`[session.mail]\n${denials}`))).verdict).toEqual(deferred);
  const rcpt = await askRcpt(session({ sender: "a@b.example" }), "john@example.org", coreOf(`[session.rcpt]\n${denials}`));
  expect(rcpt).toMatchObject({ verdict: deferred, countsAsError: false });
});

test("explain names the rule that refused", async () => {
  const entries: TraceEntry[] = [];
  const table = `[[session.mail.deny]]\nif = "sender == 'x@b.example'"\n[[session.mail.deny]]\nif = "sender_domain == 'b.example'"\n`;
  const core = coreOf(table, (entry) => entries.push(entry));
  expect((await askMail(session(), "a@b.example", core)).verdict).toMatchObject({ kind: "reject", reason: "denied" });
  expect(entries).toEqual([
    { step: "deny (postern.toml:4)", asked: 'sender = "a@b.example"', answer: "0" },
    { step: "deny (postern.toml:6)", asked: 'sender_domain = "b.example"', answer: "1" },
  ]);
});

test("the map of EHLO names asks only what it knows", async () => {
  const table = `[session.ehlo]\ndeny = [ { if = "is_empty(authenticated_as)" }, { if = "helo_domain == 'bad.example'" } ]`;
  const listener = { name: "maps", localPort: 25, isTrusted: () => false };
  expect(await askMap("helo", "good.example", coreOf(table), listener)).toBeUndefined();
  expect(await askMap("helo", "bad.example", coreOf(table), listener)).toBe("550 5.7.1 Access denied.");
});
