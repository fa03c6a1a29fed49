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
  // Nobody, with a status: Postfix, Zimbra
  ["550 5.1.1 <x@example.org>: Recipient address rejected: User unknown in virtual mailbox table", "missing"],
  ["550 5.1.1 No such user. Please check the address and try again.", "missing"],
  ["550 5.1.1 User unknown; correct the address and retry", "missing"],
  ["550 5.1.1 No such user at Example Limited", "missing"],
  ["550 5.1.2 No address here, says Example Limited", "missing"],
  ["550 5.1.1 User unknown. Please verify your email address", "missing"],
  ["550 5.1.1 No such mailbox; see our policy", "missing"],
  ["550 5.1.1 Unknown user; use the full address", "missing"],
  ["550 5.1.10 Recipient not found, and your host is not listed", "missing"],
  ["550 Address not present in directory", "missing"],
  ["550 5.1.1 <x@example.org>: Recipient address rejected: User unknown in relay recipient table", "missing"],
  ["550 5.1.1 <x@example.org>: Recipient address rejected: User unknown in local recipient table", "missing"],
  ['550 5.1.1 <x@example.org>: Recipient address rejected: undeliverable address: unknown user: "x"', "missing"],
  ["550 5.1.1 <x@example.org>: Recipient address rejected: example.org", "missing"],
  // Exchange, Microsoft 365
  ["550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", "missing"],
  ["550 5.1.1 RESOLVER.ADR.RecipNotFound; not found", "missing"],
  ["550 5.1.1 User unknown", "missing"],
  // Gmail
  [
    "550-5.1.1 The email account that you tried to reach does not exist. Please try\r\n550-5.1.1 double-checking the recipient's email address for typos or\r\n" +
      "550-5.1.1 unnecessary spaces. For more information, go to\r\n550 5.1.1  https://support.google.com/mail/?p=NoSuchUser a1-20020a05 - gsmtp",
    "missing",
  ],
  // Sendmail, Dovecot, Kerio, Cyrus, Domino, OpenSMTPD, Stalwart, iCloud, IronPort, a qmail with chkuser
  ["550 5.1.1 <x@example.org>... User unknown", "missing"],
  ["550 5.1.1 <x@example.org> User doesn't exist: x@example.org", "missing"],
  ["550 5.1.1 Unknown user: x@example.org", "missing"],
  [
    "550-Mailbox unknown.  Either there is no mailbox associated with this\r\n550-name or you do not have authorization to see it.\r\n550 5.1.1 User unknown",
    "missing",
  ],
  ["550 5.1.1 User not listed in Domino Directory", "missing"],
  ["550 5.1.1 Invalid recipient: x@example.org", "missing"],
  ["550 5.1.2 Mailbox does not exist.", "missing"],
  ["550 5.1.1 <x@example.org>: unknown or illegal alias", "missing"],
  ["550 #5.1.0 Address rejected.", "missing"],
  ["550 sorry, no mailbox here by that name (#5.1.1 - chkusr)", "missing"],
  ["550 5.1.0 Address rejected", "missing"],
  ["551 5.1.6 Moved", "missing"],
  ["553 5.1.3 Bad address syntax", "missing"],
  ["550 5.1.1", "missing"],
  // Nobody, without a status: qmail, Exim, Courier, Cyrus, Domino, Axigen, hMailServer, MDaemon, Mimecast, CommuniGate Pro, RFC 5321
  ["550 sorry, no mailbox here by that name", "missing"],
  ["550 Unrouteable address", "missing"],
  ["550 Unknown user", "missing"],
  ["550 unknown local part x in <x@example.org>", "missing"],
  ["550 No such user here", "missing"],
  ["550 No Such User Here", "missing"],
  ["550 <x@example.org>: no such user", "missing"],
  ["550 User <x@example.org> unknown", "missing"],
  ["550 User unknown.", "missing"],
  ["550 Mailbox unknown. Either there is no mailbox associated with this name or you don't have authorization to see it.", "missing"],
  ["550 x@example.org... No such user", "missing"],
  ["550 User x (x@example.org) not listed in public Name & Address Book", "missing"],
  ["550 Recipient unknown", "missing"],
  ["550 <x@example.org>, Recipient unknown", "missing"],
  ["550 Invalid recipient <x@example.org>", "missing"],
  ["550 Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550 [a1-b2]", "missing"],
  ["550 x unknown user account", "missing"],
  ["550 That is not a valid recipient", "missing"],
  ["550 Not a valid recipient: x@example.org", "missing"],
  ["550 mailbox unavailable", "missing"],
  ["550 Requested action not taken: mailbox unavailable", "missing"],
  ["550 Requested action not taken: mailbox unavailable or not local", "missing"],
  ["550 <x@example.org>: Recipient address rejected", "missing"],
  ["550 The email account that you tried to reach does not exist", "missing"],
  ["550 No mailbox by that name is currently available", "missing"],
  ["551 User not local", "missing"],
  ["551 User not local; please try <y@example.net>", "missing"],
  ["553 Mailbox name not allowed", "missing"],
  // Whatever words the address has, they are not the server's.
  ["550 5.1.1 <relay-client@sender.example>: Recipient address rejected: User unknown", "missing"],
  ["550 quota.later@policy.example: user unknown at relay.example", "missing"],
  ["550 <user-unknown@example.org> does not want this", "unclear"],
  // A mailbox that exists.
  ["452 4.2.2 Quota exceeded (mailbox for user is full)", "full"],
  ["552 5.2.2 Quota exceeded (mailbox for user is full)", "full"],
  ["550 5.2.2 Mailbox full", "full"],
  ["554 5.2.2 mailbox full", "full"],
  ["552 Requested mail action aborted: exceeded storage allocation", "full"],
  ["550 Mailbox is full", "full"],
  ["550 Quota exceeded", "full"],
  ["550 5.1.1 <x@example.org>: mailbox over quota", "full"],
  ["550 x account is full (quota exceeded)", "full"],
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
  ["550 #5.7.1 Your access to submit messages to this e-mail system has been rejected.", "unclear"],
  ["550 [5.7.1] User unknown", "unclear"],
  ["550 5.1.0 <>: Sender address rejected", "unclear"],
  ["550 5.1.0 <x@example.net>: Sender address rejected: User unknown in virtual mailbox table", "unclear"],
  ["550 5.1.1 null sender refused", "unclear"],
  ["550 5.1.1 <> is no valid address", "unclear"],
  ["550 5.1.1 MAIL FROM address does not exist", "unclear"],
  ["550 5.1.2 relaying denied: domain not found", "unclear"],
  ["550 5.1.1 Client host rejected: unknown user", "unclear"],
  ["550 5.1.1 Blocked by policy", "unclear"],
  ["550 5.1.90 Your message can't be sent because you've reached your daily limit", "unclear"],
  ["550-5.7.1 [192.0.2.1] blocked\r\n550 5.1.1", "unclear"],
  ["550 user does not exist, we do not relay", "unclear"],
  ["550 <x@example.org> does not accept bounces", "unclear"],
  ["550 This address does not accept bounces, user unknown", "unclear"],
  ["550 Your IP is listed in RBL", "unclear"],
  ["550 5.1.1 192.0.2.1 is listed by zen.dnsbl.example", "unclear"],
  ["550 Bad HELO", "unclear"],
  ["550 Invalid HELO: address not found", "unclear"],
  ["550 Address not found for your host", "unclear"],
  ["550 Spam source", "unclear"],
  ["550 Must issue STARTTLS", "unclear"],
  ["550 Requested action not taken: mailbox unavailable (no access, or rejected for policy reasons)", "unclear"],
  // It may be otherwise another time.
  ["550 Greylisted, try later", "unclear"],
  ["550 5.1.1 Greylisted", "unclear"],
  ["550 5.1.1 Too many invalid recipients", "unclear"],
  ["550 Mailbox temporarily disabled", "unclear"],
  ["550 Mailbox temporarily unavailable", "unclear"],
  ["550 Unable to verify address, try again later", "unclear"],
  ["550 5.1.1 User lookup failed", "unclear"],
  // Nothing of the kind is said.
  ["550", "unclear"],
  ["550 rejected", "unclear"],
  ["550 Account suspended", "unclear"],
  ["550 Service unavailable", "unclear"],
  ["550 Host name lookup failed", "unclear"],
  ["550 Unknown error for this user", "unclear"],
  ["551 Go away", "unclear"],
  ["553 Domain not found", "unclear"],
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

// In quadratic time none of them would end before the test is over.
test.each([
  "<",
  "<a",
  "not ",
  "relay ",
  "5.1.1",
  "(#",
  "w.",
  "mailbox is ",
  "@",
  "a",
  "no no longer ",
])("the longest reply is read at once, of %j", (part) => {
  const text = part.repeat(2000 / part.length);
  const lines = Array.from({ length: 99 }, () => `550-${text}\r\n`).join("");
  expect(meaningOf(replyOf(`${lines}550 ${text}`))).not.toBe("exists");
});

test("the text of a reply is one bounded line without control characters", () => {
  expect(textOf(replyOf("550-5.1.1 a\u0007b\r\n550 c\u202ed"))).toBe("550 5.1.1 a b c d");
  expect(textOf(replyOf(`550 ${"x".repeat(1000)}`))).toHaveLength(200);
});
