/** Collects what is wrong with the scripts of one compile, up to a bound. */

import { cleanText } from "../../text/controls.ts";
import type { Places } from "../../text/place.ts";
import type { ScriptProblem } from "../script.ts";

/** Nobody reads further ones, and finding them could take long. */
const mostProblems = 100;

/** Thrown by `report` when going on makes no sense. */
export const tooManyProblems = Symbol("too many problems");

export interface Problems {
  report(severity: ScriptProblem["severity"], script: string, places: Places, offset: number, message: string): void;
  hasErrors(): boolean;
  /** Sorted by place within each script. */
  list(): readonly ScriptProblem[];
}

export function collectProblems(): Problems {
  const errors: ScriptProblem[] = [];
  const warnings: ScriptProblem[] = [];
  const scripts: string[] = [];
  return {
    report: (severity, script, places, offset, message) => {
      if (!scripts.includes(script)) scripts.push(script);
      const problem = { severity, script, ...places(offset), message: cleanText(message) };
      const found = severity === "error" ? errors : warnings;
      if (found.length < mostProblems) found.push(problem);
      else if (severity === "error") throw tooManyProblems;
    },
    hasErrors: () => errors.length > 0,
    list: () => {
      const order = (a: ScriptProblem, b: ScriptProblem): number =>
        scripts.indexOf(a.script) - scripts.indexOf(b.script) || a.line - b.line || a.column - b.column;
      const sorted = [...errors, ...warnings].sort(order);
      const last = sorted.at(-1);
      if (errors.length < mostProblems || !last) return sorted;
      return [...sorted, { ...last, severity: "error", message: "There may be more errors. Fix these first." }];
    },
  };
}
