/** The HTTP server of one listener: its connections, what a request may take in size and time, and an orderly end. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { allClosed } from "../connection/all-closed.ts";
import { ConnectionLimit } from "../connection/connection-limit.ts";
import { startTimer } from "../connection/delayed-replies.ts";
import type { Listener } from "../connection/listener.ts";
import type { Notice } from "../notice.ts";

export interface HttpListenerOptions {
  readonly name: string;
  readonly maxConnections: () => number;
  readonly answer: (request: IncomingMessage, response: ServerResponse) => void;
  readonly onNotice: (notice: Notice) => void;
  /** In which nothing is seen to be read of an answer. Then the connection is closed. */
  readonly unreadMs?: number;
}

/** From one request to the end of the headers of the next, and for its body. */
const requestMs = 30_000;
const maxUnreadMs = 30_000;
const maxHeaderOctets = 16_384;

/** For answers that are under way at the end: whoever looks asks again, and the end of the daemon does not wait for readers. */
const lastAnswersMs = 1000;

export function openHttpListener(options: HttpListenerOptions): Listener {
  return new HttpListener(options);
}

class HttpListener implements Listener {
  readonly #server: Server;
  readonly #limit: ConnectionLimit;
  /** Those without a request have what ends them. */
  readonly #open = new Map<Socket, (() => void) | undefined>();
  #isFinishing = false;

  constructor({ name: listener, maxConnections: max, answer, onNotice, unreadMs = maxUnreadMs }: HttpListenerOptions) {
    this.#limit = new ConnectionLimit({ listener, max, count: () => this.#open.size, onNotice });
    // It has no socket to listen at, and keeps no time of requests by itself.
    this.#server = createServer({ maxHeaderSize: maxHeaderOctets, noDelay: true }, (request, response) => {
      const { socket } = request;
      // One at a time: no client of today asks for more before it has its answer, and a server may close whenever it likes (RFC 9112 9.3.2).
      if (this.#hasRequest(socket)) {
        socket.destroy();
        return;
      }
      this.#started(socket);
      response.once("close", () => this.#waitForRequest(socket));
      if (this.#isFinishing) response.setHeader("connection", "close");
      answer(request, response);
    });
    this.#server.setTimeout(unreadMs, (socket) => {
      // An answer that is still being made is waited for.
      if (socket.writableLength > 0 || !this.#hasRequest(socket)) socket.destroy();
    });
    this.#server.on("clientError", (_, socket) => socket.destroy());
  }

  get count(): number {
    return this.#open.size;
  }

  take(socket: Socket): boolean {
    if (!this.#limit.hasRoom()) {
      this.#limit.refused();
      socket.on("error", () => {});
      socket.destroy();
      return false;
    }
    this.#open.set(socket, undefined);
    socket.once("close", () => this.#closed(socket));
    this.#waitForRequest(socket);
    this.#server.emit("connection", socket);
    socket.resume();
    return true;
  }

  async finish(graceMs: number): Promise<void> {
    this.#isFinishing = true;
    for (const [socket, callOff] of this.#open) if (callOff !== undefined) socket.destroy();
    await allClosed(() => [...this.#open.keys()], Math.min(graceMs, lastAnswersMs));
  }

  #hasRequest(socket: Socket): boolean {
    return this.#open.get(socket) === undefined;
  }

  #started(socket: Socket): void {
    this.#open.get(socket)?.();
    this.#open.set(socket, undefined);
  }

  #waitForRequest(socket: Socket): void {
    if (!this.#open.has(socket)) return;
    if (this.#isFinishing) socket.destroy();
    else
      this.#open.set(
        socket,
        startTimer(requestMs, () => socket.destroy()),
      );
  }

  #closed(socket: Socket): void {
    this.#started(socket);
    this.#open.delete(socket);
    this.#limit.closed();
  }
}
