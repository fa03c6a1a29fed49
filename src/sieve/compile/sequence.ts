/** One command after the other, until one says otherwise. */
import type { Command, Run, Signal } from "./script-code.ts";

export function sequence(commands: readonly Command[]): Command {
  const runs = commands.flatMap((command) => (command.waits ? [] : [command.run]));
  if (runs.length < commands.length) {
    return {
      waits: true,
      *steps(run) {
        for (const command of commands) {
          const signal = command.waits ? yield* command.steps(run) : command.run(run);
          if (signal !== "next") return signal;
        }
        return "next";
      },
    };
  }
  const [only] = runs;
  return { waits: false, run: only && runs.length === 1 ? only : (run) => runAll(runs, run) };
}

function runAll(runs: readonly ((run: Run) => Signal)[], run: Run): Signal {
  for (const command of runs) {
    const signal = command(run);
    if (signal !== "next") return signal;
  }
  return "next";
}
