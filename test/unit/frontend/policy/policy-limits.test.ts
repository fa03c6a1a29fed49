/** What the policy front end makes of throttles and greylisting: its actions, and how often it asks. */
import { describe, expect, test } from "vitest";
import { answerPolicy, type PolicyConnection } from "../../../../src/frontend/policy/policy.ts";
import type { GreylistSettings, Throttle } from "../../../../src/stage/stage-settings.ts";
import { MemoryState } from "../../../../src/state/memory.ts";
import { client, rcpt, request, type World, world } from "../../../support/mail-domain.ts";
import { greylist, rule } from "../../../support/settings.ts";
import { sourcesOf } from "../../../support/sources.ts";

const wait = "DEFER_IF_PERMIT 4.7.1 Greylisted, please try again in a few moments.";
const header = "PREPEND X-Greylist: delayed 600 seconds by Postern at mx.example.org; Thu, 01 Jan 1970 00:10:00 +0000";
const tenMinutes = 600_000;

interface Limits {
  readonly throttles?: Readonly<Partial<Record<"connect" | "mail" | "rcpt", readonly Throttle[]>>>;
  readonly greylist?: Partial<GreylistSettings>;
  readonly state?: MemoryState;
}

/** With a state that knows the clock of the world, which begins at 1970. */
function limited({ throttles = {}, greylist: changes = {}, state = new MemoryState() }: Limits): World {
  const self = world({ changes: { throttles, rcpt: { greylist: greylist(changes) } } });
  self.core = { ...self.core, sources: { ...sourcesOf([self.directory], {}, {}, { state, now: () => self.now }) } };
  return self;
}

function throttle(changes: Partial<Throttle>): Throttle {
  return {
    ...{ id: "one", name: "t", title: "1/1h", match: rule("true"), key: ["remote_ip"], ipv6Prefix: 64, count: 1, periodMs: 3_600_000 },
    ...{ window: "fixed", mode: "enforce", counts: "recipients", onStoreFailure: "accept" },
    ...changes,
  };
}

describe("greylisting", () => {
  const on = { greylist: { enable: rule("true"), headerHost: "mx.example.org" } };
  const message = (instance: string) => ({ instance, clientPort: "4321" });

  test("DEFER_IF_PERMIT, and one header a message when it passes", async () => {
    const self = limited(on);
    const ask = client(self);
    const first = [rcpt("john@example.org", message("1")), rcpt("jane@example.org", message("1")), rcpt("doe@example.org", message("1"))];
    for (const each of [...first, ...first]) expect(await ask(each)).toBe(wait);
    self.now += tenMinutes;
    const second = first.map((each) => ({ ...each, instance: "2" }));
    const answers: string[] = [];
    for (const each of [...second, ...second]) answers.push(await ask(each));
    expect(answers).toEqual([header, "DUNNO", "DUNNO", "DUNNO", "DUNNO", "DUNNO"]);
    expect(self.decisions.map(({ verdict, reason }) => `${verdict} ${reason}`)).toEqual([
      ...Array(3).fill("defer greylisted"),
      ...Array(3).fill("pass greylist-passed"),
    ]);
  });

  const gone = "550 5.1.2 Mailbox does not exist. (5000 ms)";

  // As they have been captured: clients without an address that can be a key, senders that are none, and recipients in other spellings.
  test.each<[Partial<ReturnType<typeof request>>, recipient: string, answer: string]>([
    [{ clientAddress: "unknown" }, "john@example.org", "DUNNO"],
    [{ clientAddress: "" }, "john@example.org", "DUNNO"],
    [{ clientAddress: "fe80::1%eth0" }, "john@example.org", wait],
    [{ clientAddress: "::1" }, "john@example.org", wait],
    [{ sender: "#@[]" }, "john@example.org", wait],
    [{ sender: "MAILER-DAEMON" }, "john@example.org", wait],
    [{ sender: "отправитель@почта.рф" }, "john@example.org", wait],
    [{ sender: "" }, "postmaster@example.org", "DUNNO"],
    [{ sender: "" }, "Postmaster", "DUNNO"],
    [{}, "john@example.org.", wait],
    [{}, "JOHN+Tag@EXAMPLE.ORG", wait],
    [{}, "@example.org", gone],
    [{}, "john@@example.org", gone],
    [{}, `${"x".repeat(300)}@example.org`, gone],
    [{}, "john%far.example@example.org", gone],
  ])("odd requests: %j to %s", async (attributes, recipient, answer) => {
    const self = limited(on);
    expect(await client(self)(rcpt(recipient, attributes))).toBe(answer);
    expect(self.notices.filter(({ kind }) => kind === "internal-error")).toEqual([]);
  });

  test("does not hide connections and messages from their throttles", async () => {
    const throttles = { connect: [throttle({ id: "connect", count: 3 })], mail: [throttle({ id: "mail", count: 2 })] };
    const ask = client(limited({ ...on, throttles }));
    const answers: string[] = [];
    for (const instance of ["1", "2", "3", "4"]) {
      const attributes = { clientPort: `${4000 + answers.length}`, instance, sender: `${instance}@client.example` };
      answers.push((await ask(rcpt("john@example.org", attributes))).slice(0, 21));
    }
    expect(answers).toEqual(["DEFER_IF_PERMIT 4.7.1", "DEFER_IF_PERMIT 4.7.1", "452 4.4.5 Rate limit ", "421 4.4.5 Rate limit "]);
  });

  test("a refusal of another kind comes first", async () => {
    const ask = client(limited(on));
    expect(await ask(rcpt("nobody@example.org"))).toMatch(/^550 5\.1\.2 /);
  });

  test("as policy_context says: by the recipient list alone", async () => {
    const ask = client(limited(on));
    expect(await ask(rcpt("john@example.org", { policyContext: "relay" }))).toBe("DUNNO");
    expect(await ask(rcpt("john@example.org", { policyContext: "recipient" }))).toBe(wait);
  });

  test("shadow mode logs, and neither delays nor adds a header", async () => {
    const self = limited(on);
    self.mode = "shadow";
    const ask = client(self);
    expect(await ask(rcpt("john@example.org", message("1")))).toBe("DUNNO");
    self.now += tenMinutes;
    expect(await ask(rcpt("john@example.org", message("2")))).toBe("DUNNO");
    expect(self.decisions.map(({ verdict, would, reason }) => [verdict, would, reason])).toEqual([
      ["pass", "defer", "greylisted"],
      ["pass", undefined, "greylist-passed"],
    ]);
  });
});

describe("throttles", () => {
  const refused = "452 4.4.5 Rate limit exceeded, try again later.";
  const closed = "421 4.4.5 Rate limit exceeded, try again later.";

  test("at connect: once a session, whichever request comes first", async () => {
    const ask = client(limited({ throttles: { connect: [throttle({})] } }));
    for (const each of [request("CONNECT"), request("EHLO"), rcpt("john@example.org")]) expect(await ask(each)).toBe("DUNNO");
    const other = { clientPort: "4322" };
    expect(await ask(request("EHLO", other))).toBe(closed);
    expect(await ask(rcpt("john@example.org", other))).toBe(closed);
    expect(await ask(request("EHLO", { ...other, clientAddress: "203.0.113.10" }))).toBe("DUNNO");
  });

  test("at connect: once a session, though something that is not smtpd asks about two by turns over one connection", async () => {
    const answer = answerPolicy(limited({ throttles: { connect: [throttle({ count: 2 })] } }).options);
    const connection: PolicyConnection = { session: undefined, message: "" };
    const actions: string[] = [];
    for (const state of ["CONNECT", "EHLO", "MAIL", "RCPT"]) {
      for (const clientPort of ["1", "2"]) {
        const asked = request(state, { clientPort, recipient: "john@example.org", isOfSmtpd: false });
        actions.push((await answer(asked, connection)).text.slice(7, 12));
      }
    }
    expect(actions).toEqual(actions.map(() => "DUNNO"));
  });

  test("at connect: a new session of the same client counts anew", async () => {
    const self = limited({ throttles: { connect: [throttle({ count: 2 })] } });
    const ask = client(self);
    const answers: string[] = [];
    for (const clientPort of ["1", "2", "3"]) answers.push(await ask(request("CONNECT", { clientPort })));
    expect(answers).toEqual(["DUNNO", "DUNNO", closed]);
  });

  test.each<[what: string, answers: readonly string[], asked: (connection: number) => readonly ReturnType<typeof request>[]]>([
    ["asked at CONNECT: each counts, whatever its port", ["DUNNO", "DUNNO", closed, closed], () => [request("CONNECT")]],
    [
      "asked at CONNECT and again later: each counts once",
      ["DUNNO", "DUNNO", closed, closed],
      (connection) => [request("CONNECT"), request("EHLO"), rcpt("john@example.org", { instance: `${connection}` })],
    ],
    [
      "only asked at RCPT: each message counts, whatever its port",
      ["DUNNO", "DUNNO", closed, closed],
      (connection) => [rcpt("john@example.org", { instance: `${connection}` }), rcpt("jane@example.org", { instance: `${connection}` })],
    ],
    [
      "asked at EHLO first: the message that follows is the same connection",
      ["DUNNO", "DUNNO", closed, closed],
      (connection) => [
        request("EHLO", { clientPort: `${connection}` }),
        rcpt("john@example.org", { clientPort: `${connection}`, instance: `${connection}` }),
      ],
    ],
  ])("at connect, %s", async (_what, expected, asked) => {
    const ask = client(limited({ throttles: { connect: [throttle({ count: 2 })] } }));
    const answers: string[] = [];
    for (let connection = 1; connection <= 4; connection += 1) {
      const said = new Set<string>();
      for (const each of asked(connection)) said.add(await ask(each));
      answers.push(...said);
    }
    expect(answers).toEqual(expected);
  });

  test("at connect: asked by the client list, not by the others", async () => {
    const self = limited({ throttles: { connect: [throttle({ count: 0 })] } });
    const ask = client(self);
    for (const policyContext of ["helo", "sender", "relay", "recipient", "data", "eod"])
      expect(await ask(rcpt("john@example.org", { policyContext }))).toBe("DUNNO");
    expect(await ask(rcpt("john@example.org", { policyContext: "client" }))).toBe(closed);
  });

  test("at connect: nothing is kept of a session where there are none", async () => {
    const self = limited({});
    await client(self)(request("CONNECT"));
    expect(self.decisions).toEqual([]);
  });

  test("at MAIL: once a message, by however many lists and recipients it is asked", async () => {
    const ask = client(limited({ throttles: { mail: [throttle({ count: 2 })] } }));
    const answers: string[] = [];
    for (const instance of ["1", "2", "3"])
      for (const [policyContext, recipient] of [
        ["sender", "john@example.org"],
        ["sender", "jane@example.org"],
        ["recipient", "jane@example.org"],
      ])
        answers.push(await ask(rcpt(recipient ?? "", { instance, policyContext: policyContext ?? "" })));
    expect(answers).toEqual([...Array(6).fill("DUNNO"), refused, refused, "DUNNO"]);
  });

  test("another node that is asked the same counts no second time", async () => {
    const state = new MemoryState();
    const throttles = {
      connect: [throttle({ id: "connect" })],
      mail: [throttle({ id: "mail" })],
      rcpt: [throttle({ id: "rcpt" }), throttle({ id: "messages", counts: "messages" })],
    };
    for (const node of [limited({ throttles, state }), limited({ throttles, state })])
      expect(await client(node)(rcpt("john@example.org"))).toBe("DUNNO");
    expect(await client(limited({ throttles, state }))(rcpt("jane@example.org"))).toBe(refused);
  });
});
