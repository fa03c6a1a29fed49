/** Throttles at the three stages: what is counted, by what, and what is given back. */
import { describe, expect, test } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { formatReply } from "../../../src/mail/reply.ts";
import { decideConnect } from "../../../src/stage/connect.ts";
import { admitRecipient, beginTransaction, openSession, type Session } from "../../../src/stage/session.ts";
import type { GreylistSettings, Throttle, ThrottleKey, ThrottleStage } from "../../../src/stage/stage-settings.ts";
import type { State } from "../../../src/stage/state.ts";
import type { Verdict } from "../../../src/stage/verdict.ts";
import { MemoryState } from "../../../src/state/memory.ts";
import { greylist, rule, settings } from "../../support/settings.ts";
import { directoryOf, sourcesOf } from "../../support/sources.ts";
import { askMail, askRcpt } from "../../support/stages.ts";

const entries = Object.fromEntries(
  ["a@one.example", "b@one.example", "c@one.example", "d@one.example", "a@two.example"].map((address) => [address, address]),
);

let throttles = 0;

function throttle(changes: Partial<Throttle> = {}): Throttle {
  throttles += 1;
  return {
    ...{
      id: `throttle-${throttles}`,
      name: "t",
      title: "2/1h",
      match: rule("true"),
      key: [],
      ipv6Prefix: 64,
      count: 2,
      periodMs: 3_600_000,
    },
    ...{ window: "fixed", mode: "enforce", counts: "recipients", onStoreFailure: "accept" },
    ...changes,
  };
}

interface Facts {
  readonly address?: string | undefined;
  readonly trusted?: boolean;
  readonly login?: string;
  readonly helo?: string;
}

function session({ trusted = false, login = "", helo = "mx.client.example", ...facts }: Facts = {}): Session {
  const address = "address" in facts ? facts.address : "203.0.113.9";
  const client = { address, name: "", port: 4321 };
  const opened = openSession({ listener: "smtp", client, server: { address: "192.0.2.1", port: 25 }, trusted }, login);
  opened.helo = helo;
  return opened;
}

function world(stage: ThrottleStage, list: readonly Throttle[], changes: Partial<GreylistSettings> = {}, state: State = new MemoryState()) {
  const clock = { now: Date.UTC(2026, 10, 22, 12) };
  const core = {
    settings: settings({ throttles: { [stage]: list }, ehlo: { require: rule("false") }, rcpt: { greylist: greylist(changes) } }),
    sources: sourcesOf([directoryOf(entries)], {}, {}, { state, now: () => clock.now }),
  };
  const rcpt = async (open: Session, recipient: string, id?: string) => {
    const { verdict, admission } = await askRcpt(open, recipient, core, { message: id ?? "" });
    if (admission && open.transaction) admitRecipient(open.transaction, admission);
    return shown(verdict);
  };
  return {
    clock,
    core,
    connect: async (facts: Facts = {}, token?: string) => shown(await decideConnect(session(facts), core, token)),
    mail: async (sender: string, facts: Facts = {}, id?: string) =>
      shown((await askMail(session(facts), sender, core, { message: id ?? "" })).verdict),
    async message(recipients: readonly string[], { facts = {}, sender = "a@client.example", id }: Message = {}) {
      const open = session(facts);
      beginTransaction(open, sender);
      const answers: string[] = [];
      for (const recipient of recipients) answers.push(await rcpt(open, recipient, id));
      return answers.join(" ");
    },
  };
}

interface Message {
  readonly facts?: Facts;
  readonly sender?: string;
  readonly id?: string;
}

/** `ok`, or the code of the reply, so that a row of answers can be read. */
function shown(verdict: Verdict): string {
  return verdict.kind === "pass" ? "ok" : formatReply(verdict.reply).slice(0, "452 4.4.5".length).replace(" ", "/");
}

async function each<T>(inputs: readonly T[], ask: (input: T) => Promise<string>): Promise<string> {
  const answers: string[] = [];
  for (const input of inputs) answers.push(await ask(input));
  return answers.join(" ");
}

describe("at connect", () => {
  test("by address, refused by 421", async () => {
    const { connect } = world("connect", [throttle({ key: ["remote_ip"] })]);
    const addresses = ["203.0.113.9", "203.0.113.9", "203.0.113.10", "203.0.113.9"];
    expect(await each(addresses, (address) => connect({ address }))).toBe("ok ok ok 421/4.4.5");
  });

  test("not by an address that the MTA does not know", async () => {
    const { connect } = world("connect", [throttle({ key: ["remote_ip"], count: 1 })]);
    expect(await each([1, 2], () => connect({ address: undefined }))).toBe("ok ok");
  });

  test("in fixed windows on whole periods", async () => {
    const { clock, connect } = world("connect", [throttle({ count: 2, periodMs: 1000 })]);
    expect(await each([1, 2, 3], () => connect())).toBe("ok ok 421/4.4.5");
    clock.now += 1000;
    expect(await connect()).toBe("ok");
  });

  test("in a sliding window what was taken last counts on", async () => {
    const { clock, connect } = world("connect", [throttle({ count: 2, periodMs: 1000, window: "sliding" })]);
    clock.now += 999;
    expect(await each([1, 2], () => connect())).toBe("ok ok");
    clock.now += 2;
    expect(await connect()).toBe("421/4.4.5");
    clock.now += 999;
    expect(await connect()).toBe("ok");
  });
});

describe("at MAIL", () => {
  test.each([
    [true, ["SIZE=x", "SIZE=1", "SIZE=1", "SIZE=x"], "501/5.5.4 ok 452/4.4.5 501/5.5.4"],
    [false, ["SIZE=x", "SIZE=1"], "ok 452/4.4.5"],
  ])("what is refused for a parameter takes nothing (enforced: %s)", async (enforcesExtensions, parameters, expected) => {
    const { core } = world("mail", [throttle({ count: 1 })]);
    const mail = async (parameter: string) =>
      shown((await askMail(session(), "a@b.example", core, { parameters: [parameter] }, { enforcesExtensions })).verdict);
    expect(await each(parameters, mail)).toBe(expected);
  });

  test.each<[string, Throttle["key"], readonly [string, Facts][], string]>([
    [
      "sender",
      ["sender"],
      [
        ["a@x.example", {}],
        ["b@x.example", {}],
        ["a@x.example", {}],
      ],
      "ok ok 452/4.4.5",
    ],
    [
      "sender_domain",
      ["sender_domain"],
      [
        ["a@x.example", {}],
        ["a@y.example", {}],
        ["b@x.example", {}],
      ],
      "ok ok 452/4.4.5",
    ],
    [
      "authenticated_as",
      ["authenticated_as"],
      [
        ["", { login: "john" }],
        ["", { login: "jane" }],
        ["", { login: "john" }],
      ],
      "ok ok 452/4.4.5",
    ],
    [
      "authenticated_as in any spelling",
      ["authenticated_as"],
      [
        ["", { login: "John@Example.org" }],
        ["", { login: "jane@example.org" }],
        ["", { login: "john@EXAMPLE.org." }],
      ],
      "ok ok 452/4.4.5",
    ],
    [
      "helo_domain in any case",
      ["helo_domain"],
      [
        ["", { helo: "A.example" }],
        ["", { helo: "b.example" }],
        ["", { helo: "a.example" }],
      ],
      "ok ok 452/4.4.5",
    ],
    [
      "two of them",
      ["sender", "remote_ip"],
      [
        ["a@x.example", { address: "203.0.113.1" }],
        ["a@x.example", { address: "203.0.113.2" }],
      ],
      "ok ok",
    ],
    [
      "none: all together",
      [],
      [
        ["a@x.example", {}],
        ["b@y.example", { address: "203.0.113.1" }],
      ],
      "ok 452/4.4.5",
    ],
    ...(["sender", "sender_domain"] as const).map((name): [string, ThrottleKey[], [string, Facts][], string] => [
      `${name}: reports of all the world are not those of one sender`,
      [name],
      [
        ["", {}],
        ["", { address: "203.0.113.1" }],
        ["", {}],
      ],
      "ok ok ok",
    ]),
    [
      "sender and remote_ip: reports of one client are",
      ["sender", "remote_ip"],
      [
        ["", {}],
        ["", { address: "203.0.113.1" }],
        ["", {}],
      ],
      "ok ok 452/4.4.5",
    ],
    [
      "remote_ip: the /64 of an IPv6 client",
      ["remote_ip"],
      [
        ["a@x.example", { address: "2001:db8:0:1::1" }],
        ["a@x.example", { address: "2001:db8:0:1:ffff::2" }],
        ["a@x.example", { address: "2001:db8:0:2::1" }],
        ["a@x.example", { address: "203.0.113.1" }],
        ["a@x.example", { address: "203.0.113.2" }],
      ],
      "ok 452/4.4.5 ok ok ok",
    ],
    [
      "helo_domain in any spelling",
      ["helo_domain"],
      [
        ["a@x.example", { helo: "MX.client.example" }],
        ["a@x.example", { helo: "mx.Client.example." }],
        ["a@x.example", { helo: "mx.client.example" }],
      ],
      "ok 452/4.4.5 452/4.4.5",
    ],
    [
      "sender, which the null sender of all reports is not",
      ["sender"],
      [
        ["", {}],
        ["", {}],
        ["a@x.example", {}],
        ["a@x.example", {}],
      ],
      "ok ok ok 452/4.4.5",
    ],
    [
      "sender and client, which says whose the reports are",
      ["sender", "remote_ip"],
      [
        ["", {}],
        ["", { address: "203.0.113.1" }],
        ["", {}],
      ],
      "ok ok 452/4.4.5",
    ],
    [
      "not a trusted client",
      [],
      [
        ["", { trusted: true }],
        ["", { trusted: true }],
      ],
      "ok ok",
    ],
  ])("by %s", async (_, key, mails, expected) => {
    const { mail } = world("mail", [throttle({ key, count: 1 })]);
    expect(await each(mails, ([sender, facts]) => mail(sender, facts))).toBe(expected);
  });

  const unknown: Facts = { address: undefined, helo: "" };
  test.each<[readonly ThrottleKey[], string, Facts, string]>([
    [["authenticated_as"], "a@x.example", {}, "ok ok"],
    [["authenticated_as", "sender"], "", {}, "ok ok"],
    [["authenticated_as", "listener"], "a@x.example", {}, "ok ok"],
    [["helo_domain"], "a@x.example", { helo: "" }, "ok ok"],
    [["remote_ip"], "a@x.example", unknown, "ok ok"],
    [["sender_domain"], "root", {}, "ok ok"],
    [["sender", "local_ip"], "", {}, "ok ok"],
    [["remote_ip", "authenticated_as", "helo_domain", "sender_domain"], "", unknown, "ok ok"],
    [["authenticated_as", "remote_ip"], "", {}, "ok 452/4.4.5"],
    [["authenticated_as", "sender"], "a@x.example", {}, "ok 452/4.4.5"],
    [["authenticated_as", "sender"], "", { login: "john" }, "ok 452/4.4.5"],
    [["remote_ip", "helo_domain"], "", { address: undefined }, "ok 452/4.4.5"],
    [["listener"], "", unknown, "ok 452/4.4.5"],
    [["listener", "local_ip"], "", unknown, "ok 452/4.4.5"],
  ])("by %j, by one source only if one of them says whose it is", async (key, sender, facts, expected) => {
    const { mail } = world("mail", [throttle({ key, count: 1 })]);
    expect(await each([1, 2], () => mail(sender, facts))).toBe(expected);
  });

  test("another prefix", async () => {
    const { connect } = world("connect", [throttle({ key: ["remote_ip"], ipv6Prefix: 48, count: 1 })]);
    const clients = ["2001:db8:1:1::1", "2001:db8:1:2::1", "2001:db8:2:1::1", "203.0.113.1", "203.0.113.2"];
    expect(await each(clients, (address) => connect({ address }))).toBe("ok 421/4.4.5 ok ok ok");
  });

  test("values that run together are not one", async () => {
    const { mail } = world("mail", [throttle({ key: ["sender", "helo_domain"], count: 1 })]);
    expect(await mail("a@x.example", { helo: 'y","z' })).toBe("ok");
    expect(await mail('a@x.example","y', { helo: "z" })).toBe("ok");
  });

  test("match says to what it applies", async () => {
    const { mail } = world("mail", [throttle({ match: rule("is_empty(authenticated_as)"), count: 1 })]);
    expect(await each([{}, { login: "john" }, {}, { login: "john" }], (facts) => mail("a@x.example", facts))).toBe("ok ok 452/4.4.5 ok");
  });

  test("the first that refuses decides, and the others get back what they counted", async () => {
    const [wide, narrow] = [throttle({ count: 3 }), throttle({ key: ["sender"], count: 1 })];
    const { mail } = world("mail", [wide, narrow]);
    expect(await each(["a@x", "a@x", "a@x", "b@x", "c@x", "d@x"], (sender) => mail(sender))).toBe("ok 452/4.4.5 452/4.4.5 ok ok 452/4.4.5");
  });

  test("the same message asked about twice counts once", async () => {
    const { mail } = world("mail", [throttle({ count: 2 })]);
    expect(await each(["1", "1", "1", "2", "3", "2"], (id) => mail("a@x.example", {}, id))).toBe("ok ok ok ok 452/4.4.5 ok");
  });
});

describe("at RCPT", () => {
  const three = ["a@one.example", "b@one.example", "a@two.example"];

  test("recipients, each once", async () => {
    const { message } = world("rcpt", [throttle()]);
    expect(await message(["a@one.example", "a@one.example", ...three])).toBe("ok ok ok ok 452/4.4.5");
  });

  test("messages, at their first accepted recipient", async () => {
    const { message } = world("rcpt", [throttle({ counts: "messages" })]);
    expect(await message(["nobody@one.example", "nobody@two.example"])).toBe("550/5.1.2 550/5.1.2");
    expect(await each([three, three, three], message)).toBe("ok ok ok ok ok ok 452/4.4.5 452/4.4.5 452/4.4.5");
  });

  test("messages by domain, each domain once", async () => {
    const { message } = world("rcpt", [throttle({ key: ["rcpt_domain"], counts: "messages", count: 1 })]);
    expect(await message(three)).toBe("ok ok ok");
    expect(await message(three)).toBe("452/4.4.5 452/4.4.5 452/4.4.5");
  });

  test("by the address that the recipient resolves to", async () => {
    const { message } = world("rcpt", [throttle({ key: ["rcpt"], count: 1 })]);
    expect(await each([["a+x@one.example"], ["a+y@one.example"], ["b@one.example"]], (list) => message(list))).toBe("ok 452/4.4.5 ok");
  });

  test("a recipient that does not exist takes nothing", async () => {
    const { message } = world("rcpt", [throttle({ count: 1 })]);
    expect(await message(["nobody@one.example", "a@one.example", "b@one.example"])).toBe("550/5.1.2 ok 452/4.4.5");
  });

  test("a greylisted recipient gives back what it took", async () => {
    const { clock, message } = world("rcpt", [throttle({ count: 1 }), throttle({ counts: "messages", count: 1 })], {
      enable: rule("true"),
    });
    expect(await message(["a@one.example", "b@one.example"])).toBe("451/4.7.1 451/4.7.1");
    clock.now += 10 * 60_000;
    expect(await message(["a@one.example", "b@one.example"])).toBe("ok 452/4.4.5");
  });

  test("the same recipient of the same message, asked on another node, counts once", async () => {
    const shared = new MemoryState();
    const list = [throttle(), throttle({ counts: "messages", count: 1 })];
    const [one, other] = [world("rcpt", list, {}, shared), world("rcpt", list, {}, shared)];
    expect(await one.message(["a@one.example", "b@one.example"], { id: "1" })).toBe("ok ok");
    expect(await other.message(["a@one.example", "b@one.example"], { id: "1" })).toBe("ok ok");
    expect(await other.message(["c@one.example"], { id: "1" })).toBe("452/4.4.5");
    expect(await other.message(["a@one.example"], { id: "2" })).toBe("452/4.4.5");
  });

  test("a message that one node let through stays counted when another refuses a later recipient of it", async () => {
    const shared = new MemoryState();
    const list = [throttle({ counts: "messages", count: 1 })];
    const [one, other] = [world("rcpt", list, {}, shared), world("rcpt", list, { enable: rule("true") }, shared)];
    expect(await one.message(["a@one.example"], { id: "1" })).toBe("ok");
    expect(await other.message(["b@one.example"], { id: "1" })).toBe("451/4.7.1");
    expect(await one.message(["a@one.example"], { id: "2" })).toBe("452/4.4.5");
  });
});

describe("of errors", () => {
  const errors = (changes: Partial<Throttle> = {}) => throttle({ key: ["remote_ip"], counts: "errors", ...changes });

  test("over all sessions of a client, which then learns of no further address", async () => {
    const { message, clock, core } = world("errors", [errors()]);
    expect(await message(["x@one.example", "a@one.example"])).toBe("550/5.1.2 ok");
    expect(await message(["a@one.example", "a@elsewhere.example", "c@one.example", "y@one.example"])).toBe(
      "ok 550/5.1.2 452/4.4.5 452/4.4.5",
    );
    expect(await message(["a@one.example"], { facts: { address: "203.0.113.10" } })).toBe("ok");
    // A directory that is away is not asked either.
    const directory = core.sources.directory("");
    if (directory && "down" in directory) directory.down = true;
    expect(await message(["a@one.example"])).toBe("452/4.4.5");
    if (directory && "down" in directory) directory.down = false;
    clock.now += 3_600_000;
    expect(await message(["a@one.example"])).toBe("ok");
  });

  test("not of trusted clients, nor of those that `match` leaves out", async () => {
    const { message } = world("errors", [errors({ count: 1, match: rule("is_empty(authenticated_as)") })]);
    const wrong = ["x@one.example", "y@one.example", "a@one.example"];
    expect(await message(wrong, { facts: { trusted: true } })).toBe("550/5.1.2 550/5.1.2 ok");
    expect(await message(wrong, { facts: { login: "john" } })).toBe("550/5.1.2 550/5.1.2 ok");
    expect(await message(wrong)).toBe("550/5.1.2 452/4.4.5 452/4.4.5");
    expect(await message(["a@one.example"], { facts: { login: "john" } })).toBe("ok");
  });

  test("by login, strangers have none", async () => {
    const { message } = world("errors", [errors({ key: ["authenticated_as"], count: 1 })]);
    expect(await message(["x@one.example", "y@one.example", "a@one.example"])).toBe("550/5.1.2 550/5.1.2 ok");
    expect(await message(["x@one.example", "a@one.example"], { facts: { login: "john" } })).toBe("550/5.1.2 452/4.4.5");
  });

  test("each throttle counts every error, and the same question once", async () => {
    const { message } = world("errors", [errors({ count: 1 }), errors({ key: ["helo_domain"], count: 3 })]);
    const elsewhere = (address: string) => ({ facts: { address } });
    expect(await message(["x@one.example", "y@one.example"], { id: "1" })).toBe("550/5.1.2 452/4.4.5");
    expect(await message(["x@one.example"], { ...elsewhere("203.0.113.10"), id: "1" })).toBe("550/5.1.2");
    expect(await message(["x@one.example"], { ...elsewhere("203.0.113.11"), id: "2" })).toBe("550/5.1.2");
    expect(await message(["x@one.example", "a@one.example"], { ...elsewhere("203.0.113.12"), id: "3" })).toBe("550/5.1.2 452/4.4.5");
  });
});

describe("a recipient that another node is asked about again", () => {
  test("and refuses by its next throttle stays counted where it passed", async () => {
    const shared = new MemoryState();
    const first = throttle({ count: 1 });
    const [one, other] = [world("rcpt", [first], {}, shared), world("rcpt", [first, throttle({ count: 0 })], {}, shared)];
    expect(await one.message(["a@one.example"], { id: "1" })).toBe("ok");
    expect(await other.message(["a@one.example"], { id: "1" })).toBe("452/4.4.5");
    expect(await one.message(["b@one.example"], { id: "2" })).toBe("452/4.4.5");
  });
});

describe("while the store cannot tell", () => {
  const down = () => Promise.reject(new TemporaryError("down"));
  const state: State = { greylist: down, throttle: down, giveBack: down, remember: down, areCorrespondents: down };
  test.each([
    ["accept", "ok", "ok", "ok"],
    ["defer", "421/4.4.3", "451/4.4.3", "451/4.4.3"],
  ] as const)("%s", async (onStoreFailure, connected, mailed, received) => {
    const list = [throttle({ onStoreFailure })];
    expect(await world("connect", list, {}, state).connect()).toBe(connected);
    expect(await world("mail", list, {}, state).mail("a@x.example")).toBe(mailed);
    expect(await world("rcpt", list, {}, state).message(["a@one.example"])).toBe(received);
  });

  test("what cannot be given back does not change the answer", async () => {
    const memory = new MemoryState();
    const half: State = {
      greylist: (question) => memory.greylist(question),
      throttle: (question) => memory.throttle(question),
      giveBack: down,
      remember: down,
      areCorrespondents: down,
    };
    const { message } = world("rcpt", [throttle()], { enable: rule("true") }, half);
    expect(await message(["a@one.example"])).toBe("451/4.7.1");
  });
});
