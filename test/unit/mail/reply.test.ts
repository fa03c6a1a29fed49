/** A reply is one line that reads as it is written, whatever it was made of. */
import { expect, test } from "vitest";
import { formatReply, parseReply, reply, toClientText } from "../../../src/mail/reply.ts";
import { formatReplyText } from "../../../src/wire/milter/reply-text.ts";
import { encodeAction } from "../../../src/wire/policy.ts";
import { encodeSocketmapReply } from "../../../src/wire/socketmap.ts";

const written: [what: string, write: (text: string) => string][] = [
  ["a reply", (text) => formatReply(reply(550, "5.7.1", text))],
  ["a reply in a configuration", (text) => formatReply(parseReply(`550 5.7.1 ${text}`) ?? reply(550, "5.7.1", "refused"))],
  ["an action", (text) => encodeAction("REJECT", text).trimEnd()],
  ["a reply by milter", (text) => formatReplyText({ code: 550, status: "5.7.1", text })],
  ["why a map cannot tell", (reason) => encodeSocketmapReply({ kind: "temporary", reason })],
];
const orders = ["\0", "\u001b[31m", "\u009b31m", "\u0085", "\u2028", "\u061c", "\u200f", "\u202e", "\u2069"];

test.each(written)("%s has no characters that act", (_, write) => {
  for (const order of orders) expect(write(`gone${order}away`)).not.toMatch(/[\p{Cc}\u2028\u2029\p{Bidi_Control}]/u);
});

test.each(["550 5.7.1 gone\naway", "550 5.7.1 gone\u0085away", "550 5.7.1 gone\u2028away"])("%j is not a reply", (line) => {
  expect(parseReply(line)).toBeUndefined();
});

test.each([
  ["Mailbox <a@b.example> is 100% full.", "Mailbox <a@b.example> is 100% full."],
  ["Größe überschritten", "Gr??e ?berschritten"],
  ["😀", "?"],
  ["\ud800", "?"],
])("a client gets %j as %j", (text, expected) => {
  expect(toClientText(text)).toBe(expected);
});
