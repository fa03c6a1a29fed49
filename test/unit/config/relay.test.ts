/** Lists of domains that are relayed, beside `session.rcpt.relay`. */
import { expect, test } from "vitest";
import { parseConfiguration } from "../../../src/config/load.ts";
import { session } from "../../support/session.ts";
import { directoryOf, sourcesOf } from "../../support/sources.ts";
import { askRcpt } from "../../support/stages.ts";

const lists: Readonly<Record<string, string>> = { files: "file.example", queries: "sql.example", others: "other.example" };

function settingsOf(relay: string) {
  const text = `[directory.accounts]
type = "mta"
[lookup-file.files]
path = "relay_domains"
relay = true
[lookup-sql.queries]
store = "embedded"
query = "SELECT 1 FROM domain WHERE name = $1"
relay = true
[lookup-file.others]
path = "others"
[session.rcpt]
relay = ${relay}
`;
  return parseConfiguration(text, "postern.toml", () => "", { serves: false });
}

const rule = `[ { if = "sender == 'x@b.example'", then = false }, { if = "key_exists('others', rcpt_domain)", then = true }, { else = false } ]`;

test.each([
  ["in a file", "a@b.example", "any@file.example", "relayed"],
  ["by SQL", "a@b.example", "any@sql.example", "relayed"],
  ["whatever the rule says", "x@b.example", "any@sql.example", "relayed"],
  ["by the rule", "a@b.example", "any@other.example", "relayed"],
  ["not by the rule", "x@b.example", "any@other.example", "relay-denied"],
  ["not", "a@b.example", "any@elsewhere.example", "relay-denied"],
  ["not, as it is local", "a@b.example", "nobody@example.org", "unknown-mailbox"],
])("a domain is relayed: %s", async (_, sender, recipient, expected) => {
  const { configuration, problems } = settingsOf(rule);
  expect(problems.map(({ message }) => message)).toEqual([]);
  if (configuration === undefined) throw new Error("it has errors");
  const sources = sourcesOf(
    [directoryOf({ "john@example.org": "john@example.org" }, { name: "accounts" })],
    {},
    {
      keyGet: (list, key) => (lists[list] === key ? 1 : undefined),
    },
  );
  const { verdict } = await askRcpt(session({ sender }), recipient, { settings: configuration.settings, sources });
  expect(verdict.reason).toBe(expected);
});

test("an error in the rule has its own place", () => {
  const wrong = rule.replace("then = true", 'then = "maybe"');
  const { problems } = settingsOf(wrong);
  expect(problems.map(({ message, column }) => [message.slice(0, 15), column])).toEqual([
    ["unknown variabl", "relay = ".length + wrong.indexOf("maybe") + 1],
  ]);
});
