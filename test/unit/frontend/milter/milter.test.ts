import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TemporaryError } from "../../../../src/answer/temporary-error.ts";
import { maxUnawaitedMs } from "../../../../src/frontend/connection/deadline.ts";
import { openMilter } from "../../../../src/frontend/milter/milter.ts";
import type { MilterSettings } from "../../../../src/frontend/milter/negotiation.ts";
import { CommandDecoder } from "../../../../src/wire/milter/command.ts";
import { world } from "../../../support/mail-domain.ts";
import { frame } from "../../../support/milter-frames.ts";
import { connect, connected, envelope, fullOffer, helo, Mta, milterWorld, type Offer, oldOffer } from "../../../support/milter-mta.ts";
import { type Changes, greylist, rule } from "../../../support/settings.ts";

const noMailbox = "550 5.1.2 Mailbox does not exist.";
const noRelay = "550 5.1.2 Relay not allowed.";

async function inMessage(mta: Mta, sender = "<a@client.example>"): Promise<Mta> {
  await mta.send("H", helo("mx.client.example"));
  await mta.send("M", envelope(sender));
  return mta;
}

const rcpt = (mta: Mta, path: string) => mta.send("R", envelope(path));

/** `non_smtpd_milters`: Postfix can defer such a message, but not refuse one of its recipients. */
describe("mail that Postfix takes from a program of the machine", () => {
  const submitted = async (place: ReturnType<typeof world>, port = 0, address = "127.0.0.1") => {
    const mta = new Mta(milterWorld(place).options);
    await mta.offer();
    await mta.send("C", connect("localhost", address.includes(":") ? "6" : "4", address, port));
    return await inMessage(mta, "<root@example.org>");
  };

  // `inet_protocols = ipv6`
  test.each(["127.0.0.1", "::1"])("from %s: an address that would be refused stays as it is, and the others arrive", async (address) => {
    const place = world();
    const mta = await submitted(place, 0, address);
    expect(await rcpt(mta, "<john+x@example.org>")).toBe("continue");
    expect(await rcpt(mta, "<nosuch@example.org>")).toBe("continue");
    expect(await rcpt(mta, "<friend@elsewhere.example>")).toBe("continue");
    expect(await mta.send("E")).toBe("-<john+x@example.org> | -<john+x> | +<john@example.org> | continue");
    expect(place.decisions.filter(({ stage }) => stage === "rcpt")).toMatchObject([
      { verdict: "pass" },
      { verdict: "pass", would: "reject", reason: "unknown-mailbox" },
      { verdict: "pass", would: "reject", reason: "relay-denied" },
    ]);
  });

  test("more recipients than a message may have are not refused either, and arrive", async () => {
    const mta = await submitted(world({ changes: { rcpt: { maxRecipients: rule("1") } } }));
    for (const name of ["john", "jane", "doe+x"]) expect(await rcpt(mta, `<${name}@example.org>`)).toBe("continue");
    expect(await mta.send("E")).toBe("-<doe+x@example.org> | -<doe+x> | +<doe@example.org> | continue");
  });

  test("what cannot be told defers the message", async () => {
    const place = world();
    place.directory.down = true;
    expect(await rcpt(await submitted(place), "<john@example.org>")).toMatch(/^451 /);
  });

  test.each(["127.0.0.1", "::1"])("a client with a port came by SMTP: %s", async (address) => {
    expect(await rcpt(await submitted(world(), 4321, address), "<nosuch@example.org>")).toBe(`${noMailbox} (5000 ms)`);
  });
});

function withDenial(stage: string, changes: Changes): Changes {
  const deny = [{ mode: "enforce" as const, title: "deny", if: rule("is_tls"), reply: { code: 550, status: "5.7.1", parts: ["No."] } }];
  return stage === "ehlo" ? { ...changes, ehlo: { ...changes.ehlo, deny } } : { ...changes, mail: { deny } };
}

describe("negotiation", () => {
  const allButEnvelope =
    0x1000 | 0x2000 | 0x20 | 0x80 | 0x40 | 0x40000 | 0x10 | 0x80000 | 0x100 | 0x20000 | 0x200 | 0x10000 | 0x400 | 0x800;
  const mail = 0x4000;
  const rcpts = 0x8000;
  const setMacros = 0x100;
  const allChanges = 0x1 | 0x4 | 0x8 | 0x40 | 0x80;
  const noEhloChecks: Changes = { ehlo: { require: rule("false"), rejectNonFqdn: rule("false"), blocklist: [] } };

  test.each<[what: string, settings: Partial<MilterSettings>, changes: Changes, actions: number, protocol: number]>([
    ["by default MAIL and RCPT wait", {}, {}, allChanges | setMacros, allButEnvelope],
    ["no rewriting, which a reload may change", { rewrite: false }, {}, allChanges | setMacros, allButEnvelope],
    ["shadow mode", { mode: "shadow" }, {}, setMacros, allButEnvelope | mail | rcpts],
    ["no EHLO checks", {}, noEhloChecks, allChanges | setMacros, allButEnvelope | mail],
    ...["ehlo", "mail"].map((stage): [string, Partial<MilterSettings>, Changes, number, number] => [
      `no EHLO checks, but denials at ${stage}`,
      {},
      withDenial(stage, noEhloChecks),
      allChanges | setMacros,
      allButEnvelope,
    ]),
    ["no EHLO checks, but senders", {}, { ...noEhloChecks, mail: { isAllowed: rule("is_tls") } }, allChanges | setMacros, allButEnvelope],
    [
      "no EHLO checks, but owners of senders",
      {},
      { ...noEhloChecks, auth: { mustMatchSender: rule("true") } },
      allChanges | setMacros,
      allButEnvelope,
    ],
    ["no EHLO checks, but extensions", { extensions: "enforce" }, noEhloChecks, allChanges | setMacros, allButEnvelope],
  ])("%s", async (_what, settings, changes, actions, protocol) => {
    const mta = new Mta(milterWorld(world({ changes }), settings).options);
    await mta.offer();
    expect(mta.negotiated).toEqual({ version: 6, actions, protocol });
  });

  test("nothing is changed for an MTA that does not offer it, which is logged once", async () => {
    const place = world();
    const { options } = milterWorld(place);
    const begin = openMilter(options);
    for (const offer of [fullOffer, { ...fullOffer, actions: 0x8 }, { ...fullOffer, actions: 0x8 }]) {
      const mta = await inMessage(await connected(options, offer, begin));
      await rcpt(mta, "<john+x@example.org>");
      expect(await mta.send("E")).toBe(offer === fullOffer ? "-<john+x@example.org> | +<john@example.org> | continue" : "continue");
    }
    expect(place.notices).toEqual([{ kind: "changes-not-offered", listener: "smtp" }]);
  });

  test("an MTA that offers no changes is no fault of a listener that wants none", async () => {
    for (const settings of [{ rewrite: false }, { mode: "shadow" }] as const) {
      const place = world();
      await connected(milterWorld(place, settings).options, { ...fullOffer, actions: 0 });
      expect(place.notices).toEqual([]);
    }
  });
});

describe.each([false, true])("a directory that waits: %s", (waits) => {
  test("a peer that offers any flags is answered in step", async () => {
    const command = fc.constantFrom<[letter: string, data: string]>(
      ["H", helo("mx.client.example")],
      ["M", envelope("<a@client.example>", "SIZE=1")],
      ["R", envelope("<john+x@example.org>", "NOTIFY=NEVER")],
      ["R", envelope("<nobody@example.org>")],
      ["T", ""],
      ["L", "Subject\0x\0"],
      ["N", ""],
      ["B", "text"],
      ["E", ""],
      ["U", "FOO\0"],
      ["A", ""],
      ["D", "R{rcpt_mailer}\0error\0"],
      ["D", "M"],
      ["K", ""],
    );
    const flags = fc.record({ version: fc.integer({ min: 2, max: 9 }), actions: fc.nat(0x3ff), protocol: fc.nat(0x3fffff) });
    const settings = fc.record({
      mode: fc.constantFrom<MilterSettings["mode"]>("enforce", "shadow"),
      extensions: fc.constantFrom<MilterSettings["extensions"]>("observe", "enforce"),
      rewrite: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(flags, settings, fc.array(command, { maxLength: 20 }), async (offer: Offer, given, commands) => {
        const place = world({ waits });
        const mta = await connected(milterWorld(place, given).options, offer);
        const { version, actions, protocol } = mta.negotiated;
        expect([version <= Math.min(6, offer.version), actions & ~offer.actions, protocol & ~offer.protocol]).toEqual([true, 0, 0]);
        for (const [letter, data] of commands) {
          // `send` throws when a reply comes that is not waited for, or none that is.
          await mta.send(letter, data);
          if (letter === "K") await mta.send("C", connect());
        }
        expect(place.notices.filter(({ kind }) => kind === "internal-error")).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  test("a verdict that needs an unavailable source defers, and the cause is logged", async () => {
    const place = world({ waits });
    const mta = await inMessage(await connected(milterWorld(place).options));
    place.directory.down = true;
    expect(await rcpt(mta, "<john@example.org>")).toBe("451 4.4.3 Unable to verify address at this time.");
    expect(place.causes).toEqual([expect.objectContaining({ message: "down" })]);
    place.directory.down = false;
    expect(await rcpt(mta, "<john@example.org>")).toBe("continue");
  });

  test("a bug defers one command", async () => {
    const place = world({ waits });
    const mta = await inMessage(await connected(milterWorld(place).options));
    const { core } = place;
    place.core = {
      ...core,
      sources: {
        ...core.sources,
        directory: () => {
          throw new TypeError("a bug");
        },
      },
    };
    expect(await rcpt(mta, "<john@example.org>")).toBe("451 4.3.0 Internal error, please try again later.");
    expect(place.notices).toEqual([{ kind: "internal-error", listener: "smtp", error: new TypeError("a bug") }]);
    place.core = core;
    expect(await rcpt(mta, "<john@example.org>")).toBe("continue");
  });
});

describe("a verdict is out within 9 seconds", () => {
  test("what a longer wait would exceed is left of it", async () => {
    const place = world({ changes: { rcpt: { errors: { total: rule("9"), wait: rule("20s") } } } });
    const mta = await inMessage(await connected(milterWorld(place).options));
    expect(await rcpt(mta, "<nobody@example.org>")).toBe(`${noMailbox} (9000 ms)`);
  });

  test("the time of the decision counts", async () => {
    const place = world();
    const { core } = place;
    const mta = await inMessage(await connected(milterWorld(place).options));
    place.core = {
      ...core,
      sources: {
        ...core.sources,
        directory(name) {
          place.now += 7000;
          return core.sources.directory(name);
        },
      },
    };
    expect(await rcpt(mta, "<x@elsewhere.example>")).toBe(`${noRelay} (2000 ms)`);
  });

  test("a source that says nothing is given up, and nothing comes of what it says later", async () => {
    const place = world({ waits: true });
    let strike: () => void = () => {};
    const { options } = milterWorld(place, {}, (ms, callback) => {
      expect(ms).toBe(9000);
      strike = callback;
      return () => {};
    });
    const mta = await inMessage(await connected(options));
    const { recipient } = place.directory;
    let answer: () => void = () => {};
    place.directory.recipient = (address) =>
      new Promise((resolve) => {
        answer = () => resolve(recipient(address));
      });
    const refused = rcpt(mta, "<john+x@example.org>");
    await Promise.resolve();
    strike();
    expect(await refused).toBe("451 4.4.3 Unable to verify address at this time.");
    answer();
    await new Promise((resolve) => setImmediate(resolve));
    expect(await mta.send("E")).toBe("continue");
    expect(place.decisions.map(({ stage, verdict }) => `${stage} ${verdict}`)).toEqual(["mail pass", "rcpt defer"]);
    expect(place.causes).toEqual([new Error("no verdict within 9 s")]);
  });
});

describe("a reload", () => {
  test.each<[what: string, during: Partial<MilterSettings>]>([
    ["shadow mode", { mode: "shadow" }],
    ["no rewriting", { rewrite: false }],
  ])("to %s and back changes nothing of a message under way", async (_what, during) => {
    const own = milterWorld(world());
    const mta = await connected(own.options);
    const before = own.settings;
    const after = { ...before, ...during };
    own.settings = after;
    await inMessage(mta);
    for (const recipient of ["<john+x@example.org>", "<jane@example.org>"]) expect(await rcpt(mta, recipient)).toBe("continue");
    own.settings = before;
    expect(await mta.send("E")).toBe("continue");
    await inMessage(mta);
    for (const recipient of ["<john+x@example.org>", "<jane@example.org>"]) {
      expect(await rcpt(mta, recipient)).toBe("continue");
      own.settings = after;
    }
    expect(await mta.send("E")).toBe("-<john+x@example.org> | +<john@example.org> | continue");
  });

  test.each<[what: string, before: Partial<MilterSettings>, after: Partial<MilterSettings>, end: string]>([
    ["shadow", { mode: "shadow" }, { mode: "enforce" }, "continue"],
    ["enforce", { mode: "enforce" }, { mode: "shadow" }, "header X-Greylist | continue"],
  ])("gives a message that began in mode %s the headers of that mode", async (_what, before, after, end) => {
    const place = world({ changes: { rcpt: { greylist: greylist({ enable: rule("true"), headerHost: "mx.example.org" }) } } });
    const { sources } = place.core;
    const state = { ...sources.state, greylist: () => ({ kind: "pass", firstPass: true, waitedMs: 1000 }) as const };
    place.core = { ...place.core, sources: { ...sources, state } };
    const own = milterWorld(place);
    const mta = await connected(own.options);
    const unchanged = own.settings;
    own.settings = { ...unchanged, ...before };
    await inMessage(mta);
    own.settings = { ...unchanged, ...after };
    expect(await rcpt(mta, "<john@example.org>")).toBe("continue");
    expect(await mta.send("E")).toBe(end);
  });

  test("to rewriting is in force in sessions that are open", async () => {
    const place = world();
    const own = milterWorld(place, { rewrite: false });
    const mta = await connected(own.options);
    own.settings = { ...own.settings, rewrite: true };
    place.core = world({ changes: { mail: { rewrite: rule("'x@' + sender_domain", "mail") } } }).core;
    await inMessage(mta);
    expect(await rcpt(mta, "<any@catch.example>")).toBe("continue");
    expect(await mta.send("E")).toBe("-<any@catch.example> | +<john@example.org> | from <x@client.example> | continue");
  });

  test("changes verdicts of open connections, but not what was negotiated", async () => {
    const place = world();
    const own = milterWorld(place, { mode: "shadow" });
    const mta = await inMessage(await connected(own.options));
    own.settings = { ...own.settings, mode: "enforce" };
    // The MTA does not wait, so nothing is sent.
    expect(await rcpt(mta, "<nobody@example.org>")).toBeUndefined();
    expect(await rcpt(mta, "<john+x@example.org>")).toBeUndefined();
    expect(await mta.send("E")).toBe("continue");
    expect(place.decisions.map(({ verdict, would }) => [verdict, would])).toEqual([
      ["pass", undefined],
      ["pass", "reject"],
      ["pass", undefined],
    ]);
    const other = await inMessage(await connected(own.options));
    expect(await rcpt(other, "<nobody@example.org>")).toBe(`${noMailbox} (5000 ms)`);
    own.settings = { ...own.settings, mode: "shadow" };
    expect(await rcpt(other, "<nobody@example.org>")).toBe("continue");
    expect(await rcpt(other, "<john+x@example.org>")).toBe("continue");
    expect(await other.send("E")).toBe("-<john+x@example.org> | +<john@example.org> | continue");
    await inMessage(other);
    expect(await rcpt(other, "<john+x@example.org>")).toBe("continue");
    expect(await other.send("E")).toBe("continue");
  });
});

describe("commands that the MTA does not wait for", () => {
  /** A directory that says nothing, timers that the test lets pass, and an MTA that is in a message. */
  async function start(settings: Partial<MilterSettings>) {
    const place = world({ waits: true });
    place.directory.recipient = () => new Promise(() => {});
    const timers: { readonly ms: number; readonly callback: () => void }[] = [];
    const own = milterWorld(place, settings, (ms, callback) => {
      const timer = { ms, callback };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), 1);
    });
    const time = { now: 0 };
    const mta = await inMessage(await connected({ ...own.options, now: () => time.now }));
    const pass = (ms: number) => {
      time.now += ms;
      for (const { callback } of timers.splice(0)) callback();
    };
    const ofRecipients = () =>
      place.decisions.filter(({ stage }) => stage === "rcpt").map(({ recipient, would, reason }) => [recipient, would, reason]);
    return { mta, timers, time, pass, ofRecipients };
  }

  test("hold up in shadow mode the end of their message, and the next one, for so long together", async () => {
    const { mta, timers, time, pass, ofRecipients } = await start({ mode: "shadow" });
    const john = rcpt(mta, "<john@example.org>");
    expect(timers.map(({ ms }) => ms)).toEqual([maxUnawaitedMs]);
    pass(2000);
    expect(await john).toBeUndefined();
    const jane = rcpt(mta, "<jane@example.org>");
    expect(timers.map(({ ms }) => ms)).toEqual([maxUnawaitedMs - 2000]);
    pass(maxUnawaitedMs - 2000);
    expect(await jane).toBeUndefined();
    expect(await rcpt(mta, "<bill@example.org>")).toBeUndefined();
    expect(await mta.send("A")).toBeUndefined();
    await mta.send("M", envelope("<b@client.example>"));
    expect(await rcpt(mta, "<bill@example.org>")).toBeUndefined();
    expect(await mta.send("E")).toBe("continue");
    expect(timers).toEqual([]);
    expect(time.now).toBe(maxUnawaitedMs);
    const names = ["john", "jane", "bill", "bill"];
    expect(ofRecipients()).toEqual(names.map((name) => [`${name}@example.org`, "defer", "unavailable"]));
  });

  test("have their time again when the MTA waits for nothing", async () => {
    const { mta, timers, pass } = await start({ mode: "shadow" });
    const john = rcpt(mta, "<john@example.org>");
    pass(maxUnawaitedMs);
    await john;
    mta.conversation.caughtUp();
    const jane = rcpt(mta, "<jane@example.org>");
    expect(timers.map(({ ms }) => ms)).toEqual([maxUnawaitedMs]);
    pass(maxUnawaitedMs);
    await jane;
  });
});

describe("the client is known by", () => {
  test.each<[what: string, data: string, macros: Record<string, string>, expected: Record<string, unknown>]>([
    ["name and address", connect(), {}, { client: "203.0.113.9", clientName: "mx.client.example", clientPort: 4321, serverPort: 25 }],
    ["an address in brackets", connect("[203.0.113.9]"), {}, { clientName: "" }],
    ["unknown", connect("unknown"), {}, { clientName: "" }],
    ["a forged name", connect(), { client_resolve: "FORGED" }, { clientName: "" }],
    ["a name that could not be confirmed", connect(), { client_resolve: "TEMP" }, { clientName: "" }],
    ["a confirmed name", connect(), { client_resolve: "OK" }, { clientName: "mx.client.example" }],
    ["IPv6 as Postfix has it", connect("x.example", "6", "2001:db8::1"), {}, { client: "2001:db8::1" }],
    ["IPv6 as Sendmail has it", connect("x.example", "6", "IPv6:2001:DB8:0:0:0:0:0:1"), {}, { client: "2001:db8::1" }],
    ["a mapped address", connect("x.example", "6", "::ffff:203.0.113.9"), {}, { client: "203.0.113.9" }],
    ["no address", connect("x.example", "U"), {}, { client: "", clientName: "x.example", clientPort: 0 }],
    ["what is no address", connect("x.example", "4", "nowhere"), {}, { client: "" }],
    ["the port of the server", connect(), { daemon_port: "587", daemon_addr: "192.0.2.1" }, { serverPort: 587 }],
    ["a port that is none", connect(), { daemon_port: "smtp" }, { serverPort: 25 }],
  ])("%s", async (_what, data, macros, expected) => {
    const place = world();
    const mta = new Mta(milterWorld(place).options);
    await mta.offer();
    await mta.macros("C", macros);
    await mta.send("C", data);
    await inMessage(mta);
    expect(place.decisions[0]).toMatchObject(expected);
  });

  test("local-port wins over what the MTA says", async () => {
    const place = world({ localPort: 26 });
    const mta = new Mta(milterWorld(place).options);
    await mta.offer();
    await mta.macros("C", { daemon_port: "587" });
    await mta.send("C", connect());
    await inMessage(mta);
    expect(place.decisions[0]?.serverPort).toBe(26);
  });
});

test("the log has all that decided", async () => {
  const place = world();
  const mta = await connected(milterWorld(place).options);
  await mta.macros("H", { tls_version: "TLSv1.3" });
  await mta.send("H", helo("mx.client.example"));
  await mta.macros("M", { auth_authen: "john", i: "4F5A" });
  await mta.send("M", envelope("<A@client.example>"));
  await rcpt(mta, '<@r.example:"no body"@example.org>');
  expect(place.decisions[1]).toEqual({
    event: "decision",
    listener: "smtp",
    stage: "rcpt",
    client: "203.0.113.9",
    clientName: "mx.client.example",
    clientPort: 4321,
    serverPort: 25,
    helo: "mx.client.example",
    tls: true,
    auth: "john",
    sender: "A@client.example",
    recipient: "no body@example.org",
    instance: "4F5A",
    verdict: "reject",
    reply: noMailbox,
    reason: "unknown-mailbox",
    resolved: [],
    ms: 0,
  });
});

describe("what decided a name", () => {
  test("is asked again when the login comes after a refusal", async () => {
    const place = world({ changes: { ehlo: { rejectNonFqdn: rule("is_empty(authenticated_as)") } } });
    const mta = await connected(milterWorld(place).options);
    await mta.send("H", helo("nodots"));
    expect(await mta.send("M", envelope("<a@client.example>"))).toBe("550 5.5.0 Invalid EHLO domain.");
    await mta.macros("M", { auth_authen: "john" });
    expect(await mta.send("M", envelope("<a@client.example>"))).toBe("continue");
  });

  test("is asked again when a source was unavailable", async () => {
    const place = world();
    const lookup = place.core.sources.lookup;
    const mta = await connected(milterWorld(place).options);
    await mta.send("H", helo("mx.client.example"));
    place.core = { ...place.core, sources: { ...place.core.sources, lookup: () => ({ waits: true, get: async () => fail() }) } };
    expect(await mta.send("M", envelope("<a@client.example>"))).toBe("451 4.4.3 Unable to verify EHLO domain at this time.");
    place.core = { ...place.core, sources: { ...place.core.sources, lookup } };
    expect(await mta.send("M", envelope("<a@client.example>"))).toBe("continue");
  });
});

function fail(): never {
  throw new TemporaryError("down");
}

test("replies have their percent signs doubled", async () => {
  const place = world();
  const { settings } = place.core;
  const replies = { ...settings.rcpt.replies, unknownMailbox: { code: 550, status: "5.1.2", text: "100% sure." } };
  place.core = { ...place.core, settings: { ...settings, rcpt: { ...settings.rcpt, replies } } };
  const mta = await inMessage(await connected(milterWorld(place).options, oldOffer));
  expect(await rcpt(mta, "<nobody@example.org>")).toBe("550 5.1.2 100%% sure. (5000 ms)");
});

test("an address that cannot be written is logged once, and delivered as given", async () => {
  const place = world({ changes: { rcpt: { aliases: "primary" } } });
  const { recipient } = place.directory;
  place.directory.recipient = (address) =>
    address === "j@example.org" ? { kind: "mailbox", primaries: ["john\u0001@example.org"] } : recipient(address);
  const mta = await connected(milterWorld(place).options);
  for (const _message of [1, 2]) {
    await inMessage(mta);
    await rcpt(mta, "<j@example.org>");
    await rcpt(mta, "<jane+x@example.org>");
    expect(await mta.send("E")).toBe("-<jane+x@example.org> | +<jane@example.org> | continue");
  }
  expect(place.notices).toEqual([
    { kind: "unwritable-address", listener: "smtp", address: "j@example.org", resolved: ["john @example.org"] },
  ]);
});

test("commands and portions: the body is skipped where that is understood", async () => {
  const { options } = milterWorld(world());
  expect(await (await connected(options, { ...oldOffer, protocol: 0x400 })).send("B", "text")).toBe("skip");
  expect(await (await connected(options, oldOffer)).send("B", "x".repeat(65_535))).toBe("continue");
});

test("idle is a connection without a message", async () => {
  const mta = await connected(milterWorld(world()).options);
  const seen = [mta.conversation.isIdle];
  await inMessage(mta);
  seen.push(mta.conversation.isIdle);
  await mta.send("E");
  seen.push(mta.conversation.isIdle);
  await inMessage(mta);
  await mta.send("A");
  seen.push(mta.conversation.isIdle);
  expect(seen).toEqual([true, false, true, true]);
});

test("what revokes a verdict", () => {
  const decoder = new CommandDecoder();
  const { conversation } = new Mta(milterWorld(world()).options);
  const revoking = [..."HMRTNEUDAQK"].filter((letter) => {
    decoder.push(frame(letter, letter === "D" ? "R" : "x\0"));
    const command = decoder.next();
    return command !== undefined && conversation.revokes(command);
  });
  expect(revoking.join("")).toBe("AQK");
  expect(conversation.revokes(undefined)).toBe(true);
});

test("what MAIL comes to is said with each recipient where the MTA does not wait for it", async () => {
  const place = world({ changes: { ehlo: { require: rule("false"), rejectNonFqdn: rule("false"), blocklist: [] } } });
  const mta = await connected(milterWorld(place).options);
  await mta.send("H", helo(`${"x".repeat(256)}.example`));
  for (const sender of ["<a@client.example>", "<b@client.example>"]) {
    expect(await mta.send("M", envelope(sender))).toBeUndefined();
    expect(await rcpt(mta, "<john@example.org>")).toBe("550 5.5.0 Invalid EHLO domain.");
    expect(await rcpt(mta, "<jane@example.org>")).toBe("550 5.5.0 Invalid EHLO domain.");
    await mta.send("A");
  }
  await mta.send("H", helo("mx.client.example"));
  expect(await mta.send("M", envelope(`<${"x".repeat(513)}@client.example>`))).toBeUndefined();
  expect(await rcpt(mta, "<john@example.org>")).toBe("501 5.1.7 Sender address is too long.");
  await mta.send("A");
  expect(await mta.send("M", envelope("<a@client.example>"))).toBeUndefined();
  expect(await rcpt(mta, "<john@example.org>")).toBe("continue");
});

test.each([
  ["5.1.1", "User unknown in local recipient table", "421 4.3.0 Too many errors, disconnecting. (5000 ms)"],
  ["5.7.1", "Access denied", "421 4.3.0 Too many errors, disconnecting. (5000 ms)"],
  ["4.7.1", "Relay access denied", "421 4.3.0 Too many errors, disconnecting. (5000 ms)"],
  ["4.7.1", "<x@example.net>: Relay access denied", "421 4.3.0 Too many errors, disconnecting. (5000 ms)"],
  ["4.7.1", "Recipient address rejected: Greylisted", `${noMailbox} (5000 ms)`],
  ["4.2.2", "Recipient address rejected: Mailbox full", `${noMailbox} (5000 ms)`],
  ["4.3.0", "Temporary lookup failure", `${noMailbox} (5000 ms)`],
])("after two recipients that Postfix refused with %s %s, a mistyped one gets %s %s", async (status, reason, expected) => {
  const mta = await inMessage(await connected(milterWorld(world()).options));
  for (const name of ["one", "two"]) {
    await mta.macros("R", { rcpt_mailer: "error", rcpt_host: status, rcpt_addr: reason });
    expect(await rcpt(mta, `<${name}@example.net>`)).toBe("continue");
  }
  await mta.macros("R", { rcpt_mailer: "local", rcpt_host: "example.org", rcpt_addr: "nosuch" });
  expect(await rcpt(mta, "<nosuch@example.org>")).toBe(expected);
});

describe("what recipients may take in memory", () => {
  const manyRecipients: Changes = { rcpt: { maxRecipients: rule("1000000") } };
  const parameters = `X=${"y".repeat(2000)}`;
  const tooMany = "452 4.5.3 Too many recipients.";

  /** How many were accepted, and the first refusal. */
  async function fill(mta: Mta | undefined, path: (index: number) => string): Promise<[number, string | undefined]> {
    for (let index = 0; index < 20_000; index += 1) {
      const answer = await mta?.send("R", envelope(path(index), parameters));
      if (answer !== "continue") return [index, answer];
    }
    return [20_000, undefined];
  }

  test("is bounded for a message, and for all that are under way", async () => {
    const place = world({ changes: manyRecipients });
    const { options } = milterWorld(place);
    const begin = openMilter(options);
    const messages: Mta[] = [];
    for (let index = 0; index < 10; index += 1) messages.push(await inMessage(await connected(options, fullOffer, begin)));
    // Each in a new spelling of one mailbox: a duplicate, which no limit counts.
    const filled: [number, string | undefined][] = [];
    for (const mta of messages) filled.push(await fill(mta, (index) => `<john+${index}@example.org>`));
    expect(filled[0]?.[0]).toBeGreaterThan(3000);
    expect(filled.slice(0, 7)).toEqual(Array(7).fill([filled[0]?.[0], tooMany]));
    const atOnce = "452 4.3.1 Too many recipients at once, please try again later.";
    expect(filled.slice(8)).toEqual(Array(2).fill([0, atOnce]));
    expect(place.decisions.at(-1)?.reason).toBe("too-many-at-once");
    expect(place.notices).toEqual([{ kind: "too-many-at-once", listener: "smtp", limitOctets: 64 * 1024 * 1024 }]);
    // What ends makes room.
    await messages[0]?.send("A");
    messages[1]?.conversation.close();
    expect(await messages[9]?.send("R", envelope("<john+last@example.org>"))).toBe("continue");
  });

  test("lets a message have 12,000 recipients", async () => {
    const { options } = milterWorld(world({ changes: { rcpt: { maxRecipients: rule("1000000"), relay: rule("true") } } }));
    const mta = await inMessage(await connected(options));
    for (let index = 0; index < 12_000; index += 1) {
      const path = `<firstname.lastname${index}@department.example.net>`;
      const answer = await mta.send(
        "R",
        envelope(path, "NOTIFY=SUCCESS,FAILURE", `ORCPT=rfc822;firstname.lastname${index}@department.example.net`),
      );
      if (answer !== "continue") expect([index, answer]).toBe("continue");
    }
  });

  test("counts nothing for a recipient in a spelling that is there already", async () => {
    const { options } = milterWorld(world({ changes: manyRecipients }));
    const mta = await inMessage(await connected(options));
    await mta.send("R", envelope("<JOHN@example.org>"));
    expect(await fill(mta, (index) => (index % 2 === 0 ? "<JOHN@example.org>" : "<john@example.org>"))).toEqual([20_000, undefined]);
  });
});
