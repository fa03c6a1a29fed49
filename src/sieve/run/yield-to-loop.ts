/** A script that runs for long lets other requests go on, wherever it may run for long: in loops and in scripts that include others. */
import { type Steps, waitFor } from "../../answer/steps.ts";
import type { Run } from "../compile/script-code.ts";

/** Instructions after which they get their turn. */
const breath = 1000;

export function* takeBreath(run: Run): Steps<void> {
  if (run.breathedAt - run.budget < breath) return;
  run.breathedAt = run.budget;
  yield* waitFor(run.surroundings.breathe());
}
