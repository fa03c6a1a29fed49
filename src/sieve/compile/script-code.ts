/** What scripts are compiled to, and the state of one run. What never waits is a plain function; what may wait is a generator. */

import type { Steps } from "../../answer/steps.ts";
import type { Value } from "../../expr/value.ts";
import type { Reply } from "../../mail/reply.ts";
import type { Pattern } from "../../text/pattern.ts";
import type { Envelope, EnvelopeChange, Surroundings } from "../script.ts";

/** One run. Commands change it; nothing outlives it. */
export interface Run {
  readonly surroundings: Surroundings;
  /** Local variables of the script that is running, by slot: `include` puts others in their place for a while. `undefined`: never set. */
  locals: (Value | undefined)[];
  /** Shared by all included scripts (RFC 6609 3.4), by slot. */
  readonly globals: (Value | undefined)[];
  /** `${0}` and so on, of the latest match that had wildcards or groups (RFC 5229 3.2). */
  matches: readonly string[];
  /** As changed so far: a change puts another one in its place. */
  envelope: Envelope;
  readonly changes: EnvelopeChange[];
  /** A `keep` was executed after the latest `reject`. */
  isKept: boolean;
  action: { readonly kind: "accept" } | { readonly kind: "discard" } | { readonly kind: "reject"; readonly reply: Reply };
  /** Instructions left. */
  budget: number;
  /** What was left when other requests had their turn last. */
  breathedAt: number;
  /** Scripts that were included. `undefined`: none yet. */
  included: Set<string> | undefined;
  /** Where the command that is running begins, for the message of a failure. */
  script: string;
  offset: number;
  /** What the command that is running became, for the trace: the value that was set, the reply. A command leaves it alone if there is nothing to say. */
  answer: string;
}

/** How the commands after it go on. */
export type Signal = "next" | "stop" | "return" | "break" | "continue";

export type Command =
  | { readonly waits: false; readonly run: (run: Run) => Signal }
  | { readonly waits: true; readonly steps: (run: Run) => Steps<Signal> };

/** `always`: the outcome was decided at load by `ihave`; what it closes off may hold commands and tests that do not exist. */
export type Test =
  | { readonly waits: false; readonly run: (run: Run) => boolean; readonly always?: boolean | undefined }
  | { readonly waits: true; readonly steps: (run: Run) => Steps<boolean>; readonly always?: undefined };

/** A string argument: with its variables put in when it is read. It never waits. */
export interface Text {
  /** Known at load: there is nothing to put in. */
  readonly constant: string | undefined;
  readonly of: (run: Run) => string;
}

/** A fault of the script while it runs. It ends the run; `message` is for the administrator. */
export class ScriptFault extends Error {
  override name = "ScriptFault";
}

/** Takes `cost` instructions. Throws a `ScriptFault` when there are no more. */
export function spend(run: Run, cost: number): void {
  run.budget -= cost;
  if (run.budget < 0) throw new ScriptFault("it ran for more instructions than sieve.trusted.limits.instructions allows");
}

const longestAnswer = 200;

/** One line of the trace, where it is wanted. */
export function report(run: Run, line: number, what: string, answer: string): void {
  run.surroundings.trace?.({ script: run.script, line, what, answer: answer.slice(0, longestAnswer) });
}

/** What handling a text of this many characters costs, beside the one instruction of the command. */
export function costOf(characters: number): number {
  return characters >> 6;
}

/** Steps of the engine of patterns for one instruction: one step takes some 60 ns at worst. */
const stepsForOne = 16;

export function costOfPattern({ size }: Pattern, text: string): number {
  return Math.ceil((text.length * size) / stepsForOne);
}
