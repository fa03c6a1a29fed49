/** A decision and how it is written: as one text, made once for all who want it. */
import { abridge, isLonger } from "../text/octets.ts";
import type { Decision } from "./decision.ts";

/**
 * So many octets leave room for the level and the time in 4,096 (PIPE_BUF of Linux), which a pipe takes whole when several processes write
 * to it, whatever strangers and long lists put into a decision.
 */
const maxOctets = 3700;
/** What is left of each text, and of `resolved`, in a longer one. */
const keptOctets = 120;
const keptAddresses = 3;

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
    this.#json ??= this.#write();
    return this.#json;
  }

  #write(): string {
    const facts = this.#error === undefined ? this.decision : { ...this.decision, error: this.#error };
    const json = JSON.stringify(facts);
    return isLonger(json, maxOctets) ? JSON.stringify(shortened(facts)) : json;
  }
}

function shortened(facts: Decision): Record<string, unknown> {
  const texts = Object.entries(facts).map(([key, value]) => [key, typeof value === "string" ? abridge(value, keptOctets) : value]);
  const { resolved, resolvedCount = resolved.length } = facts;
  const count = resolvedCount > keptAddresses ? { resolvedCount } : undefined;
  return {
    ...Object.fromEntries(texts),
    resolved: resolved.slice(0, keptAddresses).map((address) => abridge(address, keptOctets)),
    ...count,
  };
}
