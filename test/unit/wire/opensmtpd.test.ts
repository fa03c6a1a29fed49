import { describe, expect, it, test } from "vitest";
import { encodeDecision, type FilterEvent, FilterLines, maxLineOctets, parseFilterLine } from "../../../src/wire/opensmtpd.ts";
import { parseAction } from "../../../src/wire/policy-question.ts";
import { ProtocolError } from "../../../src/wire/protocol-error.ts";
import { latin1 } from "../../support/portions.ts";

const session = "450d39f6d3a0fea3";
const token = "2a5f9be0d7d1c6aa";
const report = (event: string, version = "0.6") => `report|${version}|1764438600.123456|smtp-in|${event.replace("|", `|${session}|`)}`;
const filter = (phase: string, argument: string) => `filter|0.6|1764438600.123456|smtp-in|${phase}|${session}|${token}|${argument}`;

const places = { isLocal: false, client: { address: "192.0.2.1", port: "33171" }, server: { address: "2001:db8::1", port: "25" } };

const nowhere = { address: "", port: "" };

describe("a line", () => {
  it.each<readonly [string, FilterEvent | undefined]>([
    ["config|subsystem|smtp-in", { kind: "receives" }],
    ["config|ready", { kind: "configured" }],
    ["config|admd|mx.example.org", undefined],
    [
      report("link-connect|mx.a.example|pass|192.0.2.1:33171|[2001:db8::1]:25"),
      { kind: "connect", session, name: "mx.a.example", ...places },
    ],
    [report("link-connect|mx.a.example|fail|192.0.2.1:33171|[2001:db8::1]:25"), { kind: "connect", session, name: "", ...places }],
    [
      report("link-connect|a|pass|127.0.0.1:1|x|pass|192.0.2.1:33171|[2001:db8::1]:25"),
      { kind: "connect", session, name: "a|pass|127.0.0.1:1|x", ...places },
    ],
    [
      report("link-connect|local|pass|unix:/run/smtpd.sock|unix:/run/smtpd.sock"),
      { kind: "connect", session, isLocal: true, name: "local", client: nowhere, server: nowhere },
    ],
    [
      report("link-connect|a|fail|[fe80::1%eth0]:33171|somewhere:25"),
      { kind: "connect", session, isLocal: false, name: "", client: { address: "fe80::1", port: "33171" }, server: nowhere },
    ],
    [report("link-identify|EHLO|mx.a.example"), { kind: "identify", session, name: "mx.a.example" }],
    [report("link-tls|TLSv1.3:TLS_AES_256_GCM_SHA384:256"), { kind: "tls", session, version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" }],
    [report("link-auth|john|pass"), { kind: "auth", session, login: "john" }],
    [report("link-auth|john|fail"), undefined],
    [report("link-auth|x|pass|fail"), undefined],
    [report("link-auth|pass|john", "0.7"), { kind: "auth", session, login: "john" }],
    [report("link-auth|fail|x|pass", "0.7"), undefined],
    [report("tx-reset|5809772f"), undefined],
    [`report|0.7|1764438600.123456|smtp-in|link-disconnect|${session}`, { kind: "disconnect", session }],
    [filter("rcpt-to", "<a|b@c.example>"), { kind: "request", session, token, phase: "rcpt-to", argument: "<a|b@c.example>" }],
    [filter("ehlo", ""), { kind: "request", session, token, phase: "ehlo", argument: "" }],
    [filter("data-line", "x"), undefined],
    [`filter|0.6|1764438600.123456|smtp-in|ehlo|${session}|no token|x`, undefined],
    ["", undefined],
    ["filter|0.6|", undefined],
  ])("%s", (line, event) => {
    expect(parseFilterLine(line)).toEqual(event);
  });

  it.each(["0.4", "1", "0.x"])("of version %s is refused", (version) => {
    expect(() => parseFilterLine(report("link-identify|EHLO|a", version))).toThrow(ProtocolError);
  });

  test("that is too long keeps its beginning, and those around it stay whole", () => {
    const lines = new FilterLines();
    const many = "x".repeat(2 * maxLineOctets);
    const portions = [`a\n${many}`, many, "\nb\n"].map(latin1);
    expect(portions.flatMap((each) => lines.push(each))).toEqual(["a", many.slice(0, maxLineOctets + 1), "b"]);
  });
});

test("a decision names session and token", () => {
  const request = parseFilterLine(filter("rcpt-to", "<a@b.example>"));
  if (request?.kind !== "request") throw new Error("no request");
  expect(encodeDecision(request, { kind: "proceed" })).toBe(`filter-result|${session}|${token}|proceed\n`);
  expect(encodeDecision(request, { kind: "reject", reply: "550 5.1.2 No." })).toBe(
    `filter-result|${session}|${token}|reject|550 5.1.2 No.\n`,
  );
});

describe("an action", () => {
  it.each([
    ["action=DUNNO\n\n", { verb: "DUNNO", text: "" }],
    ["action=550 5.1.2 No\u0007such.\n\n", { verb: "550", text: "5.1.2 No such." }],
    ["action=550 5.1.2 No.\n", undefined],
    ["", undefined],
  ])("%j", (bytes, action) => {
    expect(parseAction(bytes)).toEqual(action);
  });

  it.each(["550 No.\n\n", "action=\n\n", "action=DUNNO\nx=y\n\n", "x".repeat(5000)])("%#: not one", (bytes) => {
    expect(() => parseAction(bytes)).toThrow(ProtocolError);
  });
});
