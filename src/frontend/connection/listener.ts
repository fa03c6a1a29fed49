/** Where a front end is reached: sockets that are bound together, the connections they take, and an orderly end. */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { Notice } from "../notice.ts";
import { ConnectionLimit } from "./connection-limit.ts";
import { type Conversation, type ConversationOptions, converse } from "./conversation.ts";
import { type StartTimer, startTimer } from "./delayed-replies.ts";
import { listenUnix } from "./unix-socket.ts";

/** An IP address and a port (0: any that is free), or the path of a UNIX socket. */
type Bind = { readonly kind: "inet"; readonly host: string; readonly port: number } | { readonly kind: "unix"; readonly path: string };

/** A bound socket; a reload may give it to another listener. Whoever holds it says who takes its connections. */
export interface Door {
  /** What it was opened by: one that is wanted again by the same need not be opened again. */
  readonly key: string;
  /** As bound: `127.0.0.1:10040`, `[::1]:10040`, `unix:/path`. */
  readonly address: string;
  onConnection: (socket: Socket) => void;
  /** Ends accepting; connections go on. */
  close(): void;
}

export interface DoorOptions {
  readonly bind: Bind;
  /** Of a UNIX socket, as chmod takes it. */
  readonly socketMode: number;
  /** A name or a number; `undefined`: the group of the process. */
  readonly socketGroup: string | undefined;
  /** Nothing is read from its connections, which another process is to take. Default: false. */
  readonly pauses?: boolean;
}

export function doorKey({ bind, socketMode, socketGroup }: DoorOptions): string {
  return bind.kind === "unix" ? JSON.stringify([bind.path, socketMode, socketGroup]) : JSON.stringify([bind.host, bind.port]);
}

/** Throws when the socket cannot be bound. Connections that nobody takes yet are closed. */
export async function openDoor(options: DoorOptions): Promise<Door> {
  const { bind, pauses: pauseOnConnect = false } = options;
  // Exim ends its side before it reads the reply.
  const connections = { allowHalfOpen: true, noDelay: true, keepAlive: true, pauseOnConnect };
  const server = createServer(connections, (socket) => door.onConnection(socket));
  let remove = () => {};
  switch (bind.kind) {
    case "unix":
      remove = await listenUnix(server, { path: bind.path, mode: options.socketMode, group: options.socketGroup });
      break;
    case "inet": {
      const { host, port } = bind;
      // Without ipv6Only `::` would take IPv4 too, or fail when that is bound already.
      server.listen({ host, port, ipv6Only: host.includes(":") });
      await once(server, "listening");
      break;
    }
  }
  // An error of an open server concerns one connection that could not be taken, such as for want of file descriptors.
  server.on("error", () => {});
  const door: Door = {
    key: doorKey(options),
    address: bind.kind === "unix" ? `unix:${bind.path}` : addressOf(server, bind.host),
    onConnection: (socket) => socket.destroy(),
    close() {
      server.close();
      remove();
    },
  };
  return door;
}

function addressOf(server: Server, host: string): string {
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

export interface ListenerOptions<Request> {
  readonly name: string;
  /** Over all sockets of the listener. An MTA holds one for each of its processes. */
  readonly maxConnections: () => number;
  /** What each new connection talks by. */
  readonly protocol: () => Omit<ConversationOptions<Request>, "onProtocolError">;
  readonly onNotice: (notice: Notice) => void;
  readonly timer?: StartTimer;
}

/** The connections of one listener, whichever door they came by. */
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
