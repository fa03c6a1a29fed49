/** A decision and how it is written: as one text, made once for all who want it. */
import type { Decision } from "./decision.ts";

export class WrittenDecision {
  readonly decision: Decision;
  readonly #error: string | undefined;
  #json: string | undefined;

  /** `error`: why a source could not answer. */
  constructor(decision: Decision, error?: string) {
    this.decision = decision;
    this.#error = error;
  }

  /** An object. */
  get json(): string {
    this.#json ??= JSON.stringify(this.#error === undefined ? this.decision : { ...this.decision, error: this.#error });
    return this.#json;
  }

  /** With no more than so many addresses to which the recipient is resolved. */
  shortened(maxResolved: number): WrittenDecision {
    const { resolved } = this.decision;
    if (resolved.length <= maxResolved) return this;
    return new WrittenDecision({ ...this.decision, resolved: resolved.slice(0, maxResolved) }, this.#error);
  }
}
