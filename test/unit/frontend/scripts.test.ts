// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Sieve are written so.
/** What front ends make of scripts: how often one runs, what it changes, and what is asked of the MTA for that. */
import { describe, expect, test } from "vitest";
import type { SqlResult } from "../../../src/expr/ask.ts";
import { client, rcpt, request, type World, world } from "../../support/mail-domain.ts";
import { connected, envelope, helo, Mta, milterWorld } from "../../support/milter-mta.ts";
import { scriptsOf } from "../../support/scripts.ts";
import { type Changes, rule } from "../../support/settings.ts";

type Stage = "ehlo" | "mail" | "rcpt";

/** SQL of the script is answered, and noted. */
function placeOf(stage: Stage, source: string, changes: Changes = {}): World & { readonly asked: string[] } {
  const place = world({
    changes: { ...changes, [stage]: { ...changes[stage], script: rule("'test'") }, sieve: { scripts: scriptsOf({ test: source }) } },
  });
  const asked: string[] = [];
  const { sources } = place.core;
  const sqlQuery = (_store: string, sql: string): SqlResult => {
    asked.push(sql);
    return { kind: "rows", rows: asked.length > 1 ? [[1]] : [] };
  };
  place.core = { ...place.core, sources: { ...sources, ask: { ...sources.ask, sqlQuery } } };
  return Object.assign(place, { asked });
}

/** Whoever asks for the second time passes. */
const second = 'if not query "SELECT 1" { reject "422 4.2.2 Again."; }';

describe("policy", () => {
  test("a repeated request gets the same answer, and the script runs once", async () => {
    const place = placeOf("rcpt", second);
    const ask = client(place);
    const answers = [await ask(rcpt("john@example.org")), await ask(rcpt("john@example.org"))];
    expect(answers).toEqual(["422 4.2.2 Again.", "422 4.2.2 Again."]);
    expect(place.asked).toHaveLength(1);
    expect(await ask(rcpt("john@example.org", { instance: "5.6.7.8" }))).toBe("DUNNO");
  });

  test.each([
    ["relay", "recipient"],
    ["recipient", "relay"],
  ])("%s, then %s: it runs once for both", async (...contexts) => {
    const place = placeOf("rcpt", 'query "SELECT 1";');
    const ask = client(place);
    for (const policyContext of contexts) expect(await ask(rcpt("john@example.org", { policyContext }))).toBe("DUNNO");
    expect(place.asked).toHaveLength(1);
    expect(place.decisions.filter(({ stage }) => stage === "rcpt")).toHaveLength(1);
  });

  test("at EHLO its refusal is that of the session, and each request that asks has it", async () => {
    const place = placeOf("ehlo", 'query "SELECT 1"; reject "551 5.1.1 ${env.helo_domain}";');
    const ask = client(place);
    const ehlo = request("EHLO", { policyContext: "helo" });
    expect([await ask(ehlo), await ask(ehlo), await ask(rcpt("john@example.org"))]).toEqual(Array(3).fill("551 5.1.1 mx.client.example"));
    expect(place.asked).toHaveLength(1);
  });

  test("knows what the request says: the size, and how it is encrypted", async () => {
    const tls = { encryptionProtocol: "TLSv1.3", encryptionCipher: "TLS_AES_256_GCM_SHA384" };
    const place = placeOf("mail", 'if size :over 1K { reject "552 5.3.4 ${env.tls.version} ${env.tls.cipher}"; }');
    expect(await client(place)(rcpt("john@example.org", { size: "2000", ...tls }))).toBe("552 5.3.4 TLSv1.3 TLS_AES_256_GCM_SHA384");
    expect(await client(placeOf("mail", 'if size :over 1K { reject "no"; }'))(rcpt("john@example.org", { size: "0" }))).toBe("DUNNO");
  });

  test("a recipient that it changes is logged as delivered elsewhere", async () => {
    const place = placeOf("rcpt", 'set "envelope.to" "jane@example.org";');
    expect(await client(place)(rcpt("x@elsewhere.example"))).toBe("DUNNO");
    expect(place.notices).toMatchObject([
      { kind: "delivered-elsewhere", recipient: "x@elsewhere.example", resolved: ["jane@example.org"] },
    ]);
  });

  test("in shadow mode its refusal is logged and not given", async () => {
    const place = placeOf("rcpt", 'reject "550 5.7.1 No.";');
    place.mode = "shadow";
    expect(await client(place)(rcpt("john@example.org"))).toBe("DUNNO");
    expect(place.decisions.at(-1)).toMatchObject({ verdict: "pass", would: "reject", reply: "550 5.7.1 No.", reason: "script" });
  });
});

describe("milter", () => {
  const mailUnanswered = 0x4000;
  const noEhloChecks: Changes = { ehlo: { require: rule("false"), rejectNonFqdn: rule("false"), blocklist: [] } };

  test.each<[what: string, stage: Stage, source: string, mailWaits: boolean]>([
    ["one at RCPT", "rcpt", 'set "envelope.from" "";', false],
    ["one at MAIL", "mail", 'let "envelope.from" "\'x@y.example\'";', true],
    ["one at EHLO", "ehlo", "keep;", true],
  ])("asks the MTA to wait for what a script may come to: %s", async (_what, stage, source, mailWaits) => {
    const mta = new Mta(milterWorld(placeOf(stage, source, noEhloChecks)).options);
    await mta.offer();
    expect((mta.negotiated.protocol & mailUnanswered) === 0).toBe(mailWaits);
  });

  const message = async (place: World, ...recipients: readonly string[]) => {
    const mta = await connected(milterWorld(place).options);
    await mta.send("H", helo("mx.client.example"));
    const answers = [await mta.send("M", envelope("<a@client.example>"))];
    for (const recipient of recipients) answers.push(await mta.send("R", envelope(recipient)));
    return [...answers, await mta.send("E")];
  };

  test("changes recipients, and the sender by the last script that did", async () => {
    const source = 'if envelope :localpart "to" "old" { set "envelope.to" "jane@example.org"; set "envelope.from" "new@client.example"; }';
    expect(await message(placeOf("rcpt", source), "<old@example.org>", "<john@example.org>")).toEqual([
      "continue",
      "continue",
      "continue",
      "-<old@example.org> | +<jane@example.org> | from <new@client.example> | continue",
    ]);
  });

  test("a recipient that is refused changes no sender", async () => {
    const source = 'if envelope :localpart "to" "nobody" { set "envelope.from" "new@client.example"; }';
    const answers = await message(placeOf("rcpt", source), "<nobody@example.org>", "<john@example.org>");
    expect(answers.slice(2)).toEqual(["continue", "continue"]);
  });

  test("the reply is verbatim, and the transaction goes on", async () => {
    const source = 'if envelope :localpart "to" "john" { reject "422 4.2.2 Full, or so."; }';
    expect(await message(placeOf("rcpt", source), "<john@example.org>", "<jane@example.org>")).toEqual([
      "continue",
      "422 4.2.2 Full, or so.",
      "continue",
      "continue",
    ]);
  });
});
