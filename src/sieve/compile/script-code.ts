/** What scripts are compiled to. */

import { always, type Code, until } from "../../answer/code.ts";
import type { ScriptRun } from "../run/script-run.ts";

/** What a command leads to: `next` is the command after it. */
export type Signal = "next" | "stop" | "return" | "break" | "continue";

export type CommandCode = Code<ScriptRun, Signal>;

/** Constant if `ihave` decided it at load; what it closes off may have words that do not exist. */
export type TestCode = Code<ScriptRun, boolean>;

/** A test that is known need not run. */
export function withConstant(test: TestCode, constant: boolean | undefined): TestCode {
  return constant === undefined ? test : always(constant);
}

/** A string argument: with its variables put in when it is read. It never waits. */
export interface Text {
  /** Known at load: there is nothing to put in. */
  readonly constant: string | undefined;
  readonly of: (run: ScriptRun) => string;
}

export const next: CommandCode = always("next");

/** One command after the other, until one says otherwise. */
export function sequence(commands: readonly CommandCode[]): CommandCode {
  const [only] = commands;
  return only && commands.length === 1 ? only : until(commands, (signal) => (signal === "next" ? undefined : signal), next);
}
