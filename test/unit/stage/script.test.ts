// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Sieve are written so.
/** Scripts at the stages: what they see, what their outcomes come to, and what a failure costs. */
import { describe, expect, test } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import type { Core, FailedScript, ScriptLine, TraceEntry } from "../../../src/stage/core.ts";
import { decideEhlo } from "../../../src/stage/ehlo.ts";
import { admitRecipient, beginTransaction, type Session } from "../../../src/stage/session.ts";
import type { Rule } from "../../../src/stage/stage-settings.ts";
import type { Verdict } from "../../../src/stage/verdict.ts";
import { scriptsOf } from "../../support/scripts.ts";
import { session } from "../../support/session.ts";
import { type Changes, type RuleText, rule, settings } from "../../support/settings.ts";
import { directoryOf, sourcesOf } from "../../support/sources.ts";
import { askMail, askRcpt } from "../../support/stages.ts";

interface World {
  readonly core: Core;
  readonly failures: FailedScript[];
  readonly trace: TraceEntry[];
  /** SQL that was asked. */
  readonly asked: string[];
}

interface Options {
  readonly changes?: Changes;
  readonly rule?: RuleText;
  readonly onError?: "accept" | "defer";
}

/** Accounts john and jane; SQL fails, but for an INSERT. */
function world(
  stage: "ehlo" | "mail" | "rcpt",
  source: string,
  { changes = {}, rule: text = "'test'", onError = "accept" }: Options = {},
): World {
  const failures: FailedScript[] = [];
  const trace: TraceEntry[] = [];
  const asked: string[] = [];
  const directory = directoryOf({ "john@example.org": "john@example.org", "jane@example.org": "jane@example.org" });
  const ask = {
    async sqlQuery(_store: string, sql: string) {
      asked.push(sql);
      if (!sql.startsWith("INSERT")) throw new TemporaryError("the database is down");
      return { kind: "changes", changes: 1 } as const;
    },
  };
  const core: Core = {
    settings: settings({
      ...changes,
      [stage]: { ...changes[stage], script: rule(text) },
      sieve: { scripts: scriptsOf({ test: source }), onError },
    }),
    sources: sourcesOf([directory], {}, ask),
    trace: (entry) => trace.push(entry),
    onScriptFailure: (failure) => failures.push(failure),
  };
  return { core, failures, trace, asked };
}

const shown = (verdict: Verdict) =>
  verdict.kind === "pass"
    ? `pass (${verdict.reason})`
    : `${verdict.reply.code} ${verdict.reply.status} ${verdict.reply.text} (${verdict.reason})`;

async function ehlo(source: string, options: Options = {}, open: Session = session({ helo: "" }), name = "MX.Client.example") {
  return shown(await decideEhlo(open, name, world("ehlo", source, options).core));
}

const stranger = (parameters: readonly string[] = []) => {
  const open = session({});
  beginTransaction(open, "a@b.example", parameters);
  return open;
};

test("a line that a script logs is passed on with its stage", async () => {
  const lines: ScriptLine[] = [];
  const { core } = world("ehlo", '\nlog "${env.helo_domain} greets";');
  await decideEhlo(session({ helo: "" }), "MX.Client.example", { ...core, onScriptLine: (line) => lines.push(line) });
  expect(lines).toEqual([{ stage: "ehlo", script: "test", line: 2, text: "mx.client.example greets" }]);
});

describe("at EHLO", () => {
  test.each([
    ['reject "551 5.1.1 ${env.helo_domain} is blocked.";', "551 5.1.1 mx.client.example is blocked. (script)"],
    ['reject "451 4.7.1 Later.";', "451 4.7.1 Later. (script)"],
    ['reject "421 4.7.0 Go away.";', "421 4.7.0 Go away. (script)"],
    ['reject "No.";', "550 5.7.1 No. (script)"],
    ["discard;", "pass (pass)"],
    ['set "envelope.from" "x@y.example";', "pass (pass)"],
    ['if envelope :contains "from" "" { reject "there is an envelope"; }', "pass (pass)"],
    ['if string "${env.stage} ${env.remote_ip.reverse}" "ehlo 9.113.0.203" { reject "yes"; }', "550 5.7.1 yes (script)"],
    [
      `if eval "env.remote_host == 'mx.client.example'" { reject "\${env.remote-host} \${env.remote-ip}"; }`,
      "550 5.7.1 mx.client.example 203.0.113.9 (script)",
    ],
  ])("%s", async (source, expected) => {
    expect(await ehlo(source)).toBe(expected);
  });

  test("it runs after the name was found fully qualified, and not for a name that passed already", async () => {
    expect(await ehlo('reject "no";', {}, session({ helo: "" }), "nodots")).toBe("550 5.5.0 Invalid EHLO domain. (invalid-ehlo)");
    expect(await ehlo('reject "no";', {}, session({ helo: "mx.a.example" }), "mx.a.example")).toBe("pass (same-name)");
  });

  test("trusted clients are not asked", async () => {
    expect(await ehlo('reject "no";', {}, session({ helo: "", trusted: true }))).toBe("pass (trusted)");
  });

  test.each([
    [[["local_port == 25", "'TEST'"], "false"], "550 5.7.1 no (script)"],
    [[["local_port == 26", "'test'"], "false"], "pass (pass)"],
    ["''", "pass (pass)"],
  ] as const)("%j selects it, in any case", async (text, expected) => {
    expect(await ehlo('reject "no";', { rule: text as RuleText })).toBe(expected);
  });
});

test("a failure at EHLO is about the name", async () => {
  expect(await ehlo('query "SELECT 1";', { onError: "defer" })).toBe("451 4.4.3 Unable to verify EHLO domain at this time. (unavailable)");
  expect(await ehlo('query "SELECT 1";')).toBe("pass (pass)");
});

describe("at MAIL", () => {
  const mail = async (source: string, sender = "A@B.example", options: Options = {}, parameters: readonly string[] = []) => {
    const place = world("mail", source, options);
    const outcome = await askMail(session({}), sender, place.core, { parameters });
    return { ...place, said: `${shown(outcome.verdict)} ${outcome.sender || "<>"}` };
  };

  const byRule = rule("rcpt");
  test.each<[ofSession: boolean | Rule, ofDomain: boolean | Rule | undefined, detail: boolean]>([
    [true, undefined, true],
    [false, undefined, false],
    [true, false, false],
    [false, true, true],
    [byRule, undefined, true],
    [false, byRule, true],
  ])("whether an address has a detail follows sub-addressing of session.rcpt (%j) and of its domain (%j)", async (subAddressing, own, detail) => {
    const domain = { name: "b.example", directory: undefined, subAddressing: own, catchAllAddress: undefined, allowRelaying: false };
    const changes = { rcpt: { subAddressing }, domains: new Map([["b.example", domain]]) };
    const { said } = await mail('if envelope :detail "from" "tag" { reject "yes"; }', "a+tag@b.example", { changes });
    expect(said.startsWith("550 5.7.1 yes")).toBe(detail);
  });

  test.each([
    ['set "envelope.from" "New@Münch.example";', "pass (pass) new@xn--mnch-0ra.example"],
    ['set "envelope.from" "";', "pass (pass) <>"],
    ['set "envelope.from" "nonsense";', "pass (pass) a@b.example"],
    ['set "envelope.from" "x@y.example"; reject "553 5.1.8 No.";', "553 5.1.8 No. (script) a@b.example"],
    ['if envelope "from" "a@b.example" { discard; }', "pass (pass) a@b.example"],
    ['if envelope :all :is "to" "" { reject "no recipient yet"; }', "pass (pass) a@b.example"],
  ])("%s", async (source, expected) => {
    expect((await mail(source)).said).toBe(expected);
  });

  test("it runs before rewrite, which sees the sender as changed", async () => {
    const changes: Changes = { mail: { rewrite: rule("sender_domain + '@rewritten.example'") } };
    expect((await mail('set "envelope.from" "x@y.example";', "a@b.example", { changes })).said).toBe(
      "pass (pass) y.example@rewritten.example",
    );
  });

  test("a recipient cannot be added, and the trace says why", async () => {
    const { said, trace } = await mail('set "envelope.to" "more@example.org";');
    expect(said).toBe("pass (pass) a@b.example");
    expect(trace).toContainEqual({
      step: "script",
      asked: "envelope.to",
      answer: "changed for this script alone: at MAIL there is no recipient to change",
    });
  });

  test.each([
    ["ENVID=QQ314159", '"${envelope.envid}" "qq314159"'],
    ["ENVID=QQ314159", ':comparator "i;octet" "${envelope.envid}" "QQ314159"'],
    ["ENVID=a+2Bb+3D+C3+A9", '"${envelope.envid}" "a+b=é"'],
    ["ENVID=a+0D+0Ab", '"${envelope.envid}" "a+0D+0Ab"'],
    ["ENVID=a+2bb", '"${envelope.envid}" "a+2bb"'],
    ["RET=hdrs", '"${envelope.ret}" "HDRS"'],
    ["BY=120;RT", '"${envelope.by_mode} ${envelope.by_trace} ${envelope.by_time_relative}" "R T 120"'],
    ["BY=120;R", '"${envelope.by_time_absolute}" "1970-01-01T00:02:00Z"'],
    ["BODY=8BITMIME", '"${env.param.body}" "8bitmime"'],
    ["SMTPUTF8", '"${env.param.smtputf8}" "1"'],
    ["X=1", '"${env.param.smtputf8}${envelope.ret}" ""'],
  ])("%s is %s", async (parameter, test) => {
    expect((await mail(`if string ${test} { reject "seen"; }`, "a@b.example", {}, [parameter])).said).toContain("550 5.7.1 seen");
  });

  test("the size that the client declared", async () => {
    const over = 'if size :over 1K { reject "552 5.3.4 Too big."; }';
    expect((await mail(over, "a@b.example", {}, ["SIZE=2000"])).said).toContain("552 5.3.4");
    expect((await mail(over, "a@b.example", {}, ["SIZE=1000"])).said).toContain("pass");
    expect((await mail(over)).said).toContain("pass");
  });
});

describe("at RCPT", () => {
  const rcpt = async (source: string, recipient = "John@Example.org", options: Options = {}, open = stranger()) => {
    const place = world("rcpt", source, options);
    const outcome = await askRcpt(open, recipient, place.core, { parameters: ["NOTIFY=never", "ORCPT=rfc822;J@x.example"] });
    const { verdict, admission, countsAsError } = outcome;
    const goes =
      admission === undefined ? "" : ` -> ${admission.resolved.join()}${admission.sender === undefined ? "" : ` from ${admission.sender}`}`;
    return { ...place, outcome, said: `${shown(verdict)}${countsAsError ? " error" : ""}${goes}` };
  };

  test.each([
    ["keep;", "pass (mailbox) -> john@example.org"],
    ["discard;", "pass (mailbox) -> john@example.org"],
    ['reject "550 5.1.1 Not you.";', "550 5.1.1 Not you. (script)"],
    ['set "envelope.to" "jane@example.org";', "pass (mailbox) -> jane@example.org"],
    ['set "envelope.to" "JANE+x@example.org";', "pass (sub-address) -> jane@example.org"],
    ['set "envelope.to" "nobody@example.org";', "550 5.1.2 Mailbox does not exist. (unknown-mailbox) error"],
    ['set "envelope.to" "x@elsewhere.example";', "550 5.1.2 Relay not allowed. (relay-denied) error"],
    ['set "envelope.to" "";', "pass (mailbox) -> john@example.org"],
    ['set "envelope.from" "new@b.example";', "pass (mailbox) -> john@example.org from new@b.example"],
    [
      'set "envelope.from" "new@b.example"; set "envelope.to" "nobody@example.org";',
      "550 5.1.2 Mailbox does not exist. (unknown-mailbox) error",
    ],
    [
      'if envelope ["from", "to"] "john@example.org" { reject "${envelope.from} ${envelope.to}"; }',
      "550 5.7.1 a@b.example john@example.org (script)",
    ],
    ['if string "${envelope.notify} ${envelope.orcpt}" "NEVER rfc822;j@x.example" { reject "dsn"; }', "550 5.7.1 dsn (script)"],
    ['if string "${env.is_trusted}" "0" { reject "a stranger"; }', "550 5.7.1 a stranger (script)"],
  ])("%s", async (source, expected) => {
    expect((await rcpt(source)).said).toBe(expected);
  });

  test("it sees the original recipient, and rewrite what it made of it", async () => {
    const changes = { rcpt: { rewrite: rule([["rcpt == 'new@example.org'", "'jane@example.org'"], "false"]) } };
    const source = 'if envelope "to" "old@example.org" { set "envelope.to" "new@example.org"; }';
    expect((await rcpt(source, "old@example.org", { changes })).said).toBe("pass (mailbox) -> jane@example.org");
  });

  test("it does not run for a duplicate as given; one that it makes is recognised after it", async () => {
    const open = stranger();
    const place = world("rcpt", 'query "INSERT 1"; set "envelope.to" "jane@example.org";');
    const give = async (recipient: string) => {
      const { verdict, admission } = await askRcpt(open, recipient, place.core, {}, { mergesRecipients: true });
      if (admission && open.transaction) admitRecipient(open.transaction, admission);
      return verdict.reason;
    };
    expect([await give("john@example.org"), await give("JOHN@example.org"), await give("x@example.org")]).toEqual([
      "mailbox",
      "duplicate",
      "duplicate",
    ]);
    expect(place.asked).toEqual(["INSERT 1", "INSERT 1"]);
    expect(open.transaction?.accepted).toBe(1);
  });

  test("a sender that it changes is that of the later recipients", async () => {
    const open = stranger();
    const { outcome } = await rcpt('set "envelope.from" "new@b.example";', "john@example.org", {}, open);
    if (outcome.admission && open.transaction) admitRecipient(open.transaction, outcome.admission);
    expect((await rcpt('reject "${envelope.from}";', "jane@example.org", {}, open)).said).toBe("550 5.7.1 new@b.example (script)");
  });

  test("for a trusted client it runs, too", async () => {
    expect(
      (
        await rcpt(
          'if string "${env.is_trusted}" "1" { reject "550 5.7.1 Even you."; }',
          "john@example.org",
          {},
          session({ trusted: true, sender: "" }),
        )
      ).said,
    ).toBe("550 5.7.1 Even you. (script)");
  });

  test("asked about relaying alone, then about the rest, it runs once", async () => {
    const open = stranger();
    const place = world("rcpt", 'query "INSERT 1";');
    const relayed = await askRcpt(open, "john@example.org", place.core, { part: "relay" });
    expect([shown(relayed.verdict), relayed.admission]).toEqual(["pass (pass)", undefined]);
    expect(shown((await askRcpt(open, "john@example.org", place.core)).verdict)).toBe("pass (mailbox)");
    expect(place.asked).toEqual(["INSERT 1"]);
  });

  test("by what it makes of a recipient it is decided whether that is relayed", async () => {
    const place = world("rcpt", 'set "envelope.to" "jane@example.org";');
    expect(shown((await askRcpt(stranger(), "x@elsewhere.example", place.core, { part: "relay" })).verdict)).toBe("pass (pass)");
  });
});

describe("a failure", () => {
  const rcpt = async (source: string, options: Options = {}) => {
    const place = world("rcpt", source, options);
    const { verdict, admission } = await askRcpt(stranger(), "john@example.org", place.core);
    return { ...place, said: `${shown(verdict)}${admission ? ` -> ${admission.resolved.join()}` : ""}` };
  };
  const down = 'query "SELECT 1";';

  test.each([
    ["accept", `set "envelope.to" "jane@example.org"; ${down} reject "never";`, "pass (mailbox) -> jane@example.org"],
    ["accept", `reject "550 5.7.1 No."; ${down}`, "550 5.7.1 No. (script)"],
    ["defer", `reject "550 5.7.1 No."; ${down}`, "550 5.7.1 No. (script)"],
    ["accept", `reject "550 5.7.1 No."; if ${down.replace(";", "")} { keep; }`, "451 4.7.1 No. (unavailable)"],
    ["accept", `reject "550 5.7.1 No."; if ${down.replace(";", "")} { reject "450 4.7.1 Later."; }`, "451 4.7.1 No. (unavailable)"],
    ["accept", `reject "450 4.7.1 No."; if ${down.replace(";", "")} { keep; }`, "450 4.7.1 No. (script)"],
    ["accept", 'reject "550 5.7.1 No."; while "1" { } keep;', "451 4.7.1 No. (unavailable)"],
    ["accept", 'reject "550 5.7.1 No."; while "1" { }', "550 5.7.1 No. (script)"],
    ["defer", down, "451 4.4.3 Unable to verify address at this time. (unavailable)"],
    ["defer", 'while "1" { }', "451 4.4.3 Unable to verify address at this time. (unavailable)"],
    ["accept", 'while "1" { }', "pass (mailbox) -> john@example.org"],
  ] as const)("on-error = %s: %s", async (onError, source, expected) => {
    const { said, failures } = await rcpt(source, { onError });
    expect(said).toBe(expected);
    expect(failures).toHaveLength(1);
  });

  test.each([
    [`${down} set "envelope.to" "jane@example.org";`, "'test'", "451 4.4.3"],
    ['while "1" { } set "envelope.to" "jane@example.org";', "'test'", "451 4.4.3"],
    ['set "envelope.to" "jane@example.org";', "sql_query('', 'SELECT 1', [])", "451 4.4.3"],
    ['set "envelope.to" "jane@example.org";', "sender_domain", "451 4.4.3"],
    [`set "envelope.from" "jane@example.org"; ${down}`, "'test'", "550 5.1.2"],
    [`${down} keep;`, "'test'", "550 5.1.2"],
    ["keep;", "sql_query('', 'SELECT 1', [])", "550 5.1.2"],
  ])("whoever it might have found elsewhere is not refused for good: %s, script = %s", async (source, rule, expected) => {
    const { core } = world("rcpt", source, { rule });
    for (const recipient of ["nobody@example.org", "jane@foreign.example"]) {
      const { verdict, countsAsError } = await askRcpt(stranger(), recipient, core);
      expect(shown(verdict).slice(0, 9)).toBe(expected);
      expect(countsAsError).toBe(expected.startsWith("5"));
    }
  });

  test("is reported with its place and its cause", async () => {
    const { failures, trace } = await rcpt(`keep;\n  ${down}`);
    expect(failures).toEqual([
      {
        stage: "rcpt",
        script: "test",
        line: 2,
        column: expect.any(Number),
        message: expect.any(String),
        cause: expect.any(TemporaryError),
      },
    ]);
    expect(trace.some(({ answer }) => answer.startsWith("stopped: "))).toBe(true);
  });

  test.each([
    ["accept", "pass (mailbox) -> john@example.org"],
    ["defer", "451 4.4.3 Unable to verify address at this time. (unavailable)"],
  ] as const)("a computed name of no script, on-error = %s", async (onError, expected) => {
    const { said, failures } = await rcpt("keep;", { onError, rule: "sender_domain" });
    expect(said).toBe(expected);
    expect(failures).toEqual([{ stage: "rcpt", message: 'session.rcpt.script names "b.example", which is not a script' }]);
  });

  test.each([
    [`if eval "dns_exists('x.example', 'ipv4')" { reject "550 5.7.1 Listed."; stop; }`, "451 4.7.1 Listed. (unavailable)"],
    [`if eval "dns_query('x.example', 'mx') != 'mx.x.example'" { reject "550 5.7.1 No."; }`, "451 4.7.1 No. (unavailable)"],
    [`let "found" "dns_exists('x.example', 'mx')"; if eval "found != 1" { reject "550 5.7.1 No."; }`, "451 4.7.1 No. (unavailable)"],
    [`reject "550 5.7.1 No."; if eval "dns_exists('x.example', 'mx')" { let "x" "1"; }`, "550 5.7.1 No. (script)"],
    [`if eval "dns_exists('x.example', 'ipv4') == 1" { reject "550 5.7.1 Listed."; stop; }`, "pass (mailbox) -> john@example.org"],
  ])("is none of the DNS, but no refusal for good rests on it: %s", async (source, expected) => {
    const { said, failures } = await rcpt(source);
    expect(said).toBe(expected);
    expect(failures).toEqual([]);
  });

  test("of the rule that names it counts as one of the script", async () => {
    const { said, failures } = await rcpt("keep;", { rule: "sql_query('', 'SELECT 1', [])", onError: "defer" });
    expect(said).toBe("451 4.4.3 Unable to verify address at this time. (unavailable)");
    expect(failures).toMatchObject([{ message: "session.rcpt.script cannot tell which script to run" }]);
  });
});
