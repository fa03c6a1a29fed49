/** Long requests that are not whole: all together take so much room and no more, and the others wait for it. */
import { describe, expect, test } from "vitest";
import { maxAnswerMs, maxPeerMs } from "../../../../src/frontend/connection/deadline.ts";
import { Room } from "../../../../src/frontend/connection/room.ts";
import { portionOctets } from "../../../../src/wire/backlog.ts";
import { CommandDecoder } from "../../../../src/wire/milter/command.ts";
import { PolicyDecoder } from "../../../../src/wire/policy.ts";
import { SocketmapDecoder } from "../../../../src/wire/socketmap.ts";
import { type Client, dunno, good, type Place, start, startMilter, startSocketmap } from "../../../support/loopback-server.ts";
import { frame, strings, uint32 } from "../../../support/milter-frames.ts";

const longOctets = 9000;
const offer = frame("O", uint32(6) + uint32(0x1ff) + uint32(0x1fffff));
const [before, after] = good.split("sender=") as [string, string];
const policy = `${before}other=${"o".repeat(longOctets)}\nsender=${after}`;
const socketmap = `${longOctets + 11}:recipients ${"x".repeat(longOctets)},`;
const milter = Buffer.concat([offer, frame("E", "x".repeat(longOctets))]);
const busy = "452 4.3.1 Too much at once, please try again later.";

/** Room for one long request, the request, the answer to it, and the one where there was no room. */
const protocols: readonly [
  name: string,
  open: (options: { room: Room }) => Promise<Place>,
  most: number,
  long: string | Buffer,
  answer: RegExp,
  noRoom: string,
][] = [
  ["policy", start, new PolicyDecoder().mostKept, policy, /^action=DUNNO/, `action=${busy}\n\n`],
  ["socketmap", startSocketmap, new SocketmapDecoder().mostKept, socketmap, /^\d+:NOTFOUND/, "21:TEMP too much at once,"],
  ["milter", startMilter, new CommandDecoder().mostKept, milter, /c$/, frame("y", strings(busy)).toString("latin1")],
];

/** The time that the connection is given by the timer that is started last when all that it can send has been read. */
async function begun(place: Place, client: Client, bytes: Buffer, wanted: number): Promise<void> {
  let started = place.peerClock.started();
  client.send(bytes);
  while ((await started) !== wanted) started = place.peerClock.started();
}

describe.each(protocols)("%s", (name, open, most, long, answer, noRoom) => {
  const bytes = Buffer.from(long);
  const half = bytes.subarray(0, -1);
  const rest = bytes.subarray(-1);

  test("one that finds no room waits until another is whole", async () => {
    const place = await open({ room: new Room(most) });
    const [one, other] = [await place.open(), await place.open()];
    await begun(place, one, half, maxPeerMs);
    await begun(place, other, half, maxAnswerMs);
    const hasRoom = place.peerClock.started();
    one.send(rest);
    // From now on it is the peer that is waited for.
    expect(await hasRoom).toBe(maxPeerMs);
    other.send(rest);
    for (const client of [one, other]) {
      client.socket.end();
      expect(await client.closed()).toMatch(answer);
    }
    expect(place.notices).toEqual([]);
  });

  test("one that finds no room in time is told to come again, and no short one waits", async () => {
    const place = await open({ room: new Room(0) });
    const client = await place.open();
    await begun(place, client, half, maxAnswerMs);
    const short = await place.open();
    short.send(name === "milter" ? offer : name === "policy" ? good : "17:recipients a@b.cd,");
    await short.received(1);
    place.peerClock.strike();
    expect(await client.closed()).toBe(`${client.sofar().slice(0, -noRoom.length)}${noRoom}`);
    expect(place.notices).toMatchObject([{ kind: "no-room", listener: "smtp", limitOctets: 0 }]);
  });
});

test("the room of one that goes away is there for the others, also while they wait", async () => {
  const half = Buffer.from(policy).subarray(0, -1);
  const place = await start({ room: new Room(new PolicyDecoder().mostKept) });
  const [one, another, third] = [await place.open(), await place.open(), await place.open()];
  await begun(place, one, half, maxPeerMs);
  await begun(place, another, half, maxAnswerMs);
  await begun(place, third, half, maxAnswerMs);
  const hasRoom = place.peerClock.started();
  one.socket.destroy();
  expect(await hasRoom).toBe(maxPeerMs);
  another.send("\n");
  expect(await another.received(dunno.length)).toBe(dunno);
  third.send("\n");
  expect(await third.received(dunno.length)).toBe(dunno);
});

test("what has come for one that waits is no more than two portions", async () => {
  const decoders: PolicyDecoder[] = [];
  const push = PolicyDecoder.prototype.push;
  PolicyDecoder.prototype.push = function (this: PolicyDecoder, ...portion) {
    decoders.push(this);
    push.apply(this, portion);
  };
  try {
    const place = await start({ room: new Room(0) });
    const client = await place.open();
    await begun(place, client, Buffer.from(policy).subarray(0, -1), maxAnswerMs);
    expect(Math.max(...decoders.map(({ unread }) => unread))).toBeLessThanOrEqual(2 * portionOctets);
  } finally {
    PolicyDecoder.prototype.push = push;
  }
});

describe("room", () => {
  test("goes to those that wait in their order, also when a later one needs less", () => {
    const room = new Room(10);
    const served: string[] = [];
    expect(room.take(8)).toBe(true);
    room.wait(6, () => served.push("first"));
    room.wait(2, () => served.push("second"));
    expect(room.take(1)).toBe(false);
    room.leave(8);
    expect(served).toEqual(["first", "second"]);
    expect(room.take(2)).toBe(true);
    expect(room.take(1)).toBe(false);
  });

  test("goes to the next one when one waits no longer", () => {
    const room = new Room(10);
    const served: string[] = [];
    room.take(8);
    const callOff = room.wait(6, () => served.push("first"));
    room.wait(2, () => served.push("second"));
    callOff();
    callOff();
    expect(served).toEqual(["second"]);
  });
});
