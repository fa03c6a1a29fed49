import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { openListener } from "../../../../src/frontend/connection/listener.ts";
import { ask, bad, dunno, good, refused, settle, start } from "../../../support/loopback-server.ts";
import { policyProtocol } from "../../../support/mail-domain.ts";

const scratch = mkdtempSync(join(tmpdir(), "postern-"));
afterAll(() => rmSync(scratch, { recursive: true }));
let count = 0;
const freshPath = () => join(scratch, `${count++}.sock`);

test("connections beyond the limit are closed when all are busy, with one notice as it fills up and one as it empties", async () => {
  const place = await start({ maxConnections: 2 });
  const first = await place.open();
  const second = await place.open();
  for (const [instance, client] of [first, second].entries()) {
    const started = place.clock.started();
    client.send(ask("nobody@example.org", `${instance}`));
    await started;
  }
  for (let index = 0; index < 3; index += 1) expect(await (await place.open()).closed()).toBe("");
  for (const client of [first, second]) {
    place.clock.strike();
    expect(await client.received(refused.length)).toBe(refused);
  }
  expect(place.notices).toEqual([{ kind: "connections-full", listener: "smtp", limit: 2 }]);
  second.socket.end();
  await second.closed();
  await settle(place);
  expect(place.notices.slice(1)).toEqual([{ kind: "connections-free", listener: "smtp", refused: 3 }]);
});

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === "::1"));

test("several addresses, of both families and a path, are one listener", async () => {
  const path = freshPath();
  const v6 = hasIpv6 ? [{ kind: "inet", host: "::1", port: 0 } as const] : [];
  const place = await start({ bind: [{ kind: "inet", host: "127.0.0.1", port: 0 }, { kind: "unix", path }, ...v6] });
  expect(place.listener.addresses).toHaveLength(2 + v6.length);
  expect(place.listener.addresses[1]).toBe(`unix:${path}`);
  for (const index of place.listener.addresses.keys()) {
    const client = await place.open(index);
    client.send(bad.replaceAll("instance=", `instance=${index}`).replace("client_port=1", `client_port=1${index}`));
    await settle(place);
    place.clock.strike();
    expect(await client.received(1)).toBe(refused);
  }
});

test("a connection that is over before it is taken is none, and holds up no end", async () => {
  const place = await start();
  const listener = openListener({
    name: "smtp",
    maxConnections: () => 1,
    protocol: policyProtocol(place.world, place.delayed),
    onNotice: () => {},
  });
  const server = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const port = (server.address() as AddressInfo).port;
  const accept = async (): Promise<[client: Socket, accepted: Socket]> => {
    const client = connect(port, "127.0.0.1").on("error", () => {});
    const [accepted] = (await once(server, "connection")) as [Socket];
    accepted.on("error", () => {});
    return [client, accepted];
  };
  const [reset, first] = await accept();
  const firstClosed = new Promise((resolve) => first.once("close", resolve));
  reset.resetAndDestroy();
  await firstClosed;
  const [silent, second] = await accept();
  const secondEnded = once(second, "end");
  silent.end();
  await secondEnded;
  for (const accepted of [first, second]) expect([listener.take(accepted), listener.count]).toEqual([true, 0]);
  await once(silent, "close");
  await listener.finish(60_000);
  server.close();
});

test("an address that is taken is an error, and nothing stays open", async () => {
  const place = await start();
  const port = Number(place.listener.addresses[0]?.split(":")[1]);
  const path = freshPath();
  const bind = [
    { kind: "unix", path },
    { kind: "inet", host: "127.0.0.1", port },
  ] as const;
  await expect(start({ bind })).rejects.toThrow("EADDRINUSE");
  expect(existsSync(path)).toBe(false);
});

test("what does not answer in time is cut off by stop", async () => {
  const place = await start({ waits: true });
  place.world.directory.recipient = () => new Promise(() => {});
  const client = await place.open();
  client.send(good);
  await settle(await start());
  await place.listener.stop(0);
  expect(await client.closed()).toBe("");
});

describe("a UNIX socket", () => {
  const group = process.getgid?.() ?? 0;

  test.each([0o600, 0o660, 0o666])("has its mode %o and its group, and goes with the listener", async (socketMode) => {
    const path = freshPath();
    const place = await start({ bind: [{ kind: "unix", path }], socketMode, socketGroup: String(group) });
    expect([statSync(path).mode & 0o777, statSync(path).gid]).toEqual([socketMode, group]);
    const client = await place.open();
    client.socket.end(good);
    expect(await client.closed()).toBe(dunno);
    await place.listener.stop(0);
    expect(readdirSync(scratch)).toEqual([]);
  });

  test("is made without touching the folder above its own, where the daemon may not write", async () => {
    const above = mkdtempSync(join(scratch, "above-"));
    const own = join(above, "own");
    mkdirSync(own);
    const changed = () => statSync(above, { bigint: true }).mtimeNs;
    const before = changed();
    const place = await start({ bind: [{ kind: "unix", path: join(own, "policy.sock") }] });
    await place.listener.stop(0);
    expect(changed()).toBe(before);
    expect(readdirSync(own)).toEqual([]);
  });

  test("takes the place of one that nobody serves", async () => {
    const path = freshPath();
    const abandoned = createServer();
    const moved = freshPath();
    await once(abandoned.listen(moved), "listening");
    // Closing removes the file that was bound; under another name it stays.
    renameSync(moved, path);
    abandoned.close();
    const place = await start({ bind: [{ kind: "unix", path }] });
    const client = await place.open();
    client.socket.end(good);
    expect(await client.closed()).toBe(dunno);
  });

  test("is left alone when somebody serves it", async () => {
    const path = freshPath();
    const place = await start({ bind: [{ kind: "unix", path }] });
    await expect(start({ bind: [{ kind: "unix", path }] })).rejects.toThrow("is served by another process");
    const client = await place.open();
    client.socket.end(good);
    expect(await client.closed()).toBe(dunno);
  });

  test("is left alone at the end when another has taken its place", async () => {
    const path = freshPath();
    const place = await start({ bind: [{ kind: "unix", path }] });
    writeFileSync(`${path}.new`, "another's");
    renameSync(`${path}.new`, path);
    await place.listener.stop(0);
    expect(existsSync(path)).toBe(true);
  });

  test("does not replace a file", async () => {
    const path = freshPath();
    writeFileSync(path, "precious");
    await expect(start({ bind: [{ kind: "unix", path }] })).rejects.toThrow("is not a socket");
    expect(statSync(path).size).toBe(8);
  });

  test("of a group that there is not is an error that says so", async () => {
    const path = freshPath();
    await expect(start({ bind: [{ kind: "unix", path }], socketGroup: "no-such-group" })).rejects.toThrow('no group "no-such-group"');
    expect(existsSync(path)).toBe(false);
  });
});
