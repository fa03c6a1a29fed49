/** Refusals that a log has of EHLO and MAIL in shadow mode, where the session went on to decisions that have lines of their own. */
import { LRUCache } from "lru-cache";
import type { LoggedDecision } from "./logged-decision.ts";

/** The lines of a session are near each other. */
const maxKept = 10_000;

export class RefusedBefore {
  readonly #kept = new LRUCache<string, true>({ max: maxKept });

  note(logged: LoggedDecision): void {
    const { stage, would } = logged;
    if (would !== undefined && (stage === "ehlo" || stage === "mail")) this.#kept.set(keyOf(logged, stage), true);
  }

  /** Whether the session of a later decision was refused at that stage. */
  has(logged: LoggedDecision, stage: "ehlo" | "mail"): boolean {
    return logged.stage !== stage && this.#kept.has(keyOf(logged, stage));
  }
}

/** What the stage decides by. */
function keyOf({ listener, client, clientName, helo, auth, sender }: LoggedDecision, stage: "ehlo" | "mail"): string {
  return JSON.stringify([stage, listener, client, clientName, helo, ...(stage === "mail" ? [auth, sender] : [])]);
}
