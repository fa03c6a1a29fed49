import { once } from "node:events";
import { createConnection } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DelayedReplies } from "../../../../src/frontend/connection/delayed-replies.ts";
import { SocketmapDecoder } from "../../../../src/wire/socketmap.ts";
import { listen } from "../../../support/listen.ts";
import { ask, bad, dunno, good, refused, settle, start } from "../../../support/loopback-server.ts";
import { runs } from "../../../support/runs.ts";

describe.each([false, true])("a directory that waits: %s", (waits) => {
  test("requests in one segment are answered in order", async () => {
    const client = await (await start({ waits, maxWaiting: 0 })).open();
    client.send(`${good}${bad}${good}`);
    expect(await client.received(dunno.length * 2 + refused.length)).toBe(`${dunno}${refused}${dunno}`);
  });

  test("nothing is said before the empty line", async () => {
    const place = await start({ waits });
    const client = await place.open();
    client.send(good.slice(0, -1));
    await settle(place);
    expect(client.sofar()).toBe("");
    client.send("\n");
    expect(await client.received(1)).toBe(dunno);
  });

  test("a client that ends its side is answered, then closed", async () => {
    const client = await (await start({ waits })).open();
    client.socket.end(good + good);
    expect(await client.closed()).toBe(dunno + dunno);
  });

  test("one that ends within a request is closed without a reply", async () => {
    const client = await (await start({ waits })).open();
    client.socket.end(`${good}sender=`);
    expect(await client.closed()).toBe(dunno);
  });

  test("a breach of the protocol closes its own connection, after the replies that were due", async () => {
    const place = await start({ waits });
    const [client, other] = [await place.open(), await place.open()];
    client.send(`${good}what?\n\n${good}`);
    expect(await client.closed()).toBe(dunno);
    other.send(good);
    expect(await other.received(1)).toBe(dunno);
    expect(place.notices).toEqual([
      {
        kind: "protocol-error",
        listener: "smtp",
        peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
        message: 'a line without "=": "what?"',
      },
    ]);
  });

  test("a reply that is delayed holds up its own connection alone", async () => {
    const place = await start({ waits });
    const client = await place.open();
    client.send(bad + good);
    await settle(place);
    expect([client.sofar(), place.clock.delays()]).toEqual(["", [5000]]);
    place.clock.strike();
    expect(await client.received(refused.length + dunno.length)).toBe(refused + dunno);
    expect(place.delayed.count).toBe(0);
  });

  test("a client that ends its side while its reply is delayed gets it", async () => {
    const place = await start({ waits });
    const client = await place.open();
    client.socket.end(bad);
    await settle(place);
    place.clock.strike();
    expect(await client.closed()).toBe(refused);
  });

  test("a reply that is delayed is dropped when the connection breaks", async () => {
    const place = await start({ waits });
    const client = await place.open();
    client.send(bad);
    await settle(place);
    expect(place.delayed.count).toBe(1);
    client.socket.resetAndDestroy();
    await settle(place);
    expect([place.delayed.count, place.clock.delays()]).toEqual([0, []]);
  });

  test("beyond max-waiting replies are not delayed", async () => {
    const place = await start({ waits, maxWaiting: 1 });
    const [client, other] = [await place.open(), await place.open()];
    client.send(ask("nobody@example.org", "1"));
    await settle(place);
    other.send(ask("nobody@example.org", "2"));
    expect(await other.received(1)).toBe(refused);
    expect(client.sofar()).toBe("");
    place.clock.strike();
    expect(await client.received(1)).toBe(refused);
  });

  test("stop answers what is under way, without delay, and closes", async () => {
    const place = await start({ waits });
    const [asking, waiting, idle] = [await place.open(), await place.open(), await place.open()];
    waiting.send(bad + good);
    await settle(place);
    asking.send(good);
    expect(await asking.received(1)).toBe(dunno);
    const stopped = place.listener.stop(60_000);
    expect(await waiting.closed()).toBe(refused + dunno);
    expect(await idle.closed()).toBe("");
    await asking.closed();
    await stopped;
    expect(place.clock.delays()).toEqual([]);
  });
});

test("a client that asks and does not read does not fill the memory", async () => {
  const place = await start();
  const client = await place.open();
  client.socket.pause();
  const many = Buffer.from(good.repeat(500));
  let sent = 0;
  let isTaken = true;
  while (isTaken && sent < 1000) {
    isTaken = client.socket.write(many);
    sent += 1;
    if (!isTaken) {
      isTaken = await Promise.race([
        once(client.socket, "drain").then(() => true),
        settle(place)
          .then(() => settle(place))
          .then(() => false),
      ]);
    }
  }
  // Half of what was sent would be more than sockets hold.
  expect(sent).toBeLessThan(1000);
  client.socket.resume();
  expect((await client.received(sent * 500 * dunno.length)).length).toBe(sent * 500 * dunno.length);
});

test("a protocol hears when all that has come is answered, and not before", async () => {
  const heard: string[] = [];
  let answer: (reply: { text: string; delayMs: number }) => void = () => {};
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
  const { promise: done, resolve: onDone } = Promise.withResolvers<void>();
  const listener = await listen({
    name: "caught-up",
    bind: [{ kind: "inet", host: "127.0.0.1", port: 0 }],
    socketMode: 0o660,
    socketGroup: undefined,
    maxConnections: 1,
    onNotice: () => {},
    protocol: () => ({
      decoder: new SocketmapDecoder(),
      noRoom: "",
      answer: ({ key }) => {
        heard.push(key);
        onAsked();
        return new Promise((resolve) => {
          answer = resolve;
          if (key === "two") resolve({ text: ".", delayMs: 0 });
        });
      },
      onCaughtUp: () => {
        heard.push("caught up");
        if (heard.includes("two")) onDone();
      },
      delayed: new DelayedReplies(() => 0),
    }),
  });
  const socket = createConnection(Number(listener.addresses[0]?.split(":").at(-1)), "127.0.0.1");
  socket.write("5:m one,5:m two,");
  await asked;
  answer({ text: ".", delayMs: 0 });
  await done;
  expect(heard).toEqual(["caught up", "one", "two", "caught up"]);
  socket.destroy();
  await listener.stop(0);
});

test("any portions of a stream of requests give the same answers", async () => {
  const place = await start({ maxWaiting: 0 });
  const anew = "protocol_state=CONNECT\nclient_address=203.0.113.9\nclient_port=1\n\n";
  const whole = Buffer.from(
    [anew, good, bad, ask("a+ü@example.org"), ask("x@elsewhere.example"), "protocol_state=DATA\n\n"].join("").repeat(3),
  );
  const reference = await place.open();
  reference.socket.end(whole);
  const expected = await reference.closed();
  expect(expected.match(/action=/g)?.length).toBe(18);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(whole.length), { maxLength: 8 }), async (cuts) => {
      const client = await place.open();
      let start = 0;
      for (const end of [...cuts.sort((a, b) => a - b), whole.length]) {
        client.send(whole.subarray(start, end));
        await new Promise((resolve) => setImmediate(resolve));
        start = end;
      }
      client.socket.end();
      expect(await client.closed()).toBe(expected);
    }),
    { numRuns: runs(20) },
  );
});

test("any bytes get no answer without an empty line, and the listener goes on", async () => {
  const place = await start();
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), async (bytes) => {
      const client = await place.open();
      client.socket.end(Buffer.from(bytes));
      const answers = (await client.closed()).match(/action=/g)?.length ?? 0;
      const emptyLines =
        Buffer.from(bytes)
          .toString("latin1")
          .match(/(?<=^|\n)\r?\n/g)?.length ?? 0;
      expect(answers).toBeLessThanOrEqual(emptyLines);
    }),
    { numRuns: runs(50) },
  );
  await settle(place);
});
