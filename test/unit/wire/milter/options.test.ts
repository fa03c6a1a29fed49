import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeOffer,
  encodeOptions,
  isAnswered,
  mayModify,
  maySkip,
  type Negotiation,
  negotiate,
  type Requirements,
} from "../../../../src/wire/milter/options.ts";
import type { Modification } from "../../../../src/wire/milter/response.ts";
import { ProtocolError } from "../../../../src/wire/protocol-error.ts";
import { frame, strings, uint32 } from "../../../support/milter-frames.ts";

const everything: Negotiation = { version: 6, actions: 0x1ff, protocol: 0x1fffff };
const nothing: Requirements = { replied: [], noReply: [], modifications: [], refusedRecipients: false };
const byRecipient: Requirements = {
  replied: ["mail", "rcpt"],
  noReply: ["connect", "helo"],
  modifications: ["addHeader", "addRecipient", "deleteRecipient"],
  refusedRecipients: true,
};

describe("negotiation", () => {
  test("a filter that decides by recipient", () => {
    expect(negotiate(everything, byRecipient)).toEqual({
      version: 6,
      // ADDHDRS, ADDRCPT, DELRCPT, SETSYMLIST
      actions: 0x10d,
      // NR of connect, helo and of what is left out: data, header, end of header, body, unknown; RCPT_REJ; SKIP
      protocol:
        0x1000 | 0x2000 | (0x200 | 0x10000) | (0x20 | 0x80) | (0x40 | 0x40000) | (0x10 | 0x80000) | (0x100 | 0x20000) | 0x800 | 0x400,
    });
  });

  test("a filter that wants nothing has no event but the end of a message", () => {
    expect(negotiate(everything, nothing).protocol).toBe(0x1fffff & ~0x800 & ~0x100000);
  });

  test.each<[offered: number, answered: number]>([
    [2, 2],
    [3, 3],
    [4, 4],
    [5, 5],
    [6, 6],
    [7, 6],
    [0xffffffff, 6],
  ])("version %d offered: %d", (offered, answered) => {
    expect(negotiate({ ...everything, version: offered }, byRecipient).version).toBe(answered);
  });

  test.each([0, 1])("version %d is refused", (version) => {
    expect(() => negotiate({ ...everything, version }, byRecipient)).toThrow(ProtocolError);
  });

  test("an old MTA gets only what it understands, and its responses", () => {
    const options = negotiate({ version: 2, actions: 0x3f, protocol: 0x7f }, byRecipient);
    expect(options).toEqual({ version: 2, actions: 0xd, protocol: 0x70 });
    expect(isAnswered("connect", options)).toBe(true);
    expect(maySkip(options)).toBe(false);
    expect(encodeOptions(options)).toEqual(frame("O", "\0\0\0\x02\0\0\0\x0d\0\0\0\x70"));
  });

  test("every subset of what can be offered gives a subset of it", () => {
    const bits = fc.nat(0xffffffff);
    const events = fc.subarray(["connect", "helo", "mail", "rcpt", "data", "header", "endOfHeader", "body", "unknown"] as const);
    const modifications = fc.subarray([
      "addHeader",
      "addRecipient",
      "addRecipientWithParameters",
      "deleteRecipient",
      "changeSender",
    ] as const);
    const wants = fc.record({ replied: events, noReply: events, modifications, refusedRecipients: fc.boolean() });
    fc.assert(
      fc.property(bits, bits, fc.integer({ min: 2, max: 8 }), wants, (actions, protocol, version, wanted) => {
        const options = negotiate({ version, actions, protocol }, wanted);
        expect(options.actions & ~actions).toBe(0);
        expect(options.protocol & ~protocol).toBe(0);
        expect(options.actions & ~0x1ff).toBe(0);
        expect(options.protocol & ~0x1fffff).toBe(0);
        expect(options.version).toBeLessThanOrEqual(version);
        // A wanted verdict can always be given, and no reply is promised where one is.
        for (const event of wanted.replied) expect(isAnswered(event, options)).toBe(true);
        expect(decodeOffer(encodeOptions(options).toString("latin1", 5))).toEqual(options);
      }),
      { numRuns: 500 },
    );
  });
});

test.each<[Modification["kind"], number]>([
  ["addHeader", 0x1],
  ["addRecipient", 0x4],
  ["deleteRecipient", 0x8],
  ["changeSender", 0x40],
  ["addRecipientWithParameters", 0x80],
])("%s needs the action %d", (edit, action) => {
  const options = negotiate(everything, { ...nothing, modifications: [edit] });
  expect(options.actions).toBe(action | 0x100);
  expect(mayModify(edit, options)).toBe(true);
  expect(mayModify(edit, { ...options, actions: 0x1ff & ~action })).toBe(false);
});

test("macros are asked for when that was offered", () => {
  const lists =
    uint32(0) +
    strings("j v {client_addr} {client_name} {client_port} {client_resolve} {daemon_name} {daemon_addr} {daemon_port} {if_addr}") +
    uint32(1) +
    strings("{tls_version} {cipher} {verify} {cert_subject} {cert_issuer}") +
    uint32(2) +
    strings("i {auth_authen} {tls_version} {cipher} {verify} {cert_subject} {cert_issuer}") +
    uint32(3) +
    strings("i {rcpt_mailer} {rcpt_host} {rcpt_addr}") +
    uint32(4) +
    strings("i") +
    uint32(5) +
    strings("i");
  expect(encodeOptions({ version: 6, actions: 0x10d, protocol: 0 })).toEqual(frame("O", `\0\0\0\x06\0\0\x01\x0d\0\0\0\0${lists}`));
  expect(encodeOptions({ version: 6, actions: 0xd, protocol: 0 })).toEqual(frame("O", "\0\0\0\x06\0\0\0\x0d\0\0\0\0"));
});
