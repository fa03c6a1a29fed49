/** Sockets that share a buffer: none sees what has come for another, and nothing is lost that came before. */
import { once } from "node:events";
import { createServer, type Server, type Socket, connect as socketTo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { readTogether } from "../../../../src/frontend/connection/read-together.ts";
import { ask, dunno, settle, start } from "../../../support/loopback-server.ts";

const servers: Server[] = [];
const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

interface Pair {
  readonly client: Socket;
  readonly accepted: Socket;
}

const places: readonly [string, object][] = [
  ["TCP", { port: 0, host: "127.0.0.1" }],
  ["a UNIX socket", { path: join(tmpdir(), `postern-read-together-${process.pid}`) }],
];

async function connected(where: object, pauseOnConnect = false): Promise<Pair> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect });
  servers.push(server);
  server.listen(where);
  await once(server, "listening");
  const address = server.address();
  const client = typeof address === "string" ? socketTo(address) : socketTo(address?.port ?? 0, "127.0.0.1");
  const [accepted] = (await once(server, "connection")) as [Socket];
  sockets.push(client, accepted);
  return { client, accepted };
}

/** What is taken from the socket, until its end. */
function reading(given: Socket) {
  let text = "";
  const socket = readTogether(given, (bytes, octets) => {
    text += bytes.toString("latin1", 0, octets);
  });
  sockets.push(socket);
  const ended = once(socket, "end").then(() => text);
  return { socket, ended };
}

describe.each(places)("by %s", (_, where) => {
  test("bytes, the end of the other side, replies after it, and the end", async () => {
    const { client, accepted } = await connected(where);
    let isClosed = false;
    accepted.once("close", () => {
      isClosed = true;
    });
    const { socket, ended } = reading(accepted);
    const closed = once(socket, "close");
    client.end("one, two");
    expect(await ended).toBe("one, two");
    expect(isClosed).toBe(false);
    socket.end("three");
    const [reply] = await once(client, "data");
    expect(String(reply)).toBe("three");
    await closed;
    expect(isClosed).toBe(true);
  });

  test("what had come before", async () => {
    const { client, accepted } = await connected(where);
    client.write("early, ");
    await once(accepted, "readable");
    const { ended } = reading(accepted);
    client.end("late");
    expect(await ended).toBe("early, late");
  });

  test("what had come before a paused socket is read", async () => {
    const { client, accepted } = await connected(where, true);
    client.end("early");
    const { socket, ended } = reading(accepted);
    socket.resume();
    expect(await ended).toBe("early");
  });

  test("nothing while it is paused", async () => {
    const { client, accepted } = await connected(where);
    const { socket, ended } = reading(accepted);
    let isEnded = false;
    void ended.then(() => {
      isEnded = true;
    });
    socket.pause();
    client.end("late");
    // Another connection's bytes come meanwhile.
    const other = await connected({ port: 0, host: "127.0.0.1" });
    other.client.end("other");
    expect(await reading(other.accepted).ended).toBe("other");
    expect(isEnded).toBe(false);
    socket.resume();
    expect(await ended).toBe("late");
  });
});

test("requests in pieces that come by turns over many connections", async () => {
  const place = await start();
  const clients = await Promise.all(Array.from({ length: 8 }, () => place.open()));
  const pieces = clients.map((_, number) => `other=${"o".repeat(7 * number)}\n${ask("john@example.org")}`.match(/[\s\S]{1,19}/g) ?? []);
  for (let at = 0; pieces.some((of) => at < of.length); at += 1) {
    for (const [number, client] of clients.entries()) client.send(pieces[number]?.[at] ?? "");
    await settle(place);
  }
  const replies = await Promise.all(clients.map((client) => client.received(dunno.length)));
  expect(replies).toEqual(clients.map(() => dunno));
});
