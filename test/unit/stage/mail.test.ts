import { expect, test } from "vitest";
import { formatReply } from "../../../src/mail/reply.ts";
import { session } from "../../support/session.ts";
import { type Changes, rule, settings } from "../../support/settings.ts";
import { sourcesOf } from "../../support/sources.ts";
import { askMail } from "../../support/stages.ts";

async function mail(sender: string, facts: Parameters<typeof session>[0] = {}, changes: Changes = {}) {
  const outcome = await askMail(session(facts), sender, { settings: settings(changes), sources: sourcesOf([]) });
  return outcome.verdict.kind === "pass" ? outcome.sender : formatReply(outcome.verdict.reply);
}

test("EHLO comes first", async () => {
  expect(await mail("a@b.example", { helo: "" })).toBe("503 5.5.1 Polite people say EHLO first.");
  expect(await mail("a@b.example", { helo: "", trusted: true })).toBe("a@b.example");
  expect(await mail("a@b.example", { helo: "" }, { ehlo: { require: rule("false") } })).toBe("a@b.example");
});

test.each([
  ["Bill@DOE.foobar.net", "bill+doe@foobar.net"],
  ["bill@foobar.org", "bill@foobar.org"],
  ["", ""],
  ["User@straß6.de", "user@xn--stra6-oqa.de"],
])("sender %s → %s", async (sender, expected) => {
  const rewrite = rule(
    [["ends_with(sender_domain, '.foobar.net') & matches('^([^.]+)@([^.]+)\\.(.+)$', sender)", "$1 + '+' + $2 + '@' + $3"], "false"],
    "mail",
  );
  expect(await mail(sender, {}, { mail: { rewrite } })).toBe(expected);
});

test.each([
  ["''", ""],
  ["'nobody'", "a@b.example"],
  ["5", "a@b.example"],
  ["'New@Example.ORG'", "new@example.org"],
])("rewrite to %s gives %s", async (text, expected) => {
  expect(await mail("a@b.example", {}, { mail: { rewrite: rule(text, "mail") } })).toBe(expected);
});
