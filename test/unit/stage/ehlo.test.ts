import { describe, expect, test } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { formatReply } from "../../../src/mail/reply.ts";
import { decideEhlo } from "../../../src/stage/ehlo.ts";
import { isFullyQualified } from "../../../src/stage/fqdn.ts";
import type { Verdict } from "../../../src/stage/verdict.ts";
import { session } from "../../support/session.ts";
import { type Changes, rule, settings } from "../../support/settings.ts";
import { sourcesOf } from "../../support/sources.ts";

const shown = (verdict: Verdict) => (verdict.kind === "pass" ? "pass" : formatReply(verdict.reply));

async function ehlo(name: string, facts: Parameters<typeof session>[0] = {}, changes: Changes = {}, lists = {}) {
  return shown(await decideEhlo(session({ helo: "", ...facts }), name, { settings: settings(changes), sources: sourcesOf([], lists) }));
}

describe("the FQDN rules", () => {
  const label63 = "a".repeat(63);
  test.each([
    ["domain", false, false],
    ["localhost", false, false],
    ["WORKGROUP", false, false],
    ["mx1.foobar.org", true, true],
    ["localhost.", true, false],
    ["com.", true, false],
    [".com", true, false],
    ["a..b", true, false],
    ["-x.y", true, false],
    ["x-.y", true, false],
    ["foo_bar.com", true, false],
    ["mx1.foobar.org.", true, true],
    ["[1.2.3.4]", true, true],
    ["1.2.3.4", true, false],
    ["[1.2.3]", true, false],
    ["[IPv6:2001:db8::1]", false, true],
    ["[2001:db8::1]", false, false],
    ["[IPv6:::ffff:192.0.2.1]", true, true],
    ["[IPv6:192.0.2.1]", true, false],
    ["[IPV6:2001:DB8:0:0:0:0:0:7]", false, true],
    ["[IPv6:]", false, false],
    ["[]", false, false],
    ["[192.0.2.7", true, false],
    ["[192.0.2.007]", true, false],
    ["[300.1.1.1]", true, false],
    ["mx.2001", true, false],
    ["bb5b0be39583", false, false],
    ["münchen.de", true, true],
    [`${"x.".repeat(130)}example`, true, false],
    ["...", false, false],
    [".", false, false],
    ["", false, false],
    [`${label63}.com`, true, true],
    [`${label63}a.com`, false, false],
    [`${"ü".repeat(63)}.de`, true, true],
    ["a.b\u0000", true, false],
  ])("%s: stalwart %s, strict %s", (name, stalwart, strict) => {
    expect([isFullyQualified(name, "stalwart"), isFullyQualified(name, "strict")]).toEqual([stalwart, strict]);
  });
});

test("a name without a dot is refused on port 25 only", async () => {
  expect(await ehlo("localhost")).toBe("550 5.5.0 Invalid EHLO domain.");
  expect(await ehlo("localhost", { port: 587 })).toBe("pass");
});

test("trusted sessions get no EHLO refusal", async () => {
  expect(await ehlo("localhost", { trusted: true })).toBe("pass");
});

test("the name accepted before is not checked again, byte for byte", async () => {
  expect(await ehlo("localhost", { helo: "localhost" })).toBe("pass");
  expect(await ehlo("LOCALHOST", { helo: "localhost" })).toBe("550 5.5.0 Invalid EHLO domain.");
});

test("EHLO settings see the name being given", async () => {
  const changes = { ehlo: { rejectNonFqdn: rule("helo_domain != 'printer'", "ehlo") } };
  expect(await ehlo("printer", {}, changes)).toBe("pass");
  expect(await ehlo("scanner", {}, changes)).toBe("550 5.5.0 Invalid EHLO domain.");
});

test.each([
  ["spammer.example", "551 5.1.1 Sending domain 'spammer.example' has been blocklisted."],
  ["SPAMMER.example", "551 5.1.1 Sending domain 'spammer.example' has been blocklisted."],
  ["spammer.example.", "551 5.1.1 Sending domain 'spammer.example' has been blocklisted."],
  ["other.example", "pass"],
])("blocklist: %s → %s", async (name, expected) => {
  expect(
    await ehlo(name, {}, { ehlo: { blocklist: ["empty", "blocked-domain"] } }, { "blocked-domain": ["spammer.example"], empty: [] }),
  ).toBe(expected);
});

test("a list that cannot tell defers", async () => {
  const sources = { ...sourcesOf([]), lookup: () => ({ waits: true, get: () => Promise.reject(new TemporaryError("down")) }) };
  const verdict = await decideEhlo(session(), "a.example", { settings: settings({ ehlo: { blocklist: ["any"] } }), sources });
  expect(verdict).toMatchObject({ kind: "defer", reason: "unavailable" });
});

test("what needs no IO answers without a promise", () => {
  expect(decideEhlo(session(), "a.example", { settings: settings(), sources: sourcesOf([]) })).not.toBeInstanceOf(Promise);
});

test.each([
  "spammer.example..",
  "spammer.example。",
  "spammer.example ",
  " Spammer。example",
  "spammer.example\u0085",
  "sp\u00adammer.example",
])("no spelling of a name walks past a list, or the rule of a setting: %j", async (name) => {
  const sources = sourcesOf([], { blocked: ["spammer.example"] });
  const listed = settings({ ehlo: { blocklist: ["blocked"], rejectNonFqdn: rule("false", "ehlo") } });
  const byRule = settings({ ehlo: { rejectNonFqdn: rule("helo_domain == 'spammer.example'", "ehlo"), fqdn: "strict" } });
  const reply = "551 5.1.1 Sending domain 'spammer.example' has been blocklisted.";
  expect(shown(await decideEhlo(session({ helo: "" }), name, { settings: listed, sources }))).toBe(reply);
  expect(shown(await decideEhlo(session({ helo: "" }), name, { settings: byRule, sources }))).toBe("550 5.5.0 Invalid EHLO domain.");
});
