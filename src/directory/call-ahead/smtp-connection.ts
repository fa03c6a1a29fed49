/** The client's side of one connection, as far as asking about recipients needs it (RFC 5321, RFC 2033, RFC 3207). */
import { connect, isIP, type Socket } from "node:net";
import type { TlsSettings } from "../../store/store-settings.ts";
import { hasControls } from "../../text/controls.ts";
import { errorMessage } from "../../text/error-message.ts";
import { onDemand } from "../../text/on-demand.ts";
import { ProtocolError } from "../../wire/protocol-error.ts";
import { type ServerReply, SmtpReplyDecoder } from "../../wire/smtp-reply.ts";
import { isSocket, type ServerSettings } from "./call-ahead-settings.ts";
import { CommandRefused, ConnectionLost, TlsFailed } from "./connection-error.ts";
import { textOf } from "./recipient-reply.ts";

const nodeTls = onDemand<typeof import("node:tls")>("node:tls");

/** How long the server may take to close the connection after QUIT. */
const quitMs = 1000;
/** After more commands without mail, or more refusals, servers delay or refuse whatever follows (in Postfix from 100 RSET, or 10 errors, on). */
const maxCommands = 150;
const maxRefusals = 8;

/** Servers that know none of it refuse EHLO by these (RFC 5321 3.2, 4.2.4). */
const knowsNoEhlo: ReadonlySet<number> = new Set([500, 502]);

/** Commands are sent one by one. What a method rejects with ends the connection, unless it is `CommandRefused`; `ConnectionLost`: the server did. */
export class SmtpConnection {
  readonly #server: ServerSettings;
  readonly #connectMs: number;
  #socket: Socket;
  readonly #decoder = new SmtpReplyDecoder();
  #awaited: PromiseWithResolvers<ServerReply> | undefined;
  /** The reply that is awaited, while something comes after it that is not whole. */
  #followed: ServerReply | undefined;
  #failure: unknown;
  #keywords: ReadonlySet<string> = new Set();
  #commands = 0;
  #refusals = 0;

  /** Begins to connect, which may take so long. */
  constructor(server: ServerSettings, connectMs: number) {
    this.#server = server;
    this.#connectMs = connectMs;
    this.#socket = connect(isSocket(server) ? { path: server.host } : { host: server.host, port: server.port, noDelay: true });
    this.#listen();
    const late = setTimeout(() => this.#fail(new Error(`no connection in ${connectMs} ms`)), connectMs);
    for (const event of ["connect", "close"]) this.#socket.once(event, () => clearTimeout(late));
  }

  /** Until the server takes commands; to be called once, at first. With `prefer` it may reject with `TlsFailed`. */
  async open(): Promise<void> {
    const greeting = await this.#reply();
    if (greeting.code !== 220) throw new Error(`it is greeted by ${textOf(greeting)}`);
    await this.#greet();
    const { tls } = this.#server;
    if (tls.mode === "disable") return;
    if (this.#keywords.has("STARTTLS")) await this.#startTls(tls);
    else if (tls.mode !== "prefer") throw new Error('it offers no STARTTLS. Switch it on there; on a safe network, write tls = "disable"');
  }

  get isUsable(): boolean {
    return this.#failure === undefined;
  }

  /** Better make a new one for the next question. */
  get isWorn(): boolean {
    return this.#commands >= maxCommands || this.#refusals >= maxRefusals;
  }

  /** Whether the server has the extension. */
  offers(keyword: string): boolean {
    return this.#keywords.has(keyword);
  }

  say(command: string): Promise<ServerReply> {
    if (hasControls(command)) throw new Error("a command with control characters");
    this.#commands += 1;
    const reply = this.#reply();
    if (this.isUsable) this.#socket.write(`${command}\r\n`);
    return reply;
  }

  /** A command that has to succeed with this code. */
  async order(command: string, code: number): Promise<ServerReply> {
    const reply = await this.say(command);
    if (reply.code !== code) throw new CommandRefused(`${command}: ${textOf(reply)}`);
    return reply;
  }

  /** Until it is closed. */
  async quit(): Promise<void> {
    if (!this.isUsable) return;
    this.#failure = closed;
    const socket = this.#socket;
    socket.end("QUIT\r\n");
    // Whatever it may still send.
    const timer = setTimeout(() => socket.destroy(), quitMs);
    await new Promise((resolve) => socket.once("close", resolve));
    clearTimeout(timer);
  }

  destroy(): void {
    this.#fail(closed);
  }

  #listen(): void {
    this.#socket
      .on("data", (portion: Buffer) => this.#receive(portion))
      .on("error", (error) => this.#fail(new ConnectionLost(errorMessage(error), { cause: error })))
      .on("close", () => this.#fail(new ConnectionLost("it was closed by the server")));
  }

  #receive(portion: Buffer): void {
    if (!this.isUsable) return;
    const awaited = this.#awaited;
    try {
      // Such as the 421 of a server that waits no longer.
      if (awaited === undefined) throw new ConnectionLost("the server spoke without being asked");
      this.#decoder.push(portion);
      const reply = this.#followed ?? this.#decoder.next();
      if (reply === undefined) return;
      if (reply.code === 421) throw new ConnectionLost(textOf(reply));
      const end = this.#decoder.isMidway ? this.#takeEnd(reply) : undefined;
      if (this.#followed !== undefined) return;
      this.#awaited = undefined;
      if (reply.code >= 400) this.#refusals += 1;
      awaited.resolve(reply);
      if (end !== undefined) throw new ConnectionLost(textOf(end));
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Unasked, a server may only say after a reply that it ends the connection (RFC 5321 3.8). `undefined`: not all of it is there. */
  #takeEnd(reply: ServerReply): ServerReply | undefined {
    const end = this.#decoder.next();
    this.#followed = end === undefined ? reply : undefined;
    if (end !== undefined && (end.code !== 421 || this.#decoder.isMidway)) throw new ProtocolError("more than one reply to a command");
    return end;
  }

  #fail(error: unknown): void {
    if (!this.isUsable) return;
    this.#failure = error;
    this.#socket.destroy();
    this.#awaited?.reject(error);
  }

  /** The next one. */
  #reply(): Promise<ServerReply> {
    this.#awaited = Promise.withResolvers();
    if (!this.isUsable) this.#awaited.reject(this.#failure);
    return this.#awaited.promise;
  }

  async #greet(): Promise<void> {
    const { protocol, ehlo } = this.#server;
    const command = `${protocol === "lmtp" ? "LHLO" : "EHLO"} ${ehlo}`;
    const reply = await this.say(command);
    if (protocol === "smtp" && knowsNoEhlo.has(reply.code)) {
      await this.order(`HELO ${ehlo}`, 250);
      this.#keywords = new Set();
      return;
    }
    if (reply.code !== 250) throw new CommandRefused(`${command}: ${textOf(reply)}`);
    this.#keywords = new Set(reply.lines.slice(1).map((line) => line.split(" ", 1)[0]?.toUpperCase() ?? ""));
  }

  /** What was said in clear text counts for nothing afterwards (RFC 3207 4.2). */
  async #startTls({ mode, ca }: Exclude<TlsSettings, { readonly mode: "disable" }>): Promise<void> {
    const reply = await this.say("STARTTLS");
    if (reply.code !== 220) {
      if (mode === "prefer") return;
      throw new Error(`STARTTLS: ${textOf(reply)}`);
    }
    // It ended the connection with the same breath.
    if (!this.isUsable) throw this.#failure;
    const { host } = this.#server;
    this.#socket.removeAllListeners("data");
    const name = isIP(host) === 0 ? { servername: host } : {};
    const secure = nodeTls().connect({ socket: this.#socket, host, ...name, rejectUnauthorized: mode === "verify", ...(ca && { ca }) });
    this.#socket = secure;
    this.#listen();
    const failed = this.#reply();
    const late = mode === "prefer" && setTimeout(() => this.#fail(new Error(`no TLS in ${this.#connectMs} ms`)), this.#connectMs);
    try {
      await Promise.race([new Promise((resolve) => secure.once("secureConnect", resolve)), failed]);
    } catch (error) {
      throw mode === "prefer" ? new TlsFailed(errorMessage(error), { cause: error }) : error;
    } finally {
      if (late) clearTimeout(late);
    }
    this.#awaited = undefined;
    await this.#greet();
  }
}

const closed = new Error("it was closed");
