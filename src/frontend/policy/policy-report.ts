/** What the policy front end logs: each decision once, and what the policy protocol cannot carry out. */
import { canonicalAddress } from "../../mail/address.ts";
import type { Admission, Header } from "../../stage/admission.ts";
import type { Reason, Verdict } from "../../stage/verdict.ts";
import { detach } from "../../text/octets.ts";
import type { PolicyRequest } from "../../wire/policy.ts";
import { type Decision, type EventSink, loggable, reportDecision } from "../decision.ts";
import { SayOnce } from "../say-once.ts";
import type { Remembered } from "./session-memory.ts";

/** What one stage said. */
export interface Finding {
  readonly stage: Decision["stage"];
  readonly verdict: Verdict;
  /** Where an accepted recipient goes. */
  readonly resolved: readonly string[];
  /** That the message is to get. */
  readonly header?: Header;
  /** It was said before: not waited for again. */
  readonly isRepeat: boolean;
}

export class PolicyReport {
  readonly #listener: string;
  readonly #sink: EventSink;
  readonly #said = new SayOnce();

  constructor(listener: string, sink: EventSink) {
    this.#listener = listener;
    this.#sink = sink;
  }

  decision(request: PolicyRequest, remembered: Remembered, finding: Finding, isShadow: boolean, ms: number): void {
    const { stage, verdict, resolved, isRepeat } = finding;
    if (verdict.kind === "pass" ? isRepeat : isToldRefusal(request, remembered, finding)) return;
    const { heloName: helo, sender, recipient, instance } = request;
    const { session } = remembered;
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
      ms,
    });
  }

  internalError(error: unknown): void {
    this.#sink.onNotice({ kind: "internal-error", listener: this.#listener, error });
  }

  unknownContext(context: string): void {
    if (!this.#said.allows(`unknown-context ${context}`)) return;
    this.#sink.onNotice({ kind: "unknown-context", listener: this.#listener, context: loggable(context) });
  }

  /** Once for each address that the MTA must deliver elsewhere, since a policy reply cannot say so. */
  accepted(recipient: string, { resolved }: Admission, reason: Reason): void {
    const canonical = canonicalAddress(recipient);
    if (resolved.length === 1 && resolved[0] === canonical) return;
    // There are as many sub-addresses as anybody cares to make up.
    const key = reason === "sub-address" ? resolved.join(",") : canonical;
    if (!this.#said.allows(`delivered-elsewhere ${key}`)) return;
    this.#sink.onNotice({
      kind: "delivered-elsewhere",
      listener: this.#listener,
      recipient: loggable(recipient),
      resolved: resolved.map(loggable),
    });
  }
}

/** A refused name or sender refuses each recipient; each of them is worth a line, though not for each list that asks. */
function isToldRefusal(request: PolicyRequest, remembered: Remembered, { stage, isRepeat }: Finding): boolean {
  if (isRepeat && stage === "rcpt") return true;
  const about = `${request.instance} ${request.recipient}`;
  if (remembered.told.about !== about) remembered.told = { about: detach(about), stages: new Set() };
  const { stages } = remembered.told;
  if (isRepeat && stages.has(stage)) return true;
  stages.add(stage);
  return false;
}
