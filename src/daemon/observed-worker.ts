/** What the primary process asks a worker for its http listeners, and who answers there. */
import type { Mark, Refused } from "../frontend/http/api.ts";
import type { DecisionFilter } from "../frontend/http/decision-filter.ts";
import type { FoundDecisions } from "../frontend/http/decision-log.ts";
import type { Observation } from "../frontend/http/observation.ts";
import type { Observed } from "./observing.ts";
import { Tick } from "./tick.ts";

export type ObserverQuestion =
  | { readonly kind: "observation" }
  | { readonly kind: "decisions"; readonly filter: DecisionFilter; readonly limit: number; readonly since: Mark | undefined }
  /** Those that were found: as many as are read at once. */
  | { readonly kind: "texts"; readonly numbers: readonly number[] }
  | { readonly kind: "refused"; readonly filter: DecisionFilter }
  /** How long the answer of a directory about an address is kept yet. */
  | { readonly kind: "kept"; readonly directory: string; readonly address: string }
  /** From now on, send each decision, or no longer. */
  | { readonly kind: "watch"; readonly isOn: boolean };

/** `undefined`: nothing was counted. */
export type ObserverAnswer =
  | { readonly observation: Observation | undefined }
  | { readonly found: FoundDecisions | undefined }
  | { readonly texts: readonly string[] | undefined }
  | { readonly refused: Refused | undefined }
  | { readonly keptMs: number | undefined }
  | { readonly isWatched: boolean };

export class ObservedWorker {
  readonly #observed: () => Observed | undefined;
  readonly #decided: Tick<string>;
  #stop: (() => void) | undefined;

  constructor(observed: () => Observed | undefined, send: (decisions: readonly string[]) => void) {
    this.#observed = observed;
    this.#decided = new Tick(send);
  }

  async answer(question: ObserverQuestion): Promise<ObserverAnswer> {
    const observed = this.#observed();
    switch (question.kind) {
      case "observation":
        return { observation: observed?.observation() };
      case "decisions":
        return { found: await observed?.log.find(question.filter, question.limit, question.since) };
      case "texts":
        return { texts: await observed?.log.read(question.numbers) };
      case "refused":
        return { refused: await observed?.log.refused(question.filter) };
      case "kept":
        return { keptMs: observed?.keptMs(question.directory, question.address) };
      case "watch":
        this.#stop?.();
        this.#stop = question.isOn ? observed?.log.watch((decision) => this.#decided.add(decision)) : undefined;
        return { isWatched: this.#stop !== undefined };
    }
  }
}
