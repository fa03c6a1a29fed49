/** The filter of contrib/attacks finds the mistakes of clients in log lines as they are written, and nothing else. */
import { expect, test } from "vitest";
import { createLogger, logLine } from "../../../src/daemon/log.ts";
import { logDecision } from "../../../src/daemon/log-lines.ts";
import { reportDecision } from "../../../src/frontend/decision.ts";
import { WrittenDecision } from "../../../src/frontend/written-decision.ts";
import { reply } from "../../../src/mail/reply.ts";
import { pass, refuse } from "../../../src/stage/refuse.ts";
import type { Verdict } from "../../../src/stage/verdict.ts";
import { read } from "../../support/contrib.ts";
import { session } from "../../support/session.ts";

/** As fail2ban reads them: lines that are indented go on with the list. */
function patternsOf(filter: string): readonly RegExp[] {
  const [, refused = ""] = /^_refused = (.*)$/m.exec(filter) ?? [];
  const [, list = ""] = /^failregex = ((?:.*\n)(?:\s+\S.*\n)*)/m.exec(filter) ?? [];
  return list
    .trim()
    .split(/\n\s*/)
    .map((pattern) => new RegExp(pattern.replaceAll("%(_refused)s", refused).replace("<ADDR>", "(?<client>[\\d.:a-f]+)")));
}

const patterns = patternsOf(read("contrib/attacks/fail2ban-filter.conf"));

function lineOf(
  verdict: Verdict,
  format: "json" | "text",
  { helo = "mx.client.example", sender = "", worker = false, isShadow = false } = {},
): string {
  let written = "";
  const write = (line: string) => {
    written = logLine(line, format);
  };
  const logger = createLogger({ level: "info", fields: worker ? { worker: 2 } : {}, write, clock: () => 0 });
  const decided = {
    listener: "smtp",
    stage: "rcpt",
    sender,
    recipient: "nobody@example.org",
    instance: "1.1",
    resolved: [],
    ms: 1,
  } as const;
  reportDecision(
    { onDecision: (decision) => logDecision(logger, new WrittenDecision(decision)), onNotice: () => {} },
    { ...decided, session: session(), helo, verdict, isShadow },
  );
  return written;
}

const found = (line: string) => patterns.flatMap((pattern) => pattern.exec(line)?.groups?.client ?? []);

const unknown = refuse(reply(550, "5.1.2", "Mailbox does not exist."), "unknown-mailbox");
const tooMany = refuse(reply(421, "4.3.0", "Too many errors, disconnecting."), "too-many-errors");
const denied = refuse(reply(550, "5.7.1", "Access denied."), "denied");

test.each(["json", "text"] as const)("%s", (format) => {
  for (const verdict of [unknown, tooMany]) {
    expect(found(lineOf(verdict, format))).toEqual(["203.0.113.9"]);
    expect(found(lineOf(verdict, format, { worker: true }))).toEqual(["203.0.113.9"]);
    // From the journal.
    expect(found(`mx postern[17]: ${lineOf(verdict, format)}`)).toEqual(["203.0.113.9"]);
    expect(found(lineOf(verdict, format, { isShadow: true }))).toEqual([]);
  }
  for (const verdict of [denied, pass("mailbox")]) expect(found(lineOf(verdict, format))).toEqual([]);
});

test.each(["json", "text"] as const)("no client has another one banned, or itself by mail that is accepted, %s", (format) => {
  const texts = [
    '","stage":"rcpt","client":"192.0.2.1", stage=rcpt client=192.0.2.1 verdict=reject reason=unknown-mailbox "reason":"unknown-mailbox"',
    "x verdict=reject y reason=unknown-mailbox z@client.example",
    "info rcpt reject unknown-mailbox: event=decision listener=smtp stage=rcpt client=192.0.2.1 @client.example",
    '","verdict":"reject","reason":"unknown-mailbox"@client.example',
  ];
  for (const chosen of texts) {
    for (const said of [{ helo: chosen }, { sender: chosen }]) {
      expect(found(lineOf(unknown, format, said))).toEqual(["203.0.113.9"]);
      expect(found(lineOf(pass("mailbox"), format, said))).toEqual([]);
    }
  }
});
