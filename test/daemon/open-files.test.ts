/** The real daemon where it may open no more files, which is logged once, and who closes a connection makes room for another; or in no folder. */
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startDaemon } from "../support/daemon.ts";
import { freePorts } from "../support/mta.ts";
import { openPolicy } from "../support/policy-client.ts";

const scratch = `/tmp/postern-open-files-${process.pid}`;

test("connections that the system closes are no silent loss", async () => {
  const [port = 0] = await freePorts(1);
  const config = `
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:${port}"]
[directory.accounts]
type = "memory"
principals = [{ name = "john", email = ["john@example.org"] }]
`;
  const daemon = await startDaemon({ directory: scratch, config, listening: [{ port }], maxFiles: 80 });
  try {
    const sockets = Array.from({ length: 100 }, () => connect(port).on("error", () => {}));
    await Promise.race(sockets.map((socket) => once(socket, "close")));
    expect(await daemon.logged(({ event }) => event === "files-used-up")).toMatchObject({ level: "error" });
    for (const socket of sockets) socket.destroy();
    const next = connect(port);
    next.end("request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient=john@example.org\n\n");
    expect(String(await once(next, "data"))).toMatch(/^action=/);
    expect(daemon.untaken().filter(({ event }) => event === "files-used-up")).toEqual([]);
  } finally {
    await daemon.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
});

test("a worker that could not take a connection takes others when it has room again", async () => {
  const [port = 0] = await freePorts(1);
  const config = `
[server]
workers = 2
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:${port}"]
[directory.accounts]
type = "memory"
principals = [{ name = "john", email = ["john@example.org"] }]
`;
  const daemon = await startDaemon({ directory: scratch, config, listening: [{ port }], maxFiles: 60 });
  /** A connection that stays, and whether it is answered. */
  const ask = async () => {
    const socket = connect(port).on("error", () => {});
    socket.write("request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient=john@example.org\n\n");
    const isAnswered = await new Promise<boolean>((resolve) => {
      socket.once("data", () => resolve(true)).once("close", () => resolve(false));
    });
    return { socket, isAnswered };
  };
  try {
    const sockets: Socket[] = [];
    for (let refused = 0; refused < 4; ) {
      const { socket, isAnswered } = await ask();
      sockets.push(socket);
      if (!isAnswered) refused += 1;
    }
    const full = await Promise.all(
      [1, 2].map((worker) => daemon.logged((line) => line.event === "files-used-up" && line.worker === worker)),
    );
    expect(full).toMatchObject([{ level: "error" }, { level: "error" }]);
    for (const socket of sockets) socket.destroy();
    for (const { socket, isAnswered } of await Promise.all([ask(), ask(), ask(), ask()])) {
      expect(isAnswered).toBe(true);
      socket.destroy();
    }
    expect(daemon.untaken().filter(({ event }) => event === "files-used-up")).toEqual([]);
  } finally {
    await daemon.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
});

test("a working directory that was removed keeps no thread from its work", async () => {
  const [port = 0] = await freePorts(1);
  const config = `
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:${port}"]
[directory.mta]
type = "mta"
[session.rcpt.greylist]
enable = true
`;
  const removed = ["/bin/sh", "-c", 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"', `${scratch}-removed`];
  const daemon = await startDaemon({ directory: scratch, config, listening: [{ port }], under: removed });
  try {
    const policy = await openPolicy(port);
    expect(await policy.ask({ recipient: "john@example.org" })).toMatch(/^DEFER_IF_PERMIT/);
    policy.end();
    // By the thread, out of the WAL.
    await expect.poll(() => readFileSync(join(scratch, "state", "state.sqlite")).includes("john@example.org")).toBe(true);
    expect(daemon.untaken().filter(({ level }) => level !== "info")).toEqual([]);
  } finally {
    await daemon.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
});
