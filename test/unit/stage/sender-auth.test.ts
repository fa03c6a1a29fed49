/** When SPF and reverse names are asked, how often, and what comes of the results. */
import { beforeEach, describe, expect, it } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { formatReply } from "../../../src/mail/reply.ts";
import type { Core } from "../../../src/stage/core.ts";
import { noCertificate } from "../../../src/stage/session.ts";
import type { Terms } from "../../../src/stage/smtp-command.ts";
import { SmtpSession } from "../../../src/stage/smtp-session.ts";
import type { AuthResult, SenderAuth } from "../../../src/stage/sources.ts";
import type { StageResult } from "../../../src/stage/stage-result.ts";
import { type Changes, rule, settings } from "../../support/settings.ts";
import { directoryOf, sourcesOf } from "../../support/sources.ts";

/** By EHLO name or sender; others have no record. */
let results: Record<string, AuthResult | "away">;
let asked: string[];
beforeEach(() => {
  results = {
    "mx.client.example": "pass",
    "forged.example": "fail",
    "a@client.example": "pass",
    "a@forged.example": "fail",
    "203.0.113.9": "pass",
  };
  asked = [];
});

const senderAuth: SenderAuth = {
  async spf({ helo, sender }) {
    const about = sender || helo;
    asked.push(`spf ${about}`);
    const result = results[about] ?? "none";
    if (result === "away") throw new TemporaryError("the DNS is away");
    return { result, by: "all", mechanism: result === "pass" ? "all" : "" };
  },
  async iprev(client) {
    asked.push(`iprev ${client}`);
    const result = results[client] ?? "permerror";
    if (result === "away") throw new TemporaryError("the DNS is away");
    return { result, ptr: result === "pass" ? "ptr.client.example" : "" };
  },
};

/** A session of a client without a confirmed name, and what is said to it. */
function visit(changes: Changes, { trusted = false, repeatsQuestions = false, login = "" } = {}) {
  const peer = {
    ...{ listener: "smtp", client: { address: "203.0.113.9", name: "", port: 4000 }, server: { address: "192.0.2.1", port: 25 } },
    trusted,
  };
  const smtp = new SmtpSession(peer, { repeatsQuestions });
  const sources = {
    ...sourcesOf([directoryOf({ "john@example.org": "john@example.org", "jane@example.org": "jane@example.org" })]),
    senderAuth,
  };
  const core: Core = { settings: settings(changes), sources };
  const terms: Terms = { core, isShadow: false, enforcesExtensions: false, mergesRecipients: false };
  const authenticate = (name: string) =>
    smtp.update({ tls: false, tlsVersion: "", tlsCipher: "", login: name, certificate: noCertificate });
  authenticate(login);
  const said = async (answer: StageResult | Promise<StageResult>) => {
    const { verdict, headers = [] } = await answer;
    return [verdict.kind === "pass" ? "pass" : formatReply(verdict.reply), ...headers.map(({ name, value }) => `${name}: ${value}`)].join(
      "\n",
    );
  };
  let message = 0;
  return {
    smtp,
    authenticate,
    ehlo: (name: string) => said(smtp.ehlo(name, "", terms)),
    mail: (sender: string) => {
      message += 1;
      return said(smtp.mail({ sender, parameters: [], message: `${message}` }, terms));
    },
    rcpt: (recipient: string) => said(smtp.rcpt({ recipient, parameters: [], message: `${message}` }, terms)),
  };
}

const all = (strategy: string) => ({ spfEhlo: rule(`'${strategy}'`), spfMail: rule(`'${strategy}'`), iprev: rule(`'${strategy}'`) });

it("asks nothing that nobody wants to know", async () => {
  const client = visit({});
  expect([await client.ehlo("forged.example"), await client.mail("a@forged.example"), await client.rcpt("john@example.org")]).toEqual([
    ...["pass", "pass", "pass"],
  ]);
  expect(asked).toEqual([]);
});

describe("verification", () => {
  it("asks each once, what a stage needs at once, and refuses by the reverse name first", async () => {
    results["203.0.113.9"] = "fail";
    const client = visit({ senderAuth: all("enforce") });
    expect(await client.ehlo("mx.client.example")).toBe("pass");
    expect(asked).toEqual(["spf mx.client.example"]);
    expect(await client.mail("a@forged.example")).toBe("550 5.7.25 Reverse DNS validation failed.");
    expect(asked).toEqual(["spf mx.client.example", "iprev 203.0.113.9", "spf a@forged.example"]);
  });

  it("puts the name back that was there before a refused one", async () => {
    const client = visit({ senderAuth: { spfEhlo: rule("'enforce'") } });
    expect(await client.ehlo("mx.client.example")).toBe("pass");
    expect(await client.ehlo("forged.example")).toBe("550 5.7.23 SPF validation failed, status: Fail.");
    expect(client.smtp.session.helo).toBe("mx.client.example");
    expect(await client.mail("")).toBe("pass");
  });

  it("defers what nobody can tell, and asks again with the next command", async () => {
    results["a@client.example"] = "away";
    const client = visit({ senderAuth: { spfMail: rule("'enforce'") } });
    await client.ehlo("mx.client.example");
    expect(await client.mail("a@client.example")).toBe("451 4.7.24 Temporary SPF validation error.");
    results["a@client.example"] = "pass";
    expect(await client.mail("a@client.example")).toBe("pass");
  });

  it.each<[result: AuthResult | "away", enforce: string, strict: string]>([
    ["pass", "pass", "pass"],
    ["fail", "550 Fail", "550 Fail"],
    ["softfail", "pass", "550 SoftFail"],
    ["neutral", "pass", "550 Neutral"],
    ["none", "pass", "550 None"],
    ["permerror", "pass", "550 PermError"],
    ["away", "451", "451"],
  ])("of %s is %s by enforce, %s by strict, and a pass by relaxed", async (result, enforce, strict) => {
    results["a@b.example"] = result;
    const outcome = async (strategy: string) => {
      const client = visit({ senderAuth: { spfMail: rule(`'${strategy}'`) } });
      await client.ehlo("mx.client.example");
      const reply = await client.mail("a@b.example");
      return reply.replace(/ 5\.7\.23 .*: (\w+)\.$/, " $1").replace(/^451 .*/, "451");
    };
    expect([await outcome("enforce"), await outcome("strict"), await outcome("relaxed"), await outcome("unheard-of")]).toEqual([
      ...[enforce, strict, "pass", "pass"],
    ]);
  });

  it("is of the sender as given, whatever it is rewritten to", async () => {
    const client = visit({ senderAuth: { spfMail: rule("'enforce'") }, mail: { rewrite: rule("'a@client.example'", "mail") } });
    await client.ehlo("mx.client.example");
    expect(await client.mail("a@forged.example")).toBe("550 5.7.23 SPF validation failed, status: Fail.");
  });

  it.each([
    ["trusted", { trusted: true }],
    ["authenticated", { login: "john" }],
  ])("does not concern %s sessions", async (_, facts) => {
    const client = visit({ senderAuth: all("strict"), ehlo: { require: rule("false") } }, facts);
    expect(await client.mail("a@forged.example")).toBe("pass");
    expect(await client.ehlo("forged.example")).toBe("pass");
    expect(asked).toEqual([]);
  });
});

describe("variables", () => {
  const relay = "spf_ehlo_result + ' ' + spf_result + ' ' + iprev_result + ' ' + iprev_ptr == 'pass fail pass ptr.client.example'";

  it("have it asked when a rule comes to them, once a transaction", async () => {
    const client = visit({ rcpt: { relay: rule(relay) } }, { repeatsQuestions: true });
    await client.ehlo("mx.client.example");
    await client.mail("a@forged.example");
    await client.rcpt("john@example.org");
    expect(asked).toEqual([]);
    expect(await client.rcpt("a@elsewhere.example")).toBe("pass");
    expect(await client.rcpt("b@elsewhere.example")).toBe("pass");
    expect(asked.toSorted()).toEqual(["iprev 203.0.113.9", "spf a@forged.example", "spf mx.client.example"]);
    await client.mail("a@client.example");
    expect(await client.rcpt("c@elsewhere.example")).toMatch(/^550 /);
    expect(asked.slice(3)).toEqual(["spf a@client.example"]);
  });

  it("tell of the null sender what they tell of the name, which is asked once", async () => {
    const client = visit({ rcpt: { relay: rule("spf_result == 'pass' && spf_ehlo_result == 'pass'") } });
    await client.ehlo("mx.client.example");
    await client.mail("");
    expect(await client.rcpt("a@elsewhere.example")).toBe("pass");
    expect(asked).toEqual(["spf mx.client.example"]);
  });

  it("say temperror of what nobody can tell", async () => {
    results["a@client.example"] = "away";
    const client = visit({ rcpt: { relay: rule("spf_result == 'temperror'") } });
    await client.ehlo("mx.client.example");
    await client.mail("a@client.example");
    expect(await client.rcpt("a@elsewhere.example")).toBe("pass");
  });

  it("tell nothing any more after a login", async () => {
    const client = visit({ senderAuth: all("relaxed"), rcpt: { relay: rule("spf_ehlo_result + spf_result + iprev_result == ''") } });
    await client.ehlo("forged.example");
    await client.mail("a@forged.example");
    client.authenticate("john");
    await client.mail("a@forged.example");
    expect(await client.rcpt("a@elsewhere.example")).toBe("pass");
  });
});

describe("Received-SPF", () => {
  const senderAuth = { spfMail: rule("'relaxed'"), headerHost: "mx.example.org" };

  it("is given once a message", async () => {
    const client = visit({ senderAuth });
    await client.ehlo("mx.client.example");
    await client.mail("a@client.example");
    expect(await client.rcpt("john@example.org")).toBe(
      "pass\nReceived-SPF: pass receiver=mx.example.org; client-ip=203.0.113.9; identity=mailfrom; " +
        'envelope-from="a@client.example"; helo=mx.client.example; mechanism=all',
    );
    expect(await client.rcpt("jane@example.org")).toBe("pass");
    await client.mail("a@client.example");
    expect(await client.rcpt("jane@example.org")).toMatch(/Received-SPF/);
  });

  it("is of the name for the null sender, and has nothing that a client could end it with", async () => {
    const client = visit({ senderAuth });
    await client.ehlo('mx.client.example" (\\\r\nX: y');
    await client.mail("");
    expect(await client.rcpt("john@example.org")).toBe(
      'pass\nReceived-SPF: none receiver=mx.example.org; client-ip=203.0.113.9; identity=helo; helo="mx.client.example\\" (\\\\??X: y"',
    );
  });

  it("leaves out what would be too long for a line", async () => {
    const client = visit({ senderAuth });
    await client.ehlo("mx.client.example");
    await client.mail(`${"x".repeat(400)}@client.example`);
    expect(await client.rcpt("john@example.org")).not.toMatch(/envelope-from/);
  });

  it("is as long as a line at most, of whole pairs", async () => {
    const client = visit({ senderAuth: { ...senderAuth, headerHost: '"'.repeat(220) } });
    await client.ehlo(`${"a-label.".repeat(28)}example`);
    await client.mail(`${"x".repeat(230)}@client.example`);
    const [, header = ""] = (await client.rcpt("john@example.org")).split("\n");
    expect(header.length).toBeGreaterThan(750);
    expect(header.length).toBeLessThanOrEqual(998);
    expect(header).toMatch(/^Received-SPF: none receiver=".*"; client-ip=\S+; identity=mailfrom; envelope-from="x{230}@client\.example"$/);
  });
});
