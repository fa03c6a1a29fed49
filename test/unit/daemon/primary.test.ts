/** The primary process with workers that do only what the test makes them do. */
import type { ChildProcess } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { connect } from "node:net";
import { afterEach, expect, test } from "vitest";
import { parseConfiguration } from "../../../src/config/load.ts";
import { BoundSockets } from "../../../src/daemon/listen-sockets.ts";
import { createLogger } from "../../../src/daemon/log.ts";
import { startWorkers } from "../../../src/daemon/primary.ts";
import type { MessageToPrimary, MessageToWorker } from "../../../src/daemon/worker-message.ts";
import type { State } from "../../../src/stage/state.ts";
import { freePorts } from "../../support/mta.ts";

class FakeWorker extends EventEmitter {
  readonly pid = 1;
  readonly #sent = new EventEmitter();
  readonly sent: MessageToWorker[] = [];
  /** Configurations are applied at once. */
  isPrompt = true;

  send(message: MessageToWorker): boolean {
    this.sent.push(message);
    this.#sent.emit(message.kind, message);
    if (message.kind === "stop") this.emit("exit", 0, null);
    if (message.kind === "configure" && this.isPrompt) this.say({ kind: "configured" });
    return true;
  }

  /** The next message of the kind. */
  async got(kind: MessageToWorker["kind"]): Promise<MessageToWorker> {
    const [message] = await once(this.#sent, kind);
    return message as MessageToWorker;
  }

  say(message: MessageToPrimary): void {
    // As by another process: later.
    setImmediate(() => this.emit("message", message));
  }

  kill(): boolean {
    this.emit("exit", null, "SIGKILL");
    return true;
  }
}

function configurationOf(port: number, greylist = false) {
  const text = `
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:${port}"]
[directory.mta]
type = "mta"
[session.rcpt]
greylist = { enable = ${greylist} }
`;
  const { configuration, problems } = parseConfiguration(text, "postern.toml", () => "");
  if (configuration === undefined) throw new Error(JSON.stringify(problems));
  return configuration;
}

/** Only greylist questions are asked here. */
function stateThatSays(firstSeen: number): State {
  return { greylist: async () => ({ kind: "wait", firstSeen, isNew: false }) } as unknown as State;
}

let stop: (() => Promise<void>) | undefined;
afterEach(async () => {
  await stop?.();
  stop = undefined;
});

async function start(port: number, forks: (() => FakeWorker)[] = []) {
  const workers: FakeWorker[] = [];
  const logged: string[] = [];
  const logger = createLogger({ level: "error", fields: {}, clock: () => 0, write: (line) => logged.push(line) });
  const daemon = await startWorkers(configurationOf(port), {
    workers: 2,
    sockets: new BoundSockets(logger, { pauses: true }),
    fork() {
      const worker = (forks.shift() ?? (() => new FakeWorker()))();
      workers.push(worker);
      // What the primary process asks of a child is above.
      return worker as unknown as ChildProcess;
    },
    loadOptions: {},
    leaseState: ({ settings }) => ({
      state: stateThatSays(settings.rcpt.greylist.enable.constant === 0 ? 1 : 2),
      release: async () => {},
    }),
    logger,
  });
  stop = () => daemon.stop();
  return { daemon, workers, logged };
}

const question = { kind: "questions", questions: [{ id: 7, question: { kind: "greylist", question: {} } }] } as unknown as MessageToPrimary;

test("a worker that serves by the next configuration is answered by its state while others are not that far", async () => {
  const [port = 0] = await freePorts(1);
  const { daemon, workers } = await start(port);
  const [first, second] = workers;
  if (first === undefined || second === undefined) throw new Error("no workers");
  second.isPrompt = false;
  const isAsked = second.got("configure");
  const reloaded = daemon.reload(configurationOf(port, true));
  await isAsked;
  const answer = first.got("outcomes");
  first.say(question);
  expect(await answer).toMatchObject({ outcomes: [{ id: 7, answer: { firstSeen: 2 } }] });
  second.say({ kind: "configured" });
  await reloaded;
});

test("a reload switches without a worker that is still starting", async () => {
  const [port = 0, nextPort = 0] = await freePorts(2);
  const slow = new FakeWorker();
  slow.isPrompt = false;
  const { daemon, workers } = await start(port, [() => new FakeWorker(), () => new FakeWorker(), () => slow]);
  const [first, second] = workers;
  if (first === undefined || second === undefined) throw new Error("no workers");
  second.kill();
  await expect.poll(() => workers.length, { timeout: 10_000 }).toBe(3);
  const reloaded = daemon.reload(configurationOf(nextPort));
  await expect.poll(() => knock(nextPort).then(() => first.sent.some(({ kind }) => kind === "connection"))).toBe(true);
  for (const _ of ["the one it was started with", "the next"]) slow.say({ kind: "configured" });
  await reloaded;
});

test("a worker whose process cannot be started is started again", async () => {
  const [port = 0] = await freePorts(1);
  const cannot = (): FakeWorker => {
    throw new Error("spawn ENOMEM");
  };
  const { workers, logged } = await start(port, [() => new FakeWorker(), () => new FakeWorker(), cannot]);
  workers[1]?.kill();
  await expect.poll(() => workers.length, { timeout: 10_000 }).toBe(3);
  expect(logged.join("")).toContain("a worker process cannot be started: spawn ENOMEM");
});

/** Connects, if there is somebody, and leaves. */
async function knock(port: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect").catch(() => {});
  socket.destroy();
}
