/** The load generator, a process of its own: clients that say one dialogue after the other, as fast as they are answered or at a steady rate. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { type Dialogue, type Protocol, type ProtocolName, protocols } from "./dialogue.ts";

export interface Load {
  readonly protocol: ProtocolName;
  readonly port: number;
  readonly clients: number;
  /** The numbers of the dialogues: `count` from `first` on. */
  readonly first: number;
  readonly count: number;
  /** Another one each time that the same numbers come again. */
  readonly run: number;
  /** An open loop: so many dialogues are due in each second, whether or not those before have ended. Left out: a closed loop. */
  readonly perSecond?: number;
}

export interface Loaded {
  readonly seconds: number;
  /** Dialogues after which the client was content. */
  readonly content: number;
  /** Of a dialogue, from when it was due to its last reply. */
  readonly milliseconds: readonly number[];
}

export class Generator {
  readonly #child: ChildProcess = fork(new URL(import.meta.url), { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  readonly #ended = once(this.#child, "exit");

  async run(load: Load): Promise<Loaded> {
    this.#child.send(load);
    const [answer] = await Promise.race([once(this.#child, "message"), this.#ended]);
    if (typeof answer !== "object" || answer === null) throw new Error("the load generator ended");
    // Only `generate` below writes here.
    return answer as Loaded;
  }

  stop(): void {
    this.#child.kill();
  }
}

class Client {
  readonly #port: number;
  readonly #protocol: Protocol;
  #socket: Socket | undefined;
  #dialogue: Dialogue | undefined;
  #received: Buffer = Buffer.alloc(0);
  #done: (isContent: boolean) => void = () => {};
  #fail: (error: Error) => void = () => {};

  constructor(port: number, protocol: Protocol) {
    this.#port = port;
    this.#protocol = protocol;
  }

  async open(): Promise<void> {
    const socket = connect({ host: "127.0.0.1", port: this.#port, noDelay: true });
    this.#received = Buffer.alloc(0);
    this.#socket = socket;
    await once(socket, "connect");
    socket.on("data", (bytes: Buffer) => this.#take(bytes));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the server closed a connection")));
  }

  close(): void {
    this.#socket?.removeAllListeners("close").end(this.#protocol.farewell ?? "");
    this.#socket = undefined;
  }

  async hold(dialogue: Dialogue): Promise<boolean> {
    if (this.#socket === undefined) await this.open();
    const isContent = await new Promise<boolean>((resolve, reject) => {
      [this.#done, this.#fail] = [resolve, reject];
      this.#dialogue = dialogue;
      this.#say(dialogue.next());
    });
    if (this.#protocol.farewell !== undefined) this.close();
    return isContent;
  }

  #say({ value, done }: IteratorResult<Buffer, boolean>): void {
    if (done) this.#done(value);
    else if (value.length > 0) this.#socket?.write(value);
  }

  #take(bytes: Buffer): void {
    let received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    for (let length = this.#protocol.replyLength(received); length > 0; length = this.#protocol.replyLength(received)) {
      const reply = received.subarray(0, length);
      received = received.subarray(length);
      if (this.#dialogue !== undefined) this.#say(this.#dialogue.next(reply));
    }
    this.#received = received;
  }
}

async function generate({ protocol: name, port, clients: number, first, count, run, perSecond }: Load): Promise<Loaded> {
  const protocol = protocols[name];
  const clients = Array.from({ length: number }, () => new Client(port, protocol));
  if (protocol.farewell === undefined) await Promise.all(clients.map((client) => client.open()));
  const milliseconds: number[] = [];
  let [next, content] = [0, 0];
  const hold = async (client: Client, due: number) => {
    const dialogue = protocol.dialogue(first + next++, run);
    if (await client.hold(dialogue)) content += 1;
    milliseconds.push(performance.now() - due);
  };
  const from = performance.now();
  if (perSecond === undefined) {
    await Promise.all(
      clients.map(async (client) => {
        while (next < count) await hold(client, performance.now());
      }),
    );
  } else {
    await openLoop(clients, { count, perSecond }, hold);
  }
  const seconds = (performance.now() - from) / 1000;
  for (const client of clients) client.close();
  return { seconds, content, milliseconds };
}

/**
 * Dialogues become due in groups, at each millisecond in which this process is awake: when it is late itself, that is not counted as
 * the server's time. What finds no free client waits for one, and that is counted.
 */
async function openLoop(
  clients: readonly Client[],
  { count, perSecond }: { readonly count: number; readonly perSecond: number },
  hold: (client: Client, due: number) => Promise<void>,
): Promise<void> {
  const free = [...clients];
  const due: number[] = [];
  const underWay = new Set<Promise<void>>();
  const start = () => {
    while (due.length > 0 && free.length > 0) {
      const [client, at] = [free.pop(), due.shift()];
      if (client === undefined || at === undefined) return;
      const held: Promise<void> = hold(client, at).then(() => {
        underWay.delete(held);
        free.push(client);
        start();
      });
      underWay.add(held);
    }
  };
  const from = performance.now();
  for (let called = 0; called < count; ) {
    const now = performance.now();
    for (const until = Math.min(count, ((now - from) * perSecond) / 1000); called < until; called += 1) due.push(now);
    start();
    // Not in every turn: a process that never sleeps is the first to wait for a core.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  while (underWay.size > 0) await Promise.race(underWay);
}

if (import.meta.main) {
  process.on("message", async (load: Load) => process.send?.(await generate(load)));
  process.on("disconnect", () => process.exit());
}
