/** The real daemon and the signals that end it: what it was asked before is answered, and what comes while it starts is no crash. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { startDaemon } from "../support/daemon.ts";
import { freePorts } from "../support/mta.ts";
import { openPolicy } from "../support/policy-client.ts";

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "postern-stop-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

/** A server that never says anything; `asked` resolves when somebody comes. */
async function silentServer() {
  const server = createServer(() => {}).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  const asked = once(server, "connection");
  await once(server, "listening");
  const address = server.address();
  return { asked, port: typeof address === "object" ? Number(address?.port) : 0 };
}

/** A process that gets the signal when it begins to load what a command needs. */
async function startWithSignal(signal: string, workers: number) {
  const [port = 0] = await freePorts(1);
  const config = `
[server]
workers = ${workers}
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:${port}"]
[directory.mta]
type = "mta"
`;
  const hook = `import { registerHooks } from "node:module";
    registerHooks({ resolve(name, context, next) {
      if (["./serve.js", "./worker.js"].includes(name)) process.kill(process.pid, ${JSON.stringify(signal)});
      return next(name, context);
    } });`;
  const environment = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(hook)}` };
  const daemon = await startDaemon({ directory: folder(), config, listening: [], environment });
  onTestFinished(() => daemon.kill());
  return { daemon, port };
}

it.each([1, 2])("a SIGHUP that comes before anything is loaded ends nothing (%d processes)", async (workers) => {
  const { daemon, port } = await startWithSignal("SIGHUP", workers);
  await daemon.logged(({ event }) => event === "listening");
  const policy = await openPolicy(port);
  expect(await policy.ask({ recipient: "john@example.org" })).toBe("DUNNO");
  policy.end();
  expect(await daemon.stop()).toBe(0);
  expect(daemon.untaken().filter(({ level }) => level === "error")).toEqual([]);
});

it.each(["SIGTERM", "SIGINT"])("a %s that comes before anything is loaded is a clean end", async (signal) => {
  const { daemon } = await startWithSignal(signal, 1);
  expect(await daemon.ended).toEqual([0, null]);
});

it.each([1, 2])("a request that takes its time is answered, and then the daemon ends (%d processes)", async (workers) => {
  const silent = await silentServer();
  const [port = 0] = await freePorts(1);
  const config = `
[server]
workers = ${workers}
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:${port}"]
[directory.mailboxes]
type = "smtp"
host = "127.0.0.1"
port = ${silent.port}
timeout = "7s"
domains = ["example.org"]
`;
  const daemon = await startDaemon({ directory: folder(), config, listening: [{ port }] });
  onTestFinished(() => daemon.kill());
  const policy = await openPolicy(port);
  const reply = policy.ask({ recipient: "john@example.org" });
  await silent.asked;
  const stopped = daemon.stop();
  expect(await reply).toMatch(/^451 4\./);
  expect(await stopped).toBe(0);
});
