import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { reply } from "../../../../src/mail/reply.ts";
import { PacketDecoder } from "../../../../src/wire/milter/packet.ts";
import { formatReplyText } from "../../../../src/wire/milter/reply-text.ts";
import {
  type BodyResponse,
  type EventResponse,
  encodeBodyResponse,
  encodeEndOfMessage,
  encodeResponse,
  type Modification,
} from "../../../../src/wire/milter/response.ts";
import { decodeAll, latin1 } from "../../../support/portions.ts";

const responses: [name: string, response: EventResponse, bytes: string][] = [
  ["CONTINUE", { kind: "continue" }, "\0\0\0\x01c"],
  ["REPLYCODE", { kind: "reply", reply: reply(550, "5.1.2", "100% gone.") }, "\0\0\0\x17y550 5.1.2 100%% gone.\0"],
];

const modifications: [name: string, edit: Modification, bytes: string][] = [
  ["ADDHEADER", { kind: "addHeader", name: "X-A", value: "b" }, "\0\0\0\x07hX-A\0b\0"],
  ["ADDRCPT", { kind: "addRecipient", path: "<ö@b>" }, "\0\0\0\x08+<\xc3\xb6@b>\0"],
  [
    "ADDRCPT_PAR",
    { kind: "addRecipientWithParameters", path: "<a@b>", parameters: ["NOTIFY=NEVER", "ORCPT=rfc822;c@d"] },
    "\0\0\0\x252<a@b>\0NOTIFY=NEVER ORCPT=rfc822;c@d\0",
  ],
  ["ADDRCPT_PAR without any", { kind: "addRecipientWithParameters", path: "<a@b>", parameters: [] }, "\0\0\0\x072<a@b>\0"],
  ["DELRCPT", { kind: "deleteRecipient", bytes: "<\xff@b>" }, "\0\0\0\x07-<\xff@b>\0"],
  ["CHGFROM", { kind: "changeSender", path: "<>", parameters: [] }, "\0\0\0\x04e<>\0"],
  ["CHGFROM with parameters", { kind: "changeSender", path: "<>", parameters: ["RET=HDRS"] }, "\0\0\0\x0de<>\0RET=HDRS\0"],
];

describe("responses", () => {
  test.each(responses)("%s", (_, response, bytes) => {
    expect(encodeResponse(response)).toEqual(latin1(bytes));
    const toBody: BodyResponse = response;
    expect(encodeBodyResponse(toBody)).toEqual(latin1(bytes));
  });

  test("SKIP, to a body alone", () => {
    expect(encodeBodyResponse({ kind: "skip" })).toEqual(latin1("\0\0\0\x01s"));
    // @ts-expect-error: no other stage has it.
    const response: EventResponse = { kind: "skip" };
    // @ts-expect-error: nor are changes a response before the end of the message.
    const edit: EventResponse = { kind: "deleteRecipient", bytes: "<a@b>" };
    expect([response, edit]).toHaveLength(2);
  });

  test.each(modifications)("%s", (_, edit, bytes) => {
    expect(encodeEndOfMessage([edit])).toEqual(latin1(`${bytes}\0\0\0\x01c`));
  });

  test("changes keep their order, and CONTINUE is last", () => {
    const bytes = encodeEndOfMessage(modifications.map(([, edit]) => edit));
    const { values } = decodeAll(new PacketDecoder(), [bytes]);
    expect(values.map(({ letter }) => letter).join("")).toBe("h+22-eec");
  });

  test.each([
    ["a\r\nb", "a\n b"],
    ["a\n\tb", "a\n b"],
    ["a\n  b\n\nc\n", "a\n  b\n c"],
    ["a\0b\x1b", "a b "],
    ["ö", "\xc3\xb6"],
  ])("the header value %j is sent as %j", (value, sent) => {
    const bytes = encodeEndOfMessage([{ kind: "addHeader", name: "X", value }]);
    expect(bytes.toString("latin1")).toContain(`hX\0${sent}\0`);
  });

  test.each(["", "X Y", "X:", "X\n", "Ö"])("no header has the name %j", (name) => {
    expect(() => encodeEndOfMessage([{ kind: "addHeader", name, value: "" }])).toThrow(RangeError);
  });
});

describe("the text of a reply", () => {
  const x = (count: number) => "x".repeat(count);

  test.each([
    [550, "5.1.1", "No such user.", "550 5.1.1 No such user."],
    [421, "4.3.0", "Too many errors, disconnecting.", "421 4.3.0 Too many errors, disconnecting."],
    [451, "4.7.1", "%s and 100%", "451 4.7.1 %%s and 100%%"],
    [550, "5.7.1", "one\r\ntwo\n\nthree\n", "550-5.7.1 one\r\n550-5.7.1 two\r\n550 5.7.1 three"],
    [550, "5.7.1", " tab\tand\0bell\x07 ", "550 5.7.1 tab and bell"],
    [550, "5.7.1", "größer 😀", "550 5.7.1 gr??er ?"],
    [550, "5.7.1", "", "550 5.7.1 Refused."],
    [550, "5.7.1", "\r\n", "550 5.7.1 Refused."],
    [550, "5.7.1", x(499), `550 5.7.1 ${x(499)}`],
    [550, "5.7.1", x(500), `550-5.7.1 ${x(499)}\r\n550 5.7.1 x`],
    [550, "5.7.1", `${x(400)} ${x(200)}`, `550-5.7.1 ${x(400)}\r\n550 5.7.1 ${x(200)}`],
    [550, "5.7.1", `${x(499)} y`, `550-5.7.1 ${x(499)}\r\n550 5.7.1 y`],
    [550, "5.7.1", "%".repeat(250), `550-5.7.1 ${"%%".repeat(249)}\r\n550 5.7.1 %%`],
  ])("%d %s %j", (code, status, text, sent) => {
    expect(formatReplyText({ code, status, text })).toBe(sent);
  });

  test.each([
    [250, "2.1.5"],
    [252, "2.0.0"],
    [399, "3.0.0"],
    [600, "6.0.0"],
    [550, "4.7.1"],
    [451, "5.7.1"],
    [550, "5.7"],
    [550, ""],
    [550.5, "5.7.1"],
  ])("%d %s is not a reply of a filter", (code, status) => {
    expect(() => formatReplyText({ code, status, text: "x" })).toThrow(RangeError);
  });

  test("no more lines than libmilter takes", () => {
    const text = Array.from({ length: 40 }, (_, index) => `line ${index}`).join("\n");
    const lines = formatReplyText({ code: 550, status: "5.7.1", text }).split("\r\n");
    expect([lines.length, lines[0], lines.at(-1)]).toEqual([32, "550-5.7.1 line 0", "550 5.7.1 line 31"]);
  });

  test("every text is one that MTA and client can take", () => {
    const units = fc.uint16Array({ max: 0x2fff, maxLength: 20 }).map((codes) => String.fromCharCode(...codes));
    const piece = fc.oneof(fc.constantFrom("%", "\r\n", " ", "\0", "ö", "😀", "\ud800", "word"), units);
    const text = fc.array(piece, { maxLength: 80 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(text, fc.constantFrom([421, "4.3.0"] as const, [554, "5.123.45"] as const), (value, [code, status]) => {
        const lines = formatReplyText({ code, status, text: value }).split("\r\n");
        expect(lines.length).toBeLessThanOrEqual(32);
        const taken = lines.every((line, index) => {
          const mark = index < lines.length - 1 ? "-" : " ";
          return line.startsWith(`${code}${mark}${status} `) && /^[ -~]{11,509}$/.test(line) && !line.replaceAll("%%", "").includes("%");
        });
        expect(taken, lines.join("\n")).toBe(true);
      }),
    );
  });

  test("breaking loses no word", () => {
    const word = fc.stringMatching(/^[a-z%]{1,40}$/);
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 150 }), (words) => {
        const lines = formatReplyText({ code: 550, status: "5.7.1", text: words.join(" ") }).split("\r\n");
        expect(lines.map((line) => line.slice("550 5.7.1 ".length).replaceAll("%%", "%")).join(" ")).toBe(words.join(" "));
      }),
    );
  });
});
