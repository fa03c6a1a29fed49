/** The connections of one front end, whichever socket they came by: at most so many at once, and an orderly end. */
import type { Socket } from "node:net";
import { type Begun, UnderWay } from "../../answer/under-way.ts";
import { hourMs } from "../../text/duration.ts";
import type { OnNotice } from "../notice.ts";
import { SayOnce } from "../say-once.ts";
import { allClosed } from "./all-closed.ts";
import { ConnectionLimit } from "./connection-limit.ts";
import { type Conversation, converse } from "./conversation.ts";
import { type StartTimer, startTimer } from "./delayed-replies.ts";
import type { Protocol } from "./protocol.ts";
import { Room } from "./room.ts";
import { Turns } from "./turns.ts";

export interface ListenerOptions<Request> {
  readonly name: string;
  /** Over all sockets of the listener. An MTA holds one for each of its processes. */
  readonly maxConnections: () => number;
  /** What each new connection talks by. */
  readonly protocol: () => Protocol<Request>;
  readonly onNotice: OnNotice;
  /** Shared with other listeners. Default: it has its own. */
  readonly room?: Room;
  /** Of how long peers may take. */
  readonly timer?: StartTimer;
  /** Milliseconds; it never goes back. */
  readonly now?: () => number;
}

export interface Listener {
  /** Connections that are open. */
  readonly count: number;
  /**
   * Serves the connection, or closes it. At the limit of connections, or with `mustMakeRoom`, it takes the place of the one that has
   * been idle for longest. `false`: all of them are busy, and it was closed.
   */
  take(socket: Socket, mustMakeRoom?: boolean): boolean;
  /** Answers what is under way, and closes; after `graceMs` what is left is cut off. */
  finish(graceMs: number): Promise<void>;
}

export function openListener<Request>(options: ListenerOptions<Request>): Listener {
  return new Connections(options);
}

class Connections<Request> implements Listener {
  readonly #options: ListenerOptions<Request>;
  readonly #timer: StartTimer;
  readonly #turns = new Turns();
  readonly #room: Room;
  readonly #open = new UnderWay<Conversation>();
  readonly #limit: ConnectionLimit;
  /** By address. */
  readonly #breaches: SayOnce;

  constructor(options: ListenerOptions<Request>) {
    const { name: listener, maxConnections: max, onNotice, timer = startTimer, now = () => performance.now() } = options;
    this.#options = options;
    this.#room = options.room ?? new Room();
    this.#timer = timer;
    this.#limit = new ConnectionLimit({ listener, max, count: () => this.#open.size, onNotice });
    this.#breaches = new SayOnce(hourMs, now);
  }

  get count(): number {
    return this.#open.size;
  }

  take(given: Socket, mustMakeRoom = false): boolean {
    // It may have taken a while to get here, and its client has gone.
    if (given.destroyed || given.readableEnded) {
      given.destroy();
      return true;
    }
    const isOver = !this.#limit.hasRoom() || mustMakeRoom;
    if (isOver && !this.#makeRoom()) {
      this.#limit.refused();
      // Without a listener for it, an error of this socket would end the process.
      given.on("error", () => {});
      given.destroy();
      return false;
    }
    const onProtocolError = (message: string) => this.#breached(socket, message);
    const onNoRoom = () => this.#noRoom(socket);
    const common = { onProtocolError, onNoRoom, turns: this.#turns, room: this.#room, timer: this.#timer };
    const conversation = converse(given, { ...this.#options.protocol(), ...common });
    const { socket } = conversation;
    const begun = this.#open.begin(conversation);
    socket.once("close", () => this.#closed(begun));
    return true;
  }

  async finish(graceMs: number): Promise<void> {
    for (const conversation of this.#open.values) conversation.finish();
    await allClosed(() => this.#open.values.map(({ socket }) => socket), graceMs);
  }

  /** Closes the connection that has been idle for longest. `false`: there is none. */
  #makeRoom(): boolean {
    let longest: Conversation | undefined;
    let since = Number.POSITIVE_INFINITY;
    for (const conversation of this.#open.values) {
      const { idleSince } = conversation;
      if (idleSince === undefined || idleSince >= since) continue;
      longest = conversation;
      since = idleSince;
    }
    longest?.finish();
    return longest !== undefined;
  }

  #noRoom(socket: Socket): void {
    const { name: listener, onNotice } = this.#options;
    const { maxOctets: limitOctets } = this.#room;
    onNotice({ kind: "no-room", listener, peer: peerOf(socket), limitOctets }, { about: "", againAfterMs: hourMs });
  }

  #breached(socket: Socket, message: string): void {
    const { name: listener, onNotice } = this.#options;
    const about = socket.remoteAddress ?? "";
    if (!this.#breaches.allows(about)) return;
    onNotice({ kind: "protocol-error", listener, peer: peerOf(socket), message }, { about, againAfterMs: hourMs });
  }

  #closed(begun: Begun<Conversation>): void {
    this.#open.end(begun);
    this.#limit.closed();
  }
}

function peerOf(socket: Socket): string {
  const { remoteAddress: address, remotePort: port } = socket;
  if (address === undefined) return "a UNIX socket";
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
