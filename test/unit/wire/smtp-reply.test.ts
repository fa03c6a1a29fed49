import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ProtocolError } from "../../../src/wire/protocol-error.ts";
import { maxLineOctets, maxReplyLines, SmtpReplyDecoder } from "../../../src/wire/smtp-reply.ts";
import { cut, decodeAll, latin1, places, someBytes } from "../../support/portions.ts";

const decode = (bytes: string | Buffer, cuts: readonly number[] = []) =>
  decodeAll(new SmtpReplyDecoder(), cut(typeof bytes === "string" ? Buffer.from(bytes) : bytes, cuts));
const reply = (code: number, status: string, ...lines: readonly string[]) => ({ code, status, lines });

describe("replies", () => {
  test.each([
    ["250 2.1.5 Ok\r\n", [reply(250, "2.1.5", "2.1.5 Ok")]],
    ["250 2.1.5 Ok\n", [reply(250, "2.1.5", "2.1.5 Ok")]],
    ["250\r\n", [reply(250, "", "")]],
    ["250 \r\n", [reply(250, "", "")]],
    ["250-a\r\n250-b c\r\n250 d\r\n", [reply(250, "", "a", "b c", "d")]],
    ["250-a\r\n250\r\n", [reply(250, "", "a", "")]],
    ["550-5.1.1 Nobody\r\n550 5.7.1 here\r\n", [reply(550, "5.1.1", "5.1.1 Nobody", "5.7.1 here")]],
    ["550 5.1.1\r\n", [reply(550, "5.1.1", "5.1.1")]],
    ["550 4.1.1 Of another class\r\n", [reply(550, "", "4.1.1 Of another class")]],
    ["550 5.1.1x\r\n", [reply(550, "", "5.1.1x")]],
    ["550 5.1.1000 No\r\n", [reply(550, "", "5.1.1000 No")]],
    ["553 sorry (#5.7.1)\r\n", [reply(553, "5.7.1", "sorry (#5.7.1)")]],
    ["553 sorry (#5.7.1) really\r\n", [reply(553, "5.7.1", "sorry (#5.7.1) really")]],
    ["550 #5.7.1 Your access\r\n", [reply(550, "5.7.1", "#5.7.1 Your access")]],
    ["550 [5.7.1] Your access\r\n", [reply(550, "5.7.1", "[5.7.1] Your access")]],
    ["550 (5.7.1): no\r\n", [reply(550, "5.7.1", "(5.7.1): no")]],
    ["550 5.7.1: no\r\n", [reply(550, "5.7.1", "5.7.1: no")]],
    ["550 sorry (#5.1.1 - chkusr)\r\n", [reply(550, "5.1.1", "sorry (#5.1.1 - chkusr)")]],
    ["550 User unknown (5.1.1)\r\n", [reply(550, "5.1.1", "User unknown (5.1.1)")]],
    ["550 User unknown [5.1.1].\r\n", [reply(550, "5.1.1", "User unknown [5.1.1].")]],
    ["550 5.7.1 not #5.1.1\r\n", [reply(550, "5.7.1", "5.7.1 not #5.1.1")]],
    ["550 5.1.1.7 is listed\r\n", [reply(550, "", "5.1.1.7 is listed")]],
    ["550 [5.1.1.7] is listed\r\n", [reply(550, "", "[5.1.1.7] is listed")]],
    ["550 listed #5.1.1.7 by version 5.1.1\r\n", [reply(550, "", "listed #5.1.1.7 by version 5.1.1")]],
    ["220 one\r\n421 two\r\n", [reply(220, "", "one"), reply(421, "", "two")]],
    ["250 \u00fc\u{1f600}\r\n", [reply(250, "", "\u00fc\u{1f600}")]],
    ["250 a\rb\0c\r\n", [reply(250, "", "a\rb\0c")]],
    ["250-never ends\r\n", []],
    ["250 no end", []],
    ["", []],
  ])("%j", (bytes, values) => {
    expect(decode(bytes)).toEqual({ values, error: undefined });
  });

  test.each([
    ["\r\n", "a line that is no reply of SMTP"],
    ["HTTP/1.1 400 Bad Request\r\n", "a line that is no reply of SMTP"],
    ["25 0\r\n", "a line that is no reply of SMTP"],
    ["2500 a\r\n", "a line that is no reply of SMTP"],
    ["150 a\r\n", "a line that is no reply of SMTP"],
    ["650 a\r\n", "a line that is no reply of SMTP"],
    ["250_a\r\n", "a line that is no reply of SMTP"],
    [" 250 a\r\n", "a line that is no reply of SMTP"],
    ["250-a\r\n550 b\r\n", "a reply with two codes"],
    ["x".repeat(maxLineOctets + 1), "a line of more than 2048 octets"],
    ["250-a\r\n".repeat(maxReplyLines + 1), "a reply of more than 100 lines"],
  ])("%j is refused", (bytes, message) => {
    expect(decode(bytes)).toEqual({ values: [], error: new ProtocolError(message) });
  });

  test("the longest of both is taken", () => {
    const line = `250 ${"x".repeat(maxLineOctets - 4)}\n`;
    expect(decode(line).values).toHaveLength(1);
    expect(decode(`${"250-a\r\n".repeat(maxReplyLines - 1)}250 a\r\n`).values).toHaveLength(1);
  });

  test("what is written is read, whatever the portions", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 15 }).map((each) => each.replace(/[\r\n]/g, ""));
    const one = fc.tuple(fc.integer({ min: 200, max: 599 }), fc.array(text, { minLength: 1, maxLength: 5 }), fc.constantFrom("\n", "\r\n"));
    fc.assert(
      fc.property(fc.array(one, { maxLength: 6 }), places, (replies, cuts) => {
        const bytes = replies.map(([code, lines, end]) =>
          lines.map((line, index) => `${code}${index === lines.length - 1 ? " " : "-"}${line}${end}`).join(""),
        );
        const { values, error } = decode(bytes.join(""), cuts);
        expect(error).toBeUndefined();
        expect(values.map(({ code, lines }) => [code, lines])).toEqual(replies.map(([code, lines]) => [code, lines]));
      }),
    );
  });

  test("any bytes are replies or a ProtocolError, whatever the portions", () => {
    const hostile = fc.oneof(
      someBytes,
      fc.array(fc.constantFrom("250", "550", " ", "-", "\r", "\n", "5.1.1", "\0", "\xff")).map((parts) => latin1(parts.join(""))),
    );
    fc.assert(
      fc.property(hostile, places, (bytes, cuts) => {
        const { values, error } = decode(bytes, cuts);
        if (error !== undefined) expect(error).toBeInstanceOf(ProtocolError);
        for (const { code, status } of values) {
          expect(code >= 200 && code < 600).toBe(true);
          expect(status === "" || status[0] === String(code)[0]).toBe(true);
        }
        expect(decode(bytes)).toEqual({ values, error });
      }),
    );
  });
});
