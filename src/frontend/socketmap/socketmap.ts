/** The socketmap front end: a request, through the map that it names, to a reply. */
import { performance } from "node:perf_hooks";
import { type Answer, after } from "../../answer/answer.ts";
import { TemporaryError } from "../../answer/temporary-error.ts";
import { smtpPort } from "../../mail/port.ts";
import type { Core, Mode } from "../../stage/core.ts";
import { askMap, isDecision, isMap, type MapListener } from "../../stage/maps.ts";
import { encodeSocketmapReply, problemOf, SocketmapDecoder, type SocketmapReply, type SocketmapRequest } from "../../wire/socketmap.ts";
import type { DelayedReplies } from "../connection/delayed-replies.ts";
import type { Protocol, TimedReply } from "../connection/protocol.ts";
import { loggable } from "../decision.ts";
import type { Notice, OnNotice } from "../notice.ts";
import { SayOnce } from "../say-once.ts";

/** One question and its answer, for the log at level debug. */
export interface MapLookup {
  readonly event: "lookup";
  readonly listener: string;
  readonly map: string;
  readonly key: string;
  readonly answer: SocketmapReply["kind"];
  /** The result, or the reason; `""` when there is none. */
  readonly value: string;
  /** Only in shadow mode: the result or reason that was not sent. */
  readonly would?: string;
  /** From the whole request to the reply. */
  readonly ms: number;
}

export interface SocketmapOptions {
  /** The name of the listener. */
  readonly listener: string;
  /** Asked for each request, as are the other functions: a reload changes what they answer. */
  readonly core: () => Core;
  readonly mode: () => Mode;
  /** Whether an address is in trusted-networks. */
  readonly isTrusted: (address: string) => boolean;
  /** `local-port` of the listener. */
  readonly localPort: () => number | undefined;
  readonly onLookup: (lookup: MapLookup) => void;
  readonly onNotice: OnNotice;
  /** Milliseconds; it never goes back. */
  readonly now?: () => number;
}

type AnswerSocketmap = (request: SocketmapRequest) => Answer<TimedReply>;

/** Answers the requests of all connections of a listener; it neither throws nor rejects. */
export function answerSocketmap(options: SocketmapOptions): AnswerSocketmap {
  const frontEnd = new SocketmapFrontEnd(options);
  return (request) => frontEnd.answer(request);
}

const noRoom = encodeSocketmapReply({ kind: "temporary", reason: "too much at once" });

/** What a new connection talks by. */
export function socketmapProtocol(answer: AnswerSocketmap, delayed: DelayedReplies): Protocol<SocketmapRequest> {
  return { decoder: new SocketmapDecoder(), answer, noRoom, delayed };
}

class SocketmapFrontEnd {
  readonly #options: SocketmapOptions;
  readonly #now: () => number;
  readonly #said = new SayOnce();

  constructor(options: SocketmapOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  answer(request: SocketmapRequest): Answer<TimedReply> {
    const startedAt = this.#now();
    return after(this.#ask(request), (reply) => this.#conclude(request, reply, startedAt));
  }

  #conclude({ map, key }: SocketmapRequest, reply: SocketmapReply, startedAt: number): TimedReply {
    const isHidden = reply.kind !== "notFound" && isDecision(map) && this.#isShadow(map);
    const sent: SocketmapReply = isHidden ? { kind: "notFound" } : reply;
    this.#options.onLookup({
      event: "lookup",
      listener: this.#options.listener,
      map: loggable(map),
      key: loggable(key),
      answer: sent.kind,
      value: textOf(sent),
      ...(isHidden ? { would: textOf(reply) } : undefined),
      ms: Math.round((this.#now() - startedAt) * 1000) / 1000,
    });
    return timed(sent);
  }

  #isShadow(map: string): boolean {
    const { mode, core } = this.#options;
    return mode() === "shadow" || (map === "helo" && core().settings.ehlo.mode === "shadow");
  }

  #ask({ map, key }: SocketmapRequest): Answer<SocketmapReply> {
    try {
      const core = this.#options.core();
      if (!isMap(map, core)) {
        // By "not found" a slip in main.cf would refuse mail for good, and by TEMP Sendmail would queue all of it.
        this.#once({ kind: "unknown-map", listener: this.#options.listener, map: loggable(map) }, map);
        return { kind: "permanent", reason: "there is no such map" };
      }
      const reply = after(askMap(map, key, core, this.#mapListener()), replyOf);
      return reply instanceof Promise ? reply.catch((error: unknown) => this.#fail(error, map, key)) : reply;
    } catch (error) {
      return this.#fail(error, map, key);
    }
  }

  #fail(error: unknown, map: string, key: string): SocketmapReply {
    const { listener } = this.#options;
    if (error instanceof TemporaryError) {
      // That a source is down is logged when it goes down; here it may also be a list that is too long for a reply.
      this.#once({ kind: "map-unavailable", listener, map: loggable(map), key: loggable(key), error }, `${map} ${error.message}`);
      return { kind: "temporary", reason: "cannot tell now" };
    }
    this.#options.onNotice({ kind: "internal-error", listener, error });
    return { kind: "temporary", reason: "internal error" };
  }

  #mapListener(): MapListener {
    const { listener, localPort, isTrusted } = this.#options;
    return {
      name: listener,
      localPort: localPort() ?? smtpPort,
      isTrusted,
      onLoop: (address) => this.#once({ kind: "alias-loop", listener, address: loggable(address) }, address),
    };
  }

  #once(notice: Notice, about: string): void {
    if (this.#said.allows(`${notice.kind} ${about}`)) this.#options.onNotice(notice, { about });
  }
}

function replyOf(value: string | undefined): SocketmapReply {
  if (value === undefined) return { kind: "notFound" };
  const problem = problemOf(value);
  if (problem !== undefined) throw new TemporaryError(problem);
  return { kind: "found", data: value };
}

function timed(reply: SocketmapReply): TimedReply {
  return { text: encodeSocketmapReply(reply), delayMs: 0 };
}

function textOf(reply: SocketmapReply): string {
  switch (reply.kind) {
    case "found":
      return loggable(reply.data);
    case "notFound":
      return "";
    case "temporary":
    case "permanent":
      return reply.reason;
  }
}
