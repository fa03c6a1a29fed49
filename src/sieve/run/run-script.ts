/** One run of a compiled script: its state, and what is made of faults. */

import type { Answer } from "../../answer/answer.ts";
import { TemporaryError } from "../../answer/temporary-error.ts";
import { cleanText } from "../../text/controls.ts";
import type { Places } from "../../text/place.ts";
import type { CommandCode } from "../compile/script-code.ts";
import type { ScriptFailure, ScriptOutcome, ScriptSurroundings } from "../script.ts";
import { ScriptFault, type ScriptRun } from "./script-run.ts";

/** What compiling leaves for the runs. */
export interface CompiledScript {
  readonly name: string;
  readonly body: CommandCode;
  /** Slots of the variables. */
  readonly locals: number;
  readonly globals: number;
  readonly instructions: number;
  /** Of all scripts that take part, by name. */
  readonly places: ReadonlyMap<string, Places>;
}

export function runScript(compiled: CompiledScript, surroundings: ScriptSurroundings): Answer<ScriptOutcome> {
  const run = begin(compiled, surroundings);
  const onError = (error: unknown) => failed(run, error, compiled);
  try {
    const ended = compiled.body.run(run);
    return ended instanceof Promise ? ended.then(() => outcomeOf(run), onError) : outcomeOf(run);
  } catch (error) {
    return onError(error);
  }
}

function begin({ name, locals, globals, instructions }: CompiledScript, surroundings: ScriptSurroundings): ScriptRun {
  return {
    surroundings,
    locals: new Array(locals),
    globals: new Array(globals),
    matches: [],
    envelope: surroundings.envelope,
    changes: [],
    isKept: false,
    action: { kind: "accept" },
    budget: instructions,
    budgetAtYield: instructions,
    included: undefined,
    includes: 0,
    script: name,
    offset: 0,
    answer: "",
  };
}

function outcomeOf({ action, changes }: ScriptRun): ScriptOutcome {
  return { action, changes };
}

/** What was refused stays refused; all else is accepted, with the changes made so far. */
function failed(run: ScriptRun, error: unknown, { places }: CompiledScript): ScriptOutcome {
  if (!(error instanceof ScriptFault || error instanceof TemporaryError)) throw error;
  const { script, offset, action, changes } = run;
  const position = places.get(script)?.(offset) ?? { line: 1, column: 1 };
  const cause = error instanceof TemporaryError ? { cause: error } : {};
  const failure: ScriptFailure = { script, ...position, message: cleanText(error.message), ...cause };
  return { action: action.kind === "reject" ? action : { kind: "accept" }, changes, failure };
}
