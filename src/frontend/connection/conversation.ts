/** The life of one connection: requests in, one at a time, in order; replies out, in order. */
import type { Socket } from "node:net";
import { portionOctets } from "../../wire/backlog.ts";
import { ProtocolError } from "../../wire/protocol-error.ts";
import { Ahead } from "./ahead.ts";
import { Deadline, maxAnswerMs, maxPeerMs, maxUnreadMs } from "./deadline.ts";
import type { DelayedReply, StartTimer } from "./delayed-replies.ts";
import type { Protocol, TimedReply } from "./protocol.ts";
import { readTogether } from "./read-together.ts";
import type { Room } from "./room.ts";
import { maxInVisit, type Participant, type Turns } from "./turns.ts";

export interface ConversationOptions<Request> extends Protocol<Request> {
  readonly onProtocolError: (message: string) => void;
  /** There was no room for a request, and the connection is closed. */
  readonly onNoRoom: () => void;
  /** Shared with other connections, as the room. */
  readonly turns: Turns;
  readonly room: Room;
  readonly timer: StartTimer;
}

export interface Conversation {
  /** In place of the one that was given. */
  readonly socket: Socket;
  /** The lower, the longer; a number of `turns`. `undefined`: a request or a message is under way. */
  readonly idleSince: number | undefined;
  /** Answers what is under way and what has come already, without delays, and closes as soon as it may. */
  finish(): void;
}

export function converse<Request>(socket: Socket, options: ConversationOptions<Request>): Conversation {
  const running = new RunningConversation(socket, options);
  running.start();
  return running;
}

class RunningConversation<Request> implements Conversation, Participant {
  readonly socket: Socket;
  readonly #options: ConversationOptions<Request>;
  readonly #ahead: Ahead<Request>;
  readonly #deadline: Deadline;
  /** A request is being decided, or its reply is delayed. It is another object for each. */
  #busy: object | undefined;
  #delayed: DelayedReply | undefined;
  /** Replies that leave at the end of this turn, or when the peer has taken those before. */
  #unsent: string | Buffer = "";
  /** The peer does not take replies as fast as it asks. */
  #isFull = false;
  /** It was paused, or not resumed yet. */
  #isPaused = true;
  /** It is the turn of other connections. */
  #isYielding = false;
  #idleSince: number | undefined;
  /** Octets of the room, for the rest of a long request. */
  #taken = 0;
  #callOffRoom: (() => void) | undefined;
  /** No more requests will come; the connection is closed when all is answered. */
  #isEnding = false;
  #hasPeerEnded = false;
  /** Replies leave without delay. */
  #isFinishing = false;
  /** The peer broke the protocol: nothing that it sent since can be read. */
  #isBroken = false;
  #isClosed = false;

  constructor(socket: Socket, options: ConversationOptions<Request>) {
    this.socket = readTogether(socket, (bytes, octets) => this.#take(bytes, octets));
    this.#options = options;
    this.#ahead = new Ahead(() => this.#decode(), options.revokes);
    this.#deadline = new Deadline(options.timer);
  }

  get idleSince(): number | undefined {
    return this.#idleSince;
  }

  start(): void {
    this.socket.on("drain", () => {
      this.#isFull = false;
      this.#deadline.stop();
      this.#sendAll();
      this.#advance();
    });
    this.socket.on("end", () => {
      this.#isEnding = true;
      this.#hasPeerEnded = true;
      this.#reconsider();
      this.#advance();
    });
    this.socket.on("close", () => {
      this.#close();
      this.#deadline.stop();
      this.#leaveRoom();
    });
    // A connection that fails concerns its peer alone; `close` follows.
    this.socket.on("error", () => this.#close());
    this.#advance();
  }

  finish(): void {
    this.#isFinishing = true;
    // What has come, and is asked now or in its turn, may begin what must come to its end.
    const isWaiting = this.#busy !== undefined || this.#isYielding || this.#isFull;
    this.#isEnding ||= !isWaiting && this.#mayClose();
    this.#delayed?.release();
    this.#advance();
  }

  #mayClose(): boolean {
    return this.#options.isIdle?.() ?? true;
  }

  #take(bytes: Buffer, octets: number): void {
    if (this.#isClosed || this.#isEnding) return;
    this.#options.decoder.push(bytes, octets);
    if (this.#busy !== undefined) {
      this.#ahead.came(octets);
      this.#reconsider();
      if (this.#ahead.isFull) this.#pause();
    } else if (this.#isFull || this.#isYielding) this.#pause();
    this.#advance();
    this.#options.decoder.keep();
    this.#leaveRoom();
  }

  #pause(): void {
    this.#isPaused = true;
    this.socket.pause();
  }

  #resume(): void {
    this.#isPaused = false;
    this.socket.resume();
  }

  /** Drops what is being answered when something that has come already revokes it. */
  #reconsider(): void {
    if (this.#busy === undefined || !this.#ahead.revokes(this.#hasPeerEnded)) return;
    this.#delayed?.drop();
    this.#delayed = undefined;
    this.#busy = undefined;
  }

  /** It is this connection's turn again. */
  resume(): void {
    this.#isYielding = false;
    this.#advance();
  }

  flush(): void {
    const wasFull = this.#isFull;
    this.#sendAll();
    if (!this.#isFull) return;
    // From now on it is by reading that the peer goes on, whatever it was to do before.
    if (!wasFull) this.#deadline.stop();
    this.#wait();
  }

  #advance(): void {
    for (let taken = 0; this.#busy === undefined && !this.#isFull && !this.#isClosed && !this.#isYielding; taken += 1) {
      if (taken >= maxInVisit || this.#options.turns.isOver) {
        this.#yield();
        break;
      }
      const request = this.#ahead.next();
      if (request === undefined) break;
      this.#idleSince = undefined;
      this.#deadline.stop();
      this.#options.turns.took();
      const answer = this.#ask(request);
      if (answer instanceof Promise) this.#await(answer);
      else if (answer !== undefined && !this.#delay(answer)) this.#write(answer.text);
      this.#reconsider();
    }
    this.#wait();
  }

  #yield(): void {
    this.#isYielding = true;
    this.#idleSince = undefined;
    this.#options.turns.wait(this);
  }

  /** For the peer, if it is the peer that has to do something next. */
  #wait(): void {
    if (this.#busy !== undefined || this.#isClosed || this.#isYielding) return;
    if (this.#isFull) {
      this.#expectReading();
      return;
    }
    this.#ahead.caughtUp();
    this.#leaveRoom();
    const { decoder, isUnopened, onCaughtUp, turns } = this.#options;
    onCaughtUp?.();
    const mayClose = this.#mayClose();
    if (this.#isEnding || (this.#isFinishing && mayClose)) {
      this.#end();
      return;
    }
    if (decoder.isMidway) {
      if (!this.#hasRoom()) {
        this.#awaitRoom();
        return;
      }
      this.#expect("a request was not whole");
    } else if (isUnopened?.()) this.#expect("no session was opened");
    if (this.#isClosed) return;
    this.#idleSince = decoder.isMidway || !mayClose ? undefined : (this.#idleSince ?? turns.next());
    if (this.#isPaused) this.#resume();
  }

  /** For another portion. What is needed to the end of the request is taken at once, so that none waits for the others with a part of it. */
  #hasRoom(): boolean {
    if (this.#taken > 0) return true;
    const { decoder, room } = this.#options;
    if (decoder.unread <= portionOctets) return true;
    if (this.#callOffRoom !== undefined || !room.take(decoder.mostKept)) return false;
    this.#taken = decoder.mostKept;
    return true;
  }

  /** It is not the peer that has to do something. */
  #awaitRoom(): void {
    const { decoder, room, onNoRoom, noRoom } = this.#options;
    this.#idleSince = undefined;
    if (!this.#isPaused) this.#pause();
    if (this.#callOffRoom !== undefined) return;
    this.#deadline.stop();
    this.#deadline.start(() => {
      onNoRoom();
      this.#write(noRoom);
      this.#end();
    }, maxAnswerMs);
    this.#callOffRoom = room.wait(decoder.mostKept, () => {
      this.#callOffRoom = undefined;
      this.#taken = decoder.mostKept;
      this.#deadline.stop();
      this.#wait();
    });
  }

  /** When it is needed no longer. */
  #leaveRoom(): void {
    const taken = this.#taken;
    if (taken === 0) return;
    const { decoder, room } = this.#options;
    decoder.keep();
    if (decoder.unread > portionOctets && !this.socket.destroyed) return;
    this.#taken = 0;
    room.leave(taken);
  }

  /** `missing`: what was not there in time. What came last may still wait for its turn. */
  #expect(missing: string): void {
    this.#deadline.start(() => this.#wait());
    if (!this.#deadline.isPassed) return;
    this.#break(`${missing} after ${maxPeerMs / 1000} s`);
    this.#end();
  }

  /** Whoever has room that others may wait for has no longer than for the rest of the request. */
  get #unreadMs(): number {
    return this.#taken > 0 ? maxPeerMs : maxUnreadMs;
  }

  /** It begins anew when a portion has left. */
  #expectReading(): void {
    const ms = this.#unreadMs;
    const cutOff = () => {
      this.#options.onProtocolError(`replies were not read for ${ms / 1000} s`);
      this.socket.destroy();
    };
    this.#deadline.start(cutOff, ms);
  }

  #decode(): Request | undefined {
    if (this.#isBroken) return undefined;
    try {
      return this.#options.decoder.next();
    } catch (error) {
      return this.#breached(error);
    }
  }

  #ask(request: Request): ReturnType<Protocol<Request>["answer"]> {
    try {
      return this.#options.answer(request);
    } catch (error) {
      this.#ahead.drop();
      return this.#breached(error);
    }
  }

  #breached(error: unknown): undefined {
    if (!(error instanceof ProtocolError)) throw error;
    this.#break(error.message);
  }

  #break(message: string): void {
    this.#isBroken = true;
    this.#isEnding = true;
    this.#isFinishing = true;
    this.#options.onProtocolError(message);
  }

  #await(answer: Promise<TimedReply<string | Buffer> | undefined>): void {
    const busy = {};
    this.#busy = busy;
    // It does not reject (see Protocol).
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
    if (this.#isClosed || text.length === 0) return;
    if (this.#unsent.length === 0) this.#options.turns.flushLater(this);
    this.#unsent = joined(this.#unsent, text);
    if (this.#unsent.length > maxUnsent) this.#sendAll();
  }

  #sendAll(): void {
    if (this.#isClosed) return;
    while (!this.#isFull && this.#unsent.length > 0) this.#isFull = !this.socket.write(this.#takeUnsent());
  }

  /** Node says only of what was written at once that it has left, and that it is full when a portion has not left at once. */
  #takeUnsent(): string | Buffer {
    const replies = this.#unsent;
    const portionOctets = this.socket.writableHighWaterMark;
    this.#unsent = "";
    if (replies.length <= portionOctets) return replies;
    const bytes = typeof replies === "string" ? Buffer.from(replies) : replies;
    this.#unsent = bytes.subarray(portionOctets);
    return bytes.subarray(0, portionOctets);
  }

  /** Closes when what was written has left. */
  #end(): void {
    this.#sendAll();
    this.#close();
    this.socket.destroySoon();
    if (this.socket.writableLength > 0) this.#deadline.start(() => this.socket.destroy(), this.#unreadMs);
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#idleSince = undefined;
    this.#deadline.stop();
    this.#callOffRoom?.();
    this.#callOffRoom = undefined;
    this.#delayed?.drop();
    this.#delayed = undefined;
    this.#options.onClose?.();
  }
}

/** So many characters at most wait for the end of a turn. */
const maxUnsent = 16_384;

function joined(one: string | Buffer, other: string | Buffer): string | Buffer {
  if (typeof one === "string" && typeof other === "string") return one + other;
  return one.length === 0 ? other : Buffer.concat([Buffer.from(one), Buffer.from(other)]);
}
