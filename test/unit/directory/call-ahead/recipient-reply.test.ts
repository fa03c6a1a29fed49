import { expect, test } from "vitest";
import { type Meaning, meaningOf, textOf } from "../../../../src/directory/call-ahead/recipient-reply.ts";
import { SmtpReplyDecoder } from "../../../../src/wire/smtp-reply.ts";

function replyOf(line: string) {
  const decoder = new SmtpReplyDecoder();
  decoder.push(Buffer.from(`${line}\r\n`));
  const reply = decoder.next();
  if (reply === undefined) throw new Error("no reply");
  return reply;
}

test.each<[line: string, meaning: Meaning]>([
  ["250 2.1.5 Ok", "exists"],
  ["251 2.1.5 User not local; will forward", "exists"],
  ["252 2.0.0 Cannot VRFY", "exists"],
  // Postfix, Exchange, Dovecot; qmail, Exim
  ["550 5.1.1 <x@example.org>: Recipient address rejected: User unknown in virtual mailbox table", "missing"],
  ["550 5.1.10 RESOLVER.ADR.RecipientNotFound", "missing"],
  ["550 5.1.0 Address rejected", "missing"],
  ["551 5.1.6 Moved", "missing"],
  ["553 5.1.3 Bad address syntax", "missing"],
  ["550 sorry, no mailbox here by that name", "missing"],
  ["550 Unrouteable address", "missing"],
  ["551 User not local", "missing"],
  ["553 Mailbox name not allowed", "missing"],
  ["452 4.2.2 Quota exceeded (mailbox for user is full)", "full"],
  ["552 5.2.2 Quota exceeded (mailbox for user is full)", "full"],
  ["552 Requested mail action aborted: exceeded storage allocation", "full"],
  // About the server, its client, or the sender.
  ["550 5.7.1 Client was not authenticated", "unclear"],
  ["553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", "unclear"],
  ["550-this host takes no mail from you\r\n550 5.7.1 see postmaster.example", "unclear"],
  ["550 relay not permitted", "unclear"],
  ["550 Administrative prohibition", "unclear"],
  ["550-Verification failed for <>\r\n550 Sender verify failed", "unclear"],
  ["550 Access denied", "unclear"],
  ["550 5.1.8 Sender address rejected: Domain not found", "unclear"],
  ["550 5.1.7 Invalid sender", "unclear"],
  ["550 5.4.1 Recipient address rejected: Access denied", "unclear"],
  ["550 5.2.1 Mailbox disabled", "unclear"],
  ["552 5.3.4 Message too big", "unclear"],
  ["554 5.1.1 Unknown", "unclear"],
  ["554 Transaction failed", "unclear"],
  ["503 5.5.1 MAIL first", "unclear"],
  ["530 5.7.0 Must issue a STARTTLS command first", "unclear"],
  ["452 4.5.3 Too many recipients", "unclear"],
  ["452 Insufficient system storage", "unclear"],
  ["450 4.2.2 Greylisted", "unclear"],
  ["451 4.3.0 Temporary lookup failure", "unclear"],
  ["450 4.1.1 User unknown", "unclear"],
  ["354 Go ahead", "unclear"],
])("%s: %s", (line, meaning) => {
  expect(meaningOf(replyOf(line))).toBe(meaning);
});

test("the text of a reply is one bounded line without control characters", () => {
  expect(textOf(replyOf("550-5.1.1 a\u0007b\r\n550 c\u202ed"))).toBe("550 5.1.1 a b c d");
  expect(textOf(replyOf(`550 ${"x".repeat(1000)}`))).toHaveLength(200);
});
