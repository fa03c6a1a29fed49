/** The real daemon with two workers: who serves, what a reload, a signal and the death of a worker leave. */
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { freePorts } from "../support/mta.ts";

const scratch = `/tmp/postern-workers-${process.pid}`;

/** An MTA's connection; replies come in the order of the requests. */
class Peer {
  readonly socket: Socket;
  #text = "";
  #wake: () => void = () => {};
  #isClosed = false;

  constructor(address: { port: number } | { path: string }) {
    this.socket = connect({ allowHalfOpen: true, ...address });
    this.socket.setEncoding("utf8").on("data", (chunk: string) => {
      this.#text += chunk;
      this.#wake();
    });
    this.socket.on("error", () => {});
    for (const end of ["end", "close"]) {
      this.socket.on(end, () => {
        this.#isClosed = true;
        this.#wake();
      });
    }
  }

  send(recipient: string, more: Readonly<Record<string, string>> = {}): void {
    const attributes = { request: "smtpd_access_policy", protocol_state: "RCPT", protocol_name: "ESMTP", helo_name: "a.example" };
    const request = { ...attributes, client_address: "203.0.113.9", sender: "a@b.example", recipient, ...more };
    const lines = Object.entries(request).map(([name, value]) => `${name}=${value}\n`);
    this.socket.write(`${lines.join("")}\n`);
  }

  /** `undefined`: closed without one. */
  async reply(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end >= 0) {
        const reply = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return reply;
      }
      if (this.#isClosed) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async ask(recipient: string, more?: Readonly<Record<string, string>>): Promise<string | undefined> {
    this.send(recipient, more);
    return this.reply();
  }
}

const pass = "action=DUNNO";
const refusal = "action=550 5.1.2 Mailbox does not exist.";

function config(port: number, { more = "", known = "john@example.org", wait = "0s" } = {}): string {
  return `
[server]
workers = 2
trusted-networks = []
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:${port}", "unix:${scratch}/socket"]
${more}
[directory.accounts]
type = "memory"
principals = [{ name = "john", email = ["${known}"] }, { name = "all", email = ["@example.com"] }]
[session.ehlo]
require = false
[session.rcpt]
max-recipients = 5
[session.rcpt.errors]
wait = "${wait}"
`;
}

async function start(more = "", wait = "0s"): Promise<{ daemon: Daemon; port: number; pids: Map<unknown, number>; open(): Peer }> {
  const [port = 0] = await freePorts(1);
  const daemon = await startDaemon({ directory: scratch, config: config(port, { more, wait }), listening: [] });
  running.push(daemon);
  const pids = new Map<unknown, number>();
  for (let n = 0; n < 2; n += 1) {
    const line = await daemon.logged(serves);
    pids.set(line.worker, Number(line.pid));
  }
  await daemon.logged(({ event }) => event === "listening");
  return { daemon, port, pids, open: () => track(new Peer({ port })) };
}

const serves = ({ event, msg }: { readonly [key: string]: unknown }) => event === "worker" && msg === "a worker process serves";

const running: Daemon[] = [];
const peers: Peer[] = [];
function track(peer: Peer): Peer {
  peers.push(peer);
  return peer;
}

async function stopAll(): Promise<void> {
  for (const daemon of running.splice(0)) await daemon.stop();
  rmSync(scratch, { recursive: true, force: true });
}

afterEach(() => {
  for (const { socket } of peers.splice(0)) socket.destroy();
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("two workers of one daemon", () => {
  let started: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    started = await start();
  });
  afterAll(stopAll);

  it.each(["40000", "40001", "40002"])("count the errors of one session once, whichever connection asks (port %s)", async (client_port) => {
    const { daemon, open } = started;
    // Half of them are those of one worker, half those of the other.
    const connections = Array.from({ length: 4 }, open);
    for (const [n, peer] of connections.entries()) await peer.ask(`${n}@example.org`);
    const answers: unknown[] = [];
    for (let n = 0; n < 5; n += 1) {
      answers.push(await connections[n % 4]?.ask(`unknown${n}@example.org`, { client_port, instance: "m1" }));
    }
    expect(answers).toEqual([refusal, refusal, refusal, refusal, "action=421 4.3.0 Too many errors, disconnecting."]);
    const lines = await Promise.all(answers.map((_, n) => daemon.logged((line) => line.recipient === `unknown${n}@example.org`)));
    expect(new Set(lines.map(({ worker }) => worker)).size).toBe(1);
  });

  it("count the recipients of one message once, also when another connection goes on", async () => {
    const { open } = started;
    const connections = [open(), open()];
    for (const peer of connections) await peer.ask("john@example.org");
    const more = { client_port: "40010", instance: "m1" };
    const answers: unknown[] = [];
    for (let n = 0; n < 8; n += 1) answers.push(await connections[n < 4 ? 0 : 1]?.ask(`r${n}@example.com`, more));
    expect(answers.filter((answer) => answer === pass).length).toBe(5);
    expect(new Set(answers.slice(5))).toEqual(new Set(["action=452 4.5.3 Too many recipients."]));
  });

  it("serve UNIX sockets, and peers that end their side before they read", async () => {
    const { open } = started;
    for (const peer of [open(), track(new Peer({ path: `${scratch}/socket` }))]) {
      peer.send("jim@example.org");
      peer.socket.end();
      expect(await peer.reply()).toBe(refusal);
      expect(await peer.reply()).toBeUndefined();
    }
  });

  it("keep their connections when the configuration is read again", async () => {
    const { daemon, port, open } = started;
    const both = [open(), open()];
    for (const peer of both) expect(await peer.ask("jane@example.org")).toBe(refusal);
    daemon.reload(config(port, { known: "jane@example.org" }));
    await daemon.logged(({ event, level }) => event === "reload" && level === "info");
    for (const peer of both) expect(await peer.ask("jane@example.org")).toBe(pass);
    expect(await open().ask("john@example.org")).toBe(refusal);
  });
});

describe("two workers", () => {
  afterEach(stopAll);

  it("share the connections, and end with the daemon", async () => {
    const { daemon, pids, open } = await start();
    const twenty = Array.from({ length: 20 }, open);
    // All are open before the first one closes.
    expect(await Promise.all(twenty.map((peer, n) => peer.ask(`${n}@example.org`)))).toEqual(twenty.map(() => refusal));
    expect(await Promise.all(twenty.map((peer) => peer.ask("john@example.org")))).toEqual(twenty.map(() => pass));
    const served = await Promise.all(twenty.map((_, n) => daemon.logged(({ recipient }) => recipient === `${n}@example.org`)));
    const named = (pid: number | undefined) => readFileSync(`/proc/${pid}/comm`, "utf8");
    if (process.platform === "linux")
      expect([daemon.pid, ...pids.values()].map(named)).toEqual(["postern\n", "postern worker\n", "postern worker\n"]);
    for (const worker of [1, 2]) expect(served.filter((line) => line.worker === worker).length).toBe(10);
    expect(await daemon.stop()).toBe(0);
    for (const pid of pids.values()) expect(isAlive(pid)).toBe(false);
    expect(await Promise.all(twenty.map((peer) => peer.reply()))).toEqual(twenty.map(() => undefined));
  });

  it("count by one throttle", async () => {
    const { daemon, open } = await start('[[session.throttle]]\nkey = ["sender"]\nrate = "10/1h"');
    const four = Array.from({ length: 4 }, open);
    const answers: unknown[] = [];
    const askFive = async (peer: Peer) => {
      for (let n = 0; n < 5; n += 1) answers.push(await peer.ask("john@example.org"));
    };
    await Promise.all(four.map(askFive));
    expect(answers.filter((answer) => answer === pass).length).toBe(10);
    expect(answers.filter((answer) => answer === "action=452 4.4.5 Rate limit exceeded, try again later.").length).toBe(10);
    // Both have refused it, and one process says so.
    const line = await daemon.logged(({ event }) => event === "throttle");
    expect(line).toMatchObject({ key: "a@b.example" });
    expect(line).not.toHaveProperty("worker");
    expect(daemon.untaken().filter(({ event }) => event === "throttle")).toEqual([]);
  });

  it("say by one process what is of no worker", async () => {
    const { daemon, open } = await start();
    const both = [open(), open()];
    // More than the requests of one worker would not be enough to say that nobody asks about recipients.
    const more = { protocol_state: "EHLO", recipient: "" };
    for (let n = 0; n < 110; n += 1) await Promise.all(both.map((peer) => peer.ask("", more)));
    await daemon.logged(({ event }) => event === "stage-not-asked");
    const asked = { policy_context: "odd" };
    for (const peer of both) expect(await peer.ask("postmaster@example.org", asked)).toBe(pass);
    for (const peer of both) peer.socket.write("nonsense\n\n");
    for (const peer of both) expect(await peer.reply()).toBeUndefined();
    await daemon.stop();
    await expect(daemon.logged(() => false)).rejects.toThrow();
    const said = daemon.untaken().filter(({ level }) => level === "warn");
    expect(said.map(({ event }) => event).sort()).toEqual(["no-instance", "postmaster", "protocol-error", "unknown-context"]);
    for (const line of said) expect(line).not.toHaveProperty("worker");
  });

  it("hold the limit of connections together, at which one that is idle makes room", async () => {
    const { daemon, open } = await start("max-connections = 3");
    const three = [open(), open(), open()];
    for (const peer of three) expect(await peer.ask("john@example.org")).toBe(pass);
    const fourth = open();
    expect(await fourth.ask("john@example.org")).toBe(pass);
    expect(await daemon.logged(({ event }) => event === "connections-full")).toMatchObject({ limit: 3 });
    expect(await Promise.race(three.map((peer) => peer.reply()))).toBeUndefined();
    for (const { socket } of [...three, fourth]) socket.end();
    expect(await daemon.logged(({ event }) => event === "connections-free")).toMatchObject({ refused: 0 });
    expect(await open().ask("john@example.org")).toBe(pass);
  });

  it.each([0, 1])("take one that is refused by a worker without an idle connection when it comes again (%d)", async (busy) => {
    const { daemon, open } = await start("max-connections = 2", "1m");
    for (const [n, peer] of [open(), open()].entries()) {
      expect(await peer.ask("john@example.org")).toBe(pass);
      if (n !== busy) continue;
      peer.send("nobody@example.org");
      await daemon.logged(({ recipient }) => recipient === "nobody@example.org");
    }
    const replies = [await open().ask("john@example.org"), await open().ask("john@example.org")];
    expect(replies).toContain(pass);
  });

  it("answer new connections by what is in force while a reload waits for a question, also when it renames their listener", async () => {
    const silent = createServer(() => {}).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const asked = once(silent, "connection");
    const address = silent.address();
    const slow = `[storage]\ndirectory = "accounts"\n[directory.slow]\ntype = "smtp"\nhost = "127.0.0.1"\ntimeout = "5s"
port = ${typeof address === "object" ? address?.port : 0}\ndomains = ["slow.example"]
[[session.mail.deny]]\nif = "sender = 'a@slow.example' && is_local_address('slow', 'x@slow.example')"\nreply = "550 5.7.1 No."`;
    const { daemon, port, open } = await start(slow);
    const reloaded = () => daemon.logged(({ event, level }) => event === "reload" && level === "info");
    const late = open().ask("john@example.org", { sender: "a@slow.example" });
    await asked;
    daemon.hangUp();
    await reloaded();
    // This one waits until that request is answered.
    daemon.reload(config(port, { more: slow }).replace("[listener.smtp]", "[listener.mail]"));
    let isOver = false;
    const over = reloaded().then(() => {
      isOver = true;
    });
    const answers = new Set<string | undefined>();
    let slowestMs = 0;
    while (!isOver) {
      const begun = performance.now();
      const peer = open();
      // One that has not asked yet is closed with its listener, and Postfix comes again.
      answers.add((await peer.ask("john@example.org")) ?? (await open().ask("john@example.org")));
      peer.socket.destroy();
      slowestMs = Math.max(slowestMs, performance.now() - begun);
    }
    await over;
    silent.close();
    expect(await late).toMatch(/^action=/);
    expect(answers).toEqual(new Set([pass]));
    expect(slowestMs).toBeLessThan(2500);
    expect(await open().ask("john@example.org")).toBe(pass);
  });

  it("one that is killed takes its own connections with it, and is replaced by one that has the configuration in force", async () => {
    const { daemon, pids, port, open } = await start();
    const [own, other] = [open(), open()];
    await own.ask("1@example.org");
    await other.ask("2@example.org");
    const { worker } = await daemon.logged(({ recipient }) => recipient === "1@example.org");
    daemon.reload(`${config(port)}\nnonsense = 1\n`);
    await daemon.logged(({ event, level }) => event === "reload" && level === "error");
    process.kill(pids.get(worker) ?? 0, "SIGKILL");
    expect(await own.reply()).toBeUndefined();
    expect(await other.ask("john@example.org")).toBe(pass);
    expect(await daemon.logged(({ event, level }) => event === "worker" && level === "error")).toMatchObject({ worker, ended: "SIGKILL" });
    expect(await open().ask("john@example.org")).toBe(pass);
    expect(await daemon.logged(serves)).toMatchObject({ worker });
    const more = [open(), open()];
    for (const [n, peer] of more.entries()) expect(await peer.ask(`more${n}@example.org`)).toBe(refusal);
    const served = await Promise.all(more.map((_, n) => daemon.logged(({ recipient }) => recipient === `more${n}@example.org`)));
    expect(served.map((line) => line.worker)).toContain(worker);
    for (const client_port of ["40000", "40001", "40002"]) {
      const asked = more.map((peer, n) => peer.ask(`${client_port}-${n}@example.org`, { client_port, instance: client_port }));
      await Promise.all(asked);
      const lines = await Promise.all(
        more.map((_, n) => daemon.logged(({ recipient }) => recipient === `${client_port}-${n}@example.org`)),
      );
      expect(new Set(lines.map((line) => line.worker)).size).toBe(1);
    }
    expect(await daemon.stop()).toBe(0);
  });

  it("are replaced by what has the script in force, whatever is in its file by now", async () => {
    mkdirSync(scratch, { recursive: true });
    const file = `${scratch}/test.sieve`;
    const sieve = (reply: string) => writeFileSync(file, `require "reject"; reject "550 5.7.1 ${reply}.";`);
    sieve("First");
    const { daemon, pids, open } = await start(`[sieve.trusted.scripts.test]\nfile = "${file}"\n[session.mail]\nscript = "'test'"`);
    const first = "action=550 5.7.1 First.";
    expect(await open().ask("john@example.org")).toBe(first);
    writeFileSync(file, "no script");
    daemon.hangUp();
    await daemon.logged(({ event, level }) => event === "reload" && level === "error");
    for (const pid of pids.values()) process.kill(pid, "SIGKILL");
    for (const _ of pids) await daemon.logged(serves);
    expect(await Promise.all([open(), open()].map((peer) => peer.ask("john@example.org")))).toEqual([first, first]);
    sieve("Second");
    daemon.hangUp();
    await daemon.logged(({ event, level }) => event === "reload" && level === "info");
    const second = "action=550 5.7.1 Second.";
    expect(await Promise.all([open(), open()].map((peer) => peer.ask("john@example.org")))).toEqual([second, second]);
  });

  it("one that is stopped is replaced", async () => {
    const { daemon, pids, open } = await start();
    const [own, other] = [open(), open()];
    await own.ask("1@example.org");
    await other.ask("2@example.org");
    const { worker } = await daemon.logged(({ recipient }) => recipient === "1@example.org");
    process.kill(pids.get(worker) ?? 0, "SIGSTOP");
    expect(await daemon.logged(({ event, level }) => event === "worker" && level === "error")).toMatchObject({
      worker,
      ended: "no answer for 15 s",
    });
    expect(await own.reply()).toBeUndefined();
    expect(await daemon.logged(serves)).toMatchObject({ worker });
    expect(await Promise.all([open(), open()].map((peer) => peer.ask("john@example.org")))).toEqual([pass, pass]);
  });

  it("end when the primary process is killed", async () => {
    const { daemon, open } = await start();
    const peer = open();
    await peer.ask("john@example.org");
    await daemon.kill();
    expect(await peer.reply()).toBeUndefined();
    // Their log ends when the last of them has ended.
    await expect(daemon.logged(() => false)).rejects.toThrow("the daemon ended without that line");
  });
});
