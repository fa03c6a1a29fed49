/** Peers that are silent, slow or without end: none keeps a place, the loop or the log from the others. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { maxPeerMs, maxUnreadMs } from "../../../../src/frontend/connection/deadline.ts";
import { DelayedReplies, type StartTimer } from "../../../../src/frontend/connection/delayed-replies.ts";
import { maxInVisit } from "../../../../src/frontend/connection/turns.ts";
import type { Notice } from "../../../../src/frontend/notice.ts";
import { SocketmapDecoder } from "../../../../src/wire/socketmap.ts";
import { listen } from "../../../support/listen.ts";
import {
  ask,
  bad,
  type Client,
  dunno,
  good,
  handClock,
  type Place,
  start,
  startMilter,
  startSocketmap,
} from "../../../support/loopback-server.ts";
import { frame, strings, uint32 } from "../../../support/milter-frames.ts";
import { connect } from "../../../support/milter-mta.ts";

const offer = frame("O", uint32(6) + uint32(0x1ff) + uint32(0x1fffff));
const opened = Buffer.concat([offer, frame("C", connect()), frame("H", strings("mx.client.example"))]);
const mail = frame("M", strings("<a@client.example>"));
const lookup = "19:recipients john@x.y,";

/** What is sent first, and what it is answered with at least. */
const protocols: [name: string, open: (options?: { maxConnections?: number }) => Promise<Place>, whole: string | Buffer][] = [
  ["policy", start, good],
  ["socketmap", startSocketmap, lookup],
  ["milter", startMilter, opened],
];
/** A connection that has been answered. */
async function answered(place: Place, whole: string | Buffer): Promise<Client> {
  const client = await place.open();
  client.send(whole);
  await client.received(1);
  return client;
}

describe.each(protocols)("%s", (name, open, whole) => {
  const bytes = Buffer.from(whole);

  test.each([1, 2, bytes.length - 1])("a request of which only %i octets come ends its connection", async (octets) => {
    const place = await open();
    const started = place.peerClock.started();
    const client = await place.open();
    if (name !== "milter") client.send(bytes.subarray(0, octets));
    expect(await started).toBe(maxPeerMs);
    if (name === "milter") client.send(bytes.subarray(0, octets));
    place.peerClock.strike();
    await client.closed();
    expect(place.notices).toMatchObject([{ kind: "protocol-error", message: expect.stringMatching(/after 10 s$/) }]);
  });

  test("each further octet gives no more time", async () => {
    const place = await open();
    const client = await answered(place, whole);
    const started = place.peerClock.started();
    const half = name === "milter" ? frame("R", strings("<john@example.org>")) : bytes;
    client.send(half.subarray(0, 1));
    await started;
    for (const octet of half.subarray(1, -1)) {
      client.send(Buffer.of(octet));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(place.peerClock.delays()).toEqual([maxPeerMs]);
    place.peerClock.strike();
    await client.closed();
  });

  test("what comes whole, in whatever pieces, is not limited", async () => {
    const place = await open();
    const client = await answered(place, whole);
    expect(place.peerClock.delays()).toEqual([]);
    client.socket.end();
    await client.closed();
  });

  test("at the limit the connection that has been idle for longest makes room", async () => {
    const place = await open({ maxConnections: 3 });
    const clients: Client[] = [];
    for (let index = 0; index < 3; index += 1) {
      clients.push(await answered(place, whole));
    }
    // The first was the last to ask.
    if (name !== "milter") {
      const before = clients[0]?.sofar().length ?? 0;
      clients[0]?.send(whole);
      await clients[0]?.received(before + 1);
    }
    const longest = name === "milter" ? clients[0] : clients[1];
    await answered(place, whole);
    await longest?.closed();
    expect(place.notices).toEqual([{ kind: "connections-full", listener: "smtp", limit: 3 }]);
  });

  test("connections that never said a word make room at once", async () => {
    const place = await open({ maxConnections: 2 });
    const silent = [await place.open(), await place.open()];
    for (let index = 0; index < 4; index += 1) await answered(place, whole);
    for (const client of silent) await client.closed();
  });
});

test("a connection with a reply that is delayed never makes room", async () => {
  const place = await start({ maxConnections: 2 });
  const started = place.clock.started();
  const waiting = await place.open();
  waiting.send(bad);
  await started;
  for (let index = 0; index < 3; index += 1) await answered(place, ask("jane@example.org", `${index}`));
  expect(waiting.sofar()).toBe("");
  place.clock.strike();
  expect(await waiting.received(1)).toMatch(/^action=550/);
});

test("a milter session with a message under way never makes room; between messages it does", async () => {
  const place = await startMilter({ maxConnections: 2 });
  const client = await answered(place, opened);
  let length = client.sofar().length;
  client.send(mail);
  length = (await client.received(length + 1)).length;
  for (let index = 0; index < 3; index += 1) await answered(place, opened);
  client.send(frame("R", strings("<john@example.org>")));
  length = (await client.received(length + 1)).length;
  client.send(frame("E"));
  await client.received(length + 1);
  await answered(place, opened);
  await answered(place, opened);
  await client.closed();
});

test("a milter that negotiates nothing ends its connection; one that has may be silent", async () => {
  const place = await startMilter();
  const started = place.peerClock.started();
  const silent = await place.open();
  expect(await started).toBe(maxPeerMs);
  place.peerClock.strike();
  await silent.closed();
  await answered(place, offer);
  await settled(place);
  expect(place.peerClock.delays()).toEqual([]);
});

test("a request that is whole in time is answered, also when it must wait for its turn", async () => {
  const notices: Notice[] = [];
  const { timer, started, strike } = handClock();
  const isMidway = started();
  const decided: string[] = [];
  const decide = (key: string) => {
    decided.push(key);
    // The first after the loop has gone on: all that others may ask in this turn is asked before the slow one is read.
    if (decided.length !== maxInVisit + 1) return;
    slow.write("slow,");
    strike();
  };
  const listener = await listen({
    name: "turns",
    bind: [{ kind: "inet", host: "127.0.0.1", port: 0 }],
    socketMode: 0o660,
    socketGroup: undefined,
    maxConnections: 2,
    onNotice: (notice) => notices.push(notice),
    timer,
    protocol: () => ({
      decoder: new SocketmapDecoder(),
      noRoom: "",
      answer: ({ key }) => {
        decide(key);
        return { text: ".", delayMs: 0 };
      },
      delayed: new DelayedReplies(() => 0),
    }),
  });
  const port = Number(listener.addresses[0]?.split(":").at(-1));
  const [slow, flood] = [createConnection(port, "127.0.0.1"), createConnection(port, "127.0.0.1")];
  const answered = new Promise((resolve) => {
    slow.once("data", (data) => resolve(String(data)));
    slow.once("close", () => resolve("closed"));
  });
  slow.write("8:map ");
  await isMidway;
  flood.write("10:map others,".repeat(1000));
  expect(await answered).toBe(".");
  expect(notices).toEqual([]);
  expect(decided.indexOf("slow")).toBeGreaterThan(maxInVisit);
  slow.destroy();
  flood.destroy();
  await listener.stop(0);
});

describe("a reply of 20 MB", () => {
  const octets = 20_000_000;
  const notices: Notice[] = [];

  /** A client that has asked for it and does not read. */
  async function asked(timer: StartTimer, ask: (socket: Socket) => void): Promise<Socket> {
    const directory = mkdtempSync(join(tmpdir(), "peers-"));
    const path = join(directory, "large.sock");
    const listener = await listen({
      name: "large",
      bind: [{ kind: "unix", path }],
      socketMode: 0o660,
      socketGroup: undefined,
      maxConnections: 1,
      onNotice: (notice) => notices.push(notice),
      timer,
      protocol: () => ({
        decoder: new SocketmapDecoder(),
        noRoom: "",
        answer: () => ({ text: "x".repeat(octets), delayMs: 0 }),
        delayed: new DelayedReplies(() => 0),
      }),
    });
    onTestFinished(async () => {
      await listener.stop(0);
      rmSync(directory, { recursive: true });
    });
    const socket = createConnection({ path, allowHalfOpen: true }).pause();
    ask(socket);
    return socket;
  }

  test("ends the connection of a peer that reads nothing of it", async () => {
    const { timer, started, strike } = handClock();
    const full = started();
    const socket = await asked(timer, (client) => client.write("0:,"));
    expect(await full).toBe(maxUnreadMs);
    const closed = once(socket, "close");
    strike();
    socket.resume().end();
    await closed;
    expect(socket.bytesRead).toBeLessThan(octets);
    expect(notices).toMatchObject([{ kind: "protocol-error", message: "replies were not read for 300 s" }]);
  });

  test.each([
    ["asks on", (client: Socket) => client.write("0:,")],
    ["has ended its side", (client: Socket) => client.end("0:,")],
  ])("has its time anew for each portion that is read by a peer that %s", async (_, ask) => {
    let started = 0;
    let running = 0;
    const timer: StartTimer = () => {
      started += 1;
      running += 1;
      return () => {
        running -= 1;
      };
    };
    const socket = await asked(timer, ask);
    let beforeLast = 0;
    for await (const data of socket) {
      if (socket.bytesRead < octets / 2) beforeLast = started;
      expect(running).toBeLessThanOrEqual(1);
      expect(String(data)).toMatch(/^x+$/);
      if (socket.bytesRead === octets) break;
    }
    expect(socket.bytesRead).toBe(octets);
    // The kernel takes some 200 KB at once.
    expect(started - beforeLast).toBeGreaterThan(10);
  });
});

test("peers that ask without end let the others have their turn", async () => {
  const place = await start();
  const floods: Client[] = [];
  for (let index = 0; index < 20; index += 1) floods.push(await answered(place, good));
  const honest = await answered(place, good);
  const known = place.world.decisions.length;
  for (const [index, flood] of floods.entries()) {
    for (let request = 0; request < 200; request += 1) flood.send(ask("jane@example.org", `${index}.${request}`));
  }
  honest.send(ask("bill@example.org"));
  await honest.received(2 * dunno.length);
  const before = place.world.decisions.slice(known).findIndex(({ recipient }) => recipient === "bill@example.org");
  // Of 4000: each has had its turn once or twice.
  expect(before).toBeLessThan(2 * floods.length * maxInVisit);
  for (const flood of floods) expect((await flood.received(201 * dunno.length)).length).toBe(201 * dunno.length);
});

test("what a peer does wrong is logged once an hour for its address", async () => {
  const place = await start();
  const wrong = async () => {
    const client = await place.open();
    client.send("what?\n\n");
    await client.closed();
  };
  for (let index = 0; index < 5; index += 1) await wrong();
  expect(place.notices).toHaveLength(1);
  place.time.now += 60 * 60 * 1000;
  for (let index = 0; index < 5; index += 1) await wrong();
  expect(place.notices).toHaveLength(2);
});

test.each([
  ["breaks the protocol", (client: Client) => client.send(frame("?"))],
  ["ends", (client: Client) => client.socket.end()],
  ["resets the connection", (client: Client) => client.socket.resetAndDestroy()],
])("the message of a milter that %s is forgotten", async (_, end) => {
  const place = await startMilter();
  const client = await answered(place, opened);
  const { length } = client.sofar();
  client.send(mail);
  await client.received(length + 1);
  expect(place.ended()).toBe(0);
  end(client);
  await expect.poll(() => place.ended()).toBe(1);
});

/** Waits until what another connection asks is answered. */
async function settled(place: Place): Promise<void> {
  (await answered(place, opened)).socket.destroy();
}
