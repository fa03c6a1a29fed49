/** Two daemons on one state directory. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { freePorts } from "../support/mta.ts";
import { openPolicy } from "../support/policy-client.ts";

let folder: string;
let daemons: Daemon[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-two-"));
  daemons = [];
});
afterEach(async () => {
  await Promise.all(daemons.map((daemon) => daemon.stop()));
  rmSync(folder, { recursive: true });
});

async function serve(port: number, workers: number): Promise<Daemon> {
  const config = `
[server]
workers = ${workers}
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:${port}"]
[directory.mta]
type = "mta"
[session.rcpt.greylist]
enable = true
`;
  const daemon = await startDaemon({ directory: folder, config, listening: [{ host: "127.0.0.1", port }] });
  daemons.push(daemon);
  return daemon;
}

const told = (daemon: Daemon) => daemon.untaken().filter(({ event }) => event === "state");

it.each([1, 2])("the second one names the first, and serves, with workers = %s", async (workers) => {
  const [one = 0, two = 0] = await freePorts(2);
  const first = await serve(one, workers);
  const second = await serve(two, workers);
  expect(await second.logged(({ event }) => event === "state")).toMatchObject({
    level: "warn",
    pid: first.pid,
    msg: expect.stringContaining("another daemon uses this file"),
  });
  const client = await openPolicy(two);
  expect(await client.ask({ recipient: "john@example.org" })).toMatch(/^DEFER_IF_PERMIT/);
  client.end();
  expect(told(first)).toEqual([]);
});

it("one that follows another that was killed is alone", async () => {
  const [one = 0, two = 0] = await freePorts(2);
  await (await serve(one, 1)).kill();
  expect(told(await serve(two, 1))).toEqual([]);
});
