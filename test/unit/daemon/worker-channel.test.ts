/** What one worker sends to another comes whole, and is not gathered for one that does not read it. */
import { once } from "node:events";
import { duplexPair } from "node:stream";
import { buffer } from "node:stream/consumers";
import fc from "fast-check";
import { expect, it } from "vitest";
import { WorkerChannel } from "../../../src/daemon/worker-channel.ts";

function open() {
  const [socket, other] = duplexPair();
  const taken: unknown[] = [];
  let ended = 0;
  const onEnd = () => {
    ended += 1;
  };
  const channel = new WorkerChannel<unknown>({ socket, take: (message) => taken.push(message), onEnd });
  return { channel, socket, other, taken, ended: () => ended };
}

it("takes whole messages in order, in whatever portions they come", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.jsonValue(), { maxLength: 5 }), fc.array(fc.nat(40), { minLength: 1 }), async (messages, sizes) => {
      const sender = open();
      for (const message of messages) expect(sender.channel.send(message)).toBe(true);
      sender.socket.end();
      const sent = await buffer(sender.other);
      const receiver = open();
      for (let at = 0, turn = 0; at < sent.length; turn += 1) {
        const size = 1 + (sizes[turn % sizes.length] ?? 0);
        receiver.other.write(sent.subarray(at, at + size));
        at += size;
      }
      receiver.other.end();
      await once(receiver.socket, "end");
      expect(receiver.taken).toEqual(JSON.parse(JSON.stringify(messages)));
    }),
  );
});

it("does not send to a worker that does not read, until it does", async () => {
  const { channel, other } = open();
  const message = "x".repeat(1024 * 1024);
  let sent = 0;
  while (sent < 1000 && channel.send(message)) sent += 1;
  expect(sent).toBeGreaterThan(10);
  expect(sent).toBeLessThan(20);
  other.resume();
  await expect.poll(() => channel.send(message)).toBe(true);
});

it("does not send to a worker that has ended", async () => {
  const { channel, socket, other, ended } = open();
  other.destroy();
  socket.destroy();
  await once(socket, "close");
  expect(channel.send("message")).toBe(false);
  expect(ended()).toBe(1);
});
