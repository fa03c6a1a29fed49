/** The state of one run: what it has decided, where it is, and what it may still spend. */

import { type Answer, after } from "../../answer/answer.ts";
import type { Code } from "../../answer/code.ts";
import type { Value } from "../../expr/value.ts";
import type { Pattern } from "../../text/pattern.ts";
import type { EnvelopeChange, ScriptEnvelope, ScriptOutcome, ScriptSurroundings } from "../script.ts";

/** Commands change it; nothing outlives it. */
export interface ScriptRun {
  readonly surroundings: ScriptSurroundings;
  /** Local variables of the script that is running, by slot: `include` puts others in their place for a while. `undefined`: never set. */
  locals: (Value | undefined)[];
  /** Shared by all included scripts (RFC 6609 3.4), by slot. */
  readonly globals: (Value | undefined)[];
  /** `${0}` and so on, of the latest match that had wildcards or groups (RFC 5229 3.2). */
  matches: readonly string[];
  /** As changed so far: a change puts another one in its place. */
  envelope: ScriptEnvelope;
  readonly changes: EnvelopeChange[];
  /** A `keep` was executed after the latest `reject`. */
  isKept: boolean;
  action: ScriptOutcome["action"];
  /** Instructions left. */
  budget: number;
  /** What was left when other requests last had their turn. */
  budgetAtYield: number;
  /** Scripts that were included, and the script itself. `undefined`: none yet. */
  included: Set<string> | undefined;
  /** How many includes the command that is running is within. */
  includes: number;
  /** Where the command that is running begins, for the message of a failure. */
  script: string;
  offset: number;
  /** What the command that is running became, for the trace: the value that was set, the reply. `""` if there is nothing to say. */
  answer: string;
}

/** A fault of the script while it runs. It ends the run; `message` is for the administrator. */
export class ScriptFault extends Error {
  override name = "ScriptFault";
}

/** Takes `cost` instructions. Throws a `ScriptFault` when there are no more. */
export function spend(run: ScriptRun, cost: number): void {
  run.budget -= cost;
  if (run.budget < 0) throw new ScriptFault("it ran for more instructions than sieve.trusted.limits.instructions allows");
}

/** Instructions, some 60 ms at worst. */
const longestStep = 65_536;

/** For one step within which no other request has its turn: a long one is a fault. */
export function spendAtOnce(run: ScriptRun, cost: number): void {
  spend(run, cost);
  checkStep(cost);
}

/** The instructions of one step so far. */
export function checkStep(cost: number): void {
  if (cost > longestStep)
    throw new ScriptFault("a text or the pattern that it is matched with is so long that other sessions would have to wait. Shorten it");
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

/** What a client may give as an address. */
const addressOctets = 512;

/** Whether a client could end the run by a long address that is matched with it. */
export function isTooLargeForAddresses({ size }: Pattern): boolean {
  return (addressOctets * size) / stepsForOne > longestStep;
}

/** Instructions after which other requests get their turn. */
const instructionsInTurn = 1000;

/** Code before which other requests have their turn, if the script has run for long. */
export function inTurns<T>(code: (run: ScriptRun) => Answer<T>): Code<ScriptRun, T> {
  return { waits: true, run: (run) => giveWay(run)?.then(() => code(run)) ?? code(run) };
}

/** Until other requests have had their turn; `undefined`: the script has not run for long. */
export function giveWay(run: ScriptRun): Promise<void> | undefined {
  if (run.budgetAtYield - run.budget < instructionsInTurn) return undefined;
  run.budgetAtYield = run.budget;
  return run.surroundings.yieldToLoop();
}

/** Reports what came of a command or test where a trace is wanted. */
export function traced<T>(answer: Answer<T>, run: ScriptRun, report: (run: ScriptRun, value: T) => void): Answer<T> {
  return run.surroundings.trace
    ? after(answer, (value) => {
        report(run, value);
        return value;
      })
    : answer;
}

const longestAnswer = 200;

/** One line of the trace, where it is wanted. */
export function trace(run: ScriptRun, line: number, what: string, answer: string | boolean): void {
  run.surroundings.trace?.({ script: run.script, line, what, answer: String(answer).slice(0, longestAnswer) });
}
