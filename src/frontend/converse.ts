/** The life of one connection: requests in, one at a time, in order; replies out, in order. */
import type { Socket } from "node:net";
import type { Answer } from "../expr/ask.ts";
import { ProtocolError } from "../wire/protocol-error.ts";
import type { HeldReplies, HeldReply } from "./held-replies.ts";

export interface TimedReply {
  readonly text: string;
  /** How long it is held back. */
  readonly delayMs: number;
}

/** What a wire protocol gives a conversation: bytes in, whole requests out, a `ProtocolError` when that fails. */
export interface Decoder<Request> {
  push(bytes: Buffer): void;
  next(): Request | undefined;
}

export interface ConversationOptions<Request> {
  readonly decoder: Decoder<Request>;
  /** Never throws and never rejects: what fails is a reply too. */
  readonly answer: (request: Request) => Answer<TimedReply>;
  readonly held: HeldReplies;
  readonly onProtocolError: (message: string) => void;
}

export interface Conversation {
  /** Answers what is under way and what has come already, without delays, and closes. */
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
  /** A request is being decided, or its reply is held back. */
  #isBusy = false;
  #held: HeldReply | undefined;
  /** The peer does not take replies as fast as it asks. */
  #isFull = false;
  /** No more requests will come; the connection is closed when all is answered. */
  #isEnding = false;
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
      this.#advance();
    });
    this.#socket.on("close", () => this.#close());
    // What went wrong with a connection is the peer's to know; `close` follows.
    this.#socket.on("error", () => this.#close());
  }

  finish(): void {
    this.#isEnding = true;
    this.#isFinishing = true;
    this.#held?.release();
    this.#advance();
  }

  #take(bytes: Buffer): void {
    if (this.#isClosed || this.#isFinishing) return;
    this.#options.decoder.push(bytes);
    // One that waits for its reply sends nothing meanwhile, and is read on so that its end is seen; one that does send is paused.
    if (this.#isBusy || this.#isFull) this.#socket.pause();
    else this.#advance();
  }

  #advance(): void {
    let out = "";
    while (!this.#isBusy && !this.#isFull && !this.#isClosed) {
      const request = this.#next();
      if (request === undefined) break;
      const answer = this.#options.answer(request);
      if (answer instanceof Promise) {
        this.#isBusy = true;
        // It does not reject (see ConversationOptions).
        void answer.then((reply) => this.#give(reply));
      } else if (!this.#hold(answer)) {
        out += answer.text;
        if (out.length > maxUnsent) {
          this.#write(out);
          out = "";
        }
      }
    }
    if (out !== "") this.#write(out);
    if (this.#isBusy || this.#isFull || this.#isClosed) return;
    if (this.#isEnding) this.#end();
    else this.#socket.resume();
  }

  #next(): Request | undefined {
    if (this.#isBroken) return undefined;
    try {
      return this.#options.decoder.next();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#isBroken = true;
      this.#isEnding = true;
      this.#isFinishing = true;
      this.#options.onProtocolError(error.message);
      return undefined;
    }
  }

  /** The reply to a request that had to wait for its verdict. */
  #give(reply: TimedReply): void {
    if (!this.#isClosed && !this.#hold(reply)) this.#send(reply);
  }

  /** Whether the reply is held back, which keeps the conversation busy until it is sent. */
  #hold(reply: TimedReply): boolean {
    if (reply.delayMs <= 0 || this.#isFinishing) return false;
    this.#held = this.#options.held.hold(reply.delayMs, () => this.#send(reply));
    if (this.#held === undefined) return false;
    this.#isBusy = true;
    return true;
  }

  #send(reply: TimedReply): void {
    this.#held = undefined;
    this.#isBusy = false;
    this.#write(reply.text);
    this.#advance();
  }

  #write(text: string): void {
    if (!this.#isClosed && !this.#socket.write(text)) this.#isFull = true;
  }

  #end(): void {
    this.#isClosed = true;
    this.#socket.destroySoon();
  }

  #close(): void {
    this.#isClosed = true;
    this.#held?.drop();
    this.#held = undefined;
  }
}

/** Replies of one turn are sent as one; beyond this many characters the peer's pace is asked first. */
const maxUnsent = 16_384;
