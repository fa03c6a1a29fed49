/** What the policy front end logs: each decision once, and what the policy protocol cannot carry out. */
import { canonicalAddress } from "../../mail/address.ts";
import { keyText } from "../../stage/bounded-key.ts";
import type { StageResult } from "../../stage/stage-result.ts";
import type { PolicyRequest } from "../../wire/policy.ts";
import { type EventSink, loggable, loggableAddresses, reportDecision } from "../decision.ts";
import { SayOnce } from "../say-once.ts";
import type { SessionEntry } from "./session-memory.ts";

export class PolicyReport {
  readonly #listener: string;
  readonly #sink: EventSink;
  readonly #now: () => number;
  readonly #said = new SayOnce();

  /** `now` is in milliseconds. */
  constructor(listener: string, sink: EventSink, now: () => number) {
    this.#listener = listener;
    this.#sink = sink;
    this.#now = now;
  }

  /** `startedAt`: when the request came. */
  decision(request: PolicyRequest, entry: SessionEntry, result: StageResult, isShadow: boolean, startedAt: number): void {
    const { stage, verdict, resolved, isRepeat } = result;
    if (this.#sink.reads?.(verdict) === false) return;
    if (verdict.kind === "pass" ? isRepeat : isLoggedRefusal(request, entry, result)) return;
    const { heloName: helo, sender, recipient, instance } = request;
    const { session } = entry.smtp;
    reportDecision(this.#sink, {
      listener: this.#listener,
      stage,
      session,
      helo,
      sender,
      recipient,
      instance,
      verdict,
      resolved,
      isShadow,
      ms: this.#now() - startedAt,
    });
  }

  internalError(error: unknown): void {
    this.#sink.onNotice({ kind: "internal-error", listener: this.#listener, error });
  }

  unknownContext(context: string): void {
    if (!this.#said.allows(`unknown-context ${context}`)) return;
    this.#sink.onNotice({ kind: "unknown-context", listener: this.#listener, context: loggable(context) }, { about: context });
  }

  noInstance(): void {
    if (this.#said.allows("no-instance")) this.#sink.onNotice({ kind: "no-instance", listener: this.#listener }, { about: "" });
  }

  /** Once for each address that the MTA must deliver elsewhere, since a policy reply cannot say so. */
  accepted(recipient: string, { verdict, resolved, isRepeat }: StageResult): void {
    if (verdict.kind !== "pass" || isRepeat || resolved.length === 0) return;
    // Most are as given.
    if (resolved.length === 1 && resolved[0] === recipient) return;
    const canonical = canonicalAddress(recipient);
    if (resolved.length === 1 && resolved[0] === canonical) return;
    // There are as many sub-addresses as anybody cares to make up.
    const about = verdict.reason === "sub-address" ? loggableAddresses(resolved).join(",") : canonical;
    if (!this.#said.allows(`delivered-elsewhere ${about}`)) return;
    const facts = { listener: this.#listener, recipient: loggable(recipient), resolved: loggableAddresses(resolved) };
    this.#sink.onNotice({ kind: "delivered-elsewhere", ...facts }, { about });
  }
}

/** A refused name or sender refuses each recipient; each of them is worth a line, though not for each list that asks. */
function isLoggedRefusal({ instance, recipient }: PolicyRequest, entry: SessionEntry, { stage, isRepeat }: StageResult): boolean {
  if (isRepeat && stage === "rcpt") return true;
  const about = keyText(`${instance} ${recipient}`);
  if (entry.logged?.about !== about) entry.logged = { about, stages: [] };
  const { stages } = entry.logged;
  if (isRepeat && stages.includes(stage)) return true;
  stages.push(stage);
  return false;
}
