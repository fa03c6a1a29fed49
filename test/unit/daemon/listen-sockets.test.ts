/** What a reload does to sockets that this process has bound: none is closed or lost before all that are wanted are open. */
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, unlinkSync } from "node:fs";
import { connect, createServer, type NetConnectOpts } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { HttpSettings } from "../../../src/config/configuration.ts";
import { parseListenAddress } from "../../../src/config/schema/values.ts";
import { BoundSockets } from "../../../src/daemon/listen-sockets.ts";
import { createLogger } from "../../../src/daemon/log.ts";
import { freePorts } from "../../support/mta.ts";

const group = process.getgid?.() ?? 0;
const otherGroup = process.getuid?.() === 0 ? group + 1 : group;
const logger = createLogger({ level: "error", fields: {}, clock: () => 0, write: () => {} });

let directory: string;
let path: string;
let sockets: BoundSockets;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sockets-"));
  path = join(directory, "smtp.sock");
  sockets = new BoundSockets(logger);
});
afterEach(() => {
  sockets.close();
  rmSync(directory, { recursive: true });
});

interface Wanted {
  readonly bind: readonly string[];
  readonly mode?: number;
  readonly group?: string;
}

/** Connections are closed with the name of the listener. */
function change({ bind, mode = 0o660, group: socketGroup }: Wanted, name = "one", prepare?: () => Promise<void>): Promise<void> {
  const addresses = bind.map(parseListenAddress).filter((address) => typeof address !== "string");
  // What `HttpSettings` has besides is for its listener.
  const settings = { name, protocol: "http", bind: addresses, socketMode: mode, socketGroup } as unknown as HttpSettings;
  const take = (socket: { end(text: string): void }) => {
    socket.end(name);
    return true;
  };
  return sockets.change([settings], () => take, prepare);
}

async function ask(to: NetConnectOpts): Promise<string> {
  const socket = connect(to);
  let text = "";
  socket.on("data", (data) => {
    text += String(data);
  });
  await once(socket, "close");
  return text;
}

const access = () => [statSync(path).mode & 0o777, statSync(path).gid];

describe("a UNIX socket", () => {
  test.each<[string, Wanted, [mode: number, group: number]]>([
    ["mode", { bind: [], mode: 0o666 }, [0o666, group]],
    ["narrower mode", { bind: [], mode: 0o600 }, [0o600, group]],
    ["group", { bind: [], group: String(otherGroup) }, [0o660, otherGroup]],
    ["mode and group", { bind: [], mode: 0o600, group: String(otherGroup) }, [0o600, otherGroup]],
  ])("that is to have another %s stays, and gets it; and the former again", async (_, wanted, expected) => {
    await change({ bind: [`unix:${path}`] });
    const { ino } = statSync(path);
    await change({ ...wanted, bind: [`unix:${path}`] }, "two");
    expect(access()).toEqual(expected);
    expect(await ask({ path })).toBe("two");
    await change({ bind: [`unix:${path}`] }, "three");
    expect(access()).toEqual([0o660, group]);
    expect(statSync(path).ino).toBe(ino);
    expect(readdirSync(directory)).toEqual(["smtp.sock"]);
  });

  test("has what it had when the reload fails", async () => {
    await change({ bind: [`unix:${path}`] });
    const wanted = { bind: [`unix:${path}`], mode: 0o600, group: String(otherGroup) };
    const failing = change(wanted, "two", async () => {
      expect(access()).toEqual([0o600, otherGroup]);
      throw new Error("not now");
    });
    await expect(failing).rejects.toThrow("not now");
    expect(access()).toEqual([0o660, group]);
    await expect(change({ ...wanted, group: "no such group" })).rejects.toThrow("no such group");
    expect(access()).toEqual([0o660, group]);
    expect(await ask({ path })).toBe("one");
  });

  test("whose file was removed is opened anew", async () => {
    await change({ bind: [`unix:${path}`] });
    unlinkSync(path);
    await change({ bind: [`unix:${path}`] }, "two");
    expect(await ask({ path })).toBe("two");
  });
});

describe("a port of this process", () => {
  test("is not taken over by another address, and the error says why", async () => {
    const [port = 0] = await freePorts(1);
    await change({ bind: [`127.0.0.1:${port}`] });
    const changed = change({ bind: [`0.0.0.0:${port}`] }, "two");
    await expect(changed).rejects.toThrow(
      `0.0.0.0:${port} and 127.0.0.1:${port}, where this daemon listens, are the same port: restart it for this change`,
    );
    expect(await ask({ host: "127.0.0.1", port })).toBe("one");
  });

  test("says of a socket that systemd has passed and that takes no connections how to set it", async () => {
    const bind = { kind: "inet", host: "127.0.0.1", port: 10040 } as const;
    const descriptor = openSync("/dev/null", "r");
    sockets = new BoundSockets(logger, { activated: [{ bind, descriptor }] });
    await expect(change({ bind: ["127.0.0.1:10040"] })).rejects.toThrow(
      /^the socket that systemd has passed for 127\.0\.0\.1:10040 takes no connections \(.+\)\. In its \.socket unit set ListenStream=/,
    );
    closeSync(descriptor);
  });

  test("is not bound twice by what is wanted, and the error says that", async () => {
    const [port = 0] = await freePorts(1);
    const both = `127.0.0.1:${port} and 0.0.0.0:${port}, where this daemon is to listen, too, are the same port. Leave one of them out`;
    await expect(change({ bind: [`0.0.0.0:${port}`, `127.0.0.1:${port}`] })).rejects.toThrow(both);
    await change({ bind: [`0.0.0.0:${port}`] });
    await expect(change({ bind: [`127.0.0.1:${port}`, `0.0.0.0:${port}`] })).rejects.toThrow(both);
  });

  test.each([
    ["127.0.0.1", "0.0.0.0", true],
    ["0.0.0.0", "127.0.0.1", true],
    // As systemd opens it.
    ["[::]", "127.0.0.1", true],
    ["127.0.0.2", "127.0.0.1", false],
  ])("that systemd holds for it at %s keeps %s from being bound: %s", async (held, wanted, isOurs) => {
    const taken = createServer().listen({ host: isOurs ? held.replace(/[[\]]/g, "") : wanted, port: 0 });
    await once(taken, "listening");
    const address = taken.address();
    const port = typeof address === "object" ? address?.port : 0;
    const bind = parseListenAddress(`${held}:${port}`);
    if (typeof bind === "string") throw new Error(bind);
    // It is opened last, which is not reached here.
    sockets = new BoundSockets(logger, { activated: [{ bind, descriptor: 0 }] });
    await expect(change({ bind: [`${wanted}:${port}`] })).rejects.toThrow(
      isOurs
        ? `systemd listens on ${held}:${port} for this daemon, which is the same port as ${wanted}:${port}. Make ListenStream= in postern.socket`
        : `another program listens on ${wanted}:${port}`,
    );
    taken.close();
  });

  test("that another process has is said to be in use", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    const port = typeof address === "object" ? address?.port : 0;
    await change({ bind: [`unix:${path}`] });
    await expect(change({ bind: [`127.0.0.1:${port}`] })).rejects.toThrow("another program listens on");
    other.close();
  });
});
