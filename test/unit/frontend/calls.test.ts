/** What the requests of an MTA say of its configuration. */
import { expect, test } from "vitest";
import { type CalledListener, Calls, type CallsStatus, callProblems, sumOfCalled } from "../../../src/frontend/calls.ts";
import { answerPolicy } from "../../../src/frontend/policy/policy.ts";
import { request, world } from "../../support/mail-domain.ts";
import { type Changes, greylist, rule } from "../../support/settings.ts";

/** The state of the session, and the restriction list. */
type Asked = readonly [state: string, context?: string];

const greylisted = { ehlo: { rejectNonFqdn: rule("false") }, rcpt: { greylist: greylist({ enable: rule("true") }) } };

/** What is said of a server whose lists ask so, each message anew, and how often a recipient was asked about again. */
async function problemsOf(asked: readonly Asked[], messages = 200, changes: Changes = greylisted) {
  const { options, core } = world({ changes });
  const calls = new Calls();
  const answer = answerPolicy({ ...options, calls });
  for (let message = 0; message < messages; message += 1) {
    for (const [protocolState, policyContext = ""] of asked) {
      const facts = { clientPort: String(1000 + message), instance: protocolState === "RCPT" ? `i${message}` : "", policyContext };
      await answer(
        request(protocolState, { ...facts, saslUsername: "john", heloName: "mx.client.example", recipient: "john@example.org" }),
      );
    }
  }
  return callProblems([{ name: "smtp", protocol: "policy", calls: calls.status() }], core.settings);
}

test.each<[what: string, asked: readonly Asked[], said: readonly object[]]>([
  ["one list asks about all", [["EHLO"], ["MAIL"], ["RCPT"]], []],
  ["each list says which it is", [["RCPT", "helo"], ["RCPT", "sender"], ["RCPT", "relay"], ["RCPT", "recipient"], ["EHLO"]], []],
  [
    "all lists are asked at RCPT",
    [
      ["RCPT", "helo"],
      ["RCPT", "recipient"],
    ],
    [{ kind: "asked-late", keys: ["session.ehlo.blocklist"] }],
  ],
  [
    "no list asks about recipients",
    [["CONNECT"], ["EHLO"], ["DATA"]],
    [
      {
        ...{ kind: "stage-not-asked", stage: "rcpt", keys: ["session.rcpt", "session.rcpt.greylist"] },
        places: ["CONNECT", "EHLO", "DATA"],
      },
    ],
  ],
  [
    "the list asks about nothing but recipients",
    [["RCPT", "recipient"]],
    [{ kind: "stage-not-asked", stage: "ehlo", keys: ["session.ehlo.blocklist"], places: ["RCPT, recipient"] }],
  ],
  ["two lists ask about all", [["EHLO"], ["RCPT"], ["RCPT"]], [{ kind: "asked-twice", listener: "smtp", places: ["RCPT"] }]],
])("%s", async (_, asked, said) => {
  expect(await problemsOf(asked)).toEqual(said);
});

test("what the DNS says of a client and its sender is asked for where the MTA asks about EHLO and MAIL", async () => {
  const relaxed = rule("'relaxed'");
  const changes = { ...greylisted, senderAuth: { spfEhlo: relaxed, spfMail: relaxed, iprev: relaxed } };
  expect(await problemsOf([["RCPT"]], 200, changes)).toEqual([
    { kind: "asked-late", keys: ["session.ehlo.blocklist", "auth.spf.verify.ehlo"] },
  ]);
  expect(await problemsOf([["RCPT", "recipient"]], 200, changes)).toMatchObject([
    { kind: "stage-not-asked", stage: "ehlo", keys: ["session.ehlo.blocklist", "auth.spf.verify.ehlo"] },
    { kind: "stage-not-asked", stage: "mail", keys: ["auth.iprev.verify", "auth.spf.verify.mail-from"] },
  ]);
});

test("nothing is said of a few requests", async () => {
  expect(await problemsOf([["CONNECT"]], 199)).toEqual([]);
});

test("who was refused comes no further, and says nothing of the MTA", async () => {
  const { options, core } = world({ changes: greylisted });
  const calls = new Calls();
  const answer = answerPolicy({ ...options, calls });
  for (let port = 1; port < 500; port += 1)
    expect((await answer(request("EHLO", { clientPort: String(port), heloName: "spammer.example" }))).text).toContain("551");
  expect(callProblems([{ name: "smtp", protocol: "policy", calls: calls.status() }], core.settings)).toEqual([]);
});

test("a milter that hears of no recipients, beside a listener that does", () => {
  const { core } = world({ changes: greylisted });
  const calls = (stages: Partial<CallsStatus["stages"]>): CallsStatus => ({
    ...{ passed: 400, stages: { connect: 0, ehlo: 200, mail: 200, rcpt: 0, ...stages }, repeated: 0 },
    places: [{ place: "MAIL", count: 400 }],
  });
  const listeners: readonly CalledListener[] = [
    { name: "one", protocol: "milter", calls: calls({}) },
    { name: "two", protocol: "milter", calls: calls({ rcpt: 1 }) },
  ];
  expect(callProblems(listeners, core.settings)).toEqual([{ kind: "recipients-not-asked", listener: "one" }]);
});

test("what two processes were asked is one listener's", () => {
  const ehlo = { place: "EHLO", connect: true, ehlo: true, mail: false, rcpt: undefined };
  const rcpt = { place: "RCPT, recipient", connect: false, ehlo: false, mail: false, rcpt: "all" };
  const [one, other] = [new Calls(), new Calls()];
  for (const call of [ehlo, rcpt, rcpt]) one.passed(call);
  other.passed({ ...rcpt });
  other.repeated();
  other.by("Postfix 3.7.11\n");
  other.by(undefined);
  const called = [one, other].map((calls) => ({ name: "smtp", protocol: "policy" as const, calls: calls.status() }));
  const [sum, ...more] = sumOfCalled(called);
  expect(more).toEqual([]);
  expect(sum?.calls).toEqual({
    ...{ passed: 4, stages: { connect: 1, ehlo: 1, mail: 0, rcpt: 3 }, repeated: 1, mta: expect.stringMatching(/^Postfix 3\.7\.11.?$/) },
    places: [
      { place: "EHLO", count: 1 },
      { place: "RCPT, recipient", count: 3 },
    ],
  });
});
