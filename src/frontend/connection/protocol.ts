/** What a conversation needs to know of the protocol that it is held in. */
import type { Answer } from "../../answer/answer.ts";
import type { DelayedReplies } from "./delayed-replies.ts";

export interface TimedReply<Text extends string | Buffer = string> {
  readonly text: Text;
  /** How long it is delayed. */
  readonly delayMs: number;
}

/** Bytes in, whole requests out, a `ProtocolError` when that fails. */
export interface Decoder<Request> {
  /** So many octets have come; default: all of them. */
  push(bytes: Buffer, octets?: number): void;
  /** What was pushed may change now: what of it has not been read yet is copied. */
  keep(): void;
  next(): Request | undefined;
  /** What has come ends within a request. Asked when `next` has no whole one. */
  readonly isMidway: boolean;
  /** Octets that are kept of what has come and was not read yet. */
  readonly unread: number;
  /** The most memory that they take. */
  readonly mostKept: number;
}

export interface Protocol<Request> {
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
  /** Whether the connection may be closed now, between two requests. Left out: always. */
  readonly isIdle?: () => boolean;
  /** Whether the peer has yet to open its session, and so may not be silent. Left out: never. */
  readonly isUnopened?: () => boolean;
  /** What is replied in place of all else where there is no room for a long request, and the connection is closed. */
  readonly noRoom: string | Buffer;
  /** All that has come is answered: the peer may be waiting for nothing. */
  readonly onCaughtUp?: () => void;
  /** The connection is closed. */
  readonly onClose?: () => void;
  readonly delayed: DelayedReplies;
}
