/** What an administrator may name, and which entry is made of it. */
import { describe, expect, test } from "vitest";
import { parseConfiguration } from "../../../src/config/load.ts";
import { newSubjectOf, subjectOf } from "../../../src/daemon/greylist-subject.ts";
import { greylistKey } from "../../../src/stage/greylist-key.ts";

function configured(settings = "") {
  const text = `[session.rcpt.greylist]\nenable = true\n${settings}\n`;
  const { configuration, problems } = parseConfiguration(text, "postern.toml", () => "", { serves: false });
  expect(problems).toEqual([]);
  if (configuration === undefined) throw new Error("no configuration");
  return configuration;
}

const usual = configured();
const byNetwork = configured('client = "network"');

const cutSender = greylistKey(
  { client: "", sender: `${"bounce-".repeat(40)}x@example.net`, recipient: "" },
  usual.settings.rcpt.greylist,
).sender;

describe("an entry to be made is one that mail can meet", () => {
  test.each([
    ["mail-1.Provider.Example.COM", "user@customer.example", "x@example.org", "example.com user@customer.example x@example.org"],
    ["192.0.2.50", "<user@customer.example>", "<X@example.org>", "192.0.2.0/24 user@customer.example x@example.org"],
    ["192.0.2.0/24", "", "x@example.org", "192.0.2.0/24  x@example.org"],
    ["192.0.2.50/24", "<>", "x@example.org", "192.0.2.0/24  x@example.org"],
    ["2001:DB8:0::1/64", "n-17@example.net", "x@example.org", "2001:db8::/64 n-#@example.net x@example.org"],
    ["example.net", '"a b"@example.net', "x@example.org", "example.net a b@example.net x@example.org"],
    ["example.net", "a b@example.net", "root", "example.net a b@example.net root"],
    ["example.net", cutSender, "x@example.org", `example.net ${cutSender} x@example.org`],
  ])("%s %s %s", (client, sender, recipient, made) => {
    const subject = newSubjectOf(client, sender, recipient, usual);
    expect("client" in subject ? `${subject.client} ${subject.sender} ${subject.recipient}` : subject).toBe(made);
  });

  test.each([
    ["example.net", "not an address", "x@example.org", '"not an address" is not an address'],
    ["example.net", "x@", "x@example.org", '"x@" is not an address'],
    ["example.net", "@example.net", "x@example.org", '"@example.net" is not an address'],
    ["example.net", "a@example.net>,", "x@example.org", '"a@example.net>," is not an address'],
    ["example.net", "a@example.net", "", '"" is not an address'],
    ["example.net", "a@example.net", "x@", '"x@" is not an address'],
    ["192.0.2", "a@example.net", "x@example.org", '"192.0.2" is no address, network or name of a client'],
    ["a@example.net", "a@example.net", "x@example.org", '"a@example.net" is no address, network or name of a client'],
    ["192.0.2.0/33", "a@example.net", "x@example.org", '"192.0.2.0/33" is no address, network or name of a client'],
    [
      ...["192.0.2.128/25", "a@example.net", "x@example.org"],
      "no client is kept as 192.0.2.128/25: session.rcpt.greylist.ipv4-prefix and ipv6-prefix make 192.0.2.0/24 of its addresses",
    ],
    [
      ...["localhost", "a@example.net", "x@example.org"],
      'no client is kept by the name "localhost", which belongs to no single organisation: give an address',
    ],
  ] as [string, string, string, string][])("not %s %s %s", (client, sender, recipient, problem) => {
    expect(newSubjectOf(client, sender, recipient, usual)).toEqual({ problem });
  });

  test("of a name there is none where clients are kept by their networks", () => {
    expect(newSubjectOf("mail-1.provider.example.com", "a@example.net", "x@example.org", byNetwork)).toEqual({
      problem:
        '"mail-1.provider.example.com" is a name, and session.rcpt.greylist.client = "network" keeps clients by their networks: give an address',
    });
  });

  test("and what is no part of the key may be anything, as the dash by which it is listed", () => {
    const bySender = configured('key = ["sender"]');
    expect(newSubjectOf("-", "a@example.net", "-", bySender)).toEqual({ client: "", sender: "a@example.net", recipient: "" });
  });
});

test("what was made by another configuration can still be forgotten", () => {
  expect(subjectOf("192.0.2.128/25", "a@example.net", "x@", usual)).toEqual({
    ...{ client: "192.0.2.128/25", sender: "a@example.net", recipient: "x@" },
  });
  expect(subjectOf("example.com", "a@example.net", "x@example.org", byNetwork)).toMatchObject({ client: "example.com" });
});
