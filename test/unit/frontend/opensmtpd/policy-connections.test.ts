import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { PolicyConnections } from "../../../../src/frontend/opensmtpd/policy-connections.ts";
import { encodeRequest } from "../../../../src/wire/policy-question.ts";

let server: Server | undefined;
let sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  server?.close();
});

/** A listener that answers each request so. */
async function listen(answer: (socket: Socket, request: string) => void): Promise<number> {
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {}).on("data", (portion) => answer(socket, portion.toString()));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const request = encodeRequest({ protocol_state: "RCPT", recipient: "a@b.example" });
const dunno = { verb: "DUNNO", text: "" };

test("questions one after the other share a connection, those at a time have one each", async () => {
  const port = await listen((socket) => socket.write("action=DUNNO\n\n"));
  const connections = new PolicyConnections({ port, host: "127.0.0.1" });
  for (let count = 0; count < 3; count += 1) expect(await connections.ask(request)).toEqual(dunno);
  expect(sockets).toHaveLength(1);
  expect(await Promise.all([1, 2, 3].map(() => connections.ask(request)))).toEqual([dunno, dunno, dunno]);
  expect(sockets).toHaveLength(3);
});

test("a reply may come in pieces", async () => {
  const port = await listen((socket) => {
    socket.write("action=550 5.1.2");
    setImmediate(() => socket.write(" No.\n\n"));
  });
  expect(await new PolicyConnections({ port, host: "127.0.0.1" }).ask(request)).toEqual({ verb: "550", text: "5.1.2 No." });
});

test("a connection that was closed in the meantime is no failure", async () => {
  const answered = new Set<Socket>();
  const port = await listen((socket) => {
    if (answered.has(socket)) socket.destroy();
    else socket.write("action=DUNNO\n\n");
    answered.add(socket);
  });
  const connections = new PolicyConnections({ port, host: "127.0.0.1" });
  expect(await connections.ask(request)).toEqual(dunno);
  expect(await connections.ask(request)).toEqual(dunno);
  expect(sockets).toHaveLength(2);
});

test.each<readonly [string, (socket: Socket) => void, RegExp]>([
  ["does not answer", () => {}, /no answer in 0\.05 s/],
  ["closes the connection", (socket) => socket.end(), /closed/],
  ["speaks another protocol", (socket) => socket.write("250 Ok\n\n"), /without an action/],
])("one that %s", async (_, answer, message) => {
  const port = await listen(answer);
  const connections = new PolicyConnections({ port, host: "127.0.0.1" }, 50);
  await expect(connections.ask(request)).rejects.toThrow(message);
});

test("nobody who listens", async () => {
  const port = await listen(() => {});
  server?.close();
  await expect(new PolicyConnections({ port, host: "127.0.0.1" }).ask(request)).rejects.toThrow(/ECONNREFUSED/);
});
