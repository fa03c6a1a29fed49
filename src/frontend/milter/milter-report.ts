/** What the milter front end tells its log besides decisions: each thing once for a listener. */
import { LRUCache } from "lru-cache";
import { formatReply } from "../../mail/reply.ts";
import type { Verdict } from "../../stage/verdict.ts";
import { loggable, type Reader } from "../decision.ts";
import type { Notice } from "../notice.ts";
import { ownCopy } from "../policy/session-memory.ts";

/** What was told of; the oldest is forgotten, and may be told again. */
const maxTold = 10_000;

export class MilterReport {
  readonly listener: string;
  readonly #reader: Reader;
  readonly #told = new LRUCache<string, true>({ max: maxTold });

  constructor(listener: string, reader: Reader) {
    this.listener = listener;
    this.#reader = reader;
  }

  observed(parameter: string, verdict: Verdict): void {
    const reply = verdict.kind === "pass" ? "" : formatReply(verdict.reply);
    this.#once(parameter, { kind: "extension-observed", listener: this.listener, parameter, reply });
  }

  unwritable(address: string, resolved: readonly string[]): void {
    this.#once(address, {
      kind: "unwritable-address",
      listener: this.listener,
      address: loggable(address),
      resolved: resolved.map(loggable),
    });
  }

  changesNotOffered(): void {
    this.#once("", { kind: "changes-not-offered", listener: this.listener });
  }

  internalError(error: unknown): void {
    this.#reader.onNotice({ kind: "internal-error", listener: this.listener, error });
  }

  #once(about: string, notice: Notice): void {
    const key = ownCopy(`${notice.kind} ${about}`);
    if (this.#told.get(key)) return;
    this.#told.set(key, true);
    this.#reader.onNotice(notice);
  }
}
