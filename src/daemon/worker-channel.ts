/** A socket from one worker to another: each message is a line of JSON. */
import type { Duplex } from "node:stream";

/** What the other worker does not take in time is no use to it. */
const maxUnsentOctets = 16 * 1024 * 1024;

export interface WorkerChannelOptions<Message> {
  readonly socket: Duplex;
  readonly take: (message: Message) => void;
  /** The other worker has ended. */
  readonly onEnd: () => void;
}

export class WorkerChannel<Message> {
  readonly #socket: Duplex;
  readonly #take: (message: Message) => void;
  /** The beginning of a line. */
  #rest = "";

  constructor({ socket, take, onEnd }: WorkerChannelOptions<Message>) {
    this.#socket = socket;
    this.#take = take;
    socket.setEncoding("utf8").on("data", (text: string) => this.#read(text));
    // `close` follows.
    socket.on("error", () => {});
    socket.once("close", onEnd);
  }

  /** `false`: it was not sent, since the other worker has ended or does not read. */
  send(message: Message): boolean {
    if (!this.#socket.writable || this.#socket.writableLength > maxUnsentOctets) return false;
    this.#socket.write(`${JSON.stringify(message)}\n`);
    return true;
  }

  #read(text: string): void {
    // Only then is the whole line made one string.
    if (!text.includes("\n")) {
      this.#rest += text;
      return;
    }
    const lines = `${this.#rest}${text}`.split("\n");
    this.#rest = lines.pop() ?? "";
    // Only a worker of this version sends here.
    for (const line of lines) this.#take(JSON.parse(line) as Message);
  }
}
