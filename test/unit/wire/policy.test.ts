import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeAction, maxRequestOctets, maxValueOctets, PolicyDecoder, type PolicyRequest } from "../../../src/wire/policy.ts";
import { ProtocolError } from "../../../src/wire/protocol-error.ts";
import { runs } from "../../support/runs.ts";

const nothing: PolicyRequest = {
  protocolState: "",
  clientAddress: "",
  clientName: "",
  clientPort: "",
  serverAddress: "",
  serverPort: "",
  heloName: "",
  sender: "",
  recipient: "",
  instance: "",
  size: "",
  stress: "",
  saslUsername: "",
  ccertSubject: "",
  ccertIssuer: "",
  ccertFingerprint: "",
  encryptionProtocol: "",
  encryptionCipher: "",
  policyContext: "",
  isOfSmtpd: false,
};

/** Whole requests, then `"closed"` if the peer broke the protocol. */
function decode(portions: Iterable<Buffer>): (PolicyRequest | "closed")[] {
  const decoder = new PolicyDecoder();
  const requests: (PolicyRequest | "closed")[] = [];
  try {
    for (const portion of portions) {
      decoder.push(portion);
      for (let request = decoder.next(); request !== undefined; request = decoder.next()) requests.push(request);
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    requests.push("closed");
  }
  return requests;
}

const decodeText = (text: string) => decode([Buffer.from(text)]);

/** As Postfix 3.7 sends it. */
const postfix = `request=smtpd_access_policy
protocol_state=RCPT
protocol_name=ESMTP
client_address=203.0.113.9
client_name=mail.client.example
client_port=4321
reverse_client_name=mail.client.example
server_address=127.0.0.1
server_port=2525
helo_name=my.helo.example
sender=sender@s.example
recipient=u1@example.com
recipient_count=0
queue_id=
instance=5585.6b022485.d7dc.0
size=1000
etrn_domain=
stress=
sasl_method=XCLIENT
sasl_username=alice@login.example
sasl_sender=
ccert_subject=branch+20office
ccert_issuer=Z+C3+BCrich+20CA+20+2B+20sons
ccert_fingerprint=C2:9D:F4:87:71:73:73:D9:18:E7:C2:F3:C1:DA:6E:04
ccert_pubkey_fingerprint=
encryption_protocol=TLSv1.3
encryption_cipher=TLS_AES_256_GCM_SHA384
encryption_keysize=256
policy_context=outer

`;

const decoded: PolicyRequest = {
  protocolState: "RCPT",
  clientAddress: "203.0.113.9",
  clientName: "mail.client.example",
  clientPort: "4321",
  serverAddress: "127.0.0.1",
  serverPort: "2525",
  heloName: "my.helo.example",
  sender: "sender@s.example",
  recipient: "u1@example.com",
  instance: "5585.6b022485.d7dc.0",
  size: "1000",
  stress: "",
  saslUsername: "alice@login.example",
  ccertSubject: "branch office",
  ccertIssuer: "Zürich CA + sons",
  ccertFingerprint: "C2:9D:F4:87:71:73:73:D9:18:E7:C2:F3:C1:DA:6E:04",
  encryptionProtocol: "TLSv1.3",
  encryptionCipher: "TLS_AES_256_GCM_SHA384",
  policyContext: "outer",
  isOfSmtpd: true,
};

const bytes = (...values: number[]) => Buffer.from(values).toString("latin1");

describe("a request", () => {
  const filled = (text: string, length: number) => `sender=${text.repeat(length)}`;
  test.each<[what: string, text: string, expected: (Partial<PolicyRequest> | "closed")[]]>([
    ["as Postfix sends it", postfix, [decoded]],
    ["with CRLF", postfix.replaceAll("\n", "\r\n"), [decoded]],
    ["with CRLF in the empty line alone", "sender=a\n\r\n", [{ sender: "a" }]],
    ["in another order", `${postfix.trimEnd().split("\n").reverse().join("\n")}\n\n`, [decoded]],
    ["two in one portion", `${postfix}sender=a\n\n`, [decoded, { sender: "a" }]],
    ["LF, then CRLF", "sender=a\n\nsender=b\r\n\r\nsender=c\n\n", [{ sender: "a" }, { sender: "b" }, { sender: "c" }]],
    ["without the empty line", postfix.slice(0, -1), []],
    ["split at the first =", "sender=a=b = c\n\n", [{ sender: "a=b = c" }]],
    ["what is no xtext stays", "ccert_subject=a+b +2b +2B\n\n", [{ ccertSubject: "a+b +2b +" }]],
    ["spaces stay", "sender= a \n\n", [{ sender: " a " }]],
    ["unknown names", "tls_sni=x\nsender=a\nfoo=\n=bar\n\n", [{ sender: "a" }]],
    ["nothing known", "foo=bar\n\n", [{}]],
    ["names are case-sensitive and whole", "Sender=a\nsender2=b\nsende=c\n\n", [{}]],
    ["duplicates: the first", "sender=a\nsender=b\n\n", [{ sender: "a" }]],
    ["duplicates: the first, although empty", "sender=\nsender=b\n\n", [{ sender: "" }]],
    ["duplicates out of order", "recipient=x\nsender=a\nrecipient=y\nsender=b\n\n", [{ recipient: "x", sender: "a" }]],
    ["names of the language's own", "__proto__=x\nconstructor=y\nsender=a\n\n", [{ sender: "a" }]],
    ["UTF-8", "sender=ü@straße.example\n\n", [{ sender: "ü@straße.example" }]],
    ["a CR within", "sender=a\rb\n\n", [{ sender: "a\rb" }]],
    ["NUL", "sender=a\0b\n\n", ["closed"]],
    ["a line without =", "sender=a\nrecipient\n\n", ["closed"]],
    ["a line without = before one with", "recipient\nsender=a\n\n", ["closed"]],
    ["HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", ["closed"]],
    ["an empty line alone", "\n", ["closed"]],
    ["an empty line alone, CRLF", "sender=a\n\n\r\n", [{ sender: "a" }, "closed"]],
    ["another kind of request", "request=junk\n\n", ["closed"]],
    ["as long as it may be", `${filled("x", maxRequestOctets - 9)}\n\n`, [{ sender: "x".repeat(maxRequestOctets - 9) }]],
    ["a value of the MTA as long as it may be", `instance=${"x".repeat(maxValueOctets)}\n\n`, [{ instance: "x".repeat(maxValueOctets) }]],
    ["a long value that is not read", `ccert_pubkey_fingerprint=${"x".repeat(2000)}\nfoo=${"x".repeat(2000)}\n\n`, [{}]],
    ["too long", `${filled("x", maxRequestOctets - 8)}\n\n`, ["closed"]],
    ["too long, of many lines", `${"a=b\n".repeat(maxRequestOctets / 4)}\n`, ["closed"]],
    ["too long, without end", filled("x", maxRequestOctets), ["closed"]],
    ["good ones before a bad one", "sender=a\n\nbad\n\nsender=b\n\n", [{ sender: "a" }, "closed"]],
  ])("%s", (_what, text, expected) => {
    const whole = expected.map((request) => (request === "closed" ? request : { ...nothing, ...request }));
    expect(decodeText(text)).toEqual(whole);
  });

  test.each([
    "server_address",
    "instance",
    "client_name",
    "size",
    "encryption_protocol",
    "sasl_username",
  ])("a value of the MTA that is too long: %s", (name) => {
    expect(decodeText(`${name}=${"ü".repeat(maxValueOctets / 2)}x\n\n`)).toEqual(["closed"]);
  });

  test.each([
    ["a lone continuation byte", bytes(0x61, 0x80, 0x62), "a\ufffdb"],
    ["latin-1", bytes(0xfc), "\ufffd"],
    ["a sequence cut short", bytes(0xe2, 0x82), "\ufffd"],
  ])("invalid UTF-8: %s", (_what, value, expected) => {
    expect(decode([Buffer.from(`sender=${value}\n\n`, "latin1")])).toEqual([{ ...nothing, sender: expected }]);
  });

  test("one that never ends is not waited for", () => {
    const decoder = new PolicyDecoder();
    let taken = 0;
    expect(() => {
      for (; taken < 10 * maxRequestOctets; taken += 1000) {
        decoder.push(Buffer.alloc(1000, "x"));
        decoder.next();
      }
    }).toThrow(ProtocolError);
    expect(taken).toBeLessThanOrEqual(maxRequestOctets);
  });
});

const value = fc.string({ unit: "grapheme", maxLength: 20 }).map((text) => text.replace(/[\0\r\n]/g, ""));
const name = fc.oneof(
  fc.constantFrom("sender", "recipient", "instance", "foo", "policy_context", "size"),
  fc.stringMatching(/^[a-z_]{1,8}$/),
);
const block = fc
  .array(fc.tuple(name, value), { minLength: 1, maxLength: 8 })
  .filter((lines) => !lines.some(([attribute]) => attribute === "request"));
const newline = fc.constantFrom("\n", "\r\n");
const stream = fc
  .array(fc.tuple(block, newline), { maxLength: 5 })
  .map((blocks) => blocks.map(([lines, end]) => lines.map(([attribute, text]) => `${attribute}=${text}${end}`).join("") + end).join(""));

/** Cuts at the given fractions of the whole. */
function cutAt(whole: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (whole.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((start, index) => whole.subarray(start, places[index] ?? whole.length));
}

const cuts = fc.array(fc.nat(), { maxLength: 30 });

describe("properties", () => {
  test("any portions of any stream give the same requests", () => {
    fc.assert(
      fc.property(stream, cuts, (text, at) => {
        const whole = Buffer.from(text);
        expect(decode(cutAt(whole, at))).toEqual(decode([whole]));
      }),
      { numRuns: runs(100) },
    );
  });

  test("byte by byte too", () => {
    const whole = Buffer.from(`${postfix}${postfix.replaceAll("\n", "\r\n")}`);
    expect(decode([...whole].map((byte) => Buffer.from([byte])))).toEqual([decoded, decoded]);
  });

  test("what was sent is what is read", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ sender: value, recipient: value, policyContext: value })), newline, (requests, end) => {
        const lines = requests.map((one) =>
          [`policy_context=${one.policyContext}`, `recipient=${one.recipient}`, `sender=${one.sender}`, "", ""].join(end),
        );
        expect(decodeText(lines.join(""))).toEqual(requests.map((one) => ({ ...nothing, ...one })));
      }),
      { numRuns: runs(100) },
    );
  });

  test("any bytes give requests or a ProtocolError, whatever the portions, and never a request before its empty line", () => {
    const odd = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.array(fc.constantFrom(10, 13, 61, 0, 97, 200), { maxLength: 60 }));
    fc.assert(
      fc.property(odd, cuts, (values, at) => {
        const whole = Buffer.from(values);
        const requests = decode([whole]);
        expect(decode(cutAt(whole, at))).toEqual(requests);
        const emptyLines = whole.toString("latin1").match(/(?<=^|\n)\r?\n/g)?.length ?? 0;
        expect(requests.filter((request) => request !== "closed").length).toBeLessThanOrEqual(emptyLines);
      }),
      { numRuns: runs(100) },
    );
  });
});

describe("an action", () => {
  test.each([
    ["DUNNO", "", "action=DUNNO\n\n"],
    ["550", "5.1.1 No such user", "action=550 5.1.1 No such user\n\n"],
    ["421", "", "action=421 Refused.\n\n"],
    ["450", " \n ", "action=450 Refused.\n\n"],
    ["550", "5.1.1 a\nb\0c\u2028d", "action=550 5.1.1 a b c d\n\n"],
    ["550", " 5.1.1 x ", "action=550 5.1.1 x\n\n"],
    ["550", "x".repeat(500), `action=550 ${"x".repeat(400)}\n\n`],
    ["550", "ü".repeat(500), `action=550 ${"ü".repeat(200)}\n\n`],
    ["550", `x${"ü".repeat(500)}`, `action=550 x${"ü".repeat(199)}\n\n`],
    ["PREPEND", `X: ${"y".repeat(995)}`, `action=PREPEND X: ${"y".repeat(995)}\n\n`],
    ["PREPEND", `X: ${"y".repeat(996)}`, `action=PREPEND X: ${"y".repeat(995)}\n\n`],
    ["550", "\ud800", "action=550 \ufffd\n\n"],
  ])("%s %j", (verb, text, expected) => {
    expect(encodeAction(verb, text)).toBe(expected);
  });

  test("is one line and an empty one, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 600 }), (text) => {
        const encoded = encodeAction("550", text);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
        expect(encoded).toMatch(/^action=550 [^\s\u0000-\u001f\u007f][^\u0000-\u001f\u007f]*\n\n$/u);
        expect(Buffer.byteLength(encoded)).toBeLessThanOrEqual(415);
        expect(Buffer.from(encoded).toString()).toBe(encoded);
      }),
      { numRuns: runs(100) },
    );
  });
});
