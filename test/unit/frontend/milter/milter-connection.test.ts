import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { State } from "../../../../src/stage/state.ts";
import { type Client, type Place, startMilter } from "../../../support/loopback-server.ts";
import { frame, strings, uint32 } from "../../../support/milter-frames.ts";
import { connect, shown } from "../../../support/milter-mta.ts";
import { greylist, rule, settings } from "../../../support/settings.ts";
import { directoryOf, sourcesOf } from "../../../support/sources.ts";

const offer = frame("O", uint32(6) + uint32(0x1ff) + uint32(0x1fffff));
const opening = Buffer.concat([offer, frame("C", connect()), frame("H", strings("mx.client.example"))]);
const mail = frame("M", strings("<a@client.example>"));
const rcpt = (path: string) => frame("R", strings(path));
const good = rcpt("<john@example.org>");
const bad = rcpt("<nobody@example.org>");
const end = frame("E");
const abort = frame("A");
const goOn = "continue";
const noMailbox = "550 5.1.2 Mailbox does not exist.";

/** What came after the answer to the offer. */
function replies(text: string): string {
  const bytes = Buffer.from(text, "latin1");
  return shown(bytes.subarray(4 + bytes.readUInt32BE(0)));
}

interface Gate {
  /** The next question has been asked. */
  asked(): Promise<void>;
  /** Answers all questions from now on, and those that wait. */
  open(): void;
}

/** The directory answers nothing until the test lets it. */
function gate(place: Place): Gate {
  const { directory } = place.world;
  const waiting: (() => void)[] = [];
  let isOpen = false;
  let onAsked: () => void = () => {};
  const slow = {
    ...directoryOf({}, { waits: true }),
    isLocalDomain: (domain: string) => directory.isLocalDomain(domain),
    recipient: (address: string) =>
      new Promise<Awaited<ReturnType<typeof directory.recipient>>>((resolve) => {
        const answer = () => resolve(directory.recipient(address));
        if (isOpen) answer();
        else waiting.push(answer);
        onAsked();
      }),
  };
  place.world.core = { ...place.world.core, sources: sourcesOf([slow]) };
  return {
    asked: () =>
      waiting.length > 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            onAsked = resolve;
          }),
    open() {
      isOpen = true;
      for (const answer of waiting.splice(0)) answer();
    },
  };
}

/** Until so many packets have come after the answer to the offer. */
async function packets(client: Client, count: number): Promise<string> {
  for (let length = 1; ; length += 1) {
    const text = await client.received(length);
    if (text.length < length) return text;
    const bytes = Buffer.from(text, "latin1");
    let found = -1;
    let start = 0;
    while (start + 4 <= bytes.length && start + 4 + bytes.readUInt32BE(start) <= bytes.length) {
      start += 4 + bytes.readUInt32BE(start);
      found += 1;
    }
    if (found >= count) return replies(text);
    length = text.length;
  }
}

async function inMessage(place: Place): Promise<Client> {
  const client = await place.open();
  client.send(opening);
  client.send(mail);
  await packets(client, 1);
  return client;
}

test("a conversation over a socket", async () => {
  const client = await (await startMilter()).open();
  client.send(Buffer.concat([opening, mail, good, end]));
  expect(await packets(client, 3)).toBe("continue | continue | continue");
  client.send(frame("Q"));
  client.socket.end();
  await client.closed();
});

describe("a verdict that is pending", () => {
  test.each([
    ["ABORT", [abort]],
    ["ABORT, in pieces", [abort.subarray(0, 3), abort.subarray(3)]],
    ["macros and ABORT", [frame("D", "T"), abort]],
  ])("is dropped at %s, and not given to the next event", async (_what, pieces) => {
    const place = await startMilter();
    const client = await inMessage(place);
    const slow = gate(place);
    client.send(bad);
    await slow.asked();
    for (const piece of pieces) client.send(piece);
    client.send(mail);
    expect(await packets(client, 2)).toBe(`${goOn} | ${goOn}`);
    slow.open();
    client.send(end);
    expect(await packets(client, 3)).toBe(`${goOn} | ${goOn} | ${goOn}`);
    expect(place.world.decisions.map(({ stage }) => stage)).toEqual(["mail", "mail"]);
  });

  test("is asked about no further when it was dropped, and leaves nothing to the next message", async () => {
    const place = await startMilter();
    const client = await inMessage(place);
    const slow = gate(place);
    const greylisted: string[] = [];
    const { sources } = place.world.core;
    const state: State = {
      ...sources.state,
      greylist({ recipient }) {
        greylisted.push(recipient);
        return { kind: "whitelisted" };
      },
    };
    place.world.core = {
      settings: settings({ rcpt: { greylist: greylist({ enable: rule("true") }), maxRecipients: rule("1") } }),
      sources: { ...sources, state },
    };
    client.send(good);
    await slow.asked();
    client.send(Buffer.concat([abort, mail]));
    expect(await packets(client, 2)).toBe(`${goOn} | ${goOn}`);
    slow.open();
    client.send(rcpt("<jane@example.org>"));
    expect(await packets(client, 3)).toBe(`${goOn} | ${goOn} | ${goOn}`);
    expect(greylisted).toEqual(["jane@example.org"]);
  });

  test("and held back is dropped likewise", async () => {
    const place = await startMilter();
    const client = await inMessage(place);
    const started = place.clock.started();
    client.send(bad);
    await started;
    expect(place.delayed.count).toBe(1);
    client.send(Buffer.concat([abort, mail]));
    expect(await packets(client, 2)).toBe(`${goOn} | ${goOn}`);
    expect([place.delayed.count, place.clock.delays()]).toEqual([0, []]);
  });

  test.each([
    ["QUIT", frame("Q")],
    ["the end of the connection", Buffer.alloc(0)],
  ])("is dropped at %s", async (_what, bytes) => {
    const place = await startMilter();
    const client = await inMessage(place);
    const slow = gate(place);
    client.send(bad);
    await slow.asked();
    client.socket.end(bytes);
    expect(replies(await client.closed())).toBe(goOn);
    slow.open();
  });
});

test("macros that come while a verdict is pending do not drop it", async () => {
  const place = await startMilter();
  const client = await inMessage(place);
  const slow = gate(place);
  client.send(Buffer.concat([bad, frame("D", `R${strings("i", "4F5")}`)]));
  await slow.asked();
  const started = place.clock.started();
  slow.open();
  expect(await started).toBe(5000);
  place.clock.strike();
  expect(await packets(client, 2)).toBe(`${goOn} | ${noMailbox}`);
});

test("a reply that is held back holds up its own session alone", async () => {
  const place = await startMilter();
  const [waiting, other] = [await inMessage(place), await inMessage(place)];
  const started = place.clock.started();
  waiting.send(bad);
  expect(await started).toBe(5000);
  other.send(Buffer.concat([good, end]));
  expect(await packets(other, 3)).toBe(`${goOn} | ${goOn} | ${goOn}`);
  place.clock.strike();
  expect(await packets(waiting, 2)).toBe(`${goOn} | ${noMailbox}`);
});

test("stop lets a message that is under way come to its end, and closes the others", async () => {
  const place = await startMilter();
  const [busy, idle] = [await inMessage(place), await place.open()];
  idle.send(opening);
  await packets(idle, 0);
  const stopped = place.listener.stop(60_000);
  await idle.closed();
  // Without the wait.
  busy.send(bad);
  expect(await packets(busy, 2)).toBe(`${goOn} | ${noMailbox}`);
  busy.send(Buffer.concat([good, end]));
  expect(replies(await busy.closed())).toBe(`${goOn} | ${noMailbox} | ${goOn} | ${goOn}`);
  await stopped;
});

test("so it does one whose sender is being asked about", async () => {
  const place = await startMilter();
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<boolean>();
  const isLocalAddress = () => {
    asked.resolve();
    return answer.promise;
  };
  const names = {
    directories: new Map([["accounts", { waits: true }]]),
    lookups: new Map(),
    stores: new Set<string>(),
    dnsLists: new Map(),
  };
  const isAllowed = rule("is_local_address('accounts', sender)", "mail", names);
  const { directory, core } = place.world;
  place.world.core = { ...core, settings: settings({ mail: { isAllowed } }), sources: sourcesOf([directory], {}, { isLocalAddress }) };
  const client = await place.open();
  client.send(Buffer.concat([opening, mail]));
  await asked.promise;
  const stopped = place.listener.stop(60_000);
  answer.resolve(true);
  expect(await packets(client, 1)).toBe(goOn);
  client.send(Buffer.concat([good, end]));
  expect(replies(await client.closed())).toBe(`${goOn} | ${goOn} | ${goOn}`);
  await stopped;
});

test.each([
  ["a command before the offer", frame("C", connect())],
  ["an empty packet", Buffer.alloc(4)],
  ["a second offer", Buffer.concat([offer, offer])],
  ["a command before CONNECT", Buffer.concat([offer, mail])],
  ["milter protocol version 1", frame("O", uint32(1) + uint32(15) + uint32(0))],
  ['a command of the unknown kind "X"', Buffer.concat([opening, frame("X")])],
])("%s closes its own connection", async (message, bytes) => {
  const place = await startMilter();
  const [client, other] = [await place.open(), await inMessage(place)];
  client.send(bytes);
  await client.closed();
  expect(place.notices).toEqual([{ kind: "protocol-error", listener: "smtp", peer: expect.stringMatching(/^127/), message }]);
  other.send(good);
  expect(await packets(other, 2)).toBe(`${goOn} | ${goOn}`);
});

test("any portions of a stream give the same responses", async () => {
  const place = await startMilter({ maxWaiting: 0 });
  const macros = frame("D", `M${strings("i", "4F5", "{auth_authen}", "john")}`);
  const whole = Buffer.concat([
    opening,
    mail,
    good,
    bad,
    end,
    abort,
    macros,
    mail,
    rcpt("<x@elsewhere.example>"),
    rcpt("<jane+x@example.org>"),
    end,
  ]);
  const reference = await place.open();
  reference.socket.end(whole);
  const expected = await reference.closed();
  expect(replies(expected).split(" | ").length).toBe(10);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(whole.length), { maxLength: 8 }), async (cuts) => {
      const client = await place.open();
      let start = 0;
      for (const place of [...cuts.sort((a, b) => a - b), whole.length]) {
        client.send(whole.subarray(start, place));
        await new Promise((resolve) => setImmediate(resolve));
        start = place;
      }
      client.socket.end();
      expect(await client.closed()).toBe(expected);
    }),
    { numRuns: 20 },
  );
});

test("any bytes leave the listener as it was", async () => {
  const place = await startMilter();
  const letters = fc.constantFrom(..."OCHMRTLNBEUAQKD");
  const packet = fc.tuple(letters, fc.string({ unit: fc.constantFrom("\0", "a", "<", ">", "@", "4", "M", "\u00ff"), maxLength: 30 }));
  const stream = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.array(packet, { maxLength: 12 }).map((list) => Buffer.concat([opening, ...list.map(([letter, data]) => frame(letter, data))])),
  );
  await fc.assert(
    fc.asyncProperty(stream, async (bytes) => {
      const client = await place.open();
      client.socket.end(bytes);
      await client.closed();
      expect(place.notices.filter(({ kind }) => kind === "internal-error")).toEqual([]);
    }),
    { numRuns: 100 },
  );
  const client = await inMessage(place);
  client.send(good);
  expect(await packets(client, 2)).toBe(`${goOn} | ${goOn}`);
});
