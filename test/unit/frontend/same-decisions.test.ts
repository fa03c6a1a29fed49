/** By whatever rules, and whatever a client says: `explain` tells what a policy and a milter listener answer. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseConfiguration } from "../../../src/config/load.ts";
import { type Command, open, players, type Session } from "../../support/played-session.ts";
import { runs } from "../../support/runs.ts";

type Stage = "ehlo" | "mail" | "rcpt";

const connection = ["listener", "remote_ip", "remote_port", "local_port", "is_tls", "is_trusted", "helo_domain", "authenticated_as"];
const variables: Readonly<Record<Stage, readonly string[]>> = {
  ehlo: connection,
  mail: [...connection, "sender", "sender_domain"],
  rcpt: [...connection, "sender", "sender_domain", "rcpt", "rcpt_domain", "recipients"],
};
const constants = ["'john@example.org'", "'example.org'", "''", "0", "1", "25", "'25'", "'192.0.2.7'", "[1, 'a']", "2.5", "5s"];

function expressions(stage: Stage): fc.Arbitrary<string> {
  const { expression } = fc.letrec<{ expression: string }>((tie) => {
    const inner = tie("expression");
    const call = (names: readonly string[], ...more: readonly string[]) =>
      fc.tuple(fc.constantFrom(...names), inner).map(([name, of]) => `${name}(${[of, ...more].join(", ")})`);
    return {
      expression: fc.oneof(
        { maxDepth: 3, depthSize: "small" },
        fc.constantFrom(...variables[stage], ...constants, "$0", "$1", "$2"),
        fc
          .tuple(inner, fc.constantFrom("==", "!=", "<", ">=", "&&", "||", "^", "+", "-", "*"), inner)
          .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
        inner.map((operand) => `!(${operand})`),
        inner.map((of) => `matches('^(.+)@(.+)$', ${of})`),
        inner.map((key) => `key_exists('known', ${key})`),
        call(["is_empty", "len", "count", "to_uppercase", "is_email", "is_local_domain", "is_local_address", "lines"]),
        call(["contains", "ends_with", "split", "strip_suffix"], "'example.org'"),
        call(["email_part"], "'local'"),
        fc.tuple(inner, inner, inner).map((three) => `if_then(${three.join(", ")})`),
      ),
    };
  });
  return expression;
}

const truths = (stage: Stage) => fc.oneof(fc.constantFrom("true", "false"), expressions(stage));
const outcomes = fc.constantFrom(
  ...["true", "false", "''", "rcpt", "'john@example.org'", "'nobody@example.org'", "'x@foreign.example'", "$1 + '@example.org'"],
);

/** A setting, or nothing. */
function setting(key: string, stage: Stage, values: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const rule = fc.tuple(expressions(stage), values).map(([condition, value]) => ({ condition, value }));
  const rules = fc.tuple(fc.array(rule, { minLength: 1, maxLength: 2 }), values).map(([each, otherwise]) => {
    const tables = each.map(({ condition, value }) => `{ if = ${JSON.stringify(condition)}, then = ${JSON.stringify(value)} }`);
    return `${key} = [ ${[...tables, `{ else = ${JSON.stringify(otherwise)} }`].join(", ")} ]`;
  });
  return fc.option(rules, { nil: "" });
}

function denials(stage: Stage): fc.Arbitrary<string> {
  const replies = fc.constantFrom("550 5.7.1 Not {helo_domain}.", "450 4.7.1 Later.", "421 4.7.0 Goodbye.");
  const denial = fc.tuple(expressions(stage), replies, fc.constantFrom("enforce", "enforce", "shadow"));
  const written = denial.map(
    ([condition, reply, mode]) => `deny = [ { if = ${JSON.stringify(condition)}, reply = "${reply}", mode = "${mode}" } ]`,
  );
  return fc.option(written, { nil: "" });
}

const table = (header: string, ...lines: readonly fc.Arbitrary<string>[]) =>
  fc.tuple(...lines).map((all) => [`[${header}]`, ...all.filter((line) => line !== "")].join("\n"));

const configurations = fc
  .tuple(
    fc.constantFrom("", "local-port = 587"),
    fc.constantFrom("", 'trusted-networks = ["192.0.2.0/24"]'),
    table(
      "session.ehlo",
      setting("require", "ehlo", truths("ehlo")),
      setting("reject-non-fqdn", "ehlo", truths("ehlo")),
      fc.constantFrom("", 'blocklist = ["known"]'),
      denials("ehlo"),
    ),
    table("session.mail", setting("is-allowed", "mail", truths("mail")), denials("mail")),
    table("session.auth", setting("must-match-sender", "mail", truths("mail"))),
    table(
      "session.rcpt",
      setting("relay", "rcpt", truths("rcpt")),
      setting(
        "rewrite",
        "rcpt",
        outcomes.filter((outcome) => outcome !== "true"),
      ),
      setting("sub-addressing", "rcpt", outcomes),
      setting("catch-all", "rcpt", outcomes),
      setting("max-recipients", "mail", fc.constantFrom("1", "2", "100")),
      denials("rcpt"),
    ),
    table("session.rcpt.errors", fc.constantFrom("total = 2", "total = 100")),
    table("session.rcpt.greylist", setting("enable", "rcpt", truths("rcpt"))),
  )
  .map(([localPort, trusted, ...tables]) =>
    [
      ...["policy", "milter"].map((protocol, index) =>
        [`[listener.${protocol}]`, `protocol = "${protocol}"`, `bind = ["127.0.0.1:${index + 1}"]`, localPort, trusted].join("\n"),
      ),
      `[directory.accounts]
type = "memory"
principals = [
  { name = "john", email = ["john@example.org", "j@example.org"], email-list = ["staff@example.org"] },
  { name = "jane", email = ["jane@example.org", "@catch.example"], email-list = ["staff@example.org"] },
]`,
      '[lookup.known]\n"blocked.example" = true\n"john@example.org" = true\n"example.org" = true\n"192.0.2.7" = true',
      ...tables,
    ].join("\n"),
  );

const command = (name: Command["name"], ...written: readonly string[]): fc.Arbitrary<Command> =>
  fc.constantFrom(...written).map((argument) => ({ name, argument, parameters: [] }));

const recipient = command(
  "RCPT",
  ...["john@example.org", "John+Tag@EXAMPLE.org", "nobody@example.org", "staff@example.org", "x@catch.example", "x@foreign.example"],
  ...["postmaster", "postmaster@example.org", "j@example.org.", "j\u{f6}hn@example.org", "john@", "abuse@catch.example"],
);

const sessions: fc.Arbitrary<Session> = fc
  .tuple(
    fc.constantFrom("203.0.113.9", "192.0.2.7", "2001:db8::7"),
    fc.constantFrom("", "", "john", "JANE", "stranger"),
    fc.boolean(),
    fc.constantFrom(25, 587),
    command("EHLO", "mx.client.example", "localhost", "[192.0.2.7]", "BLOCKED.example.", "m\u{fc}nchen.example"),
    command("MAIL", "", "a@client.example", "JOHN@Example.org", "jane+x@example.org", "x@blocked.example"),
    // Policy asks about a recipient of a message once.
    fc.uniqueArray(recipient, { minLength: 1, maxLength: 3, selector: ({ argument }) => argument }),
  )
  .map(([client, login, tls, serverPort, ...[ehlo, mail, recipients]]) => ({
    ...{ client, name: "", port: 4321, serverPort, login, tls, instance: "1.1", commands: [ehlo, mail, ...recipients] },
  }));

/** What recipients came to, up to the end of the session; a refusal of the EHLO name or the sender is that of all, whenever the protocol is asked. */
function comparable([ehlo = "-", mail = "-", ...recipients]: readonly string[]): readonly string[] {
  const before = [ehlo, mail].find((outcome) => /^\d/.test(outcome));
  if (before !== undefined) return [before];
  const end = recipients.findIndex((outcome) => outcome.startsWith("421"));
  return end < 0 ? recipients : recipients.slice(0, end + 1);
}

test.each(
  Object.keys(players).filter((name) => name !== "socketmap"),
)("%s: the listener's local-port comes before what the MTA says", async (name) => {
  const listeners = ["policy", "milter"].map(
    (protocol, index) => `[listener.${protocol}]
protocol = "${protocol}"
bind = ["127.0.0.1:${index + 1}"]
local-port = 587
`,
  );
  const toml = `${listeners.join("")}[directory.mta]
type = "mta"
[session.rcpt]
deny = [ { if = "local_port == 587", reply = "550 5.7.1 Submission." } ]
`;
  const { configuration } = parseConfiguration(toml, "port.toml", () => "");
  if (configuration === undefined) throw new Error("it has errors");
  const said = [
    ["EHLO", "mx.client.example"],
    ["MAIL", "a@client.example"],
    ["RCPT", "x@example.org"],
  ] as const;
  const commands = said.map(([each, argument]) => ({ name: each, argument, parameters: [] }));
  const session = { client: "203.0.113.9", name: "", port: 4321, serverPort: 25, login: "", tls: false, instance: "1.1", commands };
  const now = () => 0;
  const outcomes = await players[name]?.(open(configuration, now), now)(session);
  expect(outcomes?.at(-1)).toBe("550 5.7.1 Submission.");
});

test("explain and the protocols decide alike", async () => {
  await fc.assert(
    fc.asyncProperty(configurations, fc.array(sessions, { minLength: 1, maxLength: 4 }), async (toml, all) => {
      const { configuration, problems } = parseConfiguration(toml, "same.toml", () => "");
      if (configuration === undefined) throw new Error(problems.map(({ line, message }) => `${line}: ${message}`).join("\n"));
      const now = () => 0;
      for (const session of all) {
        for (const protocol of ["policy", "milter"]) {
          const played = async (name: string) => comparable((await players[name]?.(open(configuration, now), now)(session)) ?? []);
          const [explained, answered] = [await played(`explain ${protocol}`), await played(protocol)];
          if (JSON.stringify(explained) !== JSON.stringify(answered))
            throw new Error(`${toml}\n${JSON.stringify(session)}\nexplain: ${explained.join(" | ")}\n${protocol}: ${answered.join(" | ")}`);
        }
      }
    }),
    { numRuns: runs(20) },
  );
});
