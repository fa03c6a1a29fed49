/** What the milter front end logs besides decisions: each thing once for a listener, or once in an hour. */
import { formatReply } from "../../mail/reply.ts";
import type { Verdict } from "../../stage/verdict.ts";
import { hourMs } from "../../text/duration.ts";
import { type EventSink, loggable, loggableAddresses } from "../decision.ts";
import type { Notice } from "../notice.ts";
import { SayOnce } from "../say-once.ts";

export class MilterReport {
  readonly listener: string;
  readonly #sink: EventSink;
  readonly #said = new SayOnce();

  constructor(listener: string, sink: EventSink) {
    this.listener = listener;
    this.#sink = sink;
  }

  observed(parameter: string, verdict: Verdict): void {
    const reply = verdict.kind === "pass" ? "" : formatReply(verdict.reply);
    this.#once(parameter, { kind: "extension-observed", listener: this.listener, parameter: loggable(parameter), reply });
  }

  unwritable(address: string, resolved: readonly string[]): void {
    this.#once(address, {
      kind: "unwritable-address",
      listener: this.listener,
      address: loggable(address),
      resolved: loggableAddresses(resolved),
    });
  }

  changesNotOffered(): void {
    this.#once("", { kind: "changes-not-offered", listener: this.listener });
  }

  tooManyAtOnce(limitOctets: number): void {
    this.#once("", { kind: "too-many-at-once", listener: this.listener, limitOctets }, hourMs);
  }

  internalError(error: unknown): void {
    this.#sink.onNotice({ kind: "internal-error", listener: this.listener, error });
  }

  /** `againAfterMs`: default: never. */
  #once(about: string, notice: Notice, againAfterMs?: number): void {
    if (!this.#said.allows(`${notice.kind} ${about}`, againAfterMs)) return;
    this.#sink.onNotice(notice, againAfterMs === undefined ? { about } : { about, againAfterMs });
  }
}
