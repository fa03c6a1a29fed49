/** What is too long is refused before anything is asked about it. */
import { describe, expect, test } from "vitest";
import { formatReply } from "../../../src/mail/reply.ts";
import { decideEhlo } from "../../../src/stage/ehlo.ts";
import type { Verdict } from "../../../src/stage/verdict.ts";
import { session } from "../../support/session.ts";
import { rule, settings } from "../../support/settings.ts";
import { directoryOf, sourcesOf } from "../../support/sources.ts";
import { askMail, askRcpt } from "../../support/stages.ts";

const said = (verdict: Verdict) => (verdict.kind === "pass" ? "pass" : formatReply(verdict.reply));

function place() {
  const directory = directoryOf({ "john@example.org": "john@example.org" });
  const changes = { ehlo: { rejectNonFqdn: rule("false") }, rcpt: { relay: rule("true") } };
  return { directory, core: { settings: settings(changes), sources: sourcesOf([directory]) } };
}

const octets = (count: number, domain: string) => `${"x".repeat(count - domain.length)}${domain}`;

/** Letters of three octets each. */
const wide = (count: number, domain: string) => `${"\u4e2d".repeat((count - domain.length) / 3)}${domain}`;

test.each([
  [octets(255, ".example"), "pass"],
  [octets(256, ".example"), "550 5.5.0 Invalid EHLO domain."],
  [wide(255, "..example"), "pass"],
  [wide(258, "..example"), "550 5.5.0 Invalid EHLO domain."],
  [octets(100_000, ".example"), "550 5.5.0 Invalid EHLO domain."],
])("an EHLO name, whatever reject-non-fqdn says", async (name, expected) => {
  expect(said(await decideEhlo(session({ helo: "" }), name, place().core))).toBe(expected);
});

test("a trusted client may be called what it likes", async () => {
  expect(said(await decideEhlo(session({ trusted: true, helo: "" }), octets(256, ".example"), place().core))).toBe("pass");
});

describe.each([false, true])("trusted: %s", (trusted) => {
  test.each([
    [octets(512, "@far.example"), [], "pass", "pass"],
    [octets(513, "@far.example"), [], "501 5.1.7 Sender address is too long.", "501 5.1.3 Recipient address is too long."],
    [wide(513, "@f.example.org."), [], "501 5.1.7 Sender address is too long.", "501 5.1.3 Recipient address is too long."],
    [octets(100_000, "@far.example"), [], "501 5.1.7 Sender address is too long.", "501 5.1.3 Recipient address is too long."],
    ["a@far.example", ["X=".padEnd(2047, "y")], "pass", "pass"],
    ["a@far.example", ["X=".padEnd(2049, "y")], "501 5.5.4 Too many or too long parameters.", "501 5.5.4 Too many or too long parameters."],
    ["a@far.example", Array(2000).fill("XY"), "501 5.5.4 Too many or too long parameters.", "501 5.5.4 Too many or too long parameters."],
  ] as const)("MAIL and RCPT", async (address, parameters, mail, rcpt) => {
    const { core, directory } = place();
    const client = session({ sender: "a@b.example", trusted });
    expect(said((await askMail(client, address, core, { parameters })).verdict)).toBe(mail);
    expect(said((await askRcpt(client, address, core, { parameters })).verdict)).toBe(rcpt);
    if (rcpt !== "pass") expect(directory.asked).toEqual([]);
  });
});
