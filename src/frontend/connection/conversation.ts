/** The life of one connection: requests in, one at a time, in order; replies out, in order. */
import type { Socket } from "node:net";
import type { Answer } from "../../answer/answer.ts";
import { ProtocolError } from "../../wire/protocol-error.ts";
import type { DelayedReplies, DelayedReply } from "./delayed-replies.ts";

export interface TimedReply<Text extends string | Buffer = string> {
  readonly text: Text;
  /** How long it is delayed. */
  readonly delayMs: number;
}

/** What a wire protocol gives a conversation: bytes in, whole requests out, a `ProtocolError` when that fails. */
export interface Decoder<Request> {
  push(bytes: Buffer): void;
  next(): Request | undefined;
}

export interface ConversationOptions<Request> {
  readonly decoder: Decoder<Request>;
  /**
   * `undefined`: nothing is replied to this request. What fails is a reply too: it never rejects, and throws nothing but
   * a `ProtocolError`.
   */
  readonly answer: (request: Request) => Answer<TimedReply<string | Buffer> | undefined>;
  /**
   * For a peer that may give up on a request and go on: whether this one, which came while another is being answered, says so. The
   * reply is then never sent. `undefined`: the peer ended its side of the connection, which other peers do after their last request.
   */
  readonly revokes?: (request: Request | undefined) => boolean;
  /** Whether the connection may be closed now, between two requests, when the listener stops. Left out: always. */
  readonly isIdle?: () => boolean;
  /** The connection is closed. */
  readonly onClose?: () => void;
  readonly delayed: DelayedReplies;
  readonly onProtocolError: (message: string) => void;
}

export interface Conversation {
  /** Answers what is under way and what has come already, without delays, and closes as soon as it may. */
  finish(): void;
}

export function converse<Request>(socket: Socket, options: ConversationOptions<Request>): Conversation {
  const running = new RunningConversation(socket, options);
  running.start();
  return running;
}

class RunningConversation<Request> implements Conversation {
  readonly #socket: Socket;
  readonly #options: ConversationOptions<Request>;
  /** A request is being decided, or its reply is delayed. It is another object for each. */
  #busy: object | undefined;
  #delayed: DelayedReply | undefined;
  /** What came while a request is being answered, as far as it was looked at. */
  #ahead: Request[] = [];
  #octetsAhead = 0;
  /** The peer does not take replies as fast as it asks. */
  #isFull = false;
  /** No more requests will come; the connection is closed when all is answered. */
  #isEnding = false;
  #hasPeerEnded = false;
  /** Replies leave without delay. */
  #isFinishing = false;
  /** The peer broke the protocol: nothing that it sent since can be read. */
  #isBroken = false;
  #isClosed = false;

  constructor(socket: Socket, options: ConversationOptions<Request>) {
    this.#socket = socket;
    this.#options = options;
  }

  start(): void {
    this.#socket.on("data", (bytes: Buffer) => this.#take(bytes));
    this.#socket.on("drain", () => {
      this.#isFull = false;
      this.#advance();
    });
    this.#socket.on("end", () => {
      this.#isEnding = true;
      this.#hasPeerEnded = true;
      if (this.#busy !== undefined) this.#reconsider();
      this.#advance();
    });
    this.#socket.on("close", () => this.#close());
    // A connection that fails concerns its peer alone; `close` follows.
    this.#socket.on("error", () => this.#close());
  }

  finish(): void {
    this.#isFinishing = true;
    this.#isEnding ||= this.#isIdle();
    this.#delayed?.release();
    this.#advance();
  }

  #isIdle(): boolean {
    return this.#options.isIdle?.() ?? true;
  }

  #take(bytes: Buffer): void {
    if (this.#isClosed || this.#isEnding) return;
    this.#options.decoder.push(bytes);
    if (this.#busy !== undefined) this.#lookAhead(bytes.length);
    else if (this.#isFull) this.#socket.pause();
    else this.#advance();
  }

  /** One that waits for its reply sends nothing meanwhile, and is read on so that its end is seen; one that does send is paused. */
  #lookAhead(octets: number): void {
    this.#octetsAhead += octets;
    this.#reconsider();
    if (this.#options.revokes === undefined || this.#octetsAhead > maxOctetsAhead || this.#ahead.length >= maxAhead) this.#socket.pause();
    if (this.#busy === undefined) this.#advance();
  }

  /** Drops what is being answered when something that has come already revokes it. */
  #reconsider(): void {
    const { revokes } = this.#options;
    if (revokes === undefined) return;
    while (this.#ahead.length < maxAhead) {
      const request = this.#decode();
      if (request === undefined) break;
      this.#ahead.push(request);
    }
    if (!this.#ahead.some(revokes) && !(this.#hasPeerEnded && revokes(undefined))) return;
    this.#delayed?.drop();
    this.#delayed = undefined;
    this.#busy = undefined;
  }

  #advance(): void {
    let out: string | Buffer = "";
    while (this.#busy === undefined && !this.#isFull && !this.#isClosed) {
      const request = this.#ahead.shift() ?? this.#decode();
      if (request === undefined) break;
      const answer = this.#ask(request);
      if (answer instanceof Promise) this.#await(answer);
      else if (answer !== undefined && !this.#delay(answer)) {
        out = joined(out, answer.text);
        if (out.length > maxUnsent) {
          this.#write(out);
          out = "";
        }
      }
      if (this.#busy !== undefined) this.#reconsider();
    }
    if (out.length > 0) this.#write(out);
    if (this.#busy !== undefined || this.#isFull || this.#isClosed) return;
    this.#octetsAhead = 0;
    if (this.#isEnding || (this.#isFinishing && this.#isIdle())) this.#end();
    else this.#socket.resume();
  }

  #decode(): Request | undefined {
    return this.#isBroken ? undefined : this.#orBreak(() => this.#options.decoder.next());
  }

  #ask(request: Request): ReturnType<ConversationOptions<Request>["answer"]> {
    return this.#orBreak(() => {
      try {
        return this.#options.answer(request);
      } catch (error) {
        this.#ahead = [];
        throw error;
      }
    });
  }

  #orBreak<T>(run: () => T): T | undefined {
    try {
      return run();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#isBroken = true;
      this.#isEnding = true;
      this.#isFinishing = true;
      this.#options.onProtocolError(error.message);
      return undefined;
    }
  }

  #await(answer: Promise<TimedReply<string | Buffer> | undefined>): void {
    const busy = {};
    this.#busy = busy;
    // It does not reject (see ConversationOptions).
    void answer.then((reply) => {
      if (this.#busy !== busy || this.#isClosed) return;
      if (reply !== undefined && this.#delay(reply)) return;
      this.#send(reply);
    });
  }

  /** Whether the reply is delayed, which keeps the conversation busy until it is sent. */
  #delay(reply: TimedReply<string | Buffer>): boolean {
    if (reply.delayMs <= 0 || this.#isFinishing) return false;
    this.#delayed = this.#options.delayed.delay(reply.delayMs, () => this.#send(reply));
    if (this.#delayed === undefined) return false;
    this.#busy = this.#delayed;
    return true;
  }

  #send(reply: TimedReply<string | Buffer> | undefined): void {
    this.#delayed = undefined;
    this.#busy = undefined;
    if (reply !== undefined) this.#write(reply.text);
    this.#advance();
  }

  #write(text: string | Buffer): void {
    if (!this.#isClosed && !this.#socket.write(text)) this.#isFull = true;
  }

  #end(): void {
    this.#isClosed = true;
    this.#socket.destroySoon();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#delayed?.drop();
    this.#delayed = undefined;
    this.#options.onClose?.();
  }
}

/** Replies to requests that came together are sent together, up to so many characters. */
const maxUnsent = 16_384;

/** More than any one request has. */
const maxOctetsAhead = 262_144;

/** Requests; a peer that gives up on one says so at once or after few others. */
const maxAhead = 100;

function joined(one: string | Buffer, other: string | Buffer): string | Buffer {
  if (typeof one === "string" && typeof other === "string") return one + other;
  return one.length === 0 ? other : Buffer.concat([Buffer.from(one), Buffer.from(other)]);
}
