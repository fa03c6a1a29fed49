import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Command, CommandDecoder, expectsReply, maxHeloOctets, maxHostOctets } from "../../../../src/wire/milter/command.ts";
import { maxStrings } from "../../../../src/wire/milter/packet.ts";
import { ProtocolError } from "../../../../src/wire/protocol-error.ts";
import { frame, strings } from "../../../support/milter-frames.ts";
import { cut, decodeAll, latin1, places, someBytes } from "../../../support/portions.ts";

const decode = (bytes: Buffer) => decodeAll(new CommandDecoder(), [bytes]);

const none = { values: new Map(), octets: 0 };

/** Written by hand: what the MTA sends, one character a byte, and what it means. */
const golden: [name: string, bytes: string, command: Command][] = [
  [
    "OPTNEG",
    "\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff",
    { kind: "offer", offer: { version: 6, actions: 0x1ff, protocol: 0x1fffff } },
  ],
  [
    "MACRO",
    "\0\0\0\x1cDMi\x004F7\0{auth_authen}\0j\xc3\xb6hn\0",
    {
      kind: "macros",
      stage: "mail",
      macros: {
        values: new Map([
          ["i", "4F7"],
          ["auth_authen", "jöhn"],
        ]),
        octets: 20,
      },
    },
  ],
  ["MACRO with no pair", "\0\0\0\x02DH", { kind: "macros", stage: "helo", macros: none }],
  [
    "MACRO with an empty value",
    "\0\0\0\x0fDR{rcpt_addr}\0\0",
    { kind: "macros", stage: "rcpt", macros: { values: new Map([["rcpt_addr", ""]]), octets: 9 } },
  ],
  ["MACRO of another name", "\0\0\0\x12DR{mail_addr}\0a@b\0", { kind: "macros", stage: "rcpt", macros: none }],
  [
    "CONNECT from IPv4",
    "\0\0\0\x19Cmx.example\x004\x10\xe1192.0.2.7\0",
    { kind: "connect", host: "mx.example", client: { family: "ip", address: "192.0.2.7", port: 4321 } },
  ],
  [
    "CONNECT from IPv6, Postfix",
    "\0\0\0\x0eC[::1]\x006\0\x19::1\0",
    { kind: "connect", host: "[::1]", client: { family: "ip", address: "::1", port: 25 } },
  ],
  [
    "CONNECT from IPv6, Sendmail",
    "\0\0\0\x23Clocalhost\x006\0\x19IPv6:0:0:0:0:0:0:0:1\0",
    { kind: "connect", host: "localhost", client: { family: "ip", address: "::1", port: 25 } },
  ],
  ["CONNECT of a family unknown", "\0\0\0\x0cClocalhost\0U", { kind: "connect", host: "localhost", client: { family: "unknown" } }],
  [
    "CONNECT over a unix socket",
    "\0\0\0\x13Clocalhost\0L\0\0/a/b\0",
    { kind: "connect", host: "localhost", client: { family: "unix", path: "/a/b" } },
  ],
  ["HELO", "\0\0\0\x0cHmx.example\0", { kind: "helo", name: "mx.example" }],
  [
    "MAIL",
    "\0\0\0\x11M<>\0SIZE=100\0X=\xff\0",
    { kind: "mail", path: { address: "", withoutRoute: "<>" }, parameters: ["SIZE=100", "X=\ufffd"] },
  ],
  [
    "RCPT",
    '\0\0\0\x15R<@r:"s\xc3\xb6 d"@x.test>\0',
    { kind: "rcpt", path: { address: "sö d@x.test", withoutRoute: '<"s\xc3\xb6 d"@x.test>' }, parameters: [] },
  ],
  ["DATA", "\0\0\0\x01T", { kind: "data" }],
  ["HEADER", "\0\0\0\x0eLSubject\0a\n b\0", { kind: "header" }],
  ["EOH", "\0\0\0\x01N", { kind: "endOfHeader" }],
  ["BODY", "\0\0\0\x05Bhi\r\n", { kind: "body" }],
  ["BODYEOB", "\0\0\0\x01E", { kind: "endOfMessage" }],
  ["BODYEOB with data", "\0\0\0\x03E.\0", { kind: "endOfMessage" }],
  ["UNKNOWN", "\0\0\0\x09UFOO bar\0", { kind: "unknown" }],
  ["ABORT", "\0\0\0\x01A", { kind: "abort" }],
  ["QUIT", "\0\0\0\x01Q", { kind: "quit" }],
  ["QUIT_NC", "\0\0\0\x01K", { kind: "quitNewConnection" }],
];

describe("commands", () => {
  test.each(golden)("%s", (_, bytes, command) => {
    expect(decode(latin1(bytes))).toEqual({ values: [command], error: undefined });
  });

  test("all at once, and in any portions", () => {
    const bytes = latin1(golden.map(([, frameBytes]) => frameBytes).join(""));
    const commands = golden.map(([, , command]) => command);
    fc.assert(
      fc.property(places, (cuts) => {
        expect(decodeAll(new CommandDecoder(), cut(bytes, cuts))).toEqual({ values: commands, error: undefined });
      }),
    );
  });

  test.each([
    ["nothing of an offer", "O", ""],
    ["part of an offer", "O", "\0\0\0\x06\0\0\x01\xff\0\x1f\xff"],
    ["macros of no stage", "D", ""],
    ["macros of an unknown stage", "D", strings("Xi", "1")],
    ["a macro without a value", "D", strings("Mi")],
    ["a macro without its NUL", "D", "Mi\x001"],
    ["a host without its NUL", "C", "mx"],
    ["a host and no family", "C", "mx\0"],
    ["an unknown family", "C", "mx\x005\0\0\0"],
    ["no port", "C", "mx\x004\0"],
    ["an address without its NUL", "C", "mx\x004\0\x19192.0.2.7"],
    ["a host that is too long", "C", `${"x".repeat(maxHostOctets + 1)}\0U`],
    ["no HELO name", "H", ""],
    ["a HELO name without its NUL", "H", "mx"],
    ["no sender", "M", ""],
    ["a sender without its NUL", "M", "<>"],
    ["a parameter without its NUL", "R", "<a@b>\0X"],
    ["no recipient", "R", ""],
    ["a header without a value", "L", strings("Subject")],
    ["a header value without its NUL", "L", "Subject\0x"],
    ["no unknown command", "U", ""],
    ["too many parameters", "R", strings(...Array.from({ length: maxStrings + 1 }, () => "x"))],
    ["a letter that is not a command", "Z", ""],
    ["a control character as a letter", "\0", ""],
    ["a response", "c", ""],
  ])("refused: %s", (_, letter, data) => {
    expect(decode(frame(letter, data))).toEqual({ values: [], error: expect.any(ProtocolError) });
  });

  test.each(["T", "L", "N", "B", "E", "U", "A", "Q", "K"])("nothing is made of %s, of which nothing but its letter matters", (letter) => {
    const frames = ["one\0two\0", "three\0four\0"].map((data) => frame(letter, data));
    const [first, second] = decodeAll(new CommandDecoder(), frames).values;
    expect(first).toBeDefined();
    expect(second).toBe(first);
  });

  test("a HELO name that is too long is cut, but stays too long", () => {
    const { values } = decode(frame("H", strings("x".repeat(130_000))));
    expect(values).toEqual([{ kind: "helo", name: "x".repeat(maxHeloOctets) }]);
  });

  test.each([
    ["C", "mx\0Urest"],
    ["C", "mx\x004\0\x19192.0.2.7\0rest"],
    ["T", "rest"],
    ["H", strings("mx", "rest")],
    ["L", strings("Subject", "value", "rest")],
    ["O", "\0\0\0\x06\0\0\0\0\0\0\0\0rest"],
  ])("what follows %s is ignored (%j)", (letter, data) => {
    const { values, error } = decode(frame(letter, data));
    expect([values.length, error]).toEqual([1, undefined]);
    expect(JSON.stringify(values)).not.toContain("rest");
  });

  test.each([
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["ipv6:2001:DB8::7", "2001:db8::7"],
    ["fe80::1%eth0", "fe80::1"],
    ["192.0.2.07", undefined],
    ["", undefined],
  ])("the client's address %j is %j", (text, address) => {
    expect(decode(frame("C", `mx\x006\xff\xff${text}\0`)).values).toEqual([
      { kind: "connect", host: "mx", client: { family: "ip", address, port: 65_535 } },
    ]);
  });

  test("any bytes give commands or a ProtocolError, and the same in any portions", () => {
    const letter = fc.constantFrom(..."ODCHMRTLNBEUAQKcZ");
    const frames = fc.array(fc.tuple(letter, someBytes), { maxLength: 6 });
    fc.assert(
      fc.property(frames, someBytes, places, (list, rest, cuts) => {
        const bytes = Buffer.concat([...list.map(([name, data]) => frame(name, data.toString("latin1"))), rest]);
        const whole = decode(bytes);
        expect(whole.error === undefined || whole.error instanceof ProtocolError).toBe(true);
        expect(decodeAll(new CommandDecoder(), cut(bytes, cuts))).toEqual(whole);
      }),
      { numRuns: 300 },
    );
  });

  test("arguments come as they were sent", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 40 }).filter((value) => !value.includes("\0"));
    const utf8 = (value: string) => Buffer.from(value).toString("latin1");
    fc.assert(
      fc.property(fc.array(text, { maxLength: 5 }), (parameters) => {
        const { values } = decode(frame("M", utf8(strings("<a@b>", ...parameters))));
        expect(values).toMatchObject([{ parameters }]);
      }),
    );
  });
});

describe("a response is expected", () => {
  const all = { version: 6, actions: 0, protocol: 0 };
  const none = { ...all, protocol: 0x1fffff };

  test.each<[Command["kind"], boolean, boolean]>([
    ["offer", true, true],
    ["macros", false, false],
    ["connect", true, false],
    ["helo", true, false],
    ["mail", true, false],
    ["rcpt", true, false],
    ["data", true, false],
    ["header", true, false],
    ["endOfHeader", true, false],
    ["body", true, false],
    ["unknown", true, false],
    ["endOfMessage", true, true],
    ["abort", false, false],
    ["quit", false, false],
    ["quitNewConnection", false, false],
  ])("to %s: %s, and with every no-reply flag %s", (kind, plainly, atMost) => {
    expect([expectsReply(kind, all), expectsReply(kind, none)]).toEqual([plainly, atMost]);
  });

  test.each<[Command["kind"], number]>([
    ["header", 0x80],
    ["connect", 0x1000],
    ["helo", 0x2000],
    ["mail", 0x4000],
    ["rcpt", 0x8000],
    ["data", 0x10000],
    ["unknown", 0x20000],
    ["endOfHeader", 0x40000],
    ["body", 0x80000],
  ])("not to %s with the flag of that event alone", (kind, flag) => {
    expect(expectsReply(kind, { ...all, protocol: flag })).toBe(false);
    expect(expectsReply(kind, { ...all, protocol: 0x1fffff & ~flag })).toBe(true);
  });
});
