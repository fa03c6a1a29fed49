/** The daemon under systemd: sockets that were opened before it started, and what it says of itself. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Daemon, type LogLine, startDaemon } from "../support/daemon.ts";
import { freePorts } from "../support/mta.ts";
import { openPolicy } from "../support/policy-client.ts";

const lacks = (program: string) => spawnSync(program, ["--version"]).status !== 0;

let directory: string;
let daemon: Daemon | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "postern-service-"));
});
afterEach(async () => {
  await daemon?.stop();
  rmSync(directory, { recursive: true });
});

const config = (bind: readonly string[], more = "") => `
[server]
${more}
[listener.smtp]
protocol = "policy"
bind = ${JSON.stringify(bind)}
[directory.accounts]
type = "memory"
principals = [{ name = "john", email = ["john@example.org"] }]
[session.rcpt.errors]
wait = "0s"
`;
const nobody = { recipient: "nobody@example.org" };
const refused = "550 5.1.2 Mailbox does not exist.";

describe.skipIf(lacks("systemd-socket-activate"))("sockets of systemd", () => {
  it.each(
    process.env.POSTERN_LONG ? [1, 2] : [1],
  )("serves those that its listeners bind, from the first client on, with %i workers", async (workers) => {
    const [port = 0, other = 0] = await freePorts(2);
    const path = join(directory, "policy.sock");
    const inet = `127.0.0.1:${port}`;
    const more = `workers = ${workers}`;
    daemon = await startDaemon({
      directory,
      config: config([inet, `127.0.0.1:${other}`, `unix:${path}`], more),
      under: ["systemd-socket-activate", "-l", inet, "-l", path],
      // It is started by the first of these, which waits until it serves.
      listening: [{ path }, { host: "127.0.0.1", port: other }],
    });
    for (const at of [port, other, path]) {
      const policy = await openPolicy(at);
      expect(await policy.ask(nobody)).toBe(refused);
      policy.end();
    }
    // systemd still listens there: whoever connects would wait for nobody.
    const reloaded = ({ event, level }: LogLine) => event === "reload" && level === "info";
    daemon.reload(config([inet], more));
    expect(await daemon.logged(({ level, event }) => level === "warn" && event === "listening")).toMatchObject({
      addresses: [`unix:${path}`],
    });
    await once(connect(path).resume(), "close");
    await daemon.logged(reloaded);
    daemon.reload(config([`unix:${path}`], more));
    await daemon.logged(reloaded);
    const policy = await openPolicy(path);
    expect(await policy.ask(nobody)).toBe(refused);
    daemon.reload(config([`0.0.0.0:${port}`], more));
    const { msg } = await daemon.logged(({ event, level }) => event === "reload" && level === "error");
    expect(msg).toMatch(/systemd listens on \S+ for this daemon.* and restart both units\. The previous configuration stays active\.$/);
    await daemon.stop();
    expect(existsSync(path)).toBe(true);
  });
});

describe.skipIf(lacks("systemd-notify"))("what it tells systemd", () => {
  it("is ready when it serves, alive from then on, and stopping at the end", async () => {
    const [port = 0] = await freePorts(1);
    const path = join(directory, "notify");
    // Node has no datagram sockets of this family.
    const receiver = spawn("perl", [
      "-MSocket",
      "-e",
      'socket(S, PF_UNIX, SOCK_DGRAM, 0); bind(S, sockaddr_un($ARGV[0])); $| = 1; print "$m\\n" while defined recv(S, $m, 4096, 0)',
      path,
    ]);
    let told = "";
    receiver.stdout.setEncoding("utf8").on("data", (text: string) => {
      told += text;
    });
    try {
      await expect.poll(() => existsSync(path)).toBe(true);
      daemon = await startDaemon({
        directory,
        config: config([`127.0.0.1:${port}`]),
        environment: { NOTIFY_SOCKET: path, WATCHDOG_USEC: "100000" },
        listening: [{ host: "127.0.0.1", port }],
      });
      await expect.poll(() => told).toMatch(/^READY=1\n(.*\n)*WATCHDOG=1\n(.*\n)*WATCHDOG=1\n/);
      await daemon.stop();
      await expect.poll(() => told).toContain("STOPPING=1\n");
    } finally {
      receiver.kill();
    }
  });
});
