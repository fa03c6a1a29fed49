import { describe, expect, test } from "vitest";
import { TemporaryError } from "../../../../src/answer/temporary-error.ts";
import { answerPolicy, type PolicyConnection } from "../../../../src/frontend/policy/policy.ts";
import { SessionMemory } from "../../../../src/frontend/policy/session-memory.ts";
import type { PolicyRequest } from "../../../../src/wire/policy.ts";
import { client, rcpt, request, type World, type WorldOptions, world } from "../../../support/mail-domain.ts";
import { rule } from "../../../support/settings.ts";

const noMailbox = "550 5.1.2 Mailbox does not exist.";
const noRelay = "550 5.1.2 Relay not allowed.";
const tooManyErrors = "421 4.3.0 Too many errors, disconnecting.";
const tooManyRecipients = "452 4.5.3 Too many recipients.";
const badName = "550 5.5.0 Invalid EHLO domain.";
const blocked = "551 5.1.1 Sending domain 'spammer.example' has been blocklisted.";
const noHelo = "503 5.5.1 Polite people say EHLO first.";
const cannotTell = "451 4.4.3 Unable to verify address at this time.";
const held = (action: string) => `${action} (5000 ms)`;

type Asked = readonly [asked: ReturnType<typeof request>, expected: string];

async function expectAnswers(place: World, asked: readonly Asked[]): Promise<void> {
  const ask = client(place);
  const answers: string[] = [];
  for (const [one] of asked) answers.push(await ask(one));
  expect(answers).toEqual(asked.map(([, expected]) => expected));
}

/** Without and with a directory that is waited for. */
describe.each([false, true])("a directory that waits: %s", (waits) => {
  const open = (options: WorldOptions = {}) => world({ ...options, waits });

  test.each<[what: string, asked: readonly Asked[], options?: WorldOptions]>([
    ["a mailbox", [[rcpt("john@example.org"), "DUNNO"]]],
    ["case and IDN are no matter", [[rcpt("John@EXAMPLE.org"), "DUNNO"]]],
    ["an unknown mailbox", [[rcpt("nobody@example.org"), held(noMailbox)]]],
    ["a foreign domain", [[rcpt("a@elsewhere.example"), held(noRelay)]]],
    ["a foreign domain, with a login", [[rcpt("a@elsewhere.example", { saslUsername: "john" }), "DUNNO"]]],
    ["an unknown mailbox, with a login", [[rcpt("nobody@example.org", { saslUsername: "john" }), noMailbox]]],
    ["a trusted client", [[rcpt("a@elsewhere.example", { clientAddress: "192.0.2.7", heloName: "localhost" }), "DUNNO"]]],
    ["an unknown client", [[rcpt("a@elsewhere.example", { clientAddress: "unknown", clientName: "unknown" }), held(noRelay)]]],
    ["no client at all", [[rcpt("john@example.org", { clientAddress: "", clientName: "", clientPort: "", instance: "" }), "DUNNO"]]],
    ["no wait under stress", [[rcpt("nobody@example.org", { stress: "yes" }), noMailbox]]],
    ["no recipient", [[rcpt(""), "DUNNO"]]],
    ["UTF-8 and quotes come as they are", [[rcpt("q uoted@example.org"), held(noMailbox)]]],
    ["a name that is no FQDN", [[request("EHLO", { heloName: "localhost" }), badName]]],
    ["HELO is EHLO", [[request("HELO", { heloName: "localhost" }), badName]]],
    ["another port of the MTA", [[request("EHLO", { heloName: "localhost", serverPort: "587" }), "DUNNO"]]],
    ["local-port wins over the MTA", [[request("EHLO", { heloName: "localhost", serverPort: "587" }), badName]], { localPort: 25 }],
    ["local-port wins the other way too", [[request("EHLO", { heloName: "localhost" }), "DUNNO"]], { localPort: 587 }],
    ["no server port is 25", [[request("EHLO", { heloName: "localhost", serverPort: "" }), badName]]],
    ["a server port of 0 is 25", [[request("EHLO", { heloName: "localhost", serverPort: "0" }), badName]]],
    ["a server port that is none is 25", [[request("EHLO", { heloName: "localhost", serverPort: "-1" }), badName]]],
    ["a blocklisted name", [[request("EHLO", { heloName: "SPAMMER.example" }), blocked]]],
    ["no name at EHLO", [[request("EHLO", { heloName: "" }), "DUNNO"]]],
    ["MAIL without EHLO", [[request("MAIL", { heloName: "" }), noHelo]]],
    ["RCPT without EHLO", [[rcpt("john@example.org", { heloName: "" }), noHelo]]],
    ["the first refusal decides: EHLO", [[rcpt("nobody@example.org", { heloName: "localhost" }), badName]]],
    ["the first refusal decides: MAIL", [[rcpt("nobody@example.org", { heloName: "" }), noHelo]]],
    ["CONNECT", [[request("CONNECT"), "DUNNO"]]],
    ["DATA", [[request("DATA", { recipient: "nobody@example.org", instance: "1.2.3.0", heloName: "localhost" }), "DUNNO"]]],
    ["END-OF-MESSAGE", [[request("END-OF-MESSAGE", { heloName: "localhost" }), "DUNNO"]]],
    ["ETRN", [[request("ETRN", { heloName: "localhost" }), "DUNNO"]]],
    ["an unknown state", [[request("NOOP", { heloName: "localhost" }), "DUNNO"]]],
    ["no state", [[request("", { heloName: "localhost" }), "DUNNO"]]],
  ])("%s", async (_what, asked, options) => {
    await expectAnswers(open(options), asked);
  });

  test.each<[context: string, helo: string, mail: string, foreign: string, local: string]>([
    ["", badName, badName, badName, badName],
    ["anything", badName, badName, badName, badName],
    ["helo", badName, badName, badName, badName],
    ["client", "DUNNO", "DUNNO", "DUNNO", "DUNNO"],
    ["sender", "DUNNO", "DUNNO", "DUNNO", "DUNNO"],
    ["relay", "DUNNO", "DUNNO", held(noRelay), "DUNNO"],
    ["recipient", "DUNNO", "DUNNO", held(noRelay), held(noMailbox)],
    ["data", "DUNNO", "DUNNO", "DUNNO", "DUNNO"],
    ["eod", "DUNNO", "DUNNO", "DUNNO", "DUNNO"],
  ])("policy_context=%s", async (policyContext, helo, mail, foreign, local) => {
    const bad = { heloName: "localhost", policyContext };
    await expectAnswers(open(), [[request("EHLO", bad), helo]]);
    await expectAnswers(open(), [[request("MAIL", bad), mail]]);
    await expectAnswers(open(), [[rcpt("a@elsewhere.example", bad), foreign]]);
    await expectAnswers(open(), [[rcpt("nobody@example.org", bad), local]]);
  });

  test.each<[context: string, expected: string]>([
    ["", "DUNNO"],
    ["client", "DUNNO"],
    ["relay", "550 5.1.2 Address not found."],
    ["recipient", "550 5.1.2 Address not found."],
    ["anything", "550 5.1.2 Address not found."],
  ])("VRFY with policy_context=%s", async (policyContext, expected) => {
    const on = { changes: { extensions: { vrfy: rule("true") } } };
    const recipient = policyContext === "" ? "john@example.org" : "nobody@example.org";
    await expectAnswers(open(on), [[request("VRFY", { recipient, policyContext }), expected]]);
  });

  test("VRFY that is off, and one that cannot be answered", async () => {
    await expectAnswers(open(), [[request("VRFY", { recipient: "john@example.org" }), "502 5.5.1 VRFY is disabled."]]);
    const place = open({ changes: { extensions: { vrfy: rule("true") } } });
    place.directory.down = true;
    await expectAnswers(place, [[request("VRFY", { recipient: "john@example.org" }), "450 4.4.3 Unable to verify address at this time."]]);
  });

  describe("repeated requests", () => {
    const bad = rcpt("nobody@example.org");
    const other = rcpt("nobody2@example.org");
    const third = rcpt("nobody3@example.org");
    const relayList = (recipient: string) => rcpt(recipient, { policyContext: "relay" });
    const recipientList = (recipient: string) => rcpt(recipient, { policyContext: "recipient" });

    test.each<[what: string, asked: readonly Asked[]]>([
      [
        "each bad recipient counts once, and the third ends the session",
        [
          [bad, held(noMailbox)],
          [bad, noMailbox],
          [other, held(noMailbox)],
          [other, noMailbox],
          [other, noMailbox],
          [third, held(tooManyErrors)],
          [third, tooManyErrors],
        ],
      ],
      [
        "in the next message it counts again",
        [
          [bad, held(noMailbox)],
          [{ ...bad, instance: "1.2.3.1" }, held(noMailbox)],
          [{ ...bad, instance: "1.2.3.2" }, held(tooManyErrors)],
        ],
      ],
      [
        "another client's errors are its own",
        [
          [bad, held(noMailbox)],
          [other, held(noMailbox)],
          [{ ...third, clientPort: "4322", instance: "9.9.9.0" }, held(noMailbox)],
          [{ ...third, clientAddress: "203.0.113.10", instance: "9.9.9.1" }, held(noMailbox)],
        ],
      ],
      [
        "the fourth recipient of a message is one too many, in each list",
        [
          [rcpt("john@example.org"), "DUNNO"],
          [rcpt("john@example.org"), "DUNNO"],
          [rcpt("jane@example.org"), "DUNNO"],
          [rcpt("jane@example.org"), "DUNNO"],
          [rcpt("doe@example.org"), "DUNNO"],
          [rcpt("bill@example.org"), tooManyRecipients],
          [rcpt("bill@example.org"), tooManyRecipients],
          [rcpt("JOHN@example.org"), "DUNNO"],
          [rcpt("bill@example.org", { instance: "1.2.3.1" }), "DUNNO"],
        ],
      ],
      [
        "relay and recipient lists",
        [
          [relayList("nobody@example.org"), "DUNNO"],
          [recipientList("nobody@example.org"), held(noMailbox)],
          [relayList("a@elsewhere.example"), held(noRelay)],
          [recipientList("a@elsewhere.example"), noRelay],
          [relayList("john@example.org"), "DUNNO"],
          [recipientList("john@example.org"), "DUNNO"],
          [relayList("a@another.example"), held(tooManyErrors)],
        ],
      ],
      [
        "what passed the relay list is still limited as a recipient",
        ["a", "b", "c", "d"].flatMap((name): Asked[] => {
          const login = { saslUsername: "john", recipient: `${name}@elsewhere.example` };
          return [
            [{ ...relayList(login.recipient), ...login }, name === "d" ? tooManyRecipients : "DUNNO"],
            [{ ...recipientList(login.recipient), ...login }, name === "d" ? tooManyRecipients : "DUNNO"],
          ];
        }),
      ],
      [
        "all lists of Postfix ask at RCPT",
        [
          [rcpt("nobody@example.org", { policyContext: "client" }), "DUNNO"],
          [rcpt("nobody@example.org", { policyContext: "helo" }), "DUNNO"],
          [rcpt("nobody@example.org", { policyContext: "sender" }), "DUNNO"],
          [rcpt("nobody@example.org", { policyContext: "relay" }), "DUNNO"],
          [rcpt("nobody@example.org", { policyContext: "recipient" }), held(noMailbox)],
        ],
      ],
      [
        "a refused name stays refused, another is asked about",
        [
          [request("EHLO", { heloName: "localhost" }), badName],
          [request("EHLO", { heloName: "localhost" }), badName],
          [request("EHLO"), "DUNNO"],
          [rcpt("john@example.org"), "DUNNO"],
          [rcpt("john@example.org", { heloName: "localhost" }), badName],
        ],
      ],
      [
        "a name that only the MTA has let through is asked about when its list asks",
        [
          [rcpt("john@example.org", { heloName: "localhost", policyContext: "recipient" }), "DUNNO"],
          [rcpt("john@example.org", { heloName: "localhost", policyContext: "helo" }), badName],
          [rcpt("john@example.org", { heloName: "localhost", policyContext: "recipient" }), "DUNNO"],
        ],
      ],
      [
        "MAIL before EHLO, and again after it",
        [
          [request("MAIL", { heloName: "" }), noHelo],
          [request("MAIL", { heloName: "" }), noHelo],
          [request("EHLO"), "DUNNO"],
          [request("MAIL"), "DUNNO"],
          [rcpt("john@example.org"), "DUNNO"],
        ],
      ],
      [
        "without client and port the instance is the session",
        [bad, other, third].flatMap((one, index): Asked[] => {
          const anonymous = { ...one, clientAddress: "unknown", clientPort: "" };
          return [
            [anonymous, held(index === 2 ? tooManyErrors : noMailbox)],
            [anonymous, index === 2 ? tooManyErrors : noMailbox],
          ];
        }),
      ],
      [
        "without both nothing is remembered",
        [bad, bad, bad, bad].map((one): Asked => [{ ...one, clientPort: "0", instance: "" }, held(noMailbox)]),
      ],
      [
        "without an instance the same sender and EHLO name are one transaction",
        [
          ...["john", "jane", "doe"].map((name): Asked => [rcpt(`${name}@example.org`, { instance: "" }), "DUNNO"]),
          [rcpt("bill@example.org", { instance: "" }), tooManyRecipients],
          [rcpt("john@example.org", { instance: "" }), "DUNNO"],
          [rcpt("bill@example.org", { instance: "", sender: "b@client.example" }), "DUNNO"],
          [rcpt("bill@example.org", { instance: "", heloName: "other.client.example" }), "DUNNO"],
          [{ ...bad, instance: "" }, held(noMailbox)],
          [{ ...bad, instance: "" }, noMailbox],
          [{ ...other, instance: "" }, held(noMailbox)],
          [{ ...third, instance: "" }, held(tooManyErrors)],
        ],
      ],
      [
        "two sessions of one client port, with two ports or addresses of the MTA, are two",
        ["25", "587"].flatMap((serverPort): Asked[] => [
          ...["john", "jane", "doe"].map((name): Asked => [rcpt(`${name}@example.org`, { serverPort, instance: serverPort }), "DUNNO"]),
          [rcpt("john@example.org", { serverPort: serverPort === "25" ? "587" : "25", instance: "other" }), "DUNNO"],
          [rcpt("john@example.org", { serverAddress: "198.51.100.2", serverPort, instance: "another" }), "DUNNO"],
          [rcpt("bill@example.org", { serverPort, instance: serverPort }), tooManyRecipients],
        ]),
      ],
      [
        "two that take turns keep their counts",
        ["john", "jane", "doe", "bill"].flatMap((name): Asked[] => {
          const expected = name === "bill" ? tooManyRecipients : "DUNNO";
          return ["25", "587"].map((serverPort) => [rcpt(`${name}@example.org`, { serverPort, instance: serverPort }), expected]);
        }),
      ],
      [
        "sub-addresses and addresses of a catch-all count each, since the MTA delivers to each",
        ["john+1@example.org", "john+2@example.org", "a@catch.example", "b@catch.example", "JOHN+1@example.org"].map(
          (recipient): Asked => [rcpt(recipient), recipient === "b@catch.example" ? tooManyRecipients : "DUNNO"],
        ),
      ],
      [
        "MAIL tells messages apart where there is no instance",
        [
          [request("MAIL"), "DUNNO"],
          ...["john", "jane", "doe"].map((name): Asked => [rcpt(`${name}@example.org`, { instance: "" }), "DUNNO"]),
          [rcpt("bill@example.org", { instance: "" }), tooManyRecipients],
          [request("MAIL"), "DUNNO"],
          [rcpt("bill@example.org", { instance: "" }), "DUNNO"],
        ],
      ],
      [
        "CONNECT ends the session",
        [
          [bad, held(noMailbox)],
          [other, held(noMailbox)],
          [request("CONNECT"), "DUNNO"],
          [third, held(noMailbox)],
        ],
      ],
      [
        "so does XCLIENT, whatever list asks",
        [
          [bad, held(noMailbox)],
          [other, held(noMailbox)],
          [request("XCLIENT", { policyContext: "client" }), "DUNNO"],
          [third, held(noMailbox)],
        ],
      ],
      [
        "a login and TLS may come later",
        [
          [request("EHLO", { heloName: "localhost" }), badName],
          [request("EHLO", { heloName: "localhost", encryptionProtocol: "TLSv1.3" }), badName],
          [rcpt("a@elsewhere.example"), held(noRelay)],
          [rcpt("a@elsewhere.example", { instance: "1.2.3.1", saslUsername: "john" }), "DUNNO"],
        ],
      ],
    ])("%s", async (_what, asked) => {
      await expectAnswers(open(), asked);
    });

    test("the lists of one message at MAIL and RCPT ask MAIL once", async () => {
      const place = open();
      const ask = client(place);
      await ask(request("EHLO"));
      await ask(request("MAIL"));
      await ask(request("MAIL"));
      await ask(rcpt("john@example.org"));
      await ask(rcpt("john@example.org"));
      await ask(rcpt("jane@example.org"));
      await ask(request("MAIL", { instance: "" }));
      expect(place.decisions.map(({ stage, recipient }) => `${stage} ${recipient}`.trim())).toEqual([
        "ehlo",
        "mail",
        "rcpt john@example.org",
        "rcpt jane@example.org",
        "mail",
      ]);
    });

    test("a source that was unavailable is asked again for the next message, not for the other lists of this one", async () => {
      const place = open();
      place.directory.down = true;
      const ask = client(place);
      expect(await ask(rcpt("john@example.org"))).toBe(cannotTell);
      place.directory.down = false;
      expect(await ask(rcpt("john@example.org"))).toBe(cannotTell);
      expect(await ask(rcpt("john@example.org", { instance: "1.2.3.1" }))).toBe("DUNNO");
      expect(place.causes).toEqual([expect.objectContaining({ message: "down" })]);
    });

    test.each<"enforce" | "shadow">([
      "enforce",
      "shadow",
    ])("no recipient is refused for good by a sender that could not be rewritten: %s", async (mode) => {
      const down = () => {
        throw new TemporaryError("down");
      };
      const rewrite = { ...rule("false", "mail"), constant: undefined, evaluate: down };
      const place = open({ changes: { mail: { mode, rewrite }, rcpt: { relay: rule("sender_domain == 'partner.example'", "rcpt") } } });
      const ask = client(place);
      const policyContext = mode === "enforce" ? "recipient" : "";
      expect(await ask(rcpt("a@elsewhere.example", { policyContext }))).toBe(cannotTell);
      expect(await ask(rcpt("nobody@example.org", { policyContext }))).toBe(held(noMailbox));
      expect(await ask(rcpt("john@example.org", { policyContext }))).toBe("DUNNO");
    });

    test("what could not be told is asked again where nothing names messages", async () => {
      const place = open({ changes: { mail: { rewrite: { ...rule("false", "mail"), constant: undefined, evaluate: () => mail() } } } });
      let isDown = true;
      const mail = () => {
        if (isDown) throw new TemporaryError("down");
        return 0;
      };
      const ask = client(place);
      const asked = request("MAIL", { instance: "" });
      expect(await ask(asked)).toBe(cannotTell);
      isDown = false;
      expect(await ask(asked)).toBe("DUNNO");
    });

    test("a session ends after thirty minutes without a request", async () => {
      const place = open();
      const ask = client(place);
      await ask(bad);
      place.now += 29 * 60_000;
      await ask(request("DATA", { instance: "1.2.3.0" }));
      place.now += 29 * 60_000;
      expect(await ask(bad)).toBe(noMailbox);
      place.now += 30 * 60_000 + 1;
      expect(await ask(bad)).toBe(held(noMailbox));
    });

    test("requests that overlap are one after the other", async () => {
      const ask = client(open());
      const asked = [bad, other, bad, third, other, third, bad];
      const answers = await Promise.all(asked.map((one) => ask(one)));
      expect(answers).toEqual([held(noMailbox), held(noMailbox), noMailbox, held(tooManyErrors), noMailbox, tooManyErrors, noMailbox]);
    });
  });

  test("in shadow mode all pass at once, and the log says what would have been, stage by stage", async () => {
    const place = open();
    place.mode = "shadow";
    const asked = [
      rcpt("nobody@example.org", { heloName: "localhost" }),
      rcpt("nobody@example.org", { heloName: "localhost" }),
      rcpt("john@example.org", { heloName: "localhost" }),
      rcpt("nobody2@example.org"),
      rcpt("jane@example.org"),
      rcpt("a@elsewhere.example"),
      request("VRFY", { recipient: "john@example.org" }),
    ];
    await expectAnswers(
      place,
      asked.map((one): Asked => [one, "DUNNO"]),
    );
    expect(place.decisions.map((one) => [one.stage, one.recipient, one.verdict, one.would, one.reason])).toEqual([
      ["ehlo", "nobody@example.org", "pass", "reject", "invalid-ehlo"],
      ["rcpt", "nobody@example.org", "pass", "reject", "unknown-mailbox"],
      ["ehlo", "john@example.org", "pass", "reject", "invalid-ehlo"],
      ["rcpt", "nobody2@example.org", "pass", "reject", "unknown-mailbox"],
      ["rcpt", "jane@example.org", "pass", undefined, "mailbox"],
      ["rcpt", "a@elsewhere.example", "pass", "disconnect", "too-many-errors"],
      ["vrfy", "john@example.org", "pass", "reject", "vrfy-disabled"],
    ]);
  });

  test.each([
    "",
    "recipient",
  ])("a sender that is too long, in shadow mode of MAIL, hides no unknown recipient (list %j)", async (policyContext) => {
    const ask = client(world({ changes: { mail: { mode: "shadow" } } }));
    const sender = `${"x".repeat(513)}@client.example`;
    expect(await ask(rcpt("nobody@example.org", { sender, policyContext }))).toBe(held(noMailbox));
    expect(await ask(rcpt("john@example.org", { sender, policyContext }))).toBe("DUNNO");
  });

  test.each([
    "nobody@example.org",
    "a@elsewhere.example",
  ])("in shadow mode of RCPT %s is noted once, whichever lists ask", async (recipient) => {
    const place = world({ changes: { rcpt: { mode: "shadow" } } });
    const ask = client(place);
    for (const policyContext of ["relay", "recipient", "", "recipient"])
      expect(await ask(rcpt(recipient, { policyContext }))).toBe("DUNNO");
    expect(place.decisions.filter(({ stage, would }) => stage === "rcpt" && would !== undefined)).toHaveLength(1);
  });
});

test("what is at hand makes no promise, be it passed or refused", () => {
  const answer = answerPolicy(world().options);
  const asked = [
    rcpt("john@example.org"),
    rcpt("nobody@example.org"),
    rcpt("a@elsewhere.example"),
    request("MAIL", { size: "90000" }),
    request("EHLO", { heloName: "localhost" }),
    request("VRFY", { recipient: "john@example.org" }),
  ];
  for (const one of asked) expect(answer(one)).not.toBeInstanceOf(Promise);
});

describe("sessions of a connection", () => {
  const unknown = (clientPort: string, number: number) => rcpt(`nobody${number}@example.org`, { clientPort });
  const verdicts = async (asked: readonly (readonly [PolicyRequest, PolicyConnection | undefined])[]) => {
    const memory = new SessionMemory();
    const answer = answerPolicy({ ...world().options, memory });
    const actions: string[] = [];
    for (const [one, connection] of asked) actions.push((await answer(one, connection)).text.slice(7, 10));
    return { actions, sessions: memory.size };
  };
  const connection = (): PolicyConnection => ({ session: undefined, message: "" });

  test("one after the other, with all errors of each: those that are over are not kept", async () => {
    const own = connection();
    const asked = ["1", "2", "3"].flatMap((port) => [1, 2, 3, 4].map((number) => [unknown(port, number), own] as const));
    const each = ["550", "550", "421", "421"];
    expect(await verdicts(asked)).toEqual({ actions: [...each, ...each, ...each], sessions: 1 });
  });

  test("by turns: but for the one that shows it, all of their errors count", async () => {
    const own = connection();
    const asked = [1, 2, 3, 4, 5].flatMap((number) => ["1", "2"].map((port) => [unknown(port, number), own] as const));
    const { actions, sessions } = await verdicts(asked);
    expect(actions.filter((_, index) => index % 2 === 0)).toEqual(["550", "550", "550", "421", "421"]);
    expect(actions.filter((_, index) => index % 2 === 1)).toEqual(["550", "550", "550", "421", "421"]);
    expect(sessions).toBe(2);
  });

  test("a client that connects again from its port begins a session, and others are forgotten all the same", async () => {
    const own = connection();
    const asked = [1, 2, 3, 4].flatMap((number) =>
      ["1", "2"].map((port) => [{ ...unknown(port, number), instance: `${number}.${port}.3.0` }, own] as const),
    );
    expect(await verdicts(asked)).toEqual({ actions: asked.map(() => "550"), sessions: 1 });
  });

  test("over a new connection for each request, or one that nobody knows", async () => {
    const asked = (from: () => PolicyConnection | undefined) =>
      [1, 2, 3, 4].flatMap((number) => ["1", "2"].map((port) => [unknown(port, number), from()] as const));
    const actions = ["550", "550", "550", "550", "421", "421", "421", "421"];
    expect(await verdicts(asked(connection))).toEqual({ actions, sessions: 2 });
    expect(await verdicts(asked(() => undefined))).toEqual({ actions, sessions: 2 });
  });

  test("over two connections at once", async () => {
    const [ehlo, other] = [connection(), connection()];
    const asked = ["1", "2"].flatMap((port) => [
      [request("EHLO", { clientPort: port }), ehlo] as const,
      ...[1, 2, 3, 4].map((number) => [unknown(port, number), number % 2 === 0 ? ehlo : other] as const),
    ]);
    const each = ["DUN", "550", "550", "421", "421"];
    expect(await verdicts(asked)).toEqual({ actions: [...each, ...each], sessions: 1 });
  });
});

describe("the log", () => {
  test("a line has every input", async () => {
    const place = world();
    const ask = client(place);
    await ask(
      rcpt("nobody@example.org", {
        encryptionProtocol: "TLSv1.3",
        heloName: "mx\n.example",
        sender: "x".repeat(600),
        clientName: "unknown",
      }),
    );
    await ask(rcpt("J@example.org", { clientAddress: "IPv6:2001:DB8:0::1", saslUsername: "al\u0007ice", instance: "7.7.7.7" }));
    expect(place.decisions).toEqual([
      {
        event: "decision",
        listener: "smtp",
        stage: "mail",
        client: "203.0.113.9",
        clientName: "",
        clientPort: 4321,
        serverPort: 25,
        helo: "mx .example",
        tls: true,
        auth: "",
        sender: `${"x".repeat(512)}…`,
        recipient: "nobody@example.org",
        instance: "1.2.3.0",
        verdict: "reject",
        reply: "501 5.1.7 Sender address is too long.",
        reason: "too-long",
        resolved: [],
        ms: 0,
      },
      {
        event: "decision",
        listener: "smtp",
        stage: "rcpt",
        client: "2001:db8::1",
        clientName: "mx.client.example",
        clientPort: 4321,
        serverPort: 25,
        helo: "mx.client.example",
        tls: false,
        auth: "al ice",
        sender: "a@client.example",
        recipient: "J@example.org",
        instance: "7.7.7.7",
        verdict: "pass",
        reply: "",
        reason: "alias",
        resolved: ["j@example.org"],
        ms: 0,
      },
    ]);
  });

  test("each refused recipient has a line, though not each list", async () => {
    const place = world();
    const ask = client(place);
    for (const recipient of ["john@example.org", "jane@example.org"]) {
      for (const policyContext of ["", "helo"]) await ask(rcpt(recipient, { heloName: "localhost", policyContext }));
    }
    expect(place.decisions.map(({ stage, recipient }) => [stage, recipient])).toEqual([
      ["ehlo", "john@example.org"],
      ["ehlo", "jane@example.org"],
    ]);
  });

  test("an unknown context is logged once", async () => {
    const place = world();
    const ask = client(place);
    for (const policyContext of ["outer", "relay", "outer", "", "inner"]) await ask(rcpt("john@example.org", { policyContext }));
    expect(place.notices).toEqual([
      { kind: "unknown-context", listener: "smtp", context: "outer" },
      { kind: "unknown-context", listener: "smtp", context: "inner" },
    ]);
  });

  test("requests without an instance are reported once", async () => {
    const place = world();
    const ask = client(place);
    for (const recipient of ["john@example.org", "jane@example.org"]) await ask(rcpt(recipient, { instance: "" }));
    expect(place.notices).toEqual([{ kind: "no-instance", listener: "smtp" }]);
  });

  test("an address that must be delivered elsewhere is logged once", async () => {
    const place = world();
    const ask = client(place);
    const recipients = [
      "john@example.org",
      "x@catch.example",
      "X@catch.example",
      "john+a@example.org",
      "john+b@example.org",
      "sales@example.org",
    ];
    for (const [index, recipient] of recipients.entries()) await ask(rcpt(recipient, { instance: `${index}` }));
    expect(place.notices.map((notice) => notice.kind === "delivered-elsewhere" && [notice.recipient, notice.resolved])).toEqual([
      ["x@catch.example", ["john@example.org"]],
      ["john+a@example.org", ["john@example.org"]],
      ["sales@example.org", ["john@example.org", "jane@example.org"]],
    ]);
  });

  test("a bug defers its own request, and is not remembered", async () => {
    const place = world();
    const { core } = place;
    const error = new RangeError("a bug");
    place.core = {
      ...core,
      sources: {
        ...core.sources,
        directory() {
          throw error;
        },
      },
    };
    const ask = client(place);
    expect(await ask(rcpt("john@example.org"))).toBe("451 4.3.0 Internal error, please try again later.");
    expect(place.notices).toEqual([{ kind: "internal-error", listener: "smtp", error }]);
    expect(place.decisions).toMatchObject([{ stage: "rcpt", verdict: "defer", reason: "internal-error" }]);
    place.mode = "shadow";
    expect(await ask(rcpt("john@example.org"))).toBe("DUNNO");
    expect(place.decisions[1]).toMatchObject({ stage: "rcpt", verdict: "pass", would: "defer" });
    place.mode = "enforce";
    place.core = core;
    expect(await ask(rcpt("john@example.org"))).toBe("DUNNO");
  });
});

test("no decision is made up that nobody reads", async () => {
  const place = world();
  const ask = client({ ...place, options: { ...place.options, reads: ({ kind }) => kind === "reject" } });
  expect(await ask(rcpt("john@example.org"))).toBe("DUNNO");
  expect(await ask(rcpt("nobody@example.org"))).toBe(held(noMailbox));
  expect(place.decisions.map(({ recipient }) => recipient)).toEqual(["nobody@example.org"]);
});

test("a reload counts from the next request on", async () => {
  const place = world();
  const ask = client(place);
  expect(await ask(rcpt("nobody@example.org"))).toBe(held(noMailbox));
  place.core = world({
    changes: { rcpt: { directory: rule("'*'"), relay: rule("true"), catchAll: false, errors: { total: rule("9"), wait: rule("0s") } } },
  }).core;
  expect(await ask(rcpt("a@elsewhere.example"))).toBe("DUNNO");
  expect(await ask(rcpt("nobody2@example.org"))).toBe(noMailbox);
});

describe("memory", () => {
  test("sessions and what is kept of them are bounded", async () => {
    const memory = new SessionMemory({ sessions: 10, octets: 10_000 });
    const place = world({ memory });
    const ask = client(place);
    for (let port = 1; port <= 40; port += 1) {
      for (let index = 0; index < 5; index += 1) {
        await ask(rcpt(`${"x".repeat(400)}${index}@example.org`, { clientPort: `${port}`, instance: `${port}` }));
        expect(memory.size).toBeLessThanOrEqual(10);
        expect(memory.octets).toBeLessThanOrEqual(10_000);
      }
    }
    expect(memory.octets).toBeGreaterThan(0);
    for (let port = 1; port <= 40; port += 1) await ask(request("CONNECT", { clientPort: `${port}` }));
    expect([memory.size, memory.octets]).toEqual([0, 0]);
  });

  test.each([
    ...(["clientName", "serverAddress", "instance", "size", "heloName", "sender", "recipient"] as const).map((name) => [name, 50] as const),
    // The MTA's own words are kept whole, so that fewer sessions are.
    ...(["saslUsername", "encryptionProtocol"] as const).map((name) => [name, 2] as const),
  ])("%s of 60,000 octets: %i sessions fit into 200,000", async (attribute, sessions) => {
    const memory = new SessionMemory({ sessions: 200, octets: 200_000 });
    const place = world({ memory });
    const ask = client(place);
    for (let port = 1; port <= 50; port += 1) {
      await ask(rcpt("john@example.org", { clientPort: `${port}`, instance: `${port}`, [attribute]: "x".repeat(60_000) }));
    }
    expect(memory.size).toBe(sessions);
    expect(memory.octets).toBeLessThanOrEqual(200_000);
  });

  test("a new message takes the place of the previous one", async () => {
    const memory = new SessionMemory();
    const place = world({ memory });
    const ask = client(place);
    await ask(rcpt("nobody@example.org", { instance: "first" }));
    const octets = memory.octets;
    for (let index = 0; index < 100; index += 1) await ask(rcpt("nobody@example.org", { instance: `i${index}` }));
    expect(memory.octets).toBeLessThan(octets * 2);
  });
});

test("what passed in the relay list is not asked about again in the recipient list", async () => {
  let asked = 0;
  const relay = { waits: false, variables: new Set<string>(), constant: undefined, evaluate: () => ++asked };
  const place = world({ changes: { rcpt: { relay } } });
  const ask = client(place);
  for (const policyContext of ["relay", "recipient", "relay", "recipient"]) {
    expect(await ask(rcpt("a@elsewhere.example", { policyContext }))).toBe("DUNNO");
  }
  expect(asked).toBe(1);
  expect(place.decisions.length).toBe(1);
});
