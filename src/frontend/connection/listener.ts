/** The connections of one front end, whichever socket they came by: at most so many at once, and an orderly end. */
import type { Socket } from "node:net";
import type { Notice } from "../notice.ts";
import { ConnectionLimit } from "./connection-limit.ts";
import { type Conversation, type ConversationOptions, converse } from "./conversation.ts";
import { type StartTimer, startTimer } from "./delayed-replies.ts";

export interface ListenerOptions<Request> {
  readonly name: string;
  /** Over all sockets of the listener. An MTA holds one for each of its processes. */
  readonly maxConnections: () => number;
  /** What each new connection talks by. */
  readonly protocol: () => Omit<ConversationOptions<Request>, "onProtocolError">;
  readonly onNotice: (notice: Notice) => void;
  readonly timer?: StartTimer;
}

export interface Listener {
  take(socket: Socket): void;
  /** Answers what is under way, and closes; after `graceMs` what is left is cut off. */
  finish(graceMs: number): Promise<void>;
}

export function openListener<Request>(options: ListenerOptions<Request>): Listener {
  return new Connections(options);
}

class Connections<Request> implements Listener {
  readonly #options: ListenerOptions<Request>;
  readonly #open = new Map<Socket, Conversation>();
  readonly #limit: ConnectionLimit;
  #onEmpty: (() => void) | undefined;

  constructor(options: ListenerOptions<Request>) {
    this.#options = options;
    const { name: listener, maxConnections: max, onNotice } = options;
    this.#limit = new ConnectionLimit({ listener, max, count: () => this.#open.size, onNotice });
  }

  take(socket: Socket): void {
    const { name: listener, onNotice, protocol } = this.#options;
    if (!this.#limit.admits()) {
      // Without a listener for it, an error of this socket would end the process.
      socket.on("error", () => {});
      socket.destroy();
      return;
    }
    const peer = peerOf(socket);
    const onProtocolError = (message: string) => onNotice({ kind: "protocol-error", listener, peer, message });
    this.#open.set(socket, converse(socket, { ...protocol(), onProtocolError }));
    socket.once("close", () => this.#closed(socket));
  }

  async finish(graceMs: number): Promise<void> {
    for (const conversation of this.#open.values()) conversation.finish();
    if (this.#open.size === 0) return;
    const callOff = (this.#options.timer ?? startTimer)(graceMs, () => {
      for (const socket of this.#open.keys()) socket.destroy();
    });
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    callOff();
  }

  #closed(socket: Socket): void {
    this.#open.delete(socket);
    this.#limit.closed();
    if (this.#open.size === 0) this.#onEmpty?.();
  }
}

function peerOf(socket: Socket): string {
  const { remoteAddress: address, remotePort: port } = socket;
  if (address === undefined) return "a UNIX socket";
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
