/** What comes while a request is being answered. */
import { connect } from "node:net";
import { setImmediate } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { DelayedReplies } from "../../../../src/frontend/connection/delayed-replies.ts";
import type { TimedReply } from "../../../../src/frontend/connection/protocol.ts";
import { portionOctets } from "../../../../src/wire/backlog.ts";
import { type Listening, listen } from "../../../support/listen.ts";

const opened: Listening[] = [];
afterEach(async () => {
  for (const listener of opened.splice(0)) await listener.stop(0);
});

/** Each octet is a request and its own answer; `w` waits for `release`, and `q` revokes it. */
class Octets {
  #come = "";
  decoded = 0;
  release: (reply: TimedReply) => void = () => {};
  onPush: (come: number) => void = () => {};
  pushed = 0;

  push(bytes: Buffer, octets: number): void {
    this.#come += bytes.toString("latin1", 0, octets);
    this.pushed += octets;
    // When the conversation has looked at it.
    void setImmediate().then(() => this.onPush(this.pushed));
  }

  keep(): void {}

  readonly isMidway = false;
  readonly unread = 0;
  readonly mostKept = 0;

  next(): string | undefined {
    const [first] = this.#come;
    if (first === undefined) return undefined;
    this.#come = this.#come.slice(1);
    this.decoded += 1;
    return first;
  }

  answer(request: string): TimedReply | Promise<TimedReply> {
    if (request !== "w") return { text: request, delayMs: 0 };
    return new Promise((resolve) => {
      this.release = resolve;
    });
  }
}

async function talk(octets: Octets) {
  const listener = await listen({
    name: "octets",
    bind: [{ kind: "inet", host: "127.0.0.1", port: 0 }],
    socketMode: 0o660,
    socketGroup: undefined,
    maxConnections: 1,
    onNotice: () => {},
    protocol: () => ({
      decoder: octets,
      noRoom: "",
      answer: (request) => octets.answer(request),
      revokes: (request) => request === "q",
      delayed: new DelayedReplies(() => 0),
    }),
  });
  opened.push(listener);
  const socket = connect(Number(listener.addresses[0]?.split(":").at(-1)), "127.0.0.1");
  socket.setEncoding("latin1");
  let text = "";
  return {
    send: (bytes: string) => socket.write(bytes),
    taken: (count: number) =>
      new Promise<void>((resolve) => {
        octets.onPush = (come) => come >= count && resolve();
      }),
    received: (count: number) =>
      new Promise<string>((resolve) => {
        socket.on("data", (part: string) => {
          text += part;
          if (text.length >= count) resolve(text);
        });
      }),
  };
}

test("only so many requests are decoded ahead, and all are answered in order", async () => {
  const octets = new Octets();
  const { send, taken, received } = await talk(octets);
  const requests = `w${"abcdefghij".repeat(100)}`;
  const come = taken(requests.length);
  send(requests);
  await come;
  expect(octets.decoded).toBe(101);
  const answers = received(requests.length);
  octets.release({ text: "w", delayMs: 0 });
  expect(await answers).toBe(requests);
});

test("no more is read ahead than there is always room for", async () => {
  const octets = new Octets();
  const { send, taken, received } = await talk(octets);
  const requests = `w${"a".repeat(20 * portionOctets)}`;
  const come = taken(portionOctets + 1);
  send(requests);
  await come;
  for (let turn = 0; turn < 10; turn += 1) await setImmediate();
  expect(octets.pushed).toBeLessThanOrEqual(3 * portionOctets);
  const answers = received(requests.length);
  octets.release({ text: "w", delayMs: 0 });
  expect(await answers).toBe(requests);
});

test("one that waits is dropped when a later one revokes it", async () => {
  const octets = new Octets();
  const { send, received } = await talk(octets);
  const answers = received(5);
  send("wabqcd");
  expect(await answers).toBe("abqcd");
});
