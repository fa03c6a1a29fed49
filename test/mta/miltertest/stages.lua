-- One session through the stages: EHLO names, recipients refused and accepted, the changes at the end of a message.
-- Run by test/mta/miltertest.test.ts with -D addr=...

-- miltertest does not print the text of error().
local function expect(what, got, want)
  if got == want then return end
  mt.echo(what .. ": got " .. tostring(got) .. ", want " .. tostring(want))
  error(what)
end

local conn = mt.connect(addr, 20, 0.1)
if conn == nil then error("no milter at " .. addr) end

-- A step returns nil on success, otherwise a text.
local function step(what, err) expect(what, err, nil) end
local function reply(what, want) expect("reply to " .. what, mt.getreply(conn), want) end

-- miltertest takes the last two arguments in reverse order: all protocol steps, and all actions but SMFIF_ADDRCPT_PAR, since
-- it can only inspect SMFIR_ADDRCPT.
step("negotiate", mt.negotiate(conn, 6, 0x1fffff, 0x17f))
expect("wants ADDRCPT", mt.test_action(conn, SMFIF_ADDRCPT), true)
expect("wants DELRCPT", mt.test_action(conn, SMFIF_DELRCPT), true)
expect("wants ADDHDRS, for after a reload", mt.test_action(conn, SMFIF_ADDHDRS), true)
expect("wants RCPT", mt.test_option(conn, SMFIP_NORCPT), false)
expect("wants no body", mt.test_option(conn, SMFIP_NOBODY), true)
expect("wants no header", mt.test_option(conn, SMFIP_NOHDRS), true)

mt.macro(conn, SMFIC_CONNECT, "j", "mx.example.com", "{daemon_name}", "MTA")
step("connect", mt.conninfo(conn, "client.example.com", "203.0.113.9"))

-- A bad EHLO name is refused at MAIL.
step("bad helo", mt.helo(conn, "spammer.example"))
step("mail", mt.mailfrom(conn, "<s@client.example.com>"))
reply("mail after a bad name", SMFIR_REPLYCODE)

step("good helo", mt.helo(conn, "client.example.com"))
step("mail", mt.mailfrom(conn, "<s@client.example.com>", "SIZE=100", "BODY=8BITMIME"))
reply("mail after a good name", SMFIR_CONTINUE)
step("rcpt", mt.rcptto(conn, "<nosuch@example.org>"))
reply("an unknown recipient", SMFIR_REPLYCODE)
step("rcpt", mt.rcptto(conn, "<john+tag@example.org>", "NOTIFY=NEVER"))
reply("a sub-address", SMFIR_CONTINUE)
step("rcpt", mt.rcptto(conn, "<jane@example.org>"))
reply("a mailbox", SMFIR_CONTINUE)
step("rcpt", mt.rcptto(conn, "<@relay.example:anybody@example.net>"))
reply("a source route to a catch-all", SMFIR_CONTINUE)
step("eom", mt.eom(conn))
reply("the end of the message", SMFIR_CONTINUE)
expect("deletes the sub-address", mt.eom_check(conn, MT_RCPTDELETE, "<john+tag@example.org>"), true)
expect("adds its base", mt.eom_check(conn, MT_RCPTADD, "<john@example.org>"), true)
expect("keeps the mailbox", mt.eom_check(conn, MT_RCPTDELETE, "<jane@example.org>"), false)
expect("deletes without the route", mt.eom_check(conn, MT_RCPTDELETE, "<anybody@example.net>"), true)
expect("adds the account of the catch-all", mt.eom_check(conn, MT_RCPTADD, "<info@example.net>"), true)
expect("adds no refused one", mt.eom_check(conn, MT_RCPTADD, "<nosuch@example.org>"), false)

-- A second message on the same connection changes nothing.
step("second mail", mt.mailfrom(conn, "<>"))
reply("the null sender", SMFIR_CONTINUE)
step("rcpt", mt.rcptto(conn, "<jane@example.org>"))
reply("a mailbox", SMFIR_CONTINUE)
step("eom", mt.eom(conn))
reply("the end of the second message", SMFIR_CONTINUE)
expect("deletes nothing", mt.eom_check(conn, MT_RCPTDELETE, "<jane@example.org>"), false)
expect("adds nothing", mt.eom_check(conn, MT_RCPTADD, "<jane@example.org>"), false)

-- An aborted message has no effect on the next one; a foreign recipient is refused.
step("third mail", mt.mailfrom(conn, "<s@client.example.com>"))
step("rcpt", mt.rcptto(conn, "<friend@elsewhere.example>"))
reply("a foreign recipient", SMFIR_REPLYCODE)
step("abort", mt.abort(conn))
step("fourth mail", mt.mailfrom(conn, "<s@client.example.com>"))
reply("mail after an abort", SMFIR_CONTINUE)
step("rcpt", mt.rcptto(conn, "<jane@example.org>"))
reply("a mailbox after an abort", SMFIR_CONTINUE)
step("disconnect", mt.disconnect(conn))
