import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { OpenSmtpdFilter } from "../../../../src/frontend/opensmtpd/opensmtpd-filter.ts";
import { hasControls } from "../../../../src/text/controls.ts";
import { type FilterDecision, maxLineOctets } from "../../../../src/wire/opensmtpd.ts";
import { PolicyDecoder, type PolicyRequest } from "../../../../src/wire/policy.ts";
import { parseAction } from "../../../../src/wire/policy-question.ts";
import { hostileBytes } from "../../../support/hostile.ts";
import { cut, latin1, places } from "../../../support/portions.ts";
import { runs } from "../../../support/runs.ts";

type Answer = (request: PolicyRequest) => string | Promise<string>;

const later: FilterDecision = { kind: "reject", reply: "451 4.3.5 Later." };

/** With a policy listener that answers so. */
function filterWith(answer: Answer, whenAway = later) {
  const asked: PolicyRequest[] = [];
  const sent: string[] = [];
  const logged: string[] = [];
  const filter = new OpenSmtpdFilter({
    async ask(request) {
      const decoder = new PolicyDecoder();
      decoder.push(Buffer.from(request));
      const decoded = decoder.next();
      if (decoded === undefined || decoder.isMidway) throw new Error(`not one request: ${request}`);
      asked.push(decoded);
      const action = parseAction(`action=${await answer(decoded)}\n\n`);
      if (action === undefined) throw new Error("not an action");
      return action;
    },
    send: (lines) => sent.push(...lines.split("\n").filter(Boolean)),
    log: (line) => logged.push(line),
    whenAway,
  });
  return { filter, asked, sent, logged };
}

const handshake = [
  "config|smtpd-version|6.8.0p2",
  "config|smtp-session-timeout|300",
  "config|subsystem|smtp-in",
  "config|admd|mta.test",
  "config|ready",
];
const connected = "report|0.6|1.2|smtp-in|link-connect|a1|mx.b.example|pass|192.0.2.1:33171|192.0.2.2:25";
const query = (phase: string, argument: string, token = "0f") => `filter|0.6|1.2|smtp-in|${phase}|a1|${token}|${argument}`;

/** A session of OpenSMTPD 6.8.0p2, as its source says it. */
const dialogue = [
  ...handshake,
  connected,
  query("connect", "mx.b.example|192.0.2.1", "01"),
  query("ehlo", "mx.b.example", "02"),
  "report|0.6|1.2|smtp-in|link-identify|a1|EHLO|mx.b.example",
  "report|0.6|1.2|smtp-in|link-tls|a1|TLSv1.3:TLS_AES_256_GCM_SHA384:256",
  query("ehlo", "mx.b.example", "03"),
  "report|0.6|1.2|smtp-in|link-identify|a1|EHLO|mx.b.example",
  "report|0.6|1.2|smtp-in|link-auth|a1|john|pass",
  query("mail-from", "<s|t@b.example> SIZE=300 BODY=8BITMIME", "04"),
  query("rcpt-to", "<@one.example:u@c.example> NOTIFY=NEVER", "05"),
  query("mail-from", "<>", "06"),
  query("rcpt-to", "<nobody@c.example>", "07"),
  "report|0.6|1.2|smtp-in|link-disconnect|a1",
];

const ended = () => new Promise((resolve) => setImmediate(resolve));

test("a session, in any portions", async () => {
  await fc.assert(
    fc.asyncProperty(places, async (at) => {
      const { filter, asked, sent, logged } = filterWith(({ recipient }) => (recipient === "nobody@c.example" ? "550 5.1.2 No." : "DUNNO"));
      for (const portion of cut(latin1(dialogue.map((line) => `${line}\n`).join("")), at)) filter.push(portion);
      await ended();
      const results = sent.filter((line) => !line.startsWith("register|"));
      expect(sent.indexOf("register|ready")).toBe(sent.length - results.length - 1);
      expect(results).toEqual(
        [..."123456"].map((each) => `filter-result|a1|0${each}|proceed`).concat("filter-result|a1|07|reject|550 5.1.2 No."),
      );
      expect(asked.map(({ protocolState, sender, recipient, instance }) => [protocolState, sender, recipient, instance].join(" "))).toEqual(
        [
          "CONNECT   ",
          "EHLO   ",
          "EHLO   ",
          "MAIL s|t@b.example  a1.1",
          "RCPT s|t@b.example u@c.example a1.1",
          "MAIL   a1.2",
          "RCPT  nobody@c.example a1.2",
        ],
      );
      expect(asked[4]).toMatchObject({
        clientAddress: "192.0.2.1",
        clientName: "mx.b.example",
        clientPort: "33171",
        serverAddress: "192.0.2.2",
        serverPort: "25",
        heloName: "mx.b.example",
        size: "300",
        saslUsername: "john",
        encryptionProtocol: "TLSv1.3",
        encryptionCipher: "TLS_AES_256_GCM_SHA384",
      });
      expect(logged).toEqual([]);
    }),
    { numRuns: runs(30) },
  );
});

/** The results of one query in a session that has begun. */
async function resultOf(line: string, answer: Answer, whenAway = later) {
  const { filter, sent, logged } = filterWith(answer, whenAway);
  filter.push(latin1(`${connected}\n${line}\n`));
  await ended();
  return { result: sent.join("\n").replace("filter-result|a1|0f|", ""), logged };
}

describe("an action becomes", () => {
  it.each([
    ["DUNNO", "rcpt-to", "proceed"],
    ["550 5.1.2 No | such.", "rcpt-to", "reject|550 5.1.2 No | such."],
    ["450 4.7.1 Wait.", "ehlo", "reject|450 4.7.1 Wait."],
    ["DEFER_IF_PERMIT 4.7.1 Greylisted.", "rcpt-to", "reject|450 4.7.1 Greylisted."],
    ["421 4.3.0 Bye.", "rcpt-to", "disconnect|421 4.3.0 Bye."],
    ["450 4.4.5 Too many.", "connect", "disconnect|450 4.4.5 Too many."],
    ["PREPEND Received-SPF: pass", "rcpt-to", "proceed"],
    ["FILTER smtp:", "rcpt-to", "reject|451 4.3.5 Later."],
  ])("%s at %s: %s", async (action, phase, result) => {
    expect((await resultOf(query(phase, "<a@b.example>"), () => action)).result).toBe(result);
  });
});

describe("without Postern", () => {
  const away = () => Promise.reject(new Error("ECONNREFUSED"));

  it.each(["connect", "helo", "ehlo"])("%s proceeds, since MAIL asks anew", async (phase) => {
    expect((await resultOf(query(phase, "x"), away)).result).toBe("proceed");
  });

  it.each(["mail-from", "rcpt-to"])("%s gets the default action", async (phase) => {
    expect((await resultOf(query(phase, "<a@b.example>"), away)).result).toBe("reject|451 4.3.5 Later.");
    expect((await resultOf(query(phase, "<a@b.example>"), away, { kind: "proceed" })).result).toBe("proceed");
  });

  it("says so once, and once that it is over", async () => {
    let isAway = true;
    const { filter, sent, logged } = filterWith(() => (isAway ? away() : "DUNNO"));
    filter.push(latin1(`${connected}\n`));
    for (isAway of [true, true, false, false]) {
      filter.push(latin1(`${query("rcpt-to", "<a@b.example>")}\n`));
      await ended();
    }
    expect(sent.map((line) => line.split("|")[3])).toEqual(["reject", "reject", "proceed", "proceed"]);
    expect(logged).toEqual(['Postern cannot be asked, and MAIL and RCPT get "451 4.3.5 Later.": ECONNREFUSED', "Postern answers again"]);
  });
});

test("mail of the host itself, and a session that is not known, are not asked about", async () => {
  const { filter, asked, sent } = filterWith(() => "550 5.1.2 No.");
  const local = "report|0.6|1.2|smtp-in|link-connect|a1|local|pass|unix:/run/smtpd.sock|unix:/run/smtpd.sock";
  filter.push(latin1(`${query("rcpt-to", "<a@b.example>")}\n${local}\n${query("rcpt-to", "<a@b.example>")}\n`));
  await ended();
  expect(sent).toEqual(["filter-result|a1|0f|reject|451 4.3.5 Later.", "filter-result|a1|0f|proceed"]);
  expect(asked).toEqual([]);
});

test("a line that is too long is refused as such", async () => {
  expect((await resultOf(query("rcpt-to", `<${"a".repeat(maxLineOctets)}@b.example>`), () => "DUNNO")).result).toBe(
    "reject|500 5.5.2 Line too long.",
  );
});

test("a filter that is attached to nothing registers for nothing, which would end OpenSMTPD", () => {
  const { filter, sent, logged } = filterWith(() => "DUNNO");
  filter.push(latin1("config|subsystem|smtp-out\nconfig|ready\n"));
  expect(sent).toEqual(["register|ready"]);
  expect(logged).toHaveLength(1);
});

test("whatever the lines hold, each result is one line for what was asked", async () => {
  const samples = [dialogue.join("\n"), dialogue.slice(handshake.length).join("\r\n"), `${query("rcpt-to", "<\0\r@|\xff>")}\n`].map(latin1);
  await fc.assert(
    fc.asyncProperty(hostileBytes(samples), async (bytes) => {
      const { filter, sent } = filterWith(({ recipient }) => `550 5.1.2 ${recipient}`);
      try {
        filter.push(Buffer.concat([latin1(`${connected}\n`), bytes, latin1("\n")]));
      } catch (error) {
        expect(String(error)).toMatch(/^ProtocolError: version /);
      }
      await ended();
      for (const line of sent) {
        expect(line).toMatch(/^register\||^filter-result\|[0-9a-f]+\|[0-9a-f]+\|(?:proceed$|(?:reject|disconnect)\|[45]\d\d .)/);
        expect(hasControls(line)).toBe(false);
      }
    }),
    { numRuns: runs(100) },
  );
});
