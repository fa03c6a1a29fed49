import { describe, expect, test } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { formatReply } from "../../../src/mail/reply.ts";
import { checkMailParameters, checkRcptParameters } from "../../../src/stage/extensions.ts";
import { priorityOf } from "../../../src/stage/parameters.ts";
import type { RefusedParameter } from "../../../src/stage/verdict.ts";
import { session } from "../../support/session.ts";
import { type Changes, type RuleText, rule, settings } from "../../support/settings.ts";
import { sourcesOf } from "../../support/sources.ts";

const now = Date.parse("2026-03-01T12:00:00Z");

const core = (extensions: Changes["extensions"] = {}) => ({
  settings: settings({ extensions }),
  sources: sourcesOf([], {}, {}, { now: () => now }),
});

const on = {
  requireTls: rule("true"),
  deliverBy: rule("15d"),
  futureRelease: rule("7d"),
  mtPriority: rule("'mixer'", "mail"),
  dsn: rule("true"),
};

async function mail(parameters: string, extensions: Changes["extensions"] = {}, facts: Parameters<typeof session>[0] = {}) {
  const list = parameters.split(" ").filter((one) => one !== "");
  return said(await checkMailParameters(scope(facts), list, core(extensions)));
}

async function rcpt(parameters: string, extensions: Changes["extensions"] = {}) {
  return said(await checkRcptParameters(scope({}), parameters.split(" "), core(extensions)));
}

const scope = (facts: Parameters<typeof session>[0]) => ({
  session: session(facts),
  helo: "mx.client.example",
  sender: "a@b.example",
  rcpt: "",
});

function said(refused: RefusedParameter | undefined): string {
  if (refused?.verdict.kind === "pass") throw new Error("a pass is no refusal");
  return refused === undefined ? "pass" : `${refused.keyword}: ${formatReply(refused.verdict.reply)}`;
}

describe("to a stranger, by default", () => {
  test.each([
    ["", "pass"],
    ["SIZE=1000 BODY=8BITMIME SMTPUTF8 AUTH=<> RET=HDRS MTRK=x FOO", "pass"],
    ["REQUIRETLS", "REQUIRETLS: 501 5.5.4 REQUIRETLS has been disabled."],
    ["BY=120;R", "BY: 501 5.5.4 DELIVERBY extension has been disabled."],
    ["MT-PRIORITY=3", "MT-PRIORITY: 501 5.5.4 MT-PRIORITY extension has been disabled."],
    ["HOLDFOR=10", "HOLDFOR: 501 5.5.4 FUTURERELEASE extension has been disabled."],
    ["HOLDUNTIL=2026-03-02T00:00:00Z", "HOLDUNTIL: 501 5.5.4 FUTURERELEASE extension has been disabled."],
    ["ENVID=x", "ENVID: 501 5.5.4 DSN extension has been disabled."],
    ["envid=x", "ENVID: 501 5.5.4 DSN extension has been disabled."],
    ["RET=FULL", "pass"],
    ["SIZE=1 BY=120;R ENVID=x", "BY: 501 5.5.4 DELIVERBY extension has been disabled."],
  ])("MAIL %s: %s", async (parameters, expected) => expect(await mail(parameters)).toBe(expected));

  test.each([
    ["ORCPT=rfc822;john@example.org", "pass"],
    ["NOTIFY=NEVER", "NOTIFY: 501 5.5.4 DSN extension has been disabled."],
    ["ORCPT=rfc822;a@b NOTIFY=SUCCESS", "NOTIFY: 501 5.5.4 DSN extension has been disabled."],
  ])("RCPT %s: %s", async (parameters, expected) => expect(await rcpt(parameters)).toBe(expected));
});

describe("over TLS, and to a user", () => {
  test.each<[string, Parameters<typeof session>[0], string]>([
    ["REQUIRETLS", { tls: true }, "pass"],
    ["REQUIRETLS", { login: "john" }, "REQUIRETLS: 501 5.5.4 REQUIRETLS has been disabled."],
    ["ENVID=x BY=120;R HOLDFOR=10", { login: "john" }, "pass"],
    ["ENVID=x", { trusted: true }, "ENVID: 501 5.5.4 DSN extension has been disabled."],
  ])("MAIL %s of %o: %s", async (parameters, facts, expected) => expect(await mail(parameters, {}, facts)).toBe(expected));
});

describe("with all extensions on", () => {
  const invalid = (keyword: string) => `${keyword}: 501 5.5.4 Invalid parameter "${keyword}".`;
  const priority = "MT-PRIORITY: 501 5.5.4 Invalid priority value.";
  const tooLate = "BY: 501 5.5.4 BY parameter exceeds maximum of 1296000 seconds.";
  const onlyOne = "501 5.5.4 Only one of HOLDFOR or HOLDUNTIL may be specified.";
  test.each([
    ["SIZE=abc", invalid("SIZE")],
    ["SIZE=", invalid("SIZE")],
    ["SIZE", invalid("SIZE")],
    ["SIZE=99999999999999999999", "pass"],
    ["REQUIRETLS=yes", invalid("REQUIRETLS")],
    ["BY=120;R", "pass"],
    ["BY=120;rt", "pass"],
    ["BY=1296000;N", "pass"],
    ["BY=1296001;N", tooLate],
    ["BY=0;R", tooLate],
    ["BY=-456;R", tooLate],
    ["BY=-456;N", "pass"],
    ["BY=120", invalid("BY")],
    ["BY=120;X", invalid("BY")],
    ["BY=1234567890;R", invalid("BY")],
    ["MT-PRIORITY=5", "pass"],
    ["MT-PRIORITY=-6", "pass"],
    ["MT-PRIORITY=6", priority],
    ["MT-PRIORITY=-7", priority],
    ["MT-PRIORITY=high", priority],
    ["HOLDFOR=604800", "pass"],
    ["HOLDFOR=604801", "HOLDFOR: 501 5.5.4 Requested hold time exceeds maximum of 604800 seconds."],
    ["HOLDFOR=0", invalid("HOLDFOR")],
    ["HOLDFOR=soon", invalid("HOLDFOR")],
    ["HOLDUNTIL=2026-03-08T12:00:00Z", "pass"],
    ["HOLDUNTIL=2026-02-30T00:00:00Z", 'HOLDUNTIL: 501 5.5.4 Invalid parameter "HOLDUNTIL".'],
    ["HOLDUNTIL=2026-13-01T00:00:00Z", 'HOLDUNTIL: 501 5.5.4 Invalid parameter "HOLDUNTIL".'],
    ["HOLDUNTIL=2026-03-01T13:30:00+01:00", "pass"],
    ["HOLDUNTIL=2026-03-08T12:00:01Z", "HOLDUNTIL: 501 5.5.4 Requested release time exceeds maximum of 2026-03-08T12:00:00Z."],
    ["HOLDUNTIL=2026-03-01T12:00:00Z", "HOLDUNTIL: 501 5.5.4 HOLDUNTIL must be a date and time in the future."],
    ["HOLDUNTIL=tomorrow", invalid("HOLDUNTIL")],
    ["HOLDUNTIL=2026-13-01T12:00:00Z", invalid("HOLDUNTIL")],
    ["HOLDFOR=10 HOLDUNTIL=2026-03-02T12:00:00Z", `HOLDFOR: ${onlyOne}`],
    ["HOLDUNTIL=2026-03-02T12:00:00Z HOLDFOR=10", `HOLDUNTIL: ${onlyOne}`],
    ["ENVID=QQ314159", "pass"],
    ["ENVID=", invalid("ENVID")],
  ])("MAIL %s: %s", async (parameters, expected) => expect(await mail(parameters, on)).toBe(expected));

  test.each([
    ["NOTIFY=SUCCESS,delay", "pass"],
    ["NOTIFY=NEVER", "pass"],
    ["NOTIFY=NEVER,DELAY", invalid("NOTIFY")],
    ["NOTIFY=", invalid("NOTIFY")],
  ])("RCPT %s: %s", async (parameters, expected) => expect(await rcpt(parameters, on)).toBe(expected));
});

test.each<[RuleText, string]>([
  [[["sender == 'a@b.example'", "true"], "false"], "pass"],
  [[["helo_domain == 'mx.client.example'", "'yes'"], "false"], "pass"],
  ["0", "ENVID: 501 5.5.4 DSN extension has been disabled."],
])("dsn = %j: %s", async (text, expected) => expect(await mail("ENVID=x", { dsn: rule(text, "mail") })).toBe(expected));

test("a setting that cannot tell defers", async () => {
  const dsn = {
    waits: true,
    variables: new Set<string>(),
    constant: undefined,
    evaluate: () => Promise.reject(new TemporaryError("down")),
  };
  expect(await mail("ENVID=x", { dsn })).toBe("ENVID: 451 4.4.3 Unable to verify address at this time.");
});

test.each([
  [[], ""],
  [["SIZE=1", "mt-priority=-3"], "-3"],
  [["MT-PRIORITY"], ""],
])("the priority of %j is %j", (parameters, expected) => expect(priorityOf(parameters)).toBe(expected));
