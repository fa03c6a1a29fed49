-- Several sessions at the same time, which must not affect each other: a trusted client, a login and too many errors.
-- Run by test/mta/miltertest.test.ts with -D addr=...

local function expect(what, got, want)
  if got == want then return end
  mt.echo(what .. ": got " .. tostring(got) .. ", want " .. tostring(want))
  error(what)
end

local function open(name, ip)
  local conn = mt.connect(addr, 20, 0.1)
  if conn == nil then error("no milter at " .. addr) end
  expect("connect of " .. ip, mt.conninfo(conn, name, ip), nil)
  return conn
end
local function mail(conn, what, want)
  expect(what, mt.mailfrom(conn, "<s@client.example.com>"), nil)
  expect("reply to " .. what, mt.getreply(conn), want)
end
local function rcpt(conn, address, want)
  expect(address, mt.rcptto(conn, "<" .. address .. ">"), nil)
  expect("reply to " .. address, mt.getreply(conn), want)
end

local stranger = open("client.example.com", "203.0.113.9")
local trusted = open("localhost", "127.0.0.1")
local login = open("roaming.example.com", "2001:db8::9")

expect("helo", mt.helo(stranger, "spammer.example"), nil)
expect("helo", mt.helo(trusted, "spammer.example"), nil)
expect("helo", mt.helo(login, "roaming.example.com"), nil)
mail(trusted, "mail of a trusted client", SMFIR_CONTINUE)
mail(stranger, "mail of a stranger", SMFIR_REPLYCODE)
mt.macro(login, SMFIC_MAIL, "{auth_authen}", "john")
mail(login, "mail of a login", SMFIR_CONTINUE)

rcpt(trusted, "friend@elsewhere.example", SMFIR_CONTINUE)
rcpt(login, "friend@elsewhere.example", SMFIR_CONTINUE)

-- Neither is ever disconnected: each refusal is about this recipient alone.
for n = 1, 6 do
  rcpt(trusted, "nosuch" .. n .. "@example.org", SMFIR_REPLYCODE)
  rcpt(login, "nosuch" .. n .. "@example.org", SMFIR_REPLYCODE)
end
rcpt(trusted, "jane@example.org", SMFIR_CONTINUE)
rcpt(login, "jane@example.org", SMFIR_CONTINUE)

-- One connection breaks, the others go on.
mt.disconnect(trusted, false)
expect("helo", mt.helo(stranger, "client.example.com"), nil)
mail(stranger, "mail after a good name", SMFIR_CONTINUE)
rcpt(stranger, "jane@example.org", SMFIR_CONTINUE)
rcpt(login, "john+1@example.org", SMFIR_CONTINUE)
mt.disconnect(stranger)
mt.disconnect(login)
